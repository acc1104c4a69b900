"""The catalog of a warehouse as its folder tells it, without Spark and without Java."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from warehouse.publishing.location import TableFolder, table_folders
from warehouse.publishing.metadata_files import read_metadata
from warehouse.publishing.stored_tables import PUBLICATIONS, DamagedTable, StoredTable, moves_on_record, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyiceberg.table import StaticTable

    from warehouse.publishing.reading import PublishedMove


@dataclass(frozen=True)
class DiskTable(StoredTable):
    """A table by the metadata files in its folder."""

    folder: TableFolder

    @property
    def name(self) -> str:
        return self.folder.name

    def intact(self) -> dict[str, Any]:
        metadata = self.folder.metadata
        if not metadata:
            raise DamagedTable(
                f"the newest metadata in {self.folder.path} cannot be read: `sparkhouse doctor --mend` puts them right"
            )
        return metadata

    def metadata_files(self) -> Iterator[tuple[str, dict[str, Any]]]:
        return ((str(path), read_metadata(path)) for path in self.folder.metadata_files)

    def iceberg(self) -> StaticTable:
        from pyiceberg.table import StaticTable

        self.intact()
        return StaticTable.from_metadata(str(self.folder.metadata_files[0]))


@dataclass(frozen=True)
class DiskCatalog:
    """All tables below a warehouse folder."""

    warehouse: Path

    @property
    def tables(self) -> list[DiskTable]:
        """All that have been written once; of a table that was never finished, the folder alone is there."""
        return [DiskTable(folder) for folder in self.written if folder.metadata_files]

    @property
    def written(self) -> list[TableFolder]:
        """What there is of all tables, whole or not."""
        return table_folders(self.warehouse)

    def find(self, name: str) -> DiskTable | None:
        parts = parts_of(name)
        folder = TableFolder(name, self.warehouse.joinpath(*parts)) if parts else None
        return DiskTable(folder) if folder and folder.metadata_files else None

    def moves(self) -> list[PublishedMove]:
        return moves_on_record(self.find(PUBLICATIONS))
