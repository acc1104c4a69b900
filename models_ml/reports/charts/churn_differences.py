"""How those who leave differ from those who stay, before they do: measures of the features, side by side."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from models_ml.evaluation.reliability import wilson_interval
from models_ml.reports.charts.intervals import error_bars
from models_ml.reports.drawing import BLUE, DIVERGING, GREY, ORANGE, Drawing, NothingToShow, figure
from models_ml.reports.text import number, percent, sentence

PAIR = ["as_of_date", "tenure_band", "place"]
COLUMNS_OF_VIOLINS = 2
# A density of fewer values draws bumps that are not there.
LEAST_PAIRS = 10
# Axes end where so many of the values lie below, so that a few great ones do not press the rest together.
SHOWN_SHARE = 0.98
LEAST_ROWS = 30


class Measure(NamedTuple):
    """A feature as people read it: its values are shown times `scale`."""

    column: str
    name: str
    scale: float = 1


MEASURES = (
    Measure("song_count_28d", "Songs"),
    Measure("session_count_28d", "Sessions"),
    Measure("session_minutes_mean_28d", "Minutes a session"),
    Measure("days_since_last_event", "Days since last event"),
    Measure("advert_per_song_28d", "Adverts/100 songs", 100),
    Measure("thumbs_up_per_song_28d", "Thumbs up/100 songs", 100),
    Measure("thumbs_down_per_song_28d", "Thumbs down/100 songs", 100),
    Measure("playlist_add_count_28d", "Playlist adds"),
    Measure("friend_add_count_28d", "Friends added"),
    Measure("song_share_of_28d_in_7d", "Songs in last week, %", 100),
)
CORRELATED = (
    Measure("has_left", "Leaves"),
    Measure("days_since_registration", "Tenure"),
    Measure("paid_share_28d", "Time on paid"),
    *MEASURES,
)


def leavers_and_stayers(rows: pd.DataFrame) -> Drawing:
    """Densities of each measure in both groups; `rows` are leavers and stayers, two a pair."""
    pairs = _pairs(rows)
    compared = _compared(pairs)
    songs = compared.iloc[0]
    says = sentence(
        "{pairs} users who left, each once, beside as many who stayed, of the same snapshot and the same 30 days of "
        "tenure. Half of those who left had played more than {left} songs in the 28 days before, half of those who "
        "stayed more than {stayed}. Each axis ends where 98 % of the values lie below.",
        pairs=number(len(pairs)),
        left=number(songs["Median, left"]),
        stayed=number(songs["Median, stayed"]),
    )
    return Drawing(_violins(pairs), says, compared)


def pairs_apart(rows: pd.DataFrame) -> Drawing:
    """In how many pairs the leaver has more of each measure; `rows` are leavers and stayers, two a pair."""
    pairs = _pairs(rows)
    compared = _compared(pairs)
    known = compared.dropna(subset="Share leaver had more").sort_values("Share leaver had more")
    if known.empty:
        raise NothingToShow("In no pair do the two differ in any measure: that takes more outcomes.")
    clear = known[(known["Share at least"] > 1 / 2) | (known["Share at most"] < 1 / 2)]
    furthest = known.loc[(known["Share leaver had more"] - 1 / 2).abs().sort_values().index].iloc[-1]
    says = sentence(
        "Furthest from a toss of a coin: {measure}, where who left had more in {share} of the pairs that differ ({low} "
        "to {high}). Of {measures} measures, the 95 % interval of {clear} leaves out one half; by chance alone that "
        "happens to one in twenty.",
        measure=str(furthest["Measure"]).lower(),
        share=percent(furthest["Share leaver had more"]),
        low=percent(furthest["Share at least"]),
        high=percent(furthest["Share at most"]),
        measures=number(len(known)),
        clear=number(len(clear)),
    )
    drawn = figure(
        go.Scatter(
            x=known["Share leaver had more"],
            y=known["Measure"],
            mode="markers",
            marker={"size": 10, "color": BLUE},
            error_x=error_bars(
                known["Share leaver had more"], known["Share at least"], known["Share at most"], color=BLUE
            ),
            customdata=known["Pairs that differ"],
            hovertemplate="%{y}: %{x:.0%} of %{customdata} pairs<extra></extra>",
        ),
        height=540,
        xaxis={
            "title": "leaver had more",
            "tickformat": ".0%",
            "range": [0, 1.02],
            "tickvals": [0, 0.5, 1],
        },
        shapes=[_line_at_half()],
    )
    return Drawing(drawn, says, compared)


def correlations(rows: pd.DataFrame) -> Drawing:
    """Rank correlations of measures and outcome, in pairs; `rows` are users and snapshots with a known outcome."""
    if len(rows) < LEAST_ROWS or rows.has_left.nunique() < 2:  # noqa: PLR2004 - some left, some stayed
        raise NothingToShow("There are too few known outcomes, or all are alike: that takes a longer log.")
    names = {measure.column: measure.name for measure in CORRELATED}
    table = rows[list(names)].astype(float).corr("spearman").rename(columns=names, index=names)
    with_outcome = table["Leaves"].drop("Leaves").dropna()
    strongest = str(with_outcome.abs().idxmax())
    says = sentence(
        "Leaving goes together most with “{measure}”: {value} on a scale from -1 to 1. Correlations of ranks "
        "(Spearman), over {rows} rows of a user and a snapshot whose outcome is known.",
        measure=strongest,
        value=number(with_outcome[strongest], 2),
        rows=number(len(rows)),
    )
    return Drawing(_heatmap(table), says, table.rename_axis("Measure").reset_index())


def _heatmap(table: pd.DataFrame) -> go.Figure:
    """A square a pair of measures; columns have the numbers of the rows, as their names would leave a phone no room."""
    numbers = list(range(1, len(table) + 1))
    names = [f"{name} ({place})" for place, name in zip(numbers, table.index, strict=True)]
    return figure(
        go.Heatmap(
            z=table.to_numpy(),
            x=[str(place) for place in numbers],
            y=names,
            customdata=[[name] * len(table) for name in table.index],
            text=[list(table.columns)] * len(table),
            zmin=-1,
            zmax=1,
            colorscale=DIVERGING,
            texttemplate="%{z:.2f}",
            colorbar={"orientation": "h", "thickness": 10, "y": 1.01, "yanchor": "bottom", "tickvals": [-1, 0, 1]},
            hovertemplate="%{customdata} and %{text}: %{z:.2f}<extra></extra>",
            hoverongaps=False,
        ),
        height=540,
        xaxis={"type": "category", "showgrid": False, "tickangle": 0},
        yaxis={"autorange": "reversed", "showgrid": False},
        margin={"l": 8, "r": 8, "t": 48, "b": 40},
    )


def _pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a pair: each measure of who left and of who stayed, as people read them."""
    table = rows.assign(group=rows.has_left.map({True: "left", False: "stayed"})).set_index([*PAIR, "group"])
    read = pd.DataFrame({each.name: table[each.column].astype(float) * each.scale for each in MEASURES})
    pairs = pd.DataFrame(read.unstack("group"))
    if len(pairs) < LEAST_PAIRS:
        raise NothingToShow(f"There are fewer than {LEAST_PAIRS} pairs of users who left and stayed: more outcomes.")
    return pairs


