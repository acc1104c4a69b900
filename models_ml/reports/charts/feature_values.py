"""Charts of the main inputs: who left against who stayed, the snapshots so far, and now against the training."""

from __future__ import annotations

import re
from math import floor, isfinite, log10
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.stats import norm  # type: ignore[import-untyped]

from models_ml.reports.charts.intervals import band, translucent
from models_ml.reports.charts.small_plots import axes_at, plain, small_plots
from models_ml.reports.drawing import BLUE, GREY, ORANGE, Drawing, NothingToShow
from models_ml.reports.text import NOTHING, day, number, percent, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

INPUTS, INPUTS_BINNED = 8, 5
SCORE = "score"
# The windows of one measure tell much the same: one of them is shown.
WINDOW = re.compile(r"_(\d+d|lifetime)$")
# Of bins in order, the upper end is enough beside a bar.
LOWER_END = re.compile(r"^(above|from) \S+, ")
MOST_DIGITS = 5
LETTERS_OF_A_BIN = 24
MAIN_INPUTS = "Shown are the inputs that the champion goes by most, then those that rank best alone. "
BAND = translucent(BLUE, 0.25)


def short(value: float | None) -> Markup:
    """A value of a feature: a whole number as such, others with three digits."""
    if value is None or not isfinite(value):
        return NOTHING
    digits = 0 if float(value).is_integer() else max(0, 2 - floor(log10(abs(value))))
    return number(float(value), min(digits, MOST_DIGITS))


def outcomes(rows: pd.DataFrame, effects: pd.DataFrame | None, aucs: pd.DataFrame | None) -> Drawing:
    """Main inputs of who left beside who stayed; `rows` are features by outcome, at one snapshot.

    `effects` are the champion's inputs and `aucs` the features, each the best first and None where nothing is known.
    """
    left, stayed = (_by_feature(rows[rows.is_churned.astype(bool) == is_churned]) for is_churned in (True, False))
    if left.empty or stayed.empty:
        raise NothingToShow("At the newest snapshot whose outcomes are known, all users left or all stayed.")
    apart = _apart(left, stayed)
    shown = main_inputs(apart.index[apart.notna().all(axis=1)], effects, aucs)
    if not shown:
        raise NothingToShow("None of the main inputs has values that differ, of users who left and who stayed.")
    says = sentence(
        "At {date}, the newest snapshot whose outcomes are known, {left} users were about to leave and {stayed} to "
        "stay. " + MAIN_INPUTS + "Boxes are quartiles with the median, lines reach from 5 to 95 % of the users. ",
        date=day(rows.as_of_date.iloc[0]),
        left=number(int(left.user_count.max())),
        stayed=number(int(stayed.user_count.max())),
    )
    return Drawing(
        _boxes(left, stayed, shown),
        says + _about_apart(apart.loc[shown], left, stayed),
        _apart_table(apart, left, stayed),
    )


def courses(rows: pd.DataFrame, effects: pd.DataFrame | None, aucs: pd.DataFrame | None) -> Drawing:
    """Median and quartiles of the main inputs by snapshot; `rows` are features of snapshots.

    `effects` are the champion's inputs and `aucs` the features, each the best first and None where nothing is known.
    """
    dates = sorted(rows.as_of_date.unique())
    if len(dates) < 2:  # noqa: PLR2004 - a point is no course
        raise NothingToShow("There is one snapshot so far: the next Monday of the log brings another.")
    known = rows.dropna(subset="median")
    shown = main_inputs(pd.Index(known.feature.unique()), effects, aucs)
    if not shown:
        raise NothingToShow("Which inputs are the main ones is not known yet: outcomes have to come in.")
    table = known[known.feature.isin(shown)]
    says = sentence(
        "From {first} ({users_first} users) to {last} ({users_last} users). "
        + MAIN_INPUTS
        + "Lines are medians, the areas around them "
        "hold the middle half of the users. {moved} Windows of a young log fill up, and move for that alone.",
        first=day(dates[0]),
        users_first=number(int(rows[rows.as_of_date == dates[0]].user_count.max())),
        last=day(dates[-1]),
        users_last=number(int(rows[rows.as_of_date == dates[-1]].user_count.max())),
        moved=_about_moved(table),
    )
    return Drawing(_lines(table, shown), says, _course_table(table))


