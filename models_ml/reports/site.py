"""The report as files: pages, figures, what all pages share; written beside the old report and switched at the end."""

from __future__ import annotations

import html
import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from models_ml.reports.drawing import NothingToShow
from models_ml.reports.shared_files import shared_assets
from models_ml.reports.tables import table_of
from models_ml.reports.templating import environment
from models_ml.reports.text import shortened
from warehouse.contract.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    import pandas as pd
    import plotly.graph_objects as go

    from models_ml.reports.panels import NumberPanel, Page, Panel

INDEX = "index.html"
# Of a trace, what holds text out of the log: Plotly would take some of it for markup.
TEXTS = frozenset({"x", "y", "text", "name", "label", "labels", "customdata", "hovertext"})
LETTERS_OF_A_LABEL = 60

Shown = TypeVar("Shown")


@dataclass(frozen=True)
class State:
    """The published state that a report shows; `run_id` and `published_at` are of the newest publication.

    `neighbours` are files beside the report, by what they are called: their paths from its folder.
    """

    run_id: str | None
    published_at: datetime | None
    written_at: datetime
    label: str
    neighbours: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Answer:
    """What a query answered: its SQL, and its rows; None where a table of it is not there."""

    sql: str
    rows: pd.DataFrame | None


@dataclass(frozen=True)
class Link:
    """A page in the bar of all pages."""

    title: str
    href: str
    is_here: bool


@dataclass(frozen=True)
class Site:
    """A report on disk; `faults` names the charts that could not be drawn, which their places on the pages say, too."""

    index: Path
    faults: tuple[str, ...]


