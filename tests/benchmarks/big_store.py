"""A store of many users, made of a small one: each user stands in it again and again, under other ids."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING

import pandas as pd

from models_ml.serving.contents import PAST_ROWS, tables_of
from models_ml.serving.store_file import write_store

if TYPE_CHECKING:
    from pathlib import Path

    from models_ml.serving.store import Store

USERS = 22_277
OF_USERS = ("customers", "predictions", "sessions", "spells", "snapshots")


def big_store(source: Store, folder: Path) -> Path:
    """Write the tables of a store with 22,277 users and 20,000 past snapshots; return the file."""
    tables = {name: _read(source, name) for name in source.tables if name not in {"publication", "sqlite_stat1"}}
    tables |= _newest_and_past(tables["snapshots"], source)
    users = _copied(tables["customers"], USERS)["user_id"]
    for name in OF_USERS:
        copies = _copied(tables[name], len(tables[name]) * -(-USERS // len(tables["customers"])))
        tables[name] = copies[copies["user_id"].isin(set(users))]
    tables["past"] = _copied(tables["past"], PAST_ROWS)
    return write_store(folder, source.publication, tables)


def _read(store: Store, table: str) -> pd.DataFrame:
    return pd.DataFrame(store.rows(f'select * from "{table}"'), dtype=object)


def _newest_and_past(snapshots: pd.DataFrame, source: Store) -> dict[str, pd.DataFrame]:
    """The newest snapshots; the past is made of the others where an earlier version wrote the file."""
    if "past" in source.tables:
        return {"snapshots": snapshots[snapshots["is_newest"] == 1]}
    told = pd.DataFrame([json.loads(features) for features in snapshots["features"]])
    made = tables_of(pd.concat([snapshots.drop(columns="features"), told], axis=1), source.model)
    return {name: rows for name, rows in made.items() if rows is not None}


def _copied(rows: pd.DataFrame, wanted: int) -> pd.DataFrame:
    """So many rows: those at hand, then those of users with 001 after their ids, and so on."""
    parts = [rows]
    for number in count(1):
        if sum(map(len, parts)) >= wanted:
            break
        parts.append(rows.assign(user_id=rows["user_id"] + f"{number:03d}"))
    copies = pd.concat(parts, ignore_index=True)[:wanted].astype(object)
    return copies.where(copies.notna(), None)