def since_training(rows: pd.DataFrame) -> Drawing:
    """Shares per bin, at the training and now, of the score and the inputs that moved most; `rows` are inputs."""
    kept = rows[rows.bins.notna() & rows.is_used.astype(bool)]
    if kept.empty:
        raise NothingToShow("The newest measurement of drift kept no bins: the next `sparkhouse predict` does.")
    inputs = kept[kept.feature != SCORE].sort_values("psi", ascending=False, kind="stable")
    shown = pd.concat([kept[kept.feature == SCORE], inputs.head(INPUTS_BINNED)])
    shares = pd.concat([_shares(row) for row in shown.itertuples()], ignore_index=True)
    says = sentence(
        "{rows_now} users scored at {date} (blue) beside the {rows_then} rows that {version} was trained on (grey). "
        "The score is the model's own, before it becomes a probability. {moved} A PSI above 0.25 is commonly called "
        "much; small samples add to it by chance.",
        rows_now=number(int(shown.scored_rows.max())),
        rows_then=number(int(shown.train_rows.max())),
        date=day(shown.as_of_date.max()),
        version=str(shown.model_version.iloc[0]),
        moved=_about_most_moved(shares, inputs),
    )
    return Drawing(_bars(shares, list(shown.feature)), says, shares.drop(columns="Label"))


def main_inputs(known: pd.Index[str], effects: pd.DataFrame | None, aucs: pd.DataFrame | None) -> list[str]:
    """The features that the champion goes by most, then those that rank best alone, of which values are known."""
    by_importance = [] if effects is None else list(effects.feature[effects.importance > 0])
    by_auc = [] if aucs is None else list(aucs.dropna(subset="auc").feature)
    chosen: dict[str, str] = {}
    for name in [*by_importance, *by_auc]:
        if name in known:
            chosen.setdefault(WINDOW.sub("", name), name)
    return list(chosen.values())[:INPUTS]


