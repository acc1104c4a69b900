"""What published tables hold, column by column, read without Spark: of two warehouses, whether it is the same."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

import sparkhouse

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    Content = dict[str, dict[str, str]]

KEYS = ("event_id", "line_number", "user_id", "session_id", "event_date", "as_of_date", "algorithm", "feature", "fold")


def content(home: Path | None = None) -> Content:
    """Of each published table, a hash of each column: of all its values, each with the keys of its row."""
    names = [table.name for table in sparkhouse.tables(home=home) if not table.name.startswith("monitoring.")]
    return {name: _hashes(sparkhouse.read(name, home=home)) for name in names}


def _hashes(rows: pa.Table) -> dict[str, str]:
    keys = [rows.column(key).to_pylist() for key in KEYS if key in rows.column_names]
    by_key = [*zip(*keys, strict=True)] if keys else [()] * len(rows)
    return {name: _hash(by_key, rows.column(name).to_pylist()) for name in rows.column_names}


def _hash(keys: list[tuple[object, ...]], values: list[object]) -> str:
    cells = sorted(json.dumps([key, value], default=str) for key, value in zip(keys, values, strict=True))
    return sha256("\n".join(cells).encode()).hexdigest()


def differing(one: Content, other: Content) -> dict[str, list[str]]:
    """The tables that are not the same, and the columns in which they differ."""
    found = {
        name: sorted(
            column
            for column in one.get(name, {}).keys() | other.get(name, {}).keys()
            if one.get(name, {}).get(column) != other.get(name, {}).get(column)
        )
        for name in one.keys() | other.keys()
    }
    return {name: columns for name, columns in sorted(found.items()) if columns}
