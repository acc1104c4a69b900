"""A map of the United States, a tile a state: on it a small state is seen, and it needs no map from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import plotly.graph_objects as go

from models_ml.reports.drawing import SEQUENTIAL, figure
from models_ml.reports.state_tiles import STATE_TILES

if TYPE_CHECKING:
    from collections.abc import Sequence

# The scale lies below the map: on a phone there is no room beside it.
SCALE = {"orientation": "h", "thickness": 12, "y": 0, "yanchor": "top"}


def state_tiles(
    values: pd.Series[float], title: str, written: str, tickformat: str, users: Sequence[int] | None = None
) -> go.Figure:
    """Draw a value by state (its index); states without one have no colour.

    `written` is how a tile says it where one points at it, `users` what it may say beside it, in the order of values.
    """
    of_state = pd.DataFrame({"value": values, "users": values if users is None else list(users)}, index=values.index)
    tiles = pd.DataFrame([(state, *place) for state, place in STATE_TILES.items()], columns=["state", "row", "column"])
    shown = tiles.join(of_state, on="state")
    blank = shown[shown.value.isna()]
    return figure(
        go.Heatmap(
            x=shown.column,
            y=shown.row,
            z=shown.value,
            text=shown.state.where(shown.value.notna(), ""),
            customdata=shown.users,
            texttemplate="%{text}",
            colorscale=SEQUENTIAL,
            zmin=0,
            zmax=float(values.max()),
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": title, "side": "bottom"}, "tickformat": tickformat, **SCALE},
            hovertemplate=f"%{{text}}: {written}<extra></extra>",
            hoverongaps=False,
        ),
        # Text of a heatmap is dark where it has no colour, on a dark page, too.
        go.Scatter(x=blank.column, y=blank.row, text=blank.state, mode="text", hoverinfo="skip", showlegend=False),
        height=420,
        xaxis={"visible": False},
        yaxis={"visible": False, "autorange": "reversed", "scaleanchor": "x"},
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
    )
