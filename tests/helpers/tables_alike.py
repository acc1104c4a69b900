"""What published tables hold, column by column, read without Spark: of two warehouses, whether it is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

import sparkhouse

if TYPE_CHECKING:
    from pathlib import Path

    Content = dict[str, dict[str, int]]

KEYS = ("event_id", "line_number", "user_id", "session_id", "event_date", "as_of_date", "algorithm", "feature", "fold")


def content(home: Path | None = None) -> Content:
    """Of each published table, a hash of each column: of all its values, each with the keys of its row."""
    names = [table.name for table in sparkhouse.tables(home=home) if not table.name.startswith("monitoring.")]
    return {name: _hashes(sparkhouse.read(name, home=home, to="polars")) for name in names}


def _hashes(rows: pl.DataFrame) -> dict[str, int]:
    """Rows may come in any order. Lists and maps are hashed as text, for what they hold counts, not how."""
    keys = [key for key in KEYS if key in rows.columns]
    nested = [name for name, kind in rows.schema.items() if kind.is_nested()]
    rows = rows.with_columns(pl.Series(name, [repr(value) for value in rows[name].to_list()]) for name in nested)
    return {
        name: int(np.sum(rows.select(*(key for key in keys if key != name), name).hash_rows().to_numpy()))
        for name in rows.columns
    }


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
