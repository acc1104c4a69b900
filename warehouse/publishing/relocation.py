"""A state folder that was copied or moved becomes one of its own: all paths in its metadata are rewritten.

First everything is read and checked, and nothing written. Then each table is rewritten, manifests before the lists that
name them, and its newest metadata file last: until that one is there, the table says that it lies elsewhere, and every
command refuses. Whatever moment this is killed at, it can be done again. No file of the former folder is opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import fastavro

from warehouse.contract.errors import SparkhouseError
from warehouse.contract.files import local_path
from warehouse.publishing.location import (
    PATH_FIELDS,
    ForeignPath,
    TableFolder,
    foreign,
    former_home,
    table_folders,
)
from warehouse.publishing.metadata_files import read_metadata, replace, rewrite_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class IncompleteCopy(SparkhouseError, RuntimeError):
    """Files that a table needs are not in the copy."""


class CannotRelocate(SparkhouseError, RuntimeError):
    """A table holds what cannot be rewritten, or a link leads out of the state folder."""


@dataclass(frozen=True)
class Relocation:
    """What was rewritten: the state folders that it was before, the tables, and how many files."""

    before: tuple[Path, ...]
    tables: tuple[str, ...]
    files: int


def relocate(home: Path, warehouse: Path, backups: Path) -> Relocation | None:
    """Let all tables name the files that lie here; None where they do. The caller holds the writers' lock.

    Raises IncompleteCopy, CannotRelocate, ForeignPath: nothing was rewritten.
    """
    _require_no_way_out(home)
    tables = [(table, table.claimed) for table in table_folders(warehouse)]
    moves = [_Move(table, claimed) for table, claimed in tables if claimed and claimed != table.path]
    if not moves:
        return None
    for move in moves:
        move.check()
    files = sum(move.carry_out(backups) for move in moves)
    before = {former_home(move.table, move.before) for move in moves} - {None}
    return Relocation(tuple(sorted(filter(None, before))), tuple(move.table.name for move in moves), files)


def _require_no_way_out(home: Path) -> None:
    """A link to a folder elsewhere is shared with whoever the copy was made of."""
    for path in home.rglob("*"):
        if path.is_symlink() and not path.resolve().is_relative_to(home):
            raise CannotRelocate(
                f"{path} is a link to {path.resolve()}: put the files themselves there, and repeat the command"
            )


@dataclass(frozen=True)
class _Move:
    """A table that says that it lies in the folder `before`."""

    table: TableFolder
    before: Path

    def check(self) -> None:
        """Raise unless every file that a snapshot of the table needs is here, and can be rewritten."""
        metadata = self.table.metadata
        lists = [self._here(entry["manifest-list"]) for entry in metadata.get("snapshots") or []]
        manifests = {self._here(each["manifest_path"]) for path in lists for each in self._records(path)}
        for manifest in manifests:
            for entry in self._records(manifest):
                self._check_entry(entry)

    def _check_entry(self, entry: dict[str, Any]) -> None:
        data_file = entry["data_file"]
        if data_file.get("content"):
            raise CannotRelocate(
                f"{self.table.name} holds row-level deletes, which name its data files within: where the table still "
                "lies in its place, rewrite them with Iceberg's rewrite_data_files, then copy again"
            )
        path = self._here(data_file["file_path"])
        is_deleted = entry["status"] == 2  # noqa: PLR2004 - Iceberg's specification, "Manifest Entry Fields"
        if not is_deleted and not path.exists():
            self._incomplete(path)

    def _records(self, path: Path) -> Iterator[dict[str, Any]]:
        try:
            with path.open("rb") as file:
                yield from fastavro.reader(file)  # type: ignore[misc]
        except (OSError, ValueError, EOFError):
            self._incomplete(path)

    def _incomplete(self, path: Path) -> None:
        raise IncompleteCopy(
            f"{self.table.name} needs {path}, which is missing or damaged: copy the state folder again, while no "
            "command writes to it; nothing was changed"
        )

    def _here(self, path: str) -> Path:
        """The place in this folder of a file that the table names in its former one."""
        named = local_path(path)
        here = self.table.path / named.relative_to(self.before) if named.is_relative_to(self.before) else named
        if not self.table.owns(str(here)):
            raise ForeignPath(foreign(self.table, path))
        return here

    def carry_out(self, backups: Path) -> int:
        """Rewrite all metadata of the table, the newest file last; return the number of files."""
        avro = [(path, _schema(path)) for path in sorted(self.table.path.glob("metadata/*.avro"))]
        lists = [path for path, schema in avro if "manifest_path" in _field_names(schema)]
        manifests = [path for path, _ in avro if path not in lists]
        for path in (*manifests, *lists):
            replace(path, self._rewritten_avro(path))
        backup = backups / f"{self.table.name}.metadata.json"
        newest, *older = self.table.metadata_files
        for path in (*([backup] if backup.exists() else []), *older, newest):
            if metadata := read_metadata(path):
                rewrite_metadata(path, self._renamed(metadata))
        return len(avro) + len(older) + 1

    def _rewritten_avro(self, path: Path) -> bytes:
        with path.open("rb") as file:
            reader = fastavro.reader(file)
            records = [self._renamed_entry(record) for record in reader]
        kept = {key: value for key, value in reader.metadata.items() if not key.startswith("avro.")}
        content = BytesIO()
        fastavro.writer(content, reader.writer_schema or {}, records, codec=reader.codec, metadata=kept)
        return content.getvalue()

    def _renamed_entry(self, record: Any) -> Any:  # noqa: ANN401 - a record of any schema
        if isinstance(record.get("data_file"), dict):
            return record | {"data_file": self._renamed_entry(record["data_file"])}
        renamed: dict[str, Any] = {name: str(self._here(record[name])) for name in PATH_FIELDS if record.get(name)}
        if "manifest_path" in renamed:
            renamed["manifest_length"] = self._here(record["manifest_path"]).stat().st_size
        return record | renamed

    def _renamed(self, node: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
        if isinstance(node, dict):
            return {key: self._renamed(value) for key, value in node.items()}
        if isinstance(node, list):
            return [self._renamed(value) for value in node]
        names_it = isinstance(node, str) and local_path(node).is_relative_to(self.before)
        return str(self._here(node)) if names_it else node


def _schema(path: Path) -> Any:  # noqa: ANN401 - as Avro has it
    with path.open("rb") as file:
        return fastavro.reader(file).writer_schema


def _field_names(schema: Any) -> set[str]:  # noqa: ANN401
    return {field["name"] for field in schema["fields"]}