def _compared(pairs: pd.DataFrame) -> pd.DataFrame:
    """One row a measure: both medians, and the sign test's share of pairs with its interval (Wilson)."""
    return pd.DataFrame([_comparison(each.name, pd.DataFrame(pairs[each.name]).dropna()) for each in MEASURES])


def _comparison(name: str, values: pd.DataFrame) -> dict[str, object]:
    more, less = int((values.left > values.stayed).sum()), int((values.left < values.stayed).sum())
    told = {
        "Measure": name,
        "Median, left": values.left.median(),
        "Median, stayed": values.stayed.median(),
        "Pairs that differ": more + less,
    }
    if not more + less:
        return told | dict.fromkeys(("Share leaver had more", "Share at least", "Share at most"))
    share = more / (more + less)
    low, high = wilson_interval(share, more + less)
    return told | {"Share leaver had more": share, "Share at least": low, "Share at most": high}


def _violins(pairs: pd.DataFrame) -> go.Figure:
    """A small chart a measure: those who left above the line, those who stayed below."""
    lines = -(-len(MEASURES) // COLUMNS_OF_VIOLINS)
    drawn = make_subplots(
        rows=lines,
        cols=COLUMNS_OF_VIOLINS,
        figure=figure(height=160 * lines, violingap=0, legend={"y": 1.04}, margin={"l": 8, "r": 8, "t": 40, "b": 32}),
        subplot_titles=[each.name for each in MEASURES],
        horizontal_spacing=0.06,
        vertical_spacing=0.4 / lines,
    )
    for place, each in enumerate(MEASURES):
        values = pd.DataFrame(pairs[each.name])
        shown = float(np.nanquantile(values.to_numpy(float), SHOWN_SHARE)) or 1.0
        line, column = place // COLUMNS_OF_VIOLINS + 1, place % COLUMNS_OF_VIOLINS + 1
        drawn.add_traces(_halves(values, shown, is_first=place == 0), rows=line, cols=column)
        drawn.update_xaxes(range=[0, shown], nticks=4, tickangle=0, row=line, col=column)
    drawn.update_yaxes(visible=False)
    drawn.update_annotations(font_size=12)
    return drawn


def _halves(values: pd.DataFrame, shown: float, *, is_first: bool) -> list[go.Violin]:
    looks = (("left", "positive", ORANGE), ("stayed", "negative", BLUE))
    return [
        go.Violin(
            x=values[group].dropna().round(4),
            y0=0,
            name=group,
            legendgroup=group,
            showlegend=is_first,
            side=side,
            orientation="h",
            line={"color": colour, "width": 1.5},
            points=False,
            box={"visible": True, "width": 0.25},
            spanmode="manual",
            span=[0, shown],
            scalemode="width",
            width=1.6,
            hoveron="violins",
        )
        for group, side, colour in looks
    ]


def _line_at_half() -> dict[str, object]:
    return {
        "type": "line",
        "x0": 0.5,
        "x1": 0.5,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "layer": "below",
        "line": {"color": GREY, "dash": "dot"},
    }