def _by_feature(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.set_index("feature").assign(value_count=lambda each: each.user_count - each.null_count)


def _apart(left: pd.DataFrame, stayed: pd.DataFrame) -> pd.DataFrame:
    """The standardised difference of the means of each feature, with its 95 % interval.

    J. Cohen 1988, Statistical Power Analysis; its variance: L. V. Hedges, I. Olkin 1985, Statistical Methods for
    Meta-Analysis, chapter 5.
    """
    both = left.join(stayed, lsuffix="_left", rsuffix="_stayed", how="inner")
    left_count, stayed_count = both.value_count_left, both.value_count_stayed
    squares = (left_count - 1) * both.deviation_left**2 + (stayed_count - 1) * both.deviation_stayed**2
    scatter = (squares / (left_count + stayed_count - 2)).astype(float) ** 0.5
    apart = ((both.mean_left - both.mean_stayed) / scatter.where(scatter > 0)).astype(float)
    variance = (left_count + stayed_count) / (left_count * stayed_count) + apart**2 / (2 * (left_count + stayed_count))
    reach = norm.ppf(0.975) * variance.astype(float) ** 0.5
    return pd.DataFrame({"apart": apart, "low": apart - reach, "high": apart + reach})


def _about_apart(apart: pd.DataFrame, left: pd.DataFrame, stayed: pd.DataFrame) -> Markup:
    """Which input is furthest apart, if one is by more than chance."""
    is_clear = (apart.low > 0) | (apart.high < 0)
    if not is_clear.any():
        return sentence(
            "None of the inputs shown ({inputs}) differs beyond chance: every 95 % interval of a difference of the "
            "means holds 0.",
            inputs=number(len(apart)),
        )
    name = str(apart[is_clear].apart.abs().idxmax())
    return sentence(
        "Furthest apart is {feature}: its median is {left} of those about to leave and {stayed} of the others, and "
        "the means lie {apart} standard deviations apart ({low} to {high}). Beyond chance (95 % interval without 0): "
        "{clear} of the {inputs} inputs shown.",
        feature=name,
        left=short(_median(left, name)),
        stayed=short(_median(stayed, name)),
        apart=number(apart.apart[name], 2),
        low=number(apart.low[name], 2),
        high=number(apart.high[name], 2),
        inputs=number(len(apart)),
        clear=number(int(is_clear.sum())),
    )


def _median(rows: pd.DataFrame, name: str) -> float:
    return float(rows.quantiles[name][2])


def _apart_table(apart: pd.DataFrame, left: pd.DataFrame, stayed: pd.DataFrame) -> pd.DataFrame:
    """All features, those furthest apart first."""
    ordered = apart.loc[apart.apart.abs().sort_values(ascending=False, kind="stable").index]
    groups = {"about to leave": left.loc[ordered.index], "about to stay": stayed.loc[ordered.index]}
    columns: dict[str, Any] = {"Feature": ordered.index, "Standard deviations apart": ordered.apart.to_numpy()}
    columns |= {"95 % from": ordered.low.to_numpy(), "95 % to": ordered.high.to_numpy()}
    for place, name in ((1, "Lower quartile"), (2, "Median"), (3, "Upper quartile")):
        columns |= {
            f"{name}, {group}": [_quantile(each, place) for each in rows.quantiles] for group, rows in groups.items()
        }
    columns |= {
        f"Share without a value, {group}": (rows.null_count / rows.user_count).to_numpy()
        for group, rows in groups.items()
    }
    return pd.DataFrame(columns)


def _quantile(quantiles: Sequence[float] | None, place: int) -> Markup:
    return NOTHING if quantiles is None else short(quantiles[place])


def _boxes(left: pd.DataFrame, stayed: pd.DataFrame, shown: Sequence[str]) -> go.Figure:
    """A small plot an input, each with an axis of its own: a box a group."""
    groups = (("stay", stayed, BLUE), ("leave", left, ORANGE))
    boxes = [
        _box(rows.quantiles[name], group, colour).update(xaxis=f"x{axes_at(place)}", yaxis=f"y{axes_at(place)}")
        for place, name in enumerate(shown)
        for group, rows, colour in groups
    ]
    drawn = small_plots(boxes, shown, 110, xaxis={"nticks": 4, "rangemode": "tozero"}, yaxis={})
    # The groups stand before the first plot of a row: a phone has no room for them before the second.
    return drawn.update_layout({f"yaxis{axes_at(place)}.showticklabels": False for place in range(1, len(shown), 2)})


def _box(quantiles: Sequence[float], group: str, colour: str) -> go.Box:
    lowest, lower, median, upper, highest = ([value] for value in quantiles)
    return go.Box(
        y=[group],
        q1=lower,
        median=median,
        q3=upper,
        lowerfence=lowest,
        upperfence=highest,
        orientation="h",
        name=group,
        line={"color": colour},
    )


def _about_moved(table: pd.DataFrame) -> Markup:
    """Whose median moved most, in widths of the middle half of its users at first."""
    ends = table.sort_values("as_of_date", kind="stable").groupby("feature", sort=False)
    first, last = ends.first(), ends.last()
    width = (first.upper_quartile - first.lower_quartile).where(lambda each: each > 0)
    moved = ((last["median"] - first["median"]) / width).abs().astype(float)
    if moved.isna().all() or moved.max() == 0:
        return sentence("No median of an input whose values differ moved.")
    name = str(moved.idxmax())
    return sentence(
        "The median of {feature} moved most for its spread: from {before} to {now}.",
        feature=name,
        before=short(first["median"][name]),
        now=short(last["median"][name]),
    )


def _lines(table: pd.DataFrame, shown: Sequence[str]) -> go.Figure:
    """A small plot an input: the median by snapshot, in the middle half of the users."""
    lines = []
    for place, name in enumerate(shown):
        rows = table[table.feature == name].sort_values("as_of_date")
        median = go.Scatter(
            x=rows.as_of_date,
            y=rows["median"],
            mode="lines+markers",
            line={"color": BLUE},
            marker={"size": 5},
            name=name,
        )
        area = band(rows.as_of_date, (rows.lower_quartile, rows.upper_quartile), BAND)
        lines += [each.update(xaxis=f"x{axes_at(place)}", yaxis=f"y{axes_at(place)}") for each in (*area, median)]
    return small_plots(
        lines, shown, 130, xaxis={"nticks": 3, "tickformat": "%b %d"}, yaxis={"nticks": 4, "rangemode": "tozero"}
    )


def _course_table(table: pd.DataFrame) -> pd.DataFrame:
    newest_first = table.sort_values(["as_of_date", "feature"], ascending=[False, True])
    quartiles = {"Lower quartile": "lower_quartile", "Median": "median", "Upper quartile": "upper_quartile"}
    return pd.DataFrame(
        {"Snapshot": newest_first.as_of_date, "Feature": newest_first.feature, "Users": newest_first.user_count}
        | {title: newest_first[column].map(short) for title, column in quartiles.items()}
        | {"Share without a value": newest_first.null_count / newest_first.user_count}
    )


def _shares(row: Any) -> pd.DataFrame:  # noqa: ANN401 - a row of a frame
    """The bins of one input in order."""
    is_numeric = row.kind == "numeric"
    return pd.DataFrame(
        {
            "Input": row.feature,
            "Bin": row.bins,
            "Label": [LOWER_END.sub("", each) if is_numeric else each for each in row.bins],
            "Share at the training": np.array(row.bin_train_rows) / row.train_rows,
            "Share now": np.array(row.bin_scored_rows) / row.scored_rows,
            "PSI of the input": row.psi,
        }
    )


def _about_most_moved(shares: pd.DataFrame, inputs: pd.DataFrame) -> Markup:
    if inputs.empty:
        return sentence("The champion reads no input that was measured.")
    name = str(inputs.feature.iloc[0])
    own = shares[shares.Input == name]
    change = (own["Share now"] - own["Share at the training"]).abs()
    bin_moved = own.iloc[int(change.argmax())]
    return sentence(
        "Of {inputs} inputs, {feature} has moved most (PSI {psi}): “{bin}” held {before} and holds {now}.",
        inputs=number(len(inputs)),
        feature=name,
        psi=number(float(inputs.psi.iloc[0]), 2),
        bin=str(bin_moved.Bin),
        before=percent(bin_moved["Share at the training"], 1),
        now=percent(bin_moved["Share now"], 1),
    )


def _bars(shares: pd.DataFrame, shown: Sequence[str]) -> go.Figure:
    """A small plot an input: a pair of bars a bin, in order from below."""
    highest = float(shares[["Share at the training", "Share now"]].max().max())
    bars = []
    for place, name in enumerate(shown):
        own = shares[shares.Input == name]
        for column, colour in (("Share at the training", GREY), ("Share now", BLUE)):
            bar = go.Bar(
                x=own[column],
                y=list(range(len(own))),
                orientation="h",
                name=column.removeprefix("Share "),
                marker_color=colour,
                customdata=own.Bin,
                hovertemplate="%{customdata}: %{x:.1%}<extra></extra>",
                showlegend=place == 0,
            )
            bars.append(bar.update(xaxis=f"x{axes_at(place)}", yaxis=f"y{axes_at(place)}"))
    across = {"range": [0, highest * 1.05], "tickformat": ".0%", "nticks": 4}
    drawn = small_plots(bars, shown, 180, columns=1, xaxis=across, yaxis={"tickfont": {"size": 9}})
    for place, name in enumerate(shown):
        labels = [plain(each, LETTERS_OF_A_BIN) for each in shares[shares.Input == name].Label]
        drawn.update_layout({f"yaxis{axes_at(place)}": {"tickvals": list(range(len(labels))), "ticktext": labels}})
    return drawn
