"""Intervals of what a chart shows: their ends, and how they are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go

from models_ml.evaluation.reliability import wilson_interval

if TYPE_CHECKING:
    Ends = tuple[pd.Series[float], pd.Series[float]]


def wilson(shares: pd.Series[Any], counts: pd.Series[Any]) -> Ends:
    """The ends of the 95 % intervals of shares of so many rows (Wilson); of a share that is not known, none."""
    known = shares.dropna()
    ends = [wilson_interval(share, count) for share, count in zip(known, counts[known.index], strict=True)]
    low, high = (pd.Series([each[end] for each in ends], index=known.index, dtype=float) for end in (0, 1))
    return low.reindex(shares.index), high.reindex(shares.index)


def error_bars(
    value: pd.Series[float], low: pd.Series[float], high: pd.Series[float], **look: object
) -> dict[str, object]:
    """Bars from the lower ends to the upper ones; `look` is Plotly's, such as color."""
    return {"type": "data", "symmetric": False, "array": high - value, "arrayminus": value - low, **look}


def band(
    x: pd.Series[Any], ends: Ends, colour: str, name: str = "", shape: str = "linear"
) -> tuple[go.Scatter, go.Scatter]:
    """The area between the ends; one without a name is not in the legend."""
    edge = {"x": x, "mode": "lines", "line": {"width": 0, "shape": shape}, "hoverinfo": "skip"}
    filled = go.Scatter(**edge, y=ends[1], name=name, showlegend=bool(name), fill="tonexty", fillcolor=colour)
    return go.Scatter(**edge, y=ends[0], showlegend=False), filled


def translucent(colour: str, opacity: float) -> str:
    """A colour such as #0072b2 through which what lies below is seen."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"
