"""Who leaves and when: outcomes by snapshot, and retention by cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from models_ml.reports.charts.intervals import band, translucent, wilson
from models_ml.reports.drawing import BLUE, GREY, RED, SEQUENTIAL, SKY, Drawing, NothingToShow, figure
from models_ml.reports.text import day, number, percent, sentence

if TYPE_CHECKING:
    from markupsafe import Markup

# Labels in words; others of the catalogue stand below these, by their names.
LABELS = {
    "churned_in_time_bin": "Cancels in the horizon",
    "will_churn_in_next_bin": "Cancels in the horizon after it",
    "will_churn_soon": "Cancels in either",
    "will_downgrade": "Downgrades",
    "will_upgrade": "Upgrades",
    "will_lapse": "No event at all",
}
LEAST_USERS = 10
LEAST_CHANCE = 0.001
BAND = translucent(SKY, 0.3)


def outcomes(rows: pd.DataFrame) -> Drawing:
    """What is known of the default label, by snapshot; `rows` are snapshots and labels."""
    default = rows[rows.is_default].reset_index(drop=True)
    known = _known(default)
    waiting = len(default) - len(known)
    horizon = number(default.horizon_days.iloc[-1])
    says = sentence(
        "Of {rows} rows of a user and a snapshot with a known outcome, {share} cancelled within {horizon} days. "
        "{waiting} snapshots are not over yet: of those, only who cancelled is known, so they count in no share.",
        rows=number(known.known_count.sum()),
        share=percent(known.positive_count.sum() / known.known_count.sum(), 1),
        horizon=horizon,
        waiting=number(waiting),
    )
    stayed, unknown = default.known_count - default.positive_count, default.user_count - default.known_count
    drawn = figure(
        go.Bar(x=default.as_of_date, y=default.positive_count, name="cancelled", marker_color=RED),
        go.Bar(x=default.as_of_date, y=stayed, name="stayed", marker_color=SKY),
        go.Bar(x=default.as_of_date, y=unknown, name="not known yet", marker_color=GREY),
        barmode="stack",
        xaxis={"title": "snapshot"},
        yaxis={"title": "members"},
    )
    return Drawing(drawn, says, _label_table(rows))


def label_shares(rows: pd.DataFrame) -> Drawing:
    """The share of each label, with its interval, by snapshot; `rows` are snapshots and labels."""
    known = _known(rows)
    totals = known.groupby("label")[["positive_count", "known_count"]].sum()
    overall = (totals.positive_count / totals.known_count).sort_values(ascending=False)
    says = sentence(
        "Over all snapshots whose outcomes are known, with a horizon of {horizon} days: {shares}. Bands are 95 % "
        "intervals (Wilson).",
        horizon=number(known.horizon_days.iloc[0]),
        shares=sentence(", ").join(
            sentence("{label} {share}", label=_words(str(label)).lower(), share=percent(share))
            for label, share in overall.items()
        ),
    )
    names = sorted(overall.index, key=lambda label: (*LABELS, label).index(label))
    drawn = make_subplots(
        rows=len(names),
        cols=1,
        shared_xaxes=True,
        figure=figure(height=90 * len(names) + 60, showlegend=False, margin={"l": 48, "r": 16, "t": 24, "b": 44}),
        subplot_titles=[_words(str(name)) for name in names],
        vertical_spacing=0.36 / len(names),
    )
    for place, name in enumerate(names, start=1):
        drawn.add_traces(_share_with_band(known[known.label == name]), rows=place, cols=1)
    drawn.update_yaxes(rangemode="tozero", tickformat=".0%", nticks=4)
    drawn.update_annotations(font_size=13)
    return Drawing(drawn, says, _label_table(rows))


def retention(rows: pd.DataFrame) -> Drawing:
    """The share still subscribed by cohort and age; `rows` are cohorts and the last snapshots of months."""
    age = _months(rows.as_of_date) - _months(rows.registration_month)
    told = rows.assign(age=age, share=rows.subscribed_user_count / rows.user_count)
    large = told[told.user_count >= LEAST_USERS]
    if large.empty:
        raise NothingToShow(f"No cohort has {LEAST_USERS} users yet: that takes a longer log.")
    grid = large.pivot_table(index="registration_month", columns="age", values="share").sort_index()
    grid = grid.reindex(columns=range(int(large.age.min()), int(large.age.max()) + 1))
    log_from = rows.log_from.iloc[0]
    before = 0 if pd.isna(log_from) else sum(month < log_from for month in grid.index)
    newest = large[large.as_of_date == large.as_of_date.max()]
    largest = newest.sort_values("user_count").iloc[-1]
    says = sentence(
        "Of {users} users who registered in the month from {month}, {share} were members on {date}. {before} "
        "registered before the log begins: who had left by then is not among them. Cohorts of fewer than ten users are "
        "left out.",
        users=number(largest.user_count),
        month=day(largest.registration_month),
        share=percent(largest.share),
        date=day(largest.as_of_date),
        before="All cohorts shown" if before == len(grid) else sentence("{n} cohorts, above the line,", n=before),
    )
    return Drawing(_triangle(grid, large, before), says, _retention_table(told))


def shares(part: pd.Series[Any], whole: pd.Series[Any]) -> pd.DataFrame:
    """Each part of its whole, with the 95 % interval (Wilson)."""
    share = part / whole
    low, high = wilson(share, whole)
    return pd.DataFrame({"Share": share, "Share at least": low, "Share at most": high})


def chance(p: float) -> Markup:
    """How often chance alone would do so much: the p-value of a test."""
    return percent(p, 1) if p >= LEAST_CHANCE else sentence("fewer than {p}", p=percent(LEAST_CHANCE, 1))


def _words(label: str) -> str:
    return LABELS.get(label, label.replace("_", " ").capitalize())


def _share_with_band(rows: pd.DataFrame) -> list[go.Scatter]:
    told = shares(rows.positive_count, rows.known_count)
    return [
        *band(rows.as_of_date, (told["Share at most"], told["Share at least"]), BAND),
        go.Scatter(
            x=rows.as_of_date,
            y=told["Share"],
            mode="lines+markers",
            line={"color": BLUE, "width": 2},
            hovertemplate="%{x}: %{y:.1%}<extra></extra>",
        ),
    ]


def _label_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Snapshots and labels; those have no share of which some are not known."""
    known = _known(rows)
    table = rows[["as_of_date", "label", "user_count", "known_count", "positive_count"]].set_axis(
        ["Snapshot", "Label", "Members", "Known", "With the outcome"], axis=1
    )
    return table.join(shares(known.positive_count, known.known_count))


