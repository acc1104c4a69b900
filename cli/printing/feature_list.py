"""`sparkhouse features`: the catalogue of features, to read or to load elsewhere."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from cli.printing.console import PlainConsole, closed_pipe, print_rows
from warehouse.contract.catalogue import GROUPS, features
from warehouse.contract.cells import visible
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warehouse.contract.catalogue import Feature

LEAST_WIDTH = 140


class UnknownGroup(SparkhouseError, ValueError):
    """There is no such group of features."""


def features_of(group: str | None) -> tuple[Feature, ...]:
    """Return the features of a group, or all; raises UnknownGroup, BrokenCatalogue."""
    if group not in {None, *GROUPS}:
        raise UnknownGroup(f"There is no group of features {group!r}. Choose from: {', '.join(GROUPS)}.")
    return tuple(feature for feature in features() if group in {None, feature.group})


def print_features(listed: Sequence[Feature], style: str) -> None:
    """Print features as `table`, to be read, or with all that the catalogue says of them as `csv` or `json`."""
    if style == "table":
        _print_tables(listed)
        return
    entries = [feature.model_dump() for feature in listed]
    print_rows(list(entries[0]), [tuple(entry.values()) for entry in entries], style)


def _print_tables(listed: Sequence[Feature]) -> None:
    """A table for each group, so that a long name in one does not narrow the others."""
    # A narrower terminal wraps the lines by itself: to squeeze the columns would cut the words in them.
    console = PlainConsole(width=max(PlainConsole().width, LEAST_WIDTH))
    for group, members in groupby(listed, lambda feature: feature.group):
        table = Table(box=box.SIMPLE_HEAD, title=group, title_justify="left", title_style="bold")
        table.add_column("feature", no_wrap=True)
        for column in ("unit", "range", "NULL where", "leak class"):
            table.add_column(column, max_width=30, overflow="fold")
        table.add_column("description")
        for feature in members:
            words = (feature.unit, shown_range(feature), feature.null_rule, feature.leak_class, feature.description)
            table.add_row(feature.name, *(visible(word) for word in words))
        with closed_pipe():
            console.print(table)


def shown_range(feature: Feature) -> str:
    """The range of a feature as people read it: `0 to 1`, `from 0`, `F, M`, or nothing where all values are right."""
    if feature.allowed:
        return ", ".join(feature.allowed)
    match feature.lowest, feature.highest:
        case None, None:
            return ""
        case lowest, None:
            return f"from {lowest}"
        case None, highest:
            return f"up to {highest}"
    return f"{feature.lowest} to {feature.highest}"
