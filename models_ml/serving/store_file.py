"""The file of a publication, written: an SQLite database, and the pointer to the newest."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from models_ml.serving.contents import INDICES, SORTED
from warehouse.contract.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import pandas as pd

    from models_ml.serving.contents import Publication

POINTER, SUFFIX = "newest", ".sqlite"
# The file before stays for who is reading it.
FILES_KEPT = 2


def write_store(folder: Path, publication: Publication, tables: Mapping[str, pd.DataFrame | None]) -> Path:
    """Write all tables to a file of their own, and point to it: readers see it from one moment to the next.

    A table without rows, None, is left out. Raises OSError, sqlite3.OperationalError where there is no room: the file
    before stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{publication.written_at.translate({ord(each): None for each in ':-.'})}{SUFFIX}"
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as database:
            # A draft that is cut short is thrown away: it needs no journal.
            database.execute("pragma journal_mode = off")
            database.execute("pragma synchronous = off")
            database.execute("begin")
            _write_table(database, "publication", list(asdict(publication)), [tuple(asdict(publication).values())])
            for name, rows in tables.items():
                if rows is not None:
                    _write_table(database, name, [str(each) for each in rows.columns], _values(rows))
            database.execute("commit")
            database.execute("analyze")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    replace_file(folder / POINTER, path.name.encode())
    _remove_old(folder, path)
    return path


def _write_table(database: sqlite3.Connection, name: str, columns: list[str], rows: Iterable[tuple[Any, ...]]) -> None:
    quoted = ", ".join(f'"{column}"' for column in columns)
    places = ", ".join("?" * len(columns))
    database.execute(f'create table "{name}" ({quoted})')
    database.executemany(f'insert into "{name}" values ({places})', rows)  # noqa: S608 - a table of ours
    for keys in INDICES.get(name, ()):
        found = ", ".join(SORTED.get(key, f'"{key}"') for key in keys)
        database.execute(f'create index "{name}_by_{keys[0]}" on "{name}" ({found})')


def _values(rows: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """The rows as SQLite takes them: moments and dates as ISO 8601 in UTC, flags as 0 and 1, NULL for what is not."""
    columns = [[_value(each) for each in _whole(rows[name]).tolist()] for name in rows.columns]
    return zip(*columns, strict=True)


def _whole(values: pd.Series[Any]) -> pd.Series[Any]:
    """A column of whole numbers, which pandas makes floats where some are NULL, as such."""
    is_whole = values.dtype.kind == "f" and (values.dropna() % 1 == 0).all()
    return values.astype("Int64").astype(object).where(values.notna(), None) if is_whole else values


def _value(value: Any) -> Any:  # noqa: ANN401 - a cell of any type
    if value is None or value != value:  # noqa: PLR0124 - NaN and NaT are not themselves
        return None
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, date):
        return value.isoformat()
    plain = value.item() if hasattr(value, "item") else value
    return int(plain) if isinstance(plain, bool) else plain


def _remove_old(folder: Path, newest: Path) -> None:
    others = sorted(each for each in folder.glob(f"*{SUFFIX}") if each != newest)
    for old in others[: len(others) - FILES_KEPT + 1]:
        # On some systems a file that is read cannot be removed: the next publication does it.
        with suppress(OSError):
            old.unlink()
