"""Charts of the newest predictions: who is at risk, how that has moved, and what the scores rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go

from models_ml.reports.charts.named_rows import MARGIN, hidden_names, labels_above
from models_ml.reports.charts.tiles import SCALE, STATE_TILES, state_tiles
from models_ml.reports.drawing import BLUE, GREY, RED, SEQUENTIAL, SKY, Drawing, NothingToShow, figure
from models_ml.reports.text import NOTHING, day, number, percent, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

# Bins of the query are half a point wide; wider ones are made of them until so few bars carry them all.
BIN, WIDER, MOST_BARS = 0.005, (1, 2, 4, 10), 40
NEW, GONE = "new", "gone"
DECILES = range(1, 11)
TOP, OTHERS = "the tenth most at risk", "all other users"
REASONS_SHOWN = 10
# Of fewer users of a state, the mean is that of some people.
LEAST_USERS = 5


def risk_distribution(rows: pd.DataFrame) -> Drawing:
    """Users by their risk, and the threshold; `rows` are bins of half a point."""
    first, users, called = rows.iloc[0], rows.user_count.sum(), rows.called_count.sum()
    expected = rows.probability_sum.sum()
    says = sentence(
        "Of the {users} users of the snapshot of {date}, {called} ({share}) reach the threshold of {version}, "
        "{threshold}. The mean risk is {mean}: about {expected} users are expected to leave within {days} days.",
        users=number(users),
        date=day(first.as_of_date),
        called=number(called),
        share=percent(called / users, 1),
        version=first.model_version,
        threshold=percent(first.threshold, 1),
        mean=percent(expected / users, 1),
        expected=number(expected),
        days=number(first.horizon_days),
    )
    bins, width = _wider(rows)
    drawn = figure(
        _histogram(bins, bins.user_count - bins.called_count, width, "below the threshold", SKY),
        _histogram(bins, bins.called_count, width, "at or above the threshold", RED),
        barmode="stack",
        xaxis={"title": "risk", "tickformat": ".0%", "range": [0, bins.start.max() + 2 * width]},
        yaxis={"title": f"users in each {100 * width:g} %", "rangemode": "tozero"},
        shapes=[] if pd.isna(first.threshold) else [_upright(first.threshold)],
    )
    table = pd.DataFrame(
        {
            "Risk from": [percent(start, 1) for start in rows.probability_from],
            "Users": rows.user_count,
            "At or above the threshold": rows.called_count,
            "Expected to leave": rows.probability_sum,
        }
    )
    return Drawing(drawn, says, table)


def decile_moves(rows: pd.DataFrame) -> Drawing:
    """Users by their tenth before and now; `rows` are pairs of both, a missing one is of who is new or gone."""
    first = rows.iloc[0]
    if pd.isna(first.date_before):
        raise NothingToShow("One snapshot was scored so far: with the next, `sparkhouse predict` shows who has moved.")
    both = rows[rows.decile_before.notna() & rows.decile_now.notna()]
    if both.empty:
        raise NothingToShow("No user is in both of the last two snapshots scored.")
    says = _moves_in_words(rows, both)
    moves = rows.assign(
        before=rows.decile_before.map(_decile_name, na_action="ignore").fillna(NEW),
        now=rows.decile_now.map(_decile_name, na_action="ignore").fillna(GONE),
    )
    names = [str(decile) for decile in DECILES]
    counts = moves.pivot_table(index="before", columns="now", values="user_count", aggfunc="sum", fill_value=0)
    counts = counts.reindex(index=[*names, NEW], columns=[*names, GONE], fill_value=0)
    shares = counts.div(counts.sum(axis=1).where(lambda sums: sums > 0), axis=0)
    drawn = figure(
        go.Heatmap(
            z=shares.where(counts > 0).to_numpy(),
            x=list(counts.columns),
            y=list(counts.index),
            text=counts.map(lambda count: f"{count:,}" if count else "").to_numpy(),
            texttemplate="%{text}",
            colorscale=SEQUENTIAL,
            zmin=0,
            zmax=shares.max().max(),
            xgap=1,
            ygap=1,
            hoverongaps=False,
            colorbar={"title": {"text": "share of those in the row", "side": "bottom"}, "tickformat": ".0%", **SCALE},
            hovertemplate="from %{y} to %{x}: %{text} users, %{z:.0%} of the row<extra></extra>",
        ),
        height=520,
        xaxis={
            "title": "tenth now; 1 is most at risk",
            "type": "category",
            "showgrid": False,
            "side": "top",
            "tickangle": 0,
            "tickfont": {"size": 11},
        },
        yaxis={"title": "tenth before", "type": "category", "autorange": "reversed", "showgrid": False},
    )
    table = moves[["before", "now", "user_count"]].set_axis(["Tenth before", "Tenth now", "Users"], axis=1)
    return Drawing(drawn, says, table)


def users_at_risk(rows: pd.DataFrame) -> Drawing:
    """The users most at risk, as a table; `rows` are users, the most at risk first."""
    first, last = rows.iloc[0], rows.iloc[-1]
    says = sentence(
        "The {users} users most at risk as of {date}, from {highest} down to {lowest}. The interval is that of the "
        "calibration, so of users with such a score. Level, state and days are as of the snapshot; a reason says in "
        "which direction it moves the score.",
        users=number(len(rows)),
        date=day(first.as_of_date),
        highest=percent(first.churn_probability, 1),
        lowest=percent(last.churn_probability, 1),
    )
    table = pd.DataFrame(
        {
            "User": rows.user_id,
            "Risk": [percent(risk, 1) for risk in rows.churn_probability],
            "95 % interval": [
                _interval(low, high)
                for low, high in zip(rows.churn_probability_low, rows.churn_probability_high, strict=True)
            ],
            "Tenth": rows.risk_decile,
            "Level": rows.level,
            "State": rows.state,
            "Days since last event": rows.days_since_last_event,
            "Reasons, the weightiest first": rows.reasons,
        }
    )
    return Drawing(None, says, table)


def risk_by_level(rows: pd.DataFrame) -> Drawing:
    """How the risk is spread on each level; of `rows`, those of levels, the riskiest first."""
    rows = rows[rows.grouped_by == "level"]
    first = rows.iloc[0]
    levels = [str(_known(level)) for level in rows.level]
    each = sentence("; ").join(
        sentence("{mean} for the {users} users on {level}", mean=percent(mean, 1), users=number(users), level=level)
        for level, mean, users in zip(levels, rows.mean_probability, rows.user_count, strict=True)
    )
    says = sentence(
        "As of {date}, the mean risk is {each}. A box holds the middle half of the users, its whiskers eight tenths; "
        "the dashed line is the mean.",
        date=day(first.as_of_date),
        each=each,
    )
    ends = dict(zip(("lowerfence", "q1", "median", "q3", "upperfence"), zip(*rows.quantiles, strict=True), strict=True))
    drawn = figure(
        go.Box(
            **{name: list(values) for name, values in ends.items()},
            mean=rows.mean_probability,
            y=levels,
            orientation="h",
            boxmean=True,
            marker_color=BLUE,
            width=0.5,
        ),
        xaxis={"title": "risk", "tickformat": ".0%", "rangemode": "tozero"},
        yaxis={"autorange": "reversed"},
        showlegend=False,
    )
    table = pd.DataFrame(
        {
            "Level": levels,
            "Users": rows.user_count,
            "Share expected to leave": rows.mean_probability,
            "Share, median": ends["median"],
            "Share, lowest tenth up to": ends["lowerfence"],
            "Share, highest tenth from": ends["upperfence"],
        }
    )
    return Drawing(drawn, says, table)


def risk_by_state(rows: pd.DataFrame) -> Drawing:
    """A map of the mean risk, a tile a state; of `rows`, those of states, the riskiest first."""
    rows = rows[rows.grouped_by == "state"]
    large = rows[rows.user_count >= LEAST_USERS]
    known = large[large.state.isin(list(STATE_TILES))].set_index("state")
    if known.empty:
        raise NothingToShow(f"No state of the United States has {LEAST_USERS} users or more in the newest snapshot.")
    highest, lowest = known.iloc[0], known.iloc[-1]
    says = sentence(
        "Of {states} states with at least {least} users, the mean risk is highest in {most} ({high}, "
        "{most_users} users) and lowest in {fewest} ({low}, {fewest_users} users); of all users it is {mean}. Of few "
        "users it says little, so states with fewer have no colour.",
        states=number(len(known)),
        least=number(LEAST_USERS),
        most=str(highest.name),
        high=percent(highest.mean_probability, 1),
        most_users=number(highest.user_count),
        fewest=str(lowest.name),
        low=percent(lowest.mean_probability, 1),
        fewest_users=number(lowest.user_count),
        mean=percent((rows.mean_probability * rows.user_count).sum() / rows.user_count.sum(), 1),
    )
    table = pd.DataFrame(
        {
            "State": [_known(state) for state in rows.state],
            "Users": rows.user_count,
            "Share expected to leave": rows.mean_probability,
            "Share paid": rows.paid_count / rows.user_count,
        }
    )
    said = "%{z:.1%} of %{customdata:,} users"
    drawn = state_tiles(known.mean_probability, "mean risk", said, ".0%", known.user_count.tolist())
    return Drawing(drawn, says, table)


def reasons(rows: pd.DataFrame) -> Drawing:
    """How many of the tenth most at risk have each reason, and how many others; `rows` are reasons."""
    merged = _alike(rows)
    named = merged[merged.tenth_count > 0]
    if named.empty:
        raise NothingToShow("No reasons are kept of the newest predictions: `sparkhouse predict` keeps them.")
    top, first = named.head(REASONS_SHOWN), named.iloc[0]
    tenth, others = (int(rows[f"{group}_total"].iloc[0]) for group in ("tenth", "other"))
    says = sentence(
        "Most frequent among the {users} users of the tenth most at risk as of {date} is “{reason}”: {share} of them "
        "have it among their three weightiest, and {other} of all others. Amounts are left out, shown as “…”; ▲ raises "
        "the risk, and ▼ lowers it.",
        users=number(tenth),
        date=day(rows.iloc[0].as_of_date),
        reason=first.reason,
        share=percent(first.tenth_count / tenth),
        other=percent(first.other_count / others if others else None),
    )
    places = list(range(len(top)))
    drawn = figure(
        _reason_bars(places, top.tenth_count / tenth, -0.1, TOP, RED),
        _reason_bars(places, top.other_count / others if others else top.other_count * 0, 0.12, OTHERS, GREY),
        labels_above([_with_arrow(reason) for reason in top.reason]),
        height=110 + 44 * len(top),
        barmode="overlay",
        xaxis={"title": "share of the users with the reason", "tickformat": ".0%", "range": [0, 1]},
        yaxis=hidden_names(len(top)),
        margin=MARGIN,
    )
    table = pd.DataFrame(
        {
            "Reason": merged.reason,
            "Users of the tenth": merged.tenth_count,
            "Share of the tenth": merged.tenth_count / tenth,
            "Other users": merged.other_count,
            "Share of the others": merged.other_count / others if others else None,
        }
    )
    return Drawing(drawn, says, table)


def _wider(rows: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """The bins, made wider until there is room for all of them, and their width."""
    place = (rows.probability_from / BIN).round().astype(int)
    times = next((times for times in WIDER if place.max() // times < MOST_BARS), WIDER[-1])
    bins = rows.groupby(place // times)[["user_count", "called_count"]].sum()
    return bins.assign(start=bins.index * times * BIN), times * BIN


def _histogram(bins: pd.DataFrame, counts: pd.Series[int], width: float, name: str, colour: str) -> go.Bar:
    return go.Bar(
        x=bins.start,
        y=counts,
        offset=0,
        width=width,
        name=name,
        marker_color=colour,
        customdata=bins.start + width,
        hovertemplate="%{x:.1%} to %{customdata:.1%}: %{y:,} users<extra></extra>",
    )


def _upright(at: float) -> dict[str, Any]:
    """A dashed line over the height of the figure."""
    line = {"color": GREY, "width": 2, "dash": "dash"}
    label = {"text": f"threshold {at:.1%}", "textangle": 0, "textposition": "end", "xanchor": "left", "yanchor": "top"}
    return {"type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1, "line": line, "label": label}


def _moves_in_words(rows: pd.DataFrame, both: pd.DataFrame) -> Markup:
    first = rows.iloc[0]
    gone = rows[rows.decile_now.isna()]
    said = sentence(
        "Of {both} users scored on {before} and on {now}, {near} are in the same tenth or the next; {risen} have come "
        "into the tenth most at risk. {new} users are new, and {gone} are gone, as are all who cancel: {top} of them "
        "were in the tenth most at risk.",
        both=number(both.user_count.sum()),
        before=day(first.date_before),
        now=day(first.date_now),
        near=percent(_sum(both, (both.decile_before - both.decile_now).abs() <= 1) / both.user_count.sum()),
        risen=number(_sum(both, (both.decile_now == 1) & (both.decile_before > 1))),
        new=number(_sum(rows, rows.decile_before.isna())),
        gone=number(gone.user_count.sum()),
        top=number(_sum(gone, gone.decile_before == 1)),
    )
    if first.version_before == first.version_now:
        return said
    other = " {before} scored then, and {now} now: some of the movement is that of the model."
    return said + sentence(other, before=first.version_before, now=first.version_now)


def _sum(rows: pd.DataFrame, chosen: pd.Series[bool]) -> int:
    return int(rows.user_count[chosen].sum())


def _decile_name(decile: float) -> str:
    return str(int(decile))


def _interval(low: float, high: float) -> Markup:
    if pd.isna(low) or pd.isna(high):
        return NOTHING
    return sentence("{low} to {high}", low=percent(low, 1), high=percent(high, 1))


def _known(name: str | None) -> str:
    return "unknown" if name is None or pd.isna(name) else name


def _alike(rows: pd.DataFrame) -> pd.DataFrame:
    """Reasons that differ by a plural only, as "… day ago" and "… days ago", as one, by the longer name."""
    stem = rows.reason.str.replace(r"s\b", "", regex=True)
    merged = rows.groupby(stem.to_numpy()).agg(
        reason=("reason", lambda names: max(names, key=len)),
        tenth_count=("tenth_count", "sum"),
        other_count=("other_count", "sum"),
    )
    return merged.sort_values(
        ["tenth_count", "other_count", "reason"], ascending=[False, False, True], ignore_index=True
    )


def _with_arrow(reason: str) -> str:
    """A reason with the direction it moves the score in, which is at its end, as an arrow before it."""
    words, _, direction = reason.rpartition(" (")
    return f"{'▲' if direction.startswith('more') else '▼'} {words}"


def _reason_bars(places: Sequence[int], shares: pd.Series[float], offset: float, name: str, colour: str) -> go.Bar:
    return go.Bar(
        x=shares,
        y=places,
        orientation="h",
        offset=offset,
        width=0.22,
        name=name,
        marker_color=colour,
        hovertemplate="%{x:.0%} of " + name + "<extra></extra>",
    )
