"""Where tables say that they lie, and where they do: the absolute paths in their metadata follow no copy or move.

What is written on the word of metadata that name another folder lands in that folder, and upkeep removes files there.
So every command compares both first, without Spark, and no table is written to that names a path outside its folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastavro

from warehouse.contract.errors import SparkhouseError
from warehouse.contract.files import local_path
from warehouse.publishing.metadata_files import UNREADABLE, read_metadata, rewrite_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

METADATA_FILE = re.compile(r"v(\d+)(?:\.gz)?\.metadata\.json")
# The fields of manifest lists and manifests that name files: Iceberg's specification, "Manifests" and "Manifest Lists".
PATH_FIELDS = ("manifest_path", "file_path", "referenced_data_file")
_PATH_PROPERTY = re.compile(r"write\..*path")
_LISTED = (
    ("snapshots", "manifest-list"),
    ("metadata-log", "metadata-file"),
    ("statistics", "statistics-path"),
    ("partition-statistics", "statistics-path"),
)


class StateElsewhere(SparkhouseError, RuntimeError):
    """The tables of a state folder say that they lie in another folder: it was copied or moved."""


class ForeignPath(SparkhouseError, RuntimeError):
    """Metadata of a table name a file or folder that is not the table's own."""


@dataclass(frozen=True)
class TableFolder:
    """A folder with the data and metadata of the table `name`, `schema.table`."""

    name: str
    path: Path

    @property
    def metadata_files(self) -> list[Path]:
        """Its metadata files, the newest first."""
        versions = {path: METADATA_FILE.fullmatch(path.name) for path in self.path.glob("metadata/v*")}
        found = [(int(version[1]), path) for path, version in versions.items() if version]
        return [path for _, path in sorted(found, reverse=True)]

    @property
    def metadata(self) -> dict[str, Any]:
        """What the newest metadata file says; nothing where it is missing or damaged, which is told elsewhere."""
        return read_metadata(self.metadata_files[0]) if self.metadata_files else {}

    def rewrite(self, metadata: dict[str, Any]) -> None:
        """Let the newest metadata file say something else."""
        rewrite_metadata(self.metadata_files[0], metadata)

    @property
    def claimed(self) -> Path | None:
        """The folder that the table says it lies in."""
        return claimed_by(self.metadata)

    def owns(self, path: str) -> bool:
        """Whether a path lies below the folder."""
        return local_path(path).is_relative_to(self.path) and ".." not in Path(path).parts


def claimed_by(metadata: Mapping[str, Any]) -> Path | None:
    """Return the folder that a metadata file says its table lies in."""
    location = metadata.get("location")
    return local_path(location) if isinstance(location, str) else None


def table_folders(warehouse: Path) -> list[TableFolder]:
    """Return the folders of all tables below the warehouse folder, those that were never finished included."""
    folders = sorted(path for path in warehouse.glob("*/*") if path.is_dir())
    return [TableFolder(f"{path.parent.name}.{path.name}", path) for path in folders]


def require_in_place(home: Path, warehouse: Path) -> None:
    """Raise StateElsewhere unless all tables say that they lie where they do, ForeignPath for other foreign paths.

    Reads the newest metadata file of each table, and starts nothing.
    """
    for table in table_folders(warehouse):
        metadata = table.metadata
        before = former_home(table, claimed_by(metadata) or table.path)
        if before and before != home:
            raise StateElsewhere(_moved(before, home))
        for path in paths_of_metadata(metadata):
            if not table.owns(path):
                raise ForeignPath(foreign(table, path))


def former_home(table: TableFolder, claimed: Path) -> Path | None:
    """Return the state folder in which a table would lie where it says; None if that is the place of no table."""
    own = Path("warehouse", *table.name.split("."))
    before = Path(*claimed.parts[: -len(own.parts)])
    return before if before / own == claimed else None


def _moved(before: Path, home: Path) -> str:
    return (
        f"{home} was copied or moved from {before}, and its tables still name files there: run "
        f"`sparkhouse doctor --relocate`, which makes it a state folder of its own and touches nothing in {before}"
    )


def foreign(table: TableFolder, path: str) -> str:
    """What to say of a table that names a path outside its folder."""
    return (
        f"the metadata of {table.name} name {path}, which lies outside {table.path}: nothing is read, written or "
        f"removed on their word; move {table.path} away, and run `sparkhouse run` to make the table anew"
    )


def paths_of_metadata(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield the files and folders that a metadata file names, its own log of older ones included."""
    yield from _texts(metadata.get("location"))
    for name, value in (metadata.get("properties") or {}).items():
        if _PATH_PROPERTY.fullmatch(name):
            yield from _texts(value)
    for group, key in _LISTED:
        for entry in metadata.get(group) or []:
            yield from _texts(entry.get(key))


def foreign_files(table: TableFolder) -> Iterator[str]:
    """Yield the paths outside the folder that metadata, manifest lists or manifests of a table name."""
    for path in paths_of_metadata(table.metadata):
        if not table.owns(path):
            yield path
    for manifest in sorted(table.path.glob("metadata/*.avro")):
        for path in paths_of_manifest(manifest):
            if not table.owns(path):
                yield path


def require_own_files(table: TableFolder) -> None:
    """Raise ForeignPath if metadata or manifests name what is not the table's, or a link in its folder leads away.

    Iceberg removes files on their word, so this comes before whatever removes some.
    """
    links = (str(path.resolve()) for path in table.path.rglob("*") if path.is_symlink())
    for path in chain(foreign_files(table), (link for link in links if not table.owns(link))):
        raise ForeignPath(foreign(table, path))


def paths_of_manifest(manifest: Path) -> Iterator[str]:
    """Yield the paths that a manifest or manifest list names; of a damaged one, those before the damage."""
    try:
        with manifest.open("rb") as file:
            for record in fastavro.reader(file):
                entry: Any = record
                entry = entry.get("data_file") or entry
                for field in PATH_FIELDS:
                    yield from _texts(entry.get(field))
    except UNREADABLE:
        return


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
