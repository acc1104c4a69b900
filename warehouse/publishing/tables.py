"""The warehouse's tables as Iceberg keeps them: branches, the snapshot that each is at, and the history of `main`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from warehouse.contract.tables import BRANCHED, iceberg_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

# What a run publishes. `monitoring` tells of runs, of failed ones too: it is written to directly.
SCHEMAS = ("raw", "staging", "intermediate", "marts", "ml")
MONITORING = "monitoring"
MAIN = "main"


class Change(NamedTuple):
    """One switch of a table's `main`: from `at` (milliseconds since 1970 UTC) on, readers see the snapshot."""

    at: int
    snapshot_id: int


@dataclass(frozen=True)
class Table:
    """A table of the warehouse, `schema.name`; every look at it reads its metadata anew."""

    name: str
    _spark: SparkSession

    @property
    def location(self) -> str:
        """The place of its files: a folder, or a URI."""
        return str(self._iceberg().location())

    def head(self, branch: str = MAIN) -> int | None:
        """Return the snapshot that a branch is at; None if the table has no such branch, or nothing on `main`."""
        ref = self._iceberg().refs().get(branch)
        return None if ref is None else int(ref.snapshotId())

    @property
    def branches(self) -> set[str]:
        """The names of its branches but `main`; tags are not among them."""
        return {name for name, ref in self._iceberg().refs().items() if ref.isBranch() and name != MAIN}

    @property
    def changes(self) -> list[Change]:
        """Every switch of `main` to a snapshot that Iceberg still keeps, the oldest first."""
        return [Change(int(entry.timestampMillis()), int(entry.snapshotId())) for entry in self._iceberg().history()]

    @property
    def snapshot_ids(self) -> set[int]:
        """The snapshots that can still be read."""
        return {int(snapshot.snapshotId()) for snapshot in self._iceberg().snapshots()}

    def written_at(self, snapshot_id: int) -> int:
        """Return when a snapshot was written, in milliseconds since 1970 UTC."""
        return int(self._iceberg().snapshot(snapshot_id).timestampMillis())

    def descends(self, snapshot_id: int, ancestor_id: int | None) -> bool:
        """Whether a snapshot was written on top of another, or of an empty table (`ancestor_id` None)."""
        if ancestor_id is None:
            return True
        history = self._spark._jvm.org.apache.iceberg.util.SnapshotUtil  # type: ignore[union-attr]  # noqa: SLF001
        return bool(history.isAncestorOf(self._iceberg(), snapshot_id, ancestor_id))

    def only_had(self, operations: set[str], snapshot_id: int, ancestor_id: int) -> bool:
        """Whether a snapshot was written on top of another by some operations alone: append, overwrite, replace ..."""
        if not self.descends(snapshot_id, ancestor_id):
            return False
        table = self._iceberg()
        history = self._spark._jvm.org.apache.iceberg.util.SnapshotUtil  # type: ignore[union-attr]  # noqa: SLF001
        between = history.snapshotIdsBetween(table, ancestor_id, snapshot_id)
        return {str(table.snapshot(each).operation()) for each in between} <= operations

    def fast_forward(self, branch: str) -> None:
        """Let `main` follow to where a branch is, in one commit; nothing changes where it is there already."""
        self._iceberg().manageSnapshots().fastForwardBranch(MAIN, branch).commit()

    def set_main(self, snapshot_id: int) -> None:
        """Let readers see another of the table's snapshots, in one commit."""
        self._iceberg().manageSnapshots().setCurrentSnapshot(snapshot_id).commit()

    def drop_branch(self, branch: str) -> None:
        """Forget a branch; its files stay until the next upkeep."""
        self._iceberg().manageSnapshots().removeBranch(branch).commit()

    def enable_branches(self) -> None:
        """Let writes of a session on a branch go there; a table made by an earlier version may not."""
        table = self._iceberg()
        if table.properties().get(BRANCHED) != "true":
            table.updateProperties().set(BRANCHED, "true").commit()

    def _iceberg(self) -> Any:  # noqa: ANN401 - org.apache.iceberg.Table
        return iceberg_table(self._spark, self.name)


def tables(spark: SparkSession) -> list[Table]:
    """Return all tables that runs publish."""
    return list(_tables(spark, SCHEMAS))


def all_tables(spark: SparkSession) -> list[Table]:
    """Return all tables of a warehouse, those that runs do not publish included."""
    return list(_tables(spark, (*SCHEMAS, MONITORING)))


def find_table(spark: SparkSession, name: str) -> Table | None:
    """Return a table of any schema, None if there is none of that name."""
    return Table(name, spark) if spark.catalog.tableExists(name) else None


def _tables(spark: SparkSession, schemas: tuple[str, ...]) -> Iterator[Table]:
    existing = {row[0] for row in spark.sql("show namespaces").collect()}
    for schema in (name for name in schemas if name in existing):
        for row in spark.sql(f"show tables in {schema}").collect():
            yield Table(f"{schema}.{row.tableName}", spark)
