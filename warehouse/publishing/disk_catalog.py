"""The catalog of a warehouse as its folder tells it, and its tables as Arrow: without Spark and without Java."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.contract.errors import SparkhouseError
from warehouse.publishing.journal import milliseconds
from warehouse.publishing.location import TableFolder, table_folders
from warehouse.publishing.metadata_files import read_metadata
from warehouse.publishing.reading import PublishedMove
from warehouse.publishing.tables import MAIN, Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from pyiceberg.table import StaticTable

PUBLICATIONS = "monitoring.publications"


class DamagedTable(SparkhouseError, OSError):
    """The newest metadata of a table cannot be read."""


class UnreadableFilter(SparkhouseError, ValueError):
    """A filter or a list of columns does not fit the table."""


@dataclass(frozen=True)
class DiskTable:
    """A table by the metadata files in its folder; every look at it reads the newest of them anew."""

    folder: TableFolder

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def description(self) -> str:
        """What the table is about, if it says so."""
        return str(self._metadata().get("properties", {}).get("comment", ""))

    @property
    def column_names(self) -> list[str]:
        """Its columns as they are now, those that a run has not published yet included."""
        metadata = self._metadata()
        schemas = {schema["schema-id"]: schema["fields"] for schema in metadata["schemas"]}
        return [column["name"] for column in schemas[metadata["current-schema-id"]]]

    @property
    def changes(self) -> list[Change]:
        return [Change(entry["timestamp-ms"], entry["snapshot-id"]) for entry in self._metadata()["snapshot-log"]]

    def head(self) -> int | None:
        ref = self._metadata().get("refs", {}).get(MAIN)
        return None if ref is None else int(ref["snapshot-id"])

    def metadata_file(self, snapshot_id: int | None) -> Path:
        """Return the newest metadata file whose `main` is at a snapshot: what others are to be told to read.

        Where none is left, as after upkeep, it is the newest of all.
        """
        files = self.folder.metadata_files
        return next((path for path in files if _main_of(read_metadata(path)) == snapshot_id), files[0])

    def row_count(self, snapshot_id: int | None) -> int:
        """Return how many rows a snapshot has, by its manifests."""
        return 0 if snapshot_id is None else self._iceberg().scan(snapshot_id=snapshot_id).count()

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
                self._iceberg()
                .scan(where or nothing_or_all, selected_fields=tuple(columns or "*"), snapshot_id=snapshot_id)
                .to_arrow()
            )
        except (ValueError, TypeError, ValidationError, ParseBaseException) as error:
            raise UnreadableFilter(f"{self.name} cannot be read so: {' '.join(str(error).split())}") from error

    def _iceberg(self) -> StaticTable:
        from pyiceberg.table import StaticTable

        self._metadata()
        return StaticTable.from_metadata(str(self.folder.metadata_files[0]))

    def _metadata(self) -> dict[str, Any]:
        metadata = self.folder.metadata
        if not metadata:
            raise DamagedTable(
                f"the newest metadata in {self.folder.path} cannot be read: `sparkhouse doctor --mend` puts them right"
            )
        return metadata


@dataclass(frozen=True)
class DiskCatalog:
    """All tables below a warehouse folder."""

    warehouse: Path

    @property
    def tables(self) -> list[DiskTable]:
        """All that have been written once; of a table that was never finished, the folder alone is there."""
        return [DiskTable(folder) for folder in table_folders(self.warehouse) if folder.metadata_files]

    def find(self, name: str) -> DiskTable | None:
        parts = name.split(".")
        folder = TableFolder(name, self.warehouse.joinpath(*parts))
        is_table = len(parts) == len(("schema", "table")) and all(part.isidentifier() for part in parts)
        return DiskTable(folder) if is_table and folder.metadata_files else None

    def moves(self) -> list[PublishedMove]:
        published = self.find(PUBLICATIONS)
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


def _main_of(metadata: dict[str, Any]) -> int | None:
    ref = metadata.get("refs", {}).get(MAIN)
    return None if ref is None else int(ref["snapshot-id"])
