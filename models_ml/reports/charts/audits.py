"""What all charts of the gate share: the outcomes of its checks, and how they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from models_ml.reports.drawing import ORANGE, RED, SKY
from models_ml.reports.text import moment, number, sentence

if TYPE_CHECKING:
    from markupsafe import Markup

# From best to worst: of several checks of a rule in a run, the worst is shown.
OUTCOMES = ("held", "accepted", "warned", "stopped")
# What held is pale, so that one sees what did not; its marks are for those who see no colours.
OUTCOME_COLOURS = ("rgba(0,158,115,0.4)", SKY, ORANGE, RED)
MARKS = ("", "✓", "!", "✕")
HELD, ACCEPTED, WARNED, STOPPED = range(len(OUTCOMES))
# A command cut short helps nobody.
LETTERS_OF_A_REMEDY = 2000


def outcomes_of_checks(rows: pd.DataFrame) -> pd.Series[int]:
    """As the gate decides: what could not be evaluated stops, and nobody can accept it."""
    cases = [rows.success.astype(bool), rows.is_error.astype(bool), rows.accepted.notna(), rows.severity == "stop"]
    return pd.Series(np.select(cases, [HELD, STOPPED, ACCEPTED, STOPPED], WARNED), index=rows.index)


def observed(rows: pd.DataFrame) -> pd.Series[Any]:
    """What was seen; where rows were counted, how many of them break the rule."""
    shares = [
        sentence("{broken} of {all}", broken=number(broken), all=number(every)) if pd.notna(broken) else None
        for broken, every in zip(rows.unexpected_count, rows.element_count, strict=True)
    ]
    seen = rows.observed_value.where(rows.observed_value.notna(), pd.Series(shares, index=rows.index, dtype=object))
    return seen.mask(rows.is_error.astype(bool), "could not be evaluated")


def told_outcomes(rows: pd.DataFrame, outcomes: pd.Series[int]) -> Markup:
    """What the checks of the last audits came to, with counts."""
    return _all_hold(rows) if (outcomes == HELD).all() else _some_broke(rows, outcomes)


def counted(count: int, noun: str) -> Markup:
    """A count with its noun, of one or of several."""
    return sentence("{count} {noun}", count=number(count), noun=noun if count == 1 else f"{noun}s")


def last_part(path: str) -> str:
    """The name of a file without its folders."""
    return path.rstrip("/").rsplit("/", 1)[-1]


def _all_hold(rows: pd.DataFrame) -> Markup:
    return sentence(
        "Nothing was found: {rules} hold, in {checks} of {tables}. {audited}",
        rules=counted(rows.rule.nunique(), "rule"),
        checks=counted(len(rows), "check"),
        tables=counted(rows.table_name.nunique(), "table"),
        audited=_about_audits(rows),
    )


def _some_broke(rows: pd.DataFrame, outcomes: pd.Series[int]) -> Markup:
    """The worst comes first: whether a run was stopped."""
    stopping = rows[outcomes == STOPPED]
    begin = "The gate let all pass: of {checks} of {rules}, "
    end = "{warned} warned, and {accepted} found what somebody had accepted before; all others hold. {audited}"
    if not stopping.empty:
        begin = "The gate stopped run {run}: of {checks} of {rules}, {stopping} stopped it, "
        end += " Whether somebody has let it pass since is in Accepted findings of the page Data quality."
    return sentence(
        begin + end,
        run=", ".join(stopping.run_id.unique()),
        checks=counted(len(rows), "check"),
        rules=counted(rows.rule.nunique(), "rule"),
        stopping=number(len(stopping)),
        warned=number(int((outcomes == WARNED).sum())),
        accepted=number(int((outcomes == ACCEPTED).sum())),
        audited=_about_audits(rows),
    )


def _about_audits(rows: pd.DataFrame) -> Markup:
    """A run may audit some suites and leave the others as they are."""
    newest = rows.sort_values("validated_at").iloc[-1]
    return sentence(
        "This is the last audit of each suite; the newest was that of run {run} at {at}.",
        run=newest.run_id,
        at=moment(newest.validated_at),
    )
