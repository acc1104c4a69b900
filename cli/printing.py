"""How commands print tables and intervals."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from models_ml.metrics import Interval

WIDE = 120


def print_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows of text under their headers."""
    table = Table(*headers, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*row)
    # A file has no width: there, no line has to break.
    Console(highlight=False, width=None if sys.stdout.isatty() else WIDE).print(table)


def told(interval: Interval) -> str:
    """A number and its interval."""
    return f"{interval.value:.3f} [{interval.low:.2f}, {interval.high:.2f}]"