def _known(rows: pd.DataFrame) -> pd.DataFrame:
    """Those of which every outcome is known; of others, those are known first who have the outcome."""
    known = rows[(rows.known_count == rows.user_count) & (rows.known_count > 0)]
    if known.empty:
        raise NothingToShow("No snapshot's outcomes are known of all its users yet: its horizon has to pass first.")
    return known


def _triangle(grid: pd.DataFrame, told: pd.DataFrame, before: int) -> go.Figure:
    counts = told.pivot_table(index="registration_month", columns="age", values="user_count")
    counts = counts.reindex(index=grid.index, columns=grid.columns)
    line = {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": before - 0.5,
        "y1": before - 0.5,
        "line": {"color": GREY, "dash": "dot", "width": 2},
    }
    return figure(
        go.Heatmap(
            z=100 * grid.to_numpy(),
            x=list(grid.columns),
            y=[f"{month:%b %Y}" for month in grid.index],
            customdata=counts.to_numpy(),
            zmin=int(grid.min().min() * 10) * 10,
            zmax=100,
            colorscale=SEQUENTIAL,
            colorbar={
                "title": "% still members",
                "orientation": "h",
                "thickness": 10,
                "y": 1.01,
                "yanchor": "bottom",
                "tickangle": 0,
            },
            texttemplate="%{z:.0f}",
            xgap=1,
            ygap=1,
            hovertemplate="%{y}, month %{x}: %{z:.1f} % of %{customdata} users<extra></extra>",
            hoverongaps=False,
        ),
        height=max(340, 30 * len(grid) + 140),
        xaxis={"title": "months since registration", "dtick": 1, "showgrid": False},
        yaxis={"type": "category", "autorange": "reversed", "showgrid": False},
        margin={"l": 56, "r": 16, "t": 64, "b": 48},
        shapes=[line] if 0 < before < len(grid) else [],
    )


def _retention_table(told: pd.DataFrame) -> pd.DataFrame:
    return told[["registration_month", "as_of_date", "user_count", "subscribed_user_count", "share"]].rename(
        columns={
            "registration_month": "Registered in month from",
            "as_of_date": "Snapshot",
            "user_count": "Users",
            "subscribed_user_count": "Members",
            "share": "Share still members",
        }
    )


def _months(dates: pd.Series[Any]) -> pd.Series[int]:
    """Months since the year nought."""
    moments = pd.to_datetime(dates).dt
    return moments.year * 12 + moments.month
