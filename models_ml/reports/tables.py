"""A frame as a table of a page: what is a number, and how each value is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from models_ml.reports.text import NOTHING, day, moment, number, percent, shortened

if TYPE_CHECKING:
    import pandas as pd

ROWS_SHOWN = 200
# How the name of a column begins, or ends in a table of the warehouse, whose values are parts of one.
SHARES = ("Share", "share")


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    is_number: bool


@dataclass(frozen=True)
class Table:
    """The first rows of a frame, written; `left_out` is how many more it has."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Markup, ...], ...]
    left_out: int


def table_of(frame: pd.DataFrame) -> Table:
    """Write the first rows of a frame."""
    names = [str(name) for name in frame.columns]
    shown = frame.head(ROWS_SHOWN).to_numpy(dtype=object)
    numeric = [_is_numeric(frame.iloc[:, place]) for place in range(len(names))]
    return Table(
        tuple(Column(name, is_number) for name, is_number in zip(names, numeric, strict=True)),
        tuple(tuple(written(value, name) for value, name in zip(row, names, strict=True)) for row in shown),
        max(0, len(frame) - ROWS_SHOWN),
    )


def written(value: object, column: str = "") -> Markup:
    """A value as a page shows it; text out of a log is text, whatever it says, and long text is cut."""
    if value is None or value != value:  # noqa: PLR0124 - NaN and NaT are not themselves
        return NOTHING
    if isinstance(value, bool):
        return escape("yes" if value else "no")
    if isinstance(value, Real):
        return _number(value, column)
    if isinstance(value, date):
        return moment(value) if isinstance(value, datetime) and value.time() != time() else day(value)
    return value if isinstance(value, Markup) else escape(shortened(str(value)))


def _number(value: Real, column: str) -> Markup:
    if isinstance(value, Integral):
        return number(int(value))
    is_share = column.startswith(SHARES) or column.endswith(SHARES)
    return percent(float(value), 1) if is_share else number(float(value), 2)


def _is_numeric(values: pd.Series[Any]) -> bool:
    return values.dtype.kind in "iuf"
