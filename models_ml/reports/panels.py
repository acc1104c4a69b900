"""What a page is made of: panels, each one query, one chart of its rows, and what is said where there are none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.contract.labels import label_names

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from models_ml.reports.drawing import Drawing, Number

QUERIES = Path(__file__).parent / "queries"


@dataclass(frozen=True)
class Panel:
    """One chart of a page.

    `query` names a file of SQL, whose rows `draw` gets. `missing` says what is lacking where there is no such table or
    no row, and how to get it. `looks_back` marks what is told from outcomes: nothing of it is known beforehand.
    `beside` names further queries, whose rows `draw` gets after the first: None where a table of one is not there.
    """

    title: str
    query: str
    draw: Callable[..., Drawing]
    missing: str
    is_wide: bool = False
    looks_back: bool = False
    beside: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Its anchor on the page."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True)
class NumberPanel:
    """One number above the panels of a page; `page` names the page that tells more of it."""

    title: str
    query: str
    draw: Callable[[pd.DataFrame], Number]
    missing: str
    page: str


@dataclass(frozen=True)
class Page:
    """A page of the report: `name` is that of its file."""

    name: str
    title: str
    lead: str
    panels: tuple[Panel, ...]
    numbers: tuple[NumberPanel, ...] = ()

    @property
    def queries(self) -> set[str]:
        """The names of all its queries."""
        beside = {query for each in self.panels for query in each.beside}
        return beside | {each.query for each in self.panels} | {each.query for each in self.numbers}


def statement(query: str, label: str) -> str:
    """The SQL of a query, about a label where it is about one: what the reader sees, and `sparkhouse sql` answers.

    For {label_counts} stand the labels of the catalogue, each with how many are known and how many of these are true.
    """
    counts = (f"struct('{name}', count({name}), count_if({name}))" for name in label_names())
    text = (QUERIES / f"{query}.sql").read_text(encoding="utf-8").strip()
    return text.replace("{label}", label).replace("{label_counts}", (",\n" + " " * 12).join(counts))
