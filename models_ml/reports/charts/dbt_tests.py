"""The chart of dbt's tests: what became of each in the newest run, by model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup, escape

from models_ml.reports.charts.audits import counted
from models_ml.reports.drawing import GREY, ORANGE, RED, YELLOW, Drawing, figure
from models_ml.reports.text import moment, number, sentence, shortened
from warehouse.contract.cells import LINES, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

# From the worst on, each with its word and its colour.
STATUSES: Mapping[str, tuple[str, str]] = {
    "fail": ("failed", RED),
    "error": ("could not run", YELLOW),
    "warn": ("warned", ORANGE),
    "skipped": ("skipped", GREY),
    "pass": ("passed", "rgba(0,158,115,0.4)"),
}
NO_MODEL = "(no model)"
LETTERS_OF_SQL, LETTERS_OF_A_DESCRIPTION = 4000, 400


def by_model(rows: pd.DataFrame) -> Drawing:
    """Tests of each model by what became of them, with a table of all, the worst first; `rows` are tests of a run."""
    tests = rows.assign(model=rows.model.fillna(NO_MODEL))
    place = tests.status.map({status: place for place, status in enumerate(STATUSES)}).fillna(len(STATUSES))
    table = _table(tests.loc[place.sort_values(kind="stable").index])
    return Drawing(_bars(tests), _about_tests(tests), table)


def _about_tests(tests: pd.DataFrame) -> Markup:
    kinds = tests.kind.value_counts()
    broken = tests[tests.status.isin(["fail", "error"])]
    begin = sentence(
        "Run {run} ran {data_tests} and {unit_tests} of {models} models and sources, the last of them at {at}: ",
        run=str(tests.run_id.iloc[0]),
        data_tests=counted(int(kinds.get("data_test", 0)), "data test"),
        unit_tests=counted(int(kinds.get("unit_test", 0)), "unit test"),
        models=number(tests.model[tests.model != NO_MODEL].nunique()),
        at=moment(tests.ran_at.max()),
    )
    found = Markup(", ").join(
        sentence("{count} {word}", count=number(int(count)), word=_word(str(status)))
        for status, count in tests.status.value_counts().items()
    )
    if broken.empty:
        return begin + found + sentence(".")
    first = broken.iloc[0]
    return begin + found + sentence(". The first is {test}, of {model}.", test=first.test_name, model=first.model)


def _word(status: str) -> str:
    return STATUSES[status][0] if status in STATUSES else status


def _bars(tests: pd.DataFrame) -> go.Figure:
    """A bar a model: those with the most tests that do not pass on top, then those with the most tests."""
    counts = pd.crosstab(tests.model, tests.status)
    not_passed = counts.drop(columns="pass", errors="ignore").sum(axis=1)
    order = pd.DataFrame({"not_passed": not_passed, "tests": counts.sum(axis=1)})
    counts = counts.loc[order.sort_values(["not_passed", "tests"], ascending=False, kind="stable").index]
    return figure(
        *(
            go.Bar(
                y=list(counts.index),
                x=counts[status],
                name=word,
                orientation="h",
                marker_color=colour,
                hovertemplate="%{y}: %{x} " + word + "<extra></extra>",
            )
            for status, (word, colour) in STATUSES.items()
            if status in counts
        ),
        barmode="stack",
        height=120 + 19 * len(counts),
        xaxis={"title": "tests", "rangemode": "tozero"},
        yaxis={"autorange": "reversed", "dtick": 1, "tickfont": {"size": 11}, "showgrid": False},
        legend={"traceorder": "normal"},
        showlegend=True,
    )


def _table(tests: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Test": tests.test_name,
            "Status": [_word(str(status)) for status in tests.status],
            "Failures": tests.failure_count,
            "Model": tests.model,
            "Column": tests.column_name,
            "Kind": tests.kind.str.replace("_", " "),
            "Seconds": tests.seconds,
            "What it says": [_shown(text, LETTERS_OF_A_DESCRIPTION) for text in tests.description],
            "SQL": [_sql(text) for text in tests.sql],
        }
    )


def _shown(text: object, letters: int) -> Markup | None:
    return escape(shortened(" ".join(text.split()), letters)) if isinstance(text, str) and text.strip() else None


def _sql(text: object) -> Markup | None:
    """The statement, folded away, line by line as it is; of a unit test there is none."""
    if not isinstance(text, str):
        return None
    shown = visible(text.strip(), keep=LINES)
    cut = shown if len(shown) <= LETTERS_OF_SQL else f"{shown[: LETTERS_OF_SQL - 1]}…"
    return Markup("<details><summary>SQL</summary><pre>{}</pre></details>").format(cut)
