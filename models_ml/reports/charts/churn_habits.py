"""Who leaves by what they met with: adverts, thumbs down, and the pages of the day before."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from scipy.stats import chi2  # type: ignore[import-untyped]

from models_ml.reports.charts.churn import chance, shares
from models_ml.reports.charts.intervals import error_bars
from models_ml.reports.drawing import BLUE, GREY, ORANGE, Drawing, NothingToShow, figure
from models_ml.reports.text import number, percent, sentence

LEAST_USERS = 10
# Of a page with fewer views in both groups together, hardly a difference is more than chance.
LEAST_VIEWS = 20
BINS = {0: "0", 1: "0-1", 2: "1-2", 5: "2-5", 10: "5-10", 100: "10+"}


def adverts_hazard(rows: pd.DataFrame) -> Drawing:
    """Who cancels by adverts per 100 songs; `rows` are snapshots, levels and bins."""
    return _hazard(rows, "advert_per_song_28d", "adverts")


def thumbs_down_hazard(rows: pd.DataFrame) -> Drawing:
    """Who cancels by thumbs down per 100 songs; `rows` are snapshots, levels and bins."""
    return _hazard(rows, "thumbs_down_per_song_28d", "thumbs down")


def day_before(rows: pd.DataFrame) -> Drawing:
    """Shares of the views by page in both groups, on a log scale; `rows` are pages and groups."""
    table = _funnel_table(rows)
    seen = table[(table["Share of views, left"] > 0) & (table["Share of views, stayed"] > 0)]
    often = seen[seen["Views, both"] >= LEAST_VIEWS]
    if often.empty:
        raise NothingToShow(f"No page has {LEAST_VIEWS} views in the days compared: that takes more cancellations.")
    ratio = often["Share of views, left"] / often["Share of views, stayed"]
    by_ratio = often.loc[ratio.sort_values().index]
    most, least = by_ratio.iloc[-1], by_ratio.iloc[0]
    says = sentence(
        "{page} had {left} of the views in the day before a cancellation, and {stayed} with matched others of the same "
        "level; {other} had {other_left} and {other_stayed}. {users} users in each group; pages that only one of them "
        "saw stand in the table alone.",
        page=str(most["Page"]),
        left=percent(most["Share of views, left"], 1),
        stayed=percent(most["Share of views, stayed"], 1),
        other=str(least["Page"]),
        other_left=percent(least["Share of views, left"], 1),
        other_stayed=percent(least["Share of views, stayed"], 1),
        users=number(int(rows.user_count.max())),
    )
    shown = seen.sort_values("Share of views, stayed")
    drawn = figure(
        *_links(shown),
        _dots(shown, "Share of views, left", "left", ORANGE),
        _dots(shown, "Share of views, stayed", "matched others", BLUE),
        height=480,
        xaxis={
            "type": "log",
            "title": "share of views, log scale",
            "tickformat": "~%",
            "tickvals": [1e-4, 1e-2, 1],
        },
    )
    return Drawing(drawn, says, table)


def day_before_difference(rows: pd.DataFrame) -> Drawing:
    """By how much the shares of the views differ, in percentage points; `rows` are pages and groups."""
    table = _funnel_table(rows)
    points = 100 * table["Difference of share"]
    table = table.assign(points=points).sort_values("points")
    top, bottom = table.iloc[-1], table.iloc[0]
    says = sentence(
        "In the day before a cancellation, the share of {page} in the views was {more} percentage points above that of "
        "matched others, that of {other} {less} below. Views of one user hang together, so there is no interval: small "
        "differences mean nothing.",
        page=str(top["Page"]),
        more=number(abs(top.points), 1),
        other=str(bottom["Page"]),
        less=number(abs(bottom.points), 1),
    )
    drawn = figure(
        go.Bar(
            x=table.points,
            y=table["Page"],
            orientation="h",
            marker_color=[ORANGE if each > 0 else BLUE for each in table.points],
            hovertemplate="%{y}: %{x:+.2f} percentage points<extra></extra>",
        ),
        height=480,
        xaxis={"title": "percentage points"},
    )
    return Drawing(drawn, says, table.drop(columns="points"))


def trend(rows: pd.DataFrame) -> tuple[bool, float]:
    """Whether more leave the higher their bin, each level compared within itself, and the p-value of that.

    The test for trend of N. Mantel (1963), Chi-square tests with one degree of freedom, J. Am. Stat. Assoc. 58, with
    the places of the bins as scores.
    """
    surplus, variance = 0.0, 0.0
    for _, level in rows.groupby("level"):
        users, left = level.user_count.to_numpy(float), level.left_count.to_numpy(float)
        score = level.up_to.map({up_to: place for place, up_to in enumerate(BINS)}).to_numpy(float)
        share = left.sum() / users.sum()
        spread = (users * score**2).sum() - (users * score).sum() ** 2 / users.sum()
        surplus += float((score * (left - users * share)).sum())
        variance += float(spread * share * (1 - share) * users.sum() / (users.sum() - 1)) if users.sum() > 1 else 0.0
    return surplus > 0, float(chi2.sf(surplus**2 / variance, 1)) if variance else 1.0


def _hazard(rows: pd.DataFrame, measure: str, noun: str) -> Drawing:
    """The share who cancel in the horizon, by bins of a measure and by level, which both depend on."""
    here = _horizon_apart(rows[rows.measure == measure])
    told = here.join(shares(here.left_count, here.user_count))
    large = told[told.user_count >= LEAST_USERS]
    if large.empty or not told.left_count.any():
        raise NothingToShow("Nobody with a known outcome cancelled yet, or few have one: that takes a longer log.")
    horizon = int(rows.horizon_days.iloc[0])
    is_rising, p = trend(told)
    says = sentence(
        "Of {users} rows of a user and a snapshot, {share} cancelled within {horizon} days. Within each level, {trend} "
        "of those with more {noun} per 100 songs in the 28 days before cancelled; were there no trend, chance would "
        "bring one as clear in {p} of such logs (Mantel's test). Snapshots a horizon apart, so each cancellation "
        "counts once; bins of fewer than ten rows are not drawn.",
        share=percent(told.left_count.sum() / told.user_count.sum(), 1),
        users=number(told.user_count.sum()),
        horizon=number(horizon),
        trend="more" if is_rising else "fewer",
        noun=noun,
        p=chance(p),
    )
    drawn = figure(
        *(_hazard_trace(large[large.level == level], level, colour) for level, colour in _levels(large)),
        xaxis={
            "title": f"{noun} per 100 songs",
            "type": "category",
            "categoryorder": "array",
            "categoryarray": list(BINS.values()),
        },
        yaxis={"title": f"cancel within {horizon} days", "tickformat": ".0%", "rangemode": "tozero"},
        scattermode="group",
        scattergap=0.7,
    )
    return Drawing(drawn, says, _hazard_table(told, noun))


def _horizon_apart(rows: pd.DataFrame) -> pd.DataFrame:
    """Levels and bins, over snapshots that are known of all their users and a horizon apart from the first of them."""
    by_date = rows.groupby("as_of_date")[["user_count", "known_count"]].sum()
    known = by_date.index[by_date.user_count == by_date.known_count]
    if known.empty:
        raise NothingToShow("No snapshot's outcomes are known of all its users yet: its horizon has to pass first.")
    dates = pd.to_datetime(rows.as_of_date)
    days = (dates - pd.to_datetime(known.min())).dt.days
    chosen = rows[rows.as_of_date.isin(known) & (days % rows.horizon_days == 0)]
    return pd.DataFrame(chosen.groupby(["level", "up_to"])[["user_count", "left_count"]].sum()).reset_index()


def _levels(rows: pd.DataFrame) -> list[tuple[str, str]]:
    colours = {"free": BLUE, "paid": ORANGE}
    return [(str(level), colours.get(str(level), GREY)) for level in sorted(rows.level.unique())]


def _hazard_trace(rows: pd.DataFrame, level: str, colour: str) -> go.Scatter:
    return go.Scatter(
        x=[BINS[int(each)] for each in rows.up_to],
        y=rows.Share,
        mode="markers",
        name=level,
        marker={"size": 10, "color": colour},
        error_y=error_bars(rows.Share, rows["Share at least"], rows["Share at most"], color=colour),
        customdata=rows.user_count,
        hovertemplate="%{y:.1%} of %{customdata} users<extra>%{fullData.name}</extra>",
    )


def _hazard_table(told: pd.DataFrame, noun: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Level": told.level,
            f"{noun.capitalize()} per 100 songs": [BINS[int(each)] for each in told.up_to],
            "Users and snapshots": told.user_count,
            "Cancelled": told.left_count,
            "Share cancelled": told.Share,
            "Share at least": told["Share at least"],
            "Share at most": told["Share at most"],
        }
    )


def _funnel_table(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a page, those with most views first."""
    views = rows.pivot_table(index="page", columns="anchor_group", values="view_count", aggfunc="sum", fill_value=0)
    views = views.reindex(columns=["cancelled", "matched"], fill_value=0).astype(float)
    if not views.sum().all():
        raise NothingToShow("Of one of the two groups there is no view: that takes more cancellations.")
    shares = views / views.sum()
    users = rows.assign(share=rows.page_user_count / rows.user_count).pivot_table(
        index="page", columns="anchor_group", values="share", fill_value=0
    )
    users = users.reindex(columns=["cancelled", "matched"], fill_value=0)
    return pd.DataFrame(
        {
            "Page": views.index,
            "Share of views, left": shares.cancelled.to_numpy(),
            "Share of views, stayed": shares.matched.to_numpy(),
            "Difference of share": (shares.cancelled - shares.matched).to_numpy(),
            "Share of users, left": users.cancelled.to_numpy(),
            "Share of users, stayed": users.matched.to_numpy(),
            "Views, both": views.sum(axis=1).astype(int).to_numpy(),
        }
    ).sort_values("Views, both", ascending=False, ignore_index=True)


def _links(shown: pd.DataFrame) -> list[go.Scatter]:
    """A line from one group's dot to the other's; None breaks it between the pages."""
    ends = [(row["Share of views, left"], row["Share of views, stayed"], row["Page"]) for _, row in shown.iterrows()]
    return [
        go.Scatter(
            x=[value for left, stayed, _ in ends for value in (left, stayed, None)],
            y=[value for _, _, page in ends for value in (page, page, None)],
            mode="lines",
            line={"color": GREY, "width": 2},
            showlegend=False,
            hoverinfo="skip",
        )
    ]


def _dots(shown: pd.DataFrame, column: str, name: str, colour: str) -> go.Scatter:
    return go.Scatter(
        x=shown[column],
        y=shown["Page"],
        name=name,
        mode="markers",
        marker={"size": 10, "color": colour},
        hovertemplate="%{y}: %{x:.2%}<extra>%{fullData.name}</extra>",
    )
