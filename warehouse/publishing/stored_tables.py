"""Tables by their newest metadata, and their rows as Arrow: without Spark and without Java."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from warehouse.contract.errors import SparkhouseError
from warehouse.publishing.journal import milliseconds
from warehouse.publishing.reading import PublishedMove
from warehouse.publishing.tables import MAIN, Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from pyiceberg.table import Table

    from warehouse.publishing.clock import Written

PUBLICATIONS = "monitoring.publications"


class DamagedTable(SparkhouseError, OSError):
    """The newest metadata of a table cannot be read."""


class UnreadableFilter(SparkhouseError, ValueError):
    """A filter or a list of columns does not fit the table."""


class StoredTable(ABC):
    """A table, `schema.name`; every look at it reads its newest metadata anew."""

    @property
    @abstractmethod
    def name(self) -> str:
        """`schema.table`."""

    @abstractmethod
    def intact(self) -> dict[str, Any]:
        """Return what the newest metadata say. Raises DamagedTable."""

    @abstractmethod
    def metadata_files(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield places and contents of the metadata files that are kept, the newest first."""

    @abstractmethod
    def iceberg(self) -> Table:
        """Return the table as PyIceberg has it. Raises DamagedTable."""

    @property
    def description(self) -> str:
        """What the table is about, if it says so."""
        return str(self.intact().get("properties", {}).get("comment", ""))

    @property
    def column_names(self) -> list[str]:
        """Its columns as they are now, those that a run has not published yet included."""
        metadata = self.intact()
        schemas = {schema["schema-id"]: schema["fields"] for schema in metadata["schemas"]}
        return [column["name"] for column in schemas[metadata["current-schema-id"]]]

    @property
    def changes(self) -> list[Change]:
        log = self.intact().get("snapshot-log") or []
        return [Change(entry["timestamp-ms"], entry["snapshot-id"]) for entry in log]

    def head(self) -> int | None:
        return _main_of(self.intact())

    def metadata_file(self, snapshot_id: int | None) -> str:
        """Return the newest metadata file whose `main` is at a snapshot: what others are to be told to read.

        Where none is left, as after upkeep, it is the newest of all.
        """
        files = self.metadata_files()
        newest, metadata = next(files)
        if _main_of(metadata) == snapshot_id:
            return newest
        return next((place for place, older in files if _main_of(older) == snapshot_id), newest)

    def row_count(self, snapshot_id: int | None) -> int:
        """Return how many rows a snapshot has, by its manifests."""
        return 0 if snapshot_id is None else self.iceberg().scan(snapshot_id=snapshot_id).count()

    def byte_count(self) -> int:
        """Return the bytes of the data files of its newest state, as Iceberg counts them."""
        metadata = self.intact()
        newest = {each["snapshot-id"]: each for each in metadata.get("snapshots") or []}.get(_main_of(metadata), {})
        return int(newest.get("summary", {}).get("total-files-size", 0))

    def rows(self, snapshot_id: int | None, columns: Sequence[str] | None = None, where: str | None = None) -> pa.Table:
        """Return the rows of a snapshot that a filter lets pass; none, in all columns of today, where it is None.

        Raises UnreadableFilter.
        """
        from pyiceberg.exceptions import ValidationError
        from pyiceberg.expressions import AlwaysFalse, AlwaysTrue
        from pyparsing import ParseBaseException

        nothing_or_all = AlwaysFalse() if snapshot_id is None else AlwaysTrue()
        try:
            return (
                self.iceberg()
                .scan(where or nothing_or_all, selected_fields=tuple(columns or "*"), snapshot_id=snapshot_id)
                .to_arrow()
            )
        except (ValueError, TypeError, ValidationError, ParseBaseException) as error:
            raise UnreadableFilter(f"{self.name} cannot be read so: {' '.join(str(error).split())}") from error


class StoredCatalog(Protocol):
    """All tables of a warehouse, as far as can be told without Spark."""

    @property
    def tables(self) -> Sequence[StoredTable]:
        """All tables, those of `monitoring` included."""

    @property
    def written(self) -> Sequence[Written]:
        """What there is of all tables, whole or not."""

    def find(self, name: str) -> StoredTable | None:
        """Return a table, None if there is none of that name."""

    def moves(self) -> list[PublishedMove]:
        """Return what publications and rollbacks moved, in any order."""


def moves_on_record(published: StoredTable | None) -> list[PublishedMove]:
    """Return what the rows of monitoring.publications tell."""
    rows = published.rows(published.head()).to_pylist() if published else []
    return [
        PublishedMove(
            row["run_id"],
            milliseconds(row["started_at"]),
            milliseconds(row["published_at"]),
            row["position"],
            row["table_name"],
            row["snapshot_id_after"],
        )
        for row in rows
    ]


def parts_of(name: str) -> tuple[str, str] | None:
    """Return schema and table of a name; None of what is no table's."""
    schema, _, table = name.partition(".")
    return (schema, table) if schema.isidentifier() and table.isidentifier() else None


def _main_of(metadata: dict[str, Any]) -> int | None:
    ref = metadata.get("refs", {}).get(MAIN)
    return None if ref is None else int(ref["snapshot-id"])
