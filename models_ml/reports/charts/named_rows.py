"""Rows of a figure under long names: above their bars, not beside them, for which a phone has no room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from models_ml.reports.text import shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

# What a phone has room for.
LETTERS = 54
MARGIN = {"l": 16, "r": 28, "t": 16, "b": 48}


def hidden_names(rows: int) -> dict[str, Any]:
    """A vertical axis, the first row on top, that leaves the names to `labels_above`."""
    plain = {"showticklabels": False, "showgrid": False, "zeroline": False, "ticks": ""}
    return plain | {"range": [rows - 0.4, -0.6]}


def labels_above(names: Sequence[str]) -> go.Scatter:
    """The names of the rows, each above its bar."""
    return go.Scatter(
        x=[0] * len(names),
        y=[place - 0.3 for place in range(len(names))],
        text=[shortened(name, LETTERS) for name in names],
        textfont={"size": 11},
        mode="text",
        textposition="middle right",
        hoverinfo="skip",
        showlegend=False,
        cliponaxis=False,
    )
