"""One state of the published tables, as a program of others reads it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from cli.machine.cluster import cluster_of
from cli.machine.home import Home, state_folder
from cli.runs.relocation import require_in_place
from warehouse.contract.errors import SparkhouseError
from warehouse.publishing.reading import newest_snapshots, resolve_moment, snapshots_as_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    import pyarrow as pa


class NoSuchTable(SparkhouseError, LookupError):
    """The state folder has no table of that name."""


@dataclass(frozen=True)
class TableState:
    """A table as it is published, or was.

    `snapshot_id` is Iceberg's, None of a table without rows; `path` names the Iceberg metadata file that DuckDB
    (`iceberg_scan`), Polars (`scan_iceberg`) and PyIceberg read.
    """

    name: str
    row_count: int
    snapshot_id: int | None
    path: str


@overload
def read(
    table: str,
    *,
    as_of: str | datetime | None = ...,
    columns: Sequence[str] | None = ...,
    where: str | None = ...,
    home: str | Path | None = ...,
    to: Literal["arrow"] = ...,
) -> pa.Table: ...


@overload
def read(
    table: str,
    *,
    as_of: str | datetime | None = ...,
    columns: Sequence[str] | None = ...,
    where: str | None = ...,
    home: str | Path | None = ...,
    to: Literal["pandas"],
) -> pd.DataFrame: ...


@overload
def read(
    table: str,
    *,
    as_of: str | datetime | None = ...,
    columns: Sequence[str] | None = ...,
    where: str | None = ...,
    home: str | Path | None = ...,
    to: Literal["polars"],
) -> Any: ...  # noqa: ANN401 - polars is the caller's to install


def read(  # noqa: PLR0913 - what to read, and as what
    table: str,
    *,
    as_of: str | datetime | None = None,
    columns: Sequence[str] | None = None,
    where: str | None = None,
    home: str | Path | None = None,
    to: Literal["arrow", "pandas", "polars"] = "arrow",
) -> Any:
    """Return the rows of a published table, such as "ml.churn_predictions"; moments are in UTC.

    `as_of` is a run that published, or a moment (in UTC where it names no zone), for the table as it was published
    then: two reads of one run are of one state. `where` is a filter in PyIceberg's grammar, such as
    "as_of_date = '2018-11-26' and risk_decile = 1"; files that hold no such row are not read. `home` is a state
    folder, if not that of the environment; a cluster's tables are those that the environment names.

    Raises:
        NoSuchTable: there is none of that name.
        NoSuchState: nothing was published then, or it is no longer kept.
        StateElsewhere: the state folder was copied or moved.
        UnreadableFilter: a column that is not there, a filter that cannot be read.
    """
    warehouse = _home(home)
    found = warehouse.catalog.find(table)
    if found is None:
        raise NoSuchTable(
            f"there is no table {table} in {warehouse.place}: `sparkhouse tables` lists them, and SPARKHOUSE_HOME or "
            "`home` names another state folder"
        )
    rows = found.rows(_snapshots(warehouse, [table], as_of)[table], columns, where)
    if to == "pandas":
        return rows.to_pandas()
    if to == "polars":
        import polars as pl

        return pl.from_arrow(rows)
    return rows


def tables(*, home: str | Path | None = None) -> list[TableState]:
    """Return all published tables by name, in the newest published state. Raises StateElsewhere."""
    warehouse = _home(home)
    found = warehouse.catalog.tables
    snapshots = _snapshots(warehouse, [table.name for table in found], None)
    return [
        TableState(table.name, table.row_count(pin), pin, table.metadata_file(pin))
        for table, pin in ((table, snapshots[table.name]) for table in found)
    ]


def _home(chosen: str | Path | None) -> Home:
    """The state folder that is named, else the environment's, with its cluster where that is the target."""
    if chosen is None:
        home = Home(state_folder(os.environ.get("SPARKHOUSE_HOME")), cluster=cluster_of(os.environ))
    else:
        home = Home(state_folder(str(chosen)))
    require_in_place(home)
    return home


def _snapshots(home: Home, names: Sequence[str], as_of: str | datetime | None) -> Mapping[str, int | None]:
    """The snapshot of each table in one published state."""
    if as_of is None:
        return newest_snapshots(home.catalog, home.journal, names)
    return snapshots_as_of(home.catalog, resolve_moment(home.catalog, _text(as_of)), names)


def _text(as_of: str | datetime) -> str:
    if isinstance(as_of, str):
        return as_of
    return (as_of if as_of.tzinfo else as_of.replace(tzinfo=timezone.utc)).isoformat()