def write_site(folder: Path, pages: Sequence[Page], answers: Mapping[str, Answer], state: State) -> Site:
    """Write all pages below a folder; its index shows the new report from one moment to the next.

    The first page is the index. Pages of the report before stay beside it for who is reading them; older ones go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    assets = _write_assets(folder)
    name = f"pages-{state.written_at:%Y%m%dT%H%M%S%f}"
    draft = folder / f".{name}.draft"
    faults: list[str] = []
    try:
        draft.mkdir()
        for page in pages[1:]:
            rendering = _Rendering(page, pages, answers, state, draft, faults, "..", "", f"../{assets}")
            (draft / f"{page.name}.html").write_text(rendering.html(), encoding="utf-8")
        index = _Rendering(pages[0], pages, answers, state, draft, faults, ".", f"{name}/", assets).html()
        draft.rename(folder / name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    replace_file(folder / INDEX, index.encode())
    _remove_old(folder, assets)
    return Site(folder / INDEX, tuple(faults))


def _remove_old(folder: Path, assets: str) -> None:
    """Remove all pages but those of this report and of the one before, and the assets that neither needs."""
    for old in sorted(folder.glob("pages-*"))[:-2]:
        shutil.rmtree(old, ignore_errors=True)
    kept = "".join(page.read_text(encoding="utf-8") for page in folder.glob("pages-*/*.html"))
    for shared in folder.glob("assets-*"):
        if shared.name != assets and shared.name not in kept:
            shutil.rmtree(shared, ignore_errors=True)


def _write_assets(folder: Path) -> str:
    """Write what all pages share, unless it is there; return the name of its folder, which tells its content."""
    contents = {source.name: source.read_bytes() for source in shared_assets()}
    name = f"assets-{sha256(b''.join(contents.values())).hexdigest()[:12]}"
    for file, content in contents.items():
        if not (folder / name / file).exists():
            replace_file(folder / name / file, content)
    return name


@dataclass(frozen=True)
class _Rendering:
    """One page on its way to HTML; `home`, `pages_at` and `assets` are where it finds index, pages and the rest."""

    page: Page
    pages: Sequence[Page]
    answers: Mapping[str, Answer]
    state: State
    folder: Path
    faults: list[str]
    home: str
    pages_at: str
    assets: str

    def html(self) -> str:
        return (
            environment()
            .get_template("site/page.html")
            .render(
                title=self.page.title,
                lead=self.page.lead,
                links=self._links(),
                neighbours=[Link(title, f"{self.home}/{path}", is_here=False) for title, path in self.state.neighbours],
                assets=self.assets,
                state=self.state,
                panels=[self._panel(panel) for panel in self.page.panels],
                numbers=[self._number(panel) for panel in self.page.numbers],
            )
        )

    def _links(self) -> list[Link]:
        return [Link(page.title, self._href(page.name), page is self.page) for page in self.pages]

    def _number(self, panel: NumberPanel) -> dict[str, Any]:
        drawn, missing = self._drawn(panel, panel.draw)
        shown = {"title": panel.title, "href": self._href(panel.page), "missing": missing, "number": drawn}
        return shown | {"trend": trend(drawn.past) if drawn else None}

    def _drawn(self, panel: Panel | NumberPanel, draw: Callable[[pd.DataFrame], Shown]) -> tuple[Shown | None, str]:
        """What a panel shows, or why it shows nothing: one chart that a log is too strange for takes no other away."""
        rows = self.answers[panel.query].rows
        if rows is None or rows.empty:
            return None, panel.missing
        try:
            return draw(rows), ""
        except NothingToShow as lack:
            return None, str(lack)
        except Exception as error:  # noqa: BLE001 - said on the page and on the terminal
            self.faults.append(f"{self.page.title}: {panel.title}: {type(error).__name__}: {error}")
            return None, f"This chart could not be drawn ({type(error).__name__}); its SQL answers all the same."

    def _href(self, name: str) -> str:
        is_index = name == self.pages[0].name
        return f"{self.home}/{INDEX}" if is_index else f"{self.pages_at}{name}.html"

    def _panel(self, panel: Panel) -> dict[str, Any]:
        answer, beside = self.answers[panel.query], [self.answers[query] for query in panel.beside]
        drawing, missing = self._drawn(panel, lambda rows: panel.draw(rows, *(each.rows for each in beside)))
        shown = {
            "id": panel.id,
            "title": panel.title,
            "is_wide": panel.is_wide,
            "looks_back": panel.looks_back,
            "sql": [answer.sql, *(each.sql for each in beside)],
            "missing": missing,
            "says": "",
            "figure": None,
            "table": None,
        }
        if drawing is None:
            return shown
        rows = answer.rows if drawing.table is None else drawing.table
        figure = self._write_figure(panel, drawing.figure) if drawing.figure else None
        return shown | {"says": drawing.says, "figure": figure, "table": None if rows is None else table_of(rows)}

    def _write_figure(self, panel: Panel, figure: go.Figure) -> str:
        name = f"figures/{self.page.name}-{panel.id}.js"
        content = as_text(orjson.loads(figure.to_json()))
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(
            b"sparkhouse.figure(" + orjson.dumps(f"{panel.id}-figure") + b"," + orjson.dumps(content) + b");"
        )
        return f"{self.pages_at}{name}"


def trend(past: Sequence[float]) -> str | None:
    """The past of a number as the path of a line, 100 wide and 20 high; None of less than two points."""
    if len(past) < 2:  # noqa: PLR2004 - a line
        return None
    low, high = min(past), max(past)
    step, scale = 100 / (len(past) - 1), 18 / (high - low or 1)
    return "M" + " L".join(f"{place * step:.1f},{19 - (value - low) * scale:.1f}" for place, value in enumerate(past))


def as_text(figure: dict[str, Any]) -> dict[str, Any]:
    """The figure with all text of its traces kept text: Plotly reads `<b>` and `<a href>` in labels as markup."""
    return figure | {"data": [_escaped(trace, is_text=False) for trace in figure["data"]]}


def _escaped(value: Any, *, is_text: bool) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {key: _escaped(each, is_text=key in TEXTS) for key, each in value.items()}
    if isinstance(value, list):
        return [_escaped(each, is_text=is_text) for each in value]
    if isinstance(value, str) and is_text:
        return html.escape(shortened(value, LETTERS_OF_A_LABEL), quote=False)
    return value
