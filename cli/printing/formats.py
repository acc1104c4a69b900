"""Rows as the lines of a table, of a CSV file, of a JSON array: one after the other, so that none has to be held."""

from __future__ import annotations

import base64
import json
import math
import re
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from warehouse.contract.cells import UNSEEN, defused, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

# The columns of a table are as wide as these first rows ask for; a longer value further down pushes its line out.
SIZED = 1_000
_TO_QUOTE = re.compile('[",\r\n]')


class Written(str):
    """Text that a program wrote of a typed value, such as a date: in a CSV file no formula, whatever it begins with."""

    __slots__ = ()


def distinct(names: Sequence[str]) -> list[str]:
    """The names, each that stood before with a number: `a`, `a_2`; none is made that is there already."""
    found: dict[str, None] = {}
    for name in names:
        unique, number = name, 1
        while unique in found or (number > 1 and unique in names):
            number += 1
            unique = f"{name}_{number}"
        found[unique] = None
    return list(found)


def cell(value: object) -> str:
    """A value as the text of a cell: nothing for NULL, JSON for what has parts, base64 for bytes, else as in SQL."""
    write = _CELLS.get(type(value))
    return write(value) if write else str(value)


def as_json(value: object) -> str:
    """A value as JSON: numbers with all their digits, null for NaN and the infinities, base64 for bytes."""
    write = _JSON.get(type(value))
    return write(value) if write else _quoted(cell(value))


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _object(value: Mapping[object, object]) -> str:
    return f"{{{', '.join(f'{_quoted(str(key))}: {as_json(each)}' for key, each in value.items())}}}"


def _array(value: Sequence[object]) -> str:
    return f"[{', '.join(map(as_json, value))}]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


_JSON: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
    int: str,
    float: lambda value: repr(value) if math.isfinite(value) else "null",
    Decimal: lambda value: format(value, "f"),
    dict: _object,
    list: _array,
    tuple: _array,
}
_CELLS: dict[type, Callable[[Any], str]] = {
    **_JSON,
    type(None): lambda _: "",
    float: _number,
    bytes: lambda value: base64.b64encode(value).decode(),
    date: date.isoformat,
    datetime: datetime.isoformat,
}


def json_lines(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """One array with an object a row. What would turn a terminal's head is escaped, as JSON allows of any character."""
    names = [_quoted(column) for column in columns]
    before = "["
    for row in rows:
        yield f"{before}{{{', '.join(f'{name}: {as_json(value)}' for name, value in zip(names, row, strict=True))}}}"
        before = ","
    yield "]" if before == "," else "[]"


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The header, then a record a row (RFC 4180, but for the `\\n` at its end); text that is a formula is defused."""
    yield ",".join(_csv_cell(column) for column in columns)
    for row in rows:
        yield ",".join(map(_csv_cell, row)) or '""'


def table_lines(columns: Sequence[str], rows: Iterable[Sequence[object]], rule: str = "─") -> Iterator[str]:
    """The header, a rule, a line a row, with an empty line before and after; nothing is cut."""
    texts = ([visible(cell(value)) for value in row] for row in rows)
    header = [visible(column) for column in columns]
    sized = [header, *islice(texts, SIZED)]
    widths = [max(map(cell_len, column)) for column in zip(*sized, strict=True)]
    yield ""
    yield _aligned(header, widths)
    yield " " + rule * (sum(widths) + 3 * len(widths) - 1)
    for row in chain(sized[1:], texts):
        yield _aligned(row, widths)
    yield ""


def escaped(line: str, encoding: str) -> str:
    """A line of JSON with escapes for what a terminal obeys, and for what the encoding cannot say."""
    unseen = UNSEEN if encoding.startswith("utf") else re.compile("[^ -~]")
    return unseen.sub(lambda found: json.dumps(found[0])[1:-1], line)


def _csv_cell(value: object) -> str:
    """NULL is nothing, text without a letter is `""`: to Postgres and others the two differ."""
    if value == "":
        return '""'
    text = defused(value) if isinstance(value, str) and not isinstance(value, Written) else cell(value)
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if _TO_QUOTE.search(text) else text


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True))
    return ("  " + "   ".join(cells)).rstrip()
