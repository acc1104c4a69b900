"""Charts of trials: models of earlier dates, ways to deal with imbalance, versions that were trained."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from models_ml.evaluation.reliability import CONFIDENCE_95
from models_ml.reports.charts.intervals import error_bars, wilson
from models_ml.reports.charts.model import DASHED, words
from models_ml.reports.drawing import BLUE, COLOURS, GREY, ORANGE, Drawing, NothingToShow, figure
from models_ml.reports.text import day, number, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from markupsafe import Markup

CHANCE = 0.5
# In the order of drawing: the champion lies above the others.
ROLES = {"not promoted": GREY, "champion before": ORANGE, "champion": BLUE}
MOST_TICKS = 6


def imbalance(rows: pd.DataFrame) -> Drawing:
    """What each way to deal with few positives is worth; `rows` are pairs of a way and an algorithm."""
    best = rows.iloc[int(rows.fold_average_precision.to_numpy().argmax())]
    of_ways = rows[rows.is_best]
    says = sentence(
        "Compared on {date}: best on the folds is {algorithm} with {way}, with an average precision of {folds} there "
        "and {test} on the test rows, where the best of each way have {lowest} to {highest}. No interval is kept of "
        "these: within that of the champion, which way is better is open. A star is the best of its way on the folds.",
        date=day(best.compared_at),
        algorithm=words(best.algorithm),
        way=best.imbalance,
        folds=number(best.fold_average_precision, 3),
        test=number(best.average_precision, 3),
        lowest=number(of_ways.average_precision.min(), 3),
        highest=number(of_ways.average_precision.max(), 3),
    )
    drawn = figure(
        *(
            _of_algorithm(of_one, words(str(name)), COLOURS[place % len(COLOURS)])
            for place, (name, of_one) in enumerate(rows.groupby("algorithm"))
        ),
        height=420,
        xaxis={"rangemode": "tozero", "title": "average precision"},
    )
    names = {"imbalance": "Imbalance", "algorithm": "Algorithm", "is_best": "Best of its way"}
    measures = {
        "fold_average_precision": "Average precision on folds",
        "average_precision": "Average precision",
        "auc": "AUC",
        "brier_skill": "Brier skill",
        "calibration_error": "Calibration error",
        "f1": "F1",
    }
    table = rows[[*names, *measures]].assign(algorithm=[words(name) for name in rows.algorithm])
    return Drawing(drawn, says, _in_three_digits(table, list(measures)).rename(columns=names | measures))


def backtest_ranking(rows: pd.DataFrame) -> Drawing:
    """How models of then ranked; `rows` are past snapshots, one row a user in each."""
    known = rows[rows.auc.notna()]
    if known.empty:
        raise NothingToShow("On each date of the backtest all users had the same outcome: there is nothing to rank.")
    low, high = auc_interval(known.auc, known.positive_count, known.row_count - known.positive_count)
    says = sentence(
        "Models trained on what was known by then ranked the users of {dates} past snapshots with an AUC of {least} to "
        "{most}, {mean} on average; of {sure} the 95 % interval lies above the 0.5 of guessing.",
        dates=number(len(known)),
        least=number(known.auc.min(), 3),
        most=number(known.auc.max(), 3),
        mean=number(known.auc.mean(), 3),
        sure=number(int((low > CHANCE).sum())),
    )
    second = {"xaxis": "x2", "yaxis": "y2"}
    precision = _by_date(known, "average_precision", "average precision", ORANGE, **second)
    base_rate = _by_date(known, "observed_rate", "base rate, which guessing gets", GREY, **second)
    drawn = figure(
        _by_date(
            known,
            "auc",
            "AUC, 95 % interval",
            BLUE,
            error_y=error_bars(known.auc, low, high, color=BLUE, thickness=1.5),
        ),
        precision,
        base_rate,
        height=500,
        grid={"rows": 2, "columns": 1, "pattern": "independent", "ygap": 0.3},
        xaxis=_dates(known),
        xaxis2=_dates(known) | {"title": "snapshot", "matches": "x"},
        yaxis={"range": [0, 1], "title": "AUC"},
        yaxis2={"rangemode": "tozero", "title": "average precision", "automargin": True},
        shapes=[
            {"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "yref": "y", "y0": CHANCE, "y1": CHANCE}
            | {"line": DASHED}
        ],
    )
    return Drawing(drawn, says, _backtest_table(rows))


def backtest_rates(rows: pd.DataFrame) -> Drawing:
    """What models of then foretold, and what came; `rows` are past snapshots, one row a user in each."""
    low, high = wilson(rows.observed_rate, rows.row_count)
    is_inside = rows.mean_probability.between(low, high)
    says = sentence(
        "Of {rows} rows, each a user in one of {dates} past snapshots, {expected} were expected to have the outcome, "
        "and {came} had it. On {inside} of the dates, the share foretold lies in the 95 % interval of what came.",
        rows=number(rows.row_count.sum()),
        dates=number(len(rows)),
        expected=number((rows.mean_probability * rows.row_count).sum(), 1),
        came=number(rows.positive_count.sum()),
        inside=number(int(is_inside.sum())),
    )
    drawn = figure(
        _by_date(
            rows,
            "observed_rate",
            "came, 95 % interval",
            BLUE,
            error_y=error_bars(rows.observed_rate, low, high, color=BLUE, thickness=1.5),
        ),
        _by_date(rows, "mean_probability", "foretold", ORANGE),
        height=500,
        xaxis=_dates(rows) | {"title": "snapshot"},
        yaxis={"rangemode": "tozero", "tickformat": ".0%", "title": "share of the users"},
    )
    return Drawing(drawn, says, _backtest_table(rows))


def versions(rows: pd.DataFrame) -> Drawing:
    """All versions and why each became champion or not; `rows` are versions, the newest first."""
    roles = _roles(rows.is_chosen)
    says = sentence(
        "{count} versions were trained, and {promoted} made champion; {champion}. The newest is of {date}. Versions "
        "that were tested on other rows cannot be compared by eye; the reason tells of the same rows.",
        count=number(len(rows)),
        promoted=number(int(rows.is_chosen.sum())),
        champion=_champion(rows),
        date=day(rows.trained_at.iloc[0]),
    )
    oldest_first = rows.assign(role=roles).iloc[::-1]
    drawn = figure(
        *(
            _of_role(oldest_first[oldest_first.role == role], role, colour)
            for role, colour in ROLES.items()
            if role in roles
        ),
        xaxis={
            "type": "category",
            "categoryarray": oldest_first.model_version,
            "tickvals": _some_of(oldest_first.model_version),
            "title": "version",
        },
        yaxis={"rangemode": "tozero", "title": "average precision"},
    )
    table = pd.DataFrame(
        {
            "Version": rows.model_version,
            "Trained": rows.trained_at,
            "Algorithm": [words(name) for name in rows.algorithm],
            "Role": roles,
            "Test from": rows.test_from,
            "Test to": rows.test_to,
            "Test rows": rows.test_rows,
            "Average precision": [_bracketed(metrics, "average_precision") for metrics in rows.metrics],
            "AUC": [_bracketed(metrics, "auc") for metrics in rows.metrics],
            "Reason": rows.promotion_reason,
        }
    )
    return Drawing(drawn, says, table)


def auc_interval(
    auc: pd.Series[float], positives: pd.Series[int], negatives: pd.Series[int]
) -> tuple[pd.Series[float], pd.Series[float]]:
    """The ends of the 95 % interval of an AUC of independent rows, within 0 and 1.

    Source: J. Hanley and B. McNeil (1982), The meaning and use of the area under a ROC curve, Radiology 143, p. 29-36.
    """
    above_two, below_one = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = (positives - 1) * (above_two - auc**2) + (negatives - 1) * (below_one - auc**2)
    reach = CONFIDENCE_95 * np.sqrt((auc * (1 - auc) + spread) / (positives * negatives))
    return (auc - reach).clip(lower=0), (auc + reach).clip(upper=1)


def _roles(is_chosen: pd.Series[bool]) -> list[str]:
    """The roles of versions, the newest first: of those promoted, the first is champion."""
    promoted_since = is_chosen.astype(int).cumsum()
    return [
        "not promoted" if not chosen else "champion" if since == 1 else "champion before"
        for chosen, since in zip(is_chosen, promoted_since, strict=True)
    ]


def _champion(rows: pd.DataFrame) -> Markup:
    promoted = rows[rows.is_chosen]
    if promoted.empty:
        return sentence("none is champion now")
    newest = promoted.iloc[0]
    return sentence("{version} of {date} is champion", version=newest.model_version, date=day(newest.trained_at))


def _of_role(of_role: pd.DataFrame, role: str, colour: str) -> go.Scatter:
    value, low, high = (
        pd.Series([metrics.get(f"test_average_precision{end}") for metrics in of_role.metrics], dtype=float)
        for end in ("", "_low", "_high")
    )
    return go.Scatter(
        x=of_role.model_version,
        y=value,
        name=role,
        mode="markers",
        marker={"color": colour, "size": 10},
        error_y=error_bars(value, low, high, color=colour, thickness=1.5),
    )


def _of_algorithm(of_one: pd.DataFrame, name: str, colour: str) -> go.Scatter:
    symbols = ["star" if is_best else "circle-open" for is_best in of_one.is_best]
    return go.Scatter(
        x=of_one.average_precision,
        y=of_one.imbalance,
        name=name,
        mode="markers",
        marker={"color": colour, "size": 11, "symbol": symbols},
    )


def _by_date(rows: pd.DataFrame, column: str, name: str, colour: str, **more: object) -> go.Scatter:
    line = {"color": colour, "width": 1.5}
    return go.Scatter(
        x=rows.as_of_date, y=rows[column], name=name, mode="lines+markers", line=line, marker={"size": 8}, **more
    )


def _dates(rows: pd.DataFrame) -> dict[str, Any]:
    """An axis with a tick at each snapshot, or at some of them."""
    return {"type": "date", "tickvals": _some_of(rows.as_of_date), "tickformat": "%d %b<br>%Y", "automargin": True}


def _some_of(values: pd.Series[Any]) -> list[Any]:
    """As many of the values as an axis has room for on a phone."""
    return list(values.iloc[:: ceil(len(values) / MOST_TICKS)])


def _backtest_table(rows: pd.DataFrame) -> pd.DataFrame:
    measures = {
        "auc": "AUC",
        "average_precision": "Average precision",
        "brier_skill": "Brier skill",
        "lift_top_10": "Lift, top 10 %",
    }
    names = {
        "as_of_date": "Snapshot",
        "row_count": "Users",
        "positive_count": "With the outcome",
        "observed_rate": "Share with the outcome",
        "mean_probability": "Share foretold",
    }
    return _in_three_digits(rows[[*names, *measures]], list(measures)).rename(columns=names | measures)


def _in_three_digits(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    return table.assign(**{name: [number(value, 3) for value in table[name]] for name in columns})


def _bracketed(metrics: Mapping[str, float], name: str) -> Markup:
    """A metric on the test rows with its interval, as a cell has it."""
    value, low, high = (number(metrics.get(f"test_{name}{end}"), 3) for end in ("", "_low", "_high"))
    return sentence("{value} [{low}, {high}]", value=value, low=low, high=high)
