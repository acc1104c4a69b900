"""What a chart function returns, and the look that all figures share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import plotly.graph_objects as go

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

# Okabe and Ito's colours (2008), which people tell apart who do not see red and green; on white and on black alike.
BLUE, ORANGE, GREEN, PINK, SKY, RED, YELLOW, GREY = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
    "#b8a800",
    "#7f7f7f",
)
COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, RED, YELLOW, GREY)
# From little to much, and from less than nothing to more: both are read in grey, too.
SEQUENTIAL, DIVERGING = "Viridis", "RdBu"
HEIGHT = 340


Tone = Literal["", "good", "warn", "bad"]


class NothingToShow(Exception):
    """The rows carry no such chart; the message says what they lack, and what brings it."""


@dataclass(frozen=True)
class Drawing:
    """A chart: its figure, what one sees in words, and, where people look things up, a table of its own."""

    figure: go.Figure | None
    says: Markup
    table: pd.DataFrame | None = None


@dataclass(frozen=True)
class Number:
    """A number that matters today: its value, what it says of its change, its past in order, how good that is."""

    value: Markup
    note: Markup
    past: tuple[float, ...] = ()
    tone: Tone = ""


def figure(*traces: object, height: int = HEIGHT, **layout: object) -> go.Figure:
    """Return a figure in the look of the house; its colours of text and grid are the page's, light or dark."""
    drawn = go.Figure(list(traces))
    drawn.update_layout(
        template="none",
        colorway=COLOURS,
        autosize=True,
        height=height,
        margin={"l": 56, "r": 16, "t": 16, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="closest",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    )
    drawn.update_xaxes(automargin=True)
    drawn.update_yaxes(automargin=True)
    drawn.update_layout(**layout)
    return drawn
