"""Small plots side by side, each under its title and with axes of its own."""

from __future__ import annotations

from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from models_ml.reports.drawing import figure
from models_ml.reports.text import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import plotly.graph_objects as go

# A title has to fit on a phone, two plots a row.
LETTERS_A_LINE, LINES_OF_A_TITLE = 20, 2
# Between plots, in pixels: for the ticks of one and the title of the next.
ROOM = 70


def small_plots(
    traces: Iterable[object], titles: Sequence[str], height: int, columns: int = 2, **looks: dict[str, Any]
) -> go.Figure:
    """Plots so many pixels high, so many a row; each trace names the axes of its plot by `axes_at`.

    `looks` are those of all axes, under xaxis and yaxis.
    """
    plot_rows = -(-len(titles) // columns)
    grid = {"rows": plot_rows, "columns": min(columns, len(titles)), "pattern": "independent", "xgap": 0.2}
    places = [axes_at(place) for place in range(len(titles))]
    axes = {f"{axis}{place}": look | {"automargin": True} for axis, look in looks.items() for place in places}
    return figure(
        *traces,
        height=70 + (height + ROOM) * plot_rows,
        showlegend=False,
        grid=grid | {"ygap": ROOM / (height + ROOM)},
        annotations=[_title(title, place) for title, place in zip(titles, places, strict=True)],
        margin={"l": 40, "r": 12, "t": 44, "b": 36},
        **axes,
    )


def axes_at(place: int) -> str:
    """What Plotly adds to x and y for the plot at a place."""
    return "" if place == 0 else str(place + 1)


def plain(text: str, letters: int) -> str:
    """Text that Plotly takes for no markup: it may hold a value out of the log, and the page escapes traces alone."""
    return escape(shortened(text, letters), quote=False)


def _title(name: str, axes: str) -> dict[str, Any]:
    place = {"xref": f"x{axes} domain", "yref": f"y{axes} domain", "x": 0, "y": 1, "yanchor": "bottom", "align": "left"}
    lines = wrap(name.replace("_", " "), LETTERS_A_LINE)[:LINES_OF_A_TITLE]
    text = "<br>".join(plain(line, LETTERS_A_LINE) for line in lines)
    return place | {"text": text, "showarrow": False, "font": {"size": 11}}
