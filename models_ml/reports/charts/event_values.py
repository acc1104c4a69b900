"""Charts of the columns of the log, its newest week against the four before: missing values, values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.stats import t as student  # type: ignore[import-untyped]

from models_ml.reports.charts.audits import counted
from models_ml.reports.charts.intervals import error_bars
from models_ml.reports.charts.named_rows import MARGIN, hidden_names, labels_above
from models_ml.reports.drawing import BLUE, GREY, ORANGE, Drawing, NothingToShow, figure
from models_ml.reports.text import day, number, percent, sentence, shortened

if TYPE_CHECKING:
    from datetime import date

    from markupsafe import Markup

# What stands for all values of a column that has many.
ANY = "(any)"
WEEKS, NEWEST = range(5), 0
VALUES_SHOWN, LETTERS_OF_A_VALUE = 12, 22
CONFIDENCE = 0.95
BEYOND = "beyond chance"
RARE = 0.01
# Of the sample of Agresti and Caffo: one event more of each kind.
ADDED = 1
ONE_WEEK = "The log has events of one week so far: another brings one to compare it with."


def missing_values(rows: pd.DataFrame) -> Drawing:
    """Shares of events without a value, by column; `rows` are counts of values by week, 0 the newest."""
    totals = _by_week(rows.drop_duplicates(["column_name", "week"]), "all_count", ["column_name"])
    counts = _by_week(rows[rows.value.isna()], "event_count", ["column_name"]).reindex(totals.index, fill_value=0)
    compared = _compared(counts, totals).sort_values(["now", "before"], ascending=False, kind="stable")
    lacking = compared[(compared.now > 0) | (compared.before > 0)]
    table = _table(compared.rename_axis("Column"))
    if lacking.empty:
        says = sentence(
            "No event of the 7 days to {newest} or up to 28 days before lacks a value: {columns} were looked at.",
            newest=day(rows.newest_date.iloc[0]),
            columns=counted(len(compared), "column"),
        )
        return Drawing(None, says, table)
    return Drawing(_dumbbells(lacking), _about_missing(compared, lacking, rows.newest_date.iloc[0]), table)


def values(rows: pd.DataFrame) -> Drawing:
    """Values whose share of the events with a value of the column moved most; `rows` are as of `missing_values`."""
    counts = _by_week(rows[rows.value.notna() & (rows.value != ANY)], "event_count", ["column_name", "value"])
    if counts.empty:
        raise NothingToShow("No column of the log with few values has any: Missing values by column shows them all.")
    columns = _by_week(rows.drop_duplicates(["column_name", "week"]), "valued_count", ["column_name"])
    totals = columns.loc[counts.index.get_level_values("column_name")].set_axis(counts.index)
    compared = _compared(counts, totals).sort_values("change", key=np.abs, ascending=False, kind="stable")
    says = _about_values(compared, rows.newest_date.iloc[0])
    return Drawing(_changes(compared.head(VALUES_SHOWN)), says, _table(compared.rename_axis(["Column", "Value"])))


def _by_week(rows: pd.DataFrame, counted: str, index: list[str]) -> pd.DataFrame:
    """Counts, a column a week: 0 where there are none."""
    counts = rows.pivot_table(index=index, columns="week", values=counted, aggfunc="sum", fill_value=0)
    return counts.reindex(columns=WEEKS, fill_value=0).astype(float)


def _compared(counts: pd.DataFrame, totals: pd.DataFrame) -> pd.DataFrame:
    """Shares before and in the newest week, and the 95 % interval of their difference, a row as the counts have them.

    The interval is that of two samples, as A. Agresti and B. Caffo 2000, The American Statistician 54, 280-288. Events
    of a user or a day are alike, so its variance is as many times that of chance as the shares of the weeks before
    differ, and Student's quantile allows for how few these are: P. McCullagh and J. Nelder 1989, Generalized Linear
    Models, 4.5.2. A single week before tells no such scatter: there is no interval.
    """
    if not totals.drop(columns=NEWEST).to_numpy().any():
        raise NothingToShow(ONE_WEEK)
    now, now_of = counts[NEWEST], totals[NEWEST]
    before, before_of = (each.drop(columns=NEWEST).sum(axis=1) for each in (counts, totals))
    shares = pd.DataFrame({"before": before / before_of, "now": now / now_of})
    near, near_of = now + ADDED, now_of + 2 * ADDED
    past, past_of = before + ADDED, before_of + 2 * ADDED
    middle = near / near_of - past / past_of
    variance = near * (near_of - near) / near_of**3 + past * (past_of - past) / past_of**3
    scatter, weeks = _scatter(counts.drop(columns=NEWEST), totals.drop(columns=NEWEST))
    quantile = student.ppf((1 + CONFIDENCE) / 2, (weeks - 1).where(weeks > 1))
    reach = quantile * np.sqrt(scatter * variance)
    ends = shares.assign(change=shares.now - shares.before, low=middle - reach, high=middle + reach)
    return ends.assign(is_beyond=(ends.low > 0) | (ends.high < 0)).dropna(subset=["change"])


def _scatter(counts: pd.DataFrame, totals: pd.DataFrame) -> tuple[pd.Series[float], pd.Series[int]]:
    """How many times the variance of weekly shares is that of chance, at least 1, and of how many weeks it is told."""
    weeks = (totals > 0).sum(axis=1)
    share = counts.sum(axis=1) / totals.sum(axis=1)
    expected = totals.mul(share, axis=0)
    squares = (counts - expected) ** 2 / expected.mul(1 - share, axis=0).where(expected > 0)
    return (squares.sum(axis=1) / (weeks - 1).clip(lower=1)).clip(lower=1), weeks


def _about_missing(compared: pd.DataFrame, lacking: pd.DataFrame, newest: date) -> Markup:
    most = lacking.sort_values("change", key=np.abs).iloc[-1]
    return sentence(
        "Of {columns} columns of the log, {lacking} lack values in the 7 days to {newest} or up to 28 days before. In "
        "{beyond} of them the share differs by more than chance (orange). {most} moved most: from {before} to {now} of "
        "the events. Some lack values by nature, as a song on a page that plays none: compare, and ask why one moved.",
        newest=day(newest),
        lacking=number(len(lacking)),
        columns=number(len(compared)),
        beyond=number(int(lacking.is_beyond.sum())),
        most=str(most.name),
        before=percent(most.before, 1),
        now=percent(most.now, 1),
    )


def _about_values(compared: pd.DataFrame, newest: date) -> Markup:
    judged = compared.dropna(subset=["low"])
    column, value = compared.index[0]
    begin = sentence(
        "{column} {value} moved most: from {before} of the events with a value of that column, in up to 28 days, to "
        "{now} in the 7 days to {newest}. ",
        newest=day(newest),
        column=str(column),
        value=f"“{value}”",
        before=percent(compared.before.iloc[0], 1),
        now=percent(compared.now.iloc[0], 1),
    )
    if judged.empty:
        return begin + sentence("With a single week before, nothing tells how much weeks differ.")
    return begin + sentence(
        "Of {values} values of {columns}, {beyond} differ by more than the weeks before differ among "
        "themselves (orange; 95% intervals); chance alone would bring about {chance}.",
        values=number(len(judged)),
        columns=counted(judged.index.get_level_values(0).nunique(), "column"),
        beyond=number(int(judged.is_beyond.sum())),
        chance=number((1 - CONFIDENCE) * len(judged), 1),
    )


def _dumbbells(lacking: pd.DataFrame) -> go.Figure:
    """A row a column: its share before and now, with a line between them."""
    places = np.arange(len(lacking))
    names = [
        f"{name}: {_written(before)}, now {_written(now)}"
        for name, before, now in zip(lacking.index, lacking.before, lacking.now, strict=True)
    ]
    gaps = np.full(len(lacking), np.nan)
    return figure(
        go.Scatter(
            x=np.column_stack([lacking.before, lacking.now, gaps]).ravel(),
            y=np.repeat(places, 3),
            mode="lines",
            line={"color": GREY, "width": 3},
            hoverinfo="skip",
            showlegend=False,
        ),
        _dots(lacking.before, GREY, "up to 28 days before", "circle-open"),
        _dots(lacking.now.mask(lacking.is_beyond), BLUE, "newest 7 days", "circle"),
        *([_dots(lacking.now.where(lacking.is_beyond), ORANGE, BEYOND, "circle")] if lacking.is_beyond.any() else []),
        labels_above(names),
        height=130 + 44 * len(lacking),
        xaxis={
            "tickformat": ".0%",
            "title": "share of events without a value",
            "range": [0, min(1.0, 1.15 * float(lacking[["before", "now"]].to_numpy().max())) * 1.01],
        },
        yaxis=hidden_names(len(lacking)),
        margin=MARGIN,
        showlegend=True,
    )


def _dots(shares: pd.Series[float], colour: str, name: str, symbol: str) -> go.Scatter:
    return go.Scatter(
        x=shares,
        y=np.arange(len(shares)),
        mode="markers",
        name=name,
        marker={"color": colour, "size": 11, "symbol": symbol, "line": {"width": 2}},
        text=list(shares.index),
        hovertemplate="%{text}, " + name + ": %{x:.2%}<extra></extra>",
        cliponaxis=False,
    )


def _changes(shown: pd.DataFrame) -> go.Figure:
    """A row a value: the change of its share in percentage points, with its interval."""
    points = 100 * shown[["change", "low", "high"]]
    # Of the ends of the intervals, the farthest; of a single week before there are none.
    reach = 1.08 * float(np.nanmax(points.abs().to_numpy())) or 1.0
    names = [
        f"{column}: {shortened(str(value), LETTERS_OF_A_VALUE)}, {_written(before)}, now {_written(now)}"
        for (column, value), before, now in zip(shown.index, shown.before, shown.now, strict=True)
    ]
    return figure(
        go.Scatter(
            x=points.change,
            y=np.arange(len(shown)),
            mode="markers",
            marker={"color": [ORANGE if beyond else BLUE for beyond in shown.is_beyond], "size": 10},
            error_x=error_bars(points.change, points.low, points.high, color=GREY, thickness=2, width=4),
            text=names,
            customdata=points[["low", "high"]],
            hovertemplate="%{text}: %{x:.2f} points, from %{customdata[0]:.2f} to %{customdata[1]:.2f}<extra></extra>",
        ),
        labels_above(names).update(x=[-reach] * len(names)),
        height=110 + 40 * len(shown),
        xaxis={"range": [-reach, reach], "title": "change of the share, percentage points"},
        yaxis=hidden_names(len(shown)),
        margin=MARGIN,
        showlegend=False,
    )


def _written(share: float) -> str:
    """Of what is rare, one digit more."""
    return f"{share:.2%}" if 0 < share < RARE else f"{share:.1%}"


def _table(compared: pd.DataFrame) -> pd.DataFrame:
    columns = {
        "before": "Share before",
        "now": "Share now",
        "change": "Share gained",
        "low": "Share gained, from",
        "high": "Share gained, to",
        "is_beyond": "Beyond chance",
    }
    return compared.rename(columns=columns).reset_index()
