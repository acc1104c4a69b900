"""Upkeep: small files become large ones, states that nobody needs any more and files that nobody knows go."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, timezone
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Protocol

from pyspark.sql import functions as F

from warehouse.contract.files import path_here
from warehouse.contract.hadoop import hadoop_path
from warehouse.publishing.journal import now
from warehouse.publishing.location import TableFolder, require_own_files
from warehouse.publishing.records import BUILDS, snapshots_since
from warehouse.publishing.tables import MAIN, MONITORING, SCHEMAS, Table, all_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pyspark.sql import SparkSession

MODEL_VERSIONS = "ml.model_versions"
# Files below the least size are put together where so many of them lie in one partition.
_SMALL_FILES = 8
_COMPACTION = {"target-file-size-bytes": 128 << 20, "min-file-size-bytes": 16 << 20, "min-input-files": _SMALL_FILES}
# Without these a table keeps one metadata file, with all its snapshots, for each commit ever made.
_BOUNDED_METADATA = {"write.metadata.delete-after-commit.enabled": "true", "write.metadata.previous-versions-max": "20"}


@dataclass(frozen=True)
class Upkeep:
    """What was done to a table; bytes and files are all those below its folder."""

    table: str
    bytes_before: int
    bytes_after: int
    files_before: int
    files_after: int
    compacted_files: int = 0
    expired_snapshots: int = 0
    orphan_files: int = 0


def total(upkeeps: Iterable[Upkeep]) -> Upkeep:
    """Return the sums over all tables, under the name `all`."""
    listed = list(upkeeps)
    counts = [field.name for field in fields(Upkeep)][1:]
    return Upkeep("all", *(sum(getattr(each, count) for each in listed) for count in counts))


def needed_snapshots(spark: SparkSession, since: datetime) -> dict[str, set[int]]:
    """Return, by table, what model versions of any age, and builds and publications since a moment, refer to.

    Tags of Iceberg would say it a second time: a rollback, a removed version and a moved state folder would have to
    keep them in step, and of the states that readers saw at a moment they know nothing.
    """
    needed = snapshots_since(spark, since)
    for table, is_needed in ((MODEL_VERSIONS, F.lit(True)), (BUILDS, F.col("completed_at") >= F.lit(since))):  # noqa: FBT003
        if spark.catalog.tableExists(table):
            by_table = spark.table(table).where(is_needed).select(F.explode("table_snapshot_ids"))
            for name, snapshot_id in by_table.distinct().collect():
                needed.setdefault(name, set()).add(snapshot_id)
    return needed


def maintain(
    spark: SparkSession, warehouse: Path | None, needed: Mapping[str, set[int]], keep: timedelta
) -> list[Upkeep]:
    """Tend all tables below the warehouse folder; the caller holds the writers' lock and is on no branch.

    Without a folder, those of the catalog, wherever they lie. Of each table stay, besides the `needed` snapshots: all
    written within the time to `keep`, all that readers of `main` could see in it, and what branches and tags hold.
    With a time of 0 that is the newest state alone: who still reads an older one at that moment loses it. Folders of
    tables whose creation was cut short go, too. Raises ForeignPath if metadata name, or a link leads to, what lies
    outside a table's folder: nothing is removed.
    """
    if warehouse is None:
        return [_tended(table, table.location, spark, needed, keep) for table in all_tables(spark)]
    done = []
    for name, folder in _folders(warehouse):
        require_own_files(TableFolder(name, folder))
    for name, folder in _folders(warehouse):
        if any(folder.glob("metadata/v*.metadata.json")):
            done.append(_tended(Table(name, spark), str(folder), spark, needed, keep))
        elif _was_never_created(folder):
            files_before, bytes_before = measure(folder)
            shutil.rmtree(folder)
            done.append(Upkeep(name, bytes_before, 0, files_before, 0, orphan_files=files_before))
    return done


def _folders(warehouse: Path) -> Iterator[tuple[str, Path]]:
    for schema in (*SCHEMAS, MONITORING):
        for folder in sorted((warehouse / schema).glob("*")):
            if folder.is_dir():
                yield f"{schema}.{folder.name}", folder


def _tended(
    table: Table, location: str, spark: SparkSession, needed: Mapping[str, set[int]], keep: timedelta
) -> Upkeep:
    folder = path_here(location)
    files = FolderFiles(folder) if folder else RemoteFiles(location, spark)
    return _Tended(table, files, spark).tend(needed.get(table.name, set()), keep)


class TableFiles(Protocol):
    """All files below the place of a table."""

    def measure(self) -> tuple[int, int]:
        """Return their number and bytes."""

    def has_older(self, moment: datetime) -> bool:
        """Whether one may have been written before a moment."""

    def remove_stray_checksums(self, moment: datetime) -> int:
        """Remove check sums of files that are gone, if written before a moment; return how many."""


@dataclass(frozen=True)
class FolderFiles:
    """The files below a folder that this machine has."""

    folder: Path

    def measure(self) -> tuple[int, int]:
        return measure(self.folder)

    def has_older(self, moment: datetime) -> bool:
        return any(_is_older(path, moment) for path in _files(self.folder))

    def remove_stray_checksums(self, moment: datetime) -> int:
        checksums = [path for path in self.folder.rglob(".*.crc") if not _checked(path).exists()]
        strays = [path for path in checksums if _is_older(path, moment)]
        for path in strays:
            path.unlink()
        return len(strays)


@dataclass(frozen=True)
class RemoteFiles:
    """The files below a place in an object store or in HDFS, which keep check sums by themselves."""

    place: str
    spark: SparkSession

    def measure(self) -> tuple[int, int]:
        files, path = hadoop_path(self.spark.sparkContext, self.place)
        summary = files.getContentSummary(path)
        return int(summary.getFileCount()), int(summary.getLength())

    def has_older(self, moment: datetime) -> bool:  # noqa: ARG002 - to look at each file takes as long as the procedure
        return True

    def remove_stray_checksums(self, moment: datetime) -> int:  # noqa: ARG002 - there are none
        return 0


@dataclass(frozen=True)
class _Tended:
    table: Table
    files: TableFiles
    spark: SparkSession

    def tend(self, needed: set[int], keep: timedelta) -> Upkeep:
        files_before, bytes_before = self.files.measure()
        self._bound_metadata()
        compacted = self._compact()
        expired = self._expire(needed | self._kept(keep))
        orphans = self._remove_orphans(_a_day_ago())
        files_after, bytes_after = self.files.measure()
        return Upkeep(
            self.table.name, bytes_before, bytes_after, files_before, files_after, compacted, expired, orphans
        )

    def _bound_metadata(self) -> None:
        iceberg = self._iceberg()
        properties = iceberg.properties()
        if any(properties.get(name) != value for name, value in _BOUNDED_METADATA.items()):
            update = iceberg.updateProperties()
            for name, value in _BOUNDED_METADATA.items():
                update = update.set(name, value)
            update.commit()

    def _compact(self) -> int:
        """Put small files together, on `main`; return how many went into larger ones.

        What a run wrote on a branch on top of `main` could not be published on top of the compacted `main`: it waits.
        """
        if self._data_files() < _SMALL_FILES:
            return 0
        heads = [self.table.head(branch) for branch in self.table.branches]
        if any(head and self.table.descends(head, self.table.head()) for head in heads):
            return 0
        options = ", ".join(f"'{name}', '{value}'" for name, value in _COMPACTION.items())
        call = f"call system.rewrite_data_files(table => '{self.table.name}', options => map({options}))"
        return int(self.spark.sql(call).collect()[0].rewritten_data_files_count)

    def _data_files(self) -> int:
        """Count the files of `main`; what its newest snapshot says of itself is wrong if it began a branch."""
        iceberg = self._iceberg()
        current = iceberg.currentSnapshot()
        manifests = current.dataManifests(iceberg.io()) if current else []
        return sum(int(each.addedFilesCount() + each.existingFilesCount()) for each in manifests)

    def _kept(self, keep: timedelta) -> set[int]:
        since = now() - int(keep.total_seconds() * 1000)
        iceberg = self._iceberg()
        young = {int(each.snapshotId()) for each in iceberg.snapshots() if each.timestampMillis() >= since}
        held = {int(ref.snapshotId()) for ref in iceberg.refs().values()}
        changes = self.table.changes
        seen = {change.snapshot_id for change in changes if change.at >= since}
        seen_at_first = [change.snapshot_id for change in changes if change.at <= since][-1:]
        return young | held | seen | set(seen_at_first) | self._unpublished(iceberg)

    def _unpublished(self, iceberg: Any) -> set[int]:  # noqa: ANN401 - org.apache.iceberg.Table
        """All that branches have on top of `main`: with a gap in between, they could not be published any more."""
        parents = {int(each.snapshotId()): each.parentId() for each in iceberg.snapshots()}

        def lineage(snapshot_id: int | None) -> Iterator[int]:
            while snapshot_id in parents:
                yield snapshot_id
                snapshot_id = parents[snapshot_id]

        published = set(lineage(self.table.head(MAIN)))
        heads = [self.table.head(branch) for branch in self.table.branches]
        return {each for head in heads for each in takewhile(lambda each: each not in published, lineage(head))}

    def _expire(self, kept: set[int]) -> int:
        """Expire all other snapshots, with the files that only they hold."""
        expired = self.table.snapshot_ids - kept
        if expired:
            # Of the age Iceberg has a default of its own, five days, that would expire more than is said here.
            expiry = self._iceberg().expireSnapshots().expireOlderThan(0)
            for snapshot_id in sorted(expired):
                expiry = expiry.expireSnapshotId(snapshot_id)
            expiry.commit()
        return len(expired)

    def _remove_orphans(self, before: datetime) -> int:
        """Remove the files of writes that were cut short, and metadata files that the table no longer lists."""
        if not self.files.has_older(before):
            return 0
        options = f"table => '{self.table.name}', older_than => timestamp '{before:%F %T}'"
        orphans = self.spark.sql(f"call system.remove_orphan_files({options})").count()
        return orphans + self.files.remove_stray_checksums(before)

    def _iceberg(self) -> Any:  # noqa: ANN401 - org.apache.iceberg.Table
        return self.table._iceberg()  # noqa: SLF001


def _was_never_created(folder: Path) -> bool:
    """Whether a folder is what a killed `create table` left: no trace of a first commit, not even a damaged one."""
    traces = (*folder.glob("metadata/v*.metadata.json*"), *folder.glob("metadata/version-hint.text"))
    return not traces and all(_is_older(path, _a_day_ago()) for path in (folder, *folder.rglob("*")))


def measure(folder: Path) -> tuple[int, int]:
    """Return number and bytes of all files below a folder; none where there is no folder."""
    sizes = [path.stat().st_size for path in _files(folder)]
    return len(sizes), sum(sizes)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _a_day_ago() -> datetime:
    """Younger files may belong to a write that is under way; Iceberg's procedure refuses to look at them, too."""
    return datetime.now(timezone.utc) - timedelta(days=1)


def _is_older(path: Path, moment: datetime) -> bool:
    return path.stat().st_mtime < moment.timestamp()


def _checked(checksums: Path) -> Path:
    """The file that a checksum file of Hadoop is about: `.name.crc` is about `name`."""
    return checksums.with_name(checksums.name[1 : -len(".crc")])
