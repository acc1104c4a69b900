"""A map of the United States, a tile a state: on it a small state is seen, and it needs no map from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import plotly.graph_objects as go

from models_ml.reports.drawing import SEQUENTIAL, figure

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROWS = (
    "ME:0,11",
    "VT:1,10 NH:1,11",
    "WA:2,1 ID:2,2 MT:2,3 ND:2,4 MN:2,5 IL:2,6 WI:2,7 MI:2,8 NY:2,9 RI:2,10 MA:2,11",
    "OR:3,1 NV:3,2 WY:3,3 SD:3,4 IA:3,5 IN:3,6 OH:3,7 PA:3,8 NJ:3,9 CT:3,10",
    "CA:4,1 UT:4,2 CO:4,3 NE:4,4 MO:4,5 KY:4,6 WV:4,7 VA:4,8 MD:4,9 DE:4,10",
    "AZ:5,2 NM:5,3 KS:5,4 AR:5,5 TN:5,6 NC:5,7 SC:5,8 DC:5,9",
    "OK:6,4 LA:6,5 MS:6,6 AL:6,7 GA:6,8",
    "AK:7,0 HI:7,1 TX:7,4 FL:7,9",
)


def _tile(text: str) -> tuple[str, tuple[int, int]]:
    state, _, place = text.partition(":")
    row, _, column = place.partition(",")
    return state, (int(row), int(column))


# Row and column by postal code, roughly where the states lie.
STATE_TILES = dict(_tile(text) for row in _ROWS for text in row.split())
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
