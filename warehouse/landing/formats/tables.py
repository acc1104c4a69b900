"""Tables as records: each row of a CSV or Parquet file as JSON text.

Values of CSV stay text, and an empty cell is a missing value. Timestamps of Parquet become milliseconds since 1970 UTC,
which is what `ts` is in a log (one without a time zone is taken for UTC); lists, structs and maps become JSON; dates,
times of day, durations and decimals become text; bytes are taken for UTF-8.
"""

from __future__ import annotations

import csv
import json
import re
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.contract.errors import SparkhouseError
from warehouse.landing.formats.lines_of_text import LONGEST_LINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_ROWS_AT_ONCE = 4096
# Columns without a name, and what pandas makes of one: the numbers of rows, which would make a new event of each row.
_INDEX = re.compile(r"(Unnamed: \d+|__index_level_\d+__)?")
# Excel's own first line, such as `sep=;`, cut where it says.
_EXCEL_SEPARATOR = "sep="


class BrokenTable(SparkhouseError, ValueError):
    """A Parquet file that cannot be read, or not to its end."""


def csv_records(lines: Iterable[str], delimiter: str) -> Iterator[str]:
    """Yield each row below the line of column names as a JSON object.

    A row with another number of cells than that line is a JSON list of its cells, an empty row is empty text.
    """
    csv.field_size_limit(LONGEST_LINE)
    rows = _rows(lines, delimiter)
    names = [name.strip() for name in next((row for row in rows if row and row[0].lower() != _EXCEL_SEPARATOR), [])]
    starts = ["" if _INDEX.fullmatch(name) else f"{encode_basestring(name)}: " for name in names]
    for row in rows:
        if len(row) == len(names):
            members = [
                start + encode_basestring(cell) for start, cell in zip(starts, row, strict=True) if start and cell
            ]
            yield f"{{{', '.join(members)}}}"
        else:
            yield _json(row) if row else ""


def _rows(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Yield the cells of each row; of one with a cell that is too long for a line, a cell that is too long."""
    text = (line.replace("\0", "") for line in lines)
    has_more = True
    while has_more:
        has_more = False
        try:
            yield from csv.reader(text, delimiter=delimiter)
        except csv.Error:  # the reader has come to its end; the text has not
            has_more = True
        if has_more:
            yield ["x" * (LONGEST_LINE + 1)]


def parquet_records(path: Path) -> Iterator[str]:
    """Yield each row as a JSON object without its missing values. Raises BrokenTable where it cannot be read on."""
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE):
                named = zip(batch.schema.names, batch.columns, strict=True)
                kept = [(name, _plain(column).to_pylist()) for name, column in named if not _INDEX.fullmatch(name)]
                names, columns = zip(*kept, strict=True) if kept else ((), ())
                for row in zip(*columns, strict=True):
                    yield _json({name: value for name, value in zip(names, row, strict=True) if value is not None})
    except (pa.ArrowException, OSError) as error:
        raise BrokenTable(str(error)) from error


def _plain(column: pa.Array) -> pa.Array:
    """Return a column with its timestamps as milliseconds."""
    if pa.types.is_timestamp(column.type):
        return pc.cast(column, pa.timestamp("ms", column.type.tz), safe=False).cast(pa.int64())
    return column


def _text(value: Any) -> str:  # noqa: ANN401 - whatever Arrow makes of a cell
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


_json = json.JSONEncoder(ensure_ascii=False, default=_text).encode
