"""What a build was made of, so that one of the same is not made again."""

from __future__ import annotations

from datetime import datetime, timezone
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from pyspark.sql import functions as F

from cli.machine.environment import DBT_PROJECT, REPOSITORY
from warehouse.contract.files import hash_of_files
from warehouse.contract.moments import moment
from warehouse.contract.tables import append_rows, completed
from warehouse.publishing.records import BUILDS
from warehouse.publishing.tables import Table, tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import Row

    from cli.jobs.workspace import Workspace

BUILD_INPUTS = "monitoring.build_inputs"
# What upkeep does: the same rows in fewer files.
MOVED = {"replace"}
BUILT = ("staging", "intermediate", "marts")
RULES = {".py", ".sql", ".yml"}


class Base(NamedTuple):
    """The build that is published: of which run, when it was complete, what it was made of, its newest line.

    `rules` are those by which it was judged last; `model_hashes` are empty of a build of an earlier version.
    """

    run_id: str
    completed_at: datetime
    tables: Mapping[str, int]
    rules: str
    model_hashes: Mapping[str, str]
    newest_ingested_at: datetime


def record(workspace: Workspace, model_hashes: Mapping[str, str]) -> None:
    """Keep what the build of this run was made of; it counts once the run is published."""
    _record(workspace, workspace.steps.run_id, raw_tables(workspace), model_hashes)


def record_judged(workspace: Workspace, base: Base, model_hashes: Mapping[str, str]) -> None:
    """Keep that the build that is published was judged by the rules of today."""
    _record(workspace, base.run_id, base.tables, model_hashes)


def published_base(workspace: Workspace) -> Base | None:
    """Return the build that is published; None if there is none whose tables are as it left them.

    Whoever has moved or written one of its tables since, as a rollback or bare dbt does, has them built again.
    """
    built = _newest(workspace, BUILDS, "true", "completed_at", "newest_ingested_at")
    made_of = _newest(workspace, BUILD_INPUTS, f"run_id = '{built.build_id}'", "built_at") if built else None
    if built is None or made_of is None:
        return None
    now = [table for table in tables(workspace.spark) if table.name.startswith(BUILT)]
    same = all(_is_as_left(table, built.table_snapshot_ids.get(table.name)) for table in now)
    if not same or len(now) != len(built.table_snapshot_ids) or built.newest_ingested_at is None:
        return None
    return Base(
        built.build_id,
        moment(built.completed_at),
        made_of.table_snapshot_ids,
        made_of.rules,
        made_of.model_hashes or {},
        moment(built.newest_ingested_at),
    )


def unchanged_since(workspace: Workspace) -> datetime | None:
    """Return when the published tables were built, if a build would be made of the same; None if it would not."""
    base = published_base(workspace)
    is_same = base and base.tables == raw_tables(workspace) and base.rules == rules(workspace)
    return base.completed_at if base and is_same else None


def raw_tables(workspace: Workspace) -> dict[str, int]:
    """The snapshot of each raw table that this run sees: on its branch, where it has written one."""
    raw = [table for table in tables(workspace.spark) if table.name.startswith("raw.")]
    heads = {table.name: table.head(workspace.steps.run_id) or table.head() for table in raw}
    return {name: head for name, head in heads.items() if head is not None}


def rules(workspace: Workspace) -> str:
    """A hash of all that decides what a build makes of a log, and whether it may be published."""
    home = workspace.home
    limits = home.limits.read_bytes() if home.limits.exists() else b""
    files = [hash_of_files(folder, RULES).encode() for folder in (DBT_PROJECT, REPOSITORY / "expectations")]
    return sha256(b"\0".join([*files, limits, str(home.on_drift).encode()])).hexdigest()


def _record(
    workspace: Workspace, run_id: str, table_snapshot_ids: Mapping[str, int], model_hashes: Mapping[str, str]
) -> None:
    row = {
        "run_id": run_id,
        "built_at": datetime.now(timezone.utc),
        "rules": rules(workspace),
        "table_snapshot_ids": table_snapshot_ids,
        "model_hashes": model_hashes,
    }
    append_rows(workspace.spark, BUILD_INPUTS, [row])


def _is_as_left(table: Table, then: int | None) -> bool:
    """Whether a table holds the rows that a snapshot of it held; upkeep has them in other files."""
    now = table.head()
    return now == then or (now is not None and then is not None and table.only_had(MOVED, now, then))


def _newest(workspace: Workspace, table: str, condition: str, *moments: str) -> Row | None:
    """The newest row of which something holds, by the first of some moments, which are microseconds since 1970."""
    if not workspace.spark.catalog.tableExists(table):
        return None
    rows = (
        completed(workspace.spark.table(table), table)
        .where(condition)
        .withColumns({name: F.unix_micros(name) for name in moments})
    )
    return next(iter(rows.orderBy(F.desc(moments[0])).limit(1).collect()), None)
