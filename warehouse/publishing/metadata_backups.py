"""Damaged metadata files: found without Spark, told in words, and mended from a backup that each publication leaves.

The newest `vN.metadata.json` of an Iceberg table in a folder says all that the table is; `version-hint.text` says N.
Hadoop keeps checksums of each file `name` in `.name.crc`, and refuses to read a file that they do not fit.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.contract.files import replace_file
from warehouse.publishing.location import METADATA_FILE
from warehouse.publishing.metadata_files import GZIP, UNREADABLE, checksums_of, parsed
from warehouse.publishing.tables import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HINT = "version-hint.text"
_AVRO = b"Obj\x01"
_CHUNK = 512
_CHECKSUMS = b"crc\0" + _CHUNK.to_bytes(4, "big")
_NEEDED_KEYS = {"format-version", "table-uuid", "location", "schemas", "snapshots"}
# What Iceberg, Parquet and Hadoop say of files that are missing or damaged.
_OF_METADATA = ("Failed to read file", "Metadata file for version", "Cannot parse missing", "TABLE_OR_VIEW_NOT_FOUND")
_OF_FILES = ("Failed to open", "does not exist", "is not a Parquet file", "Checksum error")


@dataclass(frozen=True)
class Damage:
    """A damaged file, and a message that says what to do about it."""

    table: str
    path: Path
    message: str


def keep_backup(table: str, warehouse: Path, backups: Path) -> None:
    """Keep a copy of a table's newest metadata file; where that is damaged, the backup that is there stays."""
    newest = _look(table, warehouse, backups).intact
    if newest:
        replace_file(_backup_path(table, backups), newest.content)


def damaged(warehouse: Path, backups: Path) -> list[Damage]:
    """Return what keeps tables from being read, as far as their metadata files tell; never starts Spark."""
    return [damage for state in _look_at_all(warehouse, backups) if (damage := state.damage)]


def restore(warehouse: Path, backups: Path) -> list[str]:
    """Put damaged metadata files right; return what was done, a line per table. The caller holds the writers' lock.

    A table returns to its backup or to the newest intact file, whichever is newer. Damaged files are set aside, as
    `<name>.damaged`, until the upkeep of a later day. What could not be mended, `damaged` still tells.
    """
    return [state.mend() for state in _look_at_all(warehouse, backups) if state.is_mendable]


def reported_damage(error: str, warehouse: Path, backups: Path) -> list[Damage]:
    """Return the damages that the text of an error is about, its Java stack trace included; none for other errors."""
    if is_of_metadata(error):
        return damaged(warehouse, backups)
    path = re.compile(rf"{re.escape(str(warehouse))}/(\w+)/(\w+)/(?:data|metadata)/\S*?\.(?:avro|parquet)")
    lines = [line for line in error.splitlines() if any(fault in line for fault in _OF_FILES)]
    found = {match[0]: f"{match[1]}.{match[2]}" for line in lines if (match := path.search(line))}
    return [_damaged_file(table, Path(name)) for name, table in found.items()]


def is_of_metadata(error: str) -> bool:
    """Whether the text of an error may be about metadata that cannot be read."""
    return any(fault in error for fault in _OF_METADATA)


@dataclass(frozen=True)
class _Metadata:
    """The content of an intact metadata file."""

    version: int
    table_uuid: str
    manifest_list: Path | None
    content: bytes

    @property
    def name(self) -> str:
        return f"v{self.version}{'.gz' if self.content.startswith(GZIP) else ''}.metadata.json"


@dataclass(frozen=True)
class _State:
    """What there is of a table: `intact` is its newest intact file, `backup` a backup that fits the table.

    `hint` is None where there is none, 0 where it is no version: Iceberg looks at the files then, or finds no table.
    """

    table: str
    folder: Path
    hint: int | None
    files: Mapping[int, Path]
    intact: _Metadata | None
    backup: _Metadata | None
    was_published: bool

    @property
    def expected(self) -> int:
        """The version that the table should be at; 0 if it was never created."""
        return max(self.hint or 0, self.backup.version if self.backup else 0, *self.files, 0)

    @property
    def remedy(self) -> _Metadata | None:
        """The newest content that there is."""
        return max((each for each in (self.intact, self.backup) if each), key=lambda each: each.version, default=None)

    @property
    def is_mendable(self) -> bool:
        return self.remedy is not None and self._fault is not None

    @property
    def damage(self) -> Damage | None:
        if self._fault:
            return Damage(self.table, self._fault[0], f"{self.table}: {self._fault[1]}: {self._advice}")
        lost = self.intact.manifest_list if self.intact else None
        return _damaged_file(self.table, lost) if lost and not _is_avro(lost) else None

    @property
    def _fault(self) -> tuple[Path, str] | None:
        """The metadata file that is at fault, and what is wrong with it."""
        version, hint = self.expected, self.folder / _HINT
        path = self.files.get(version, self.folder / f"v{version}.metadata.json")
        if not version:
            return (self.folder, f"{self.folder} holds no metadata file") if self.was_published else None
        if self.intact is None or self.intact.version != version:
            return path, f"{path} is {'damaged' if path.exists() else 'missing'}"
        if not _fits_checksums(path, self.intact.content):
            return checksums_of(path), f"{checksums_of(path)} is damaged"
        if self.hint == 0:
            return hint, f"{hint} is damaged"
        if self.hint and any(each not in self.files for each in range(self.hint, version)):
            return hint, f"{hint} says {self.hint} instead of {version}"
        return None

    @property
    def _advice(self) -> str:
        if self.remedy is None:
            return f"nothing to mend it from is left; move {self.folder.parent} away and run `sparkhouse run`"
        return f"run `sparkhouse doctor --mend`, which returns to version {self.remedy.version}, {self._origin}"

    @property
    def _origin(self) -> str:
        return "the newest intact one" if self.remedy is self.intact else "the backup of the newest publication"

    def mend(self) -> str:
        """Let the table be at the version of the remedy: whatever moment this is killed at, it can be done again."""
        remedy = self.remedy
        if remedy is None:
            raise ValueError(f"nothing to mend {self.table} from")
        intact = self.intact.version if self.intact else 0
        newer = [path for version, path in self.files.items() if version >= remedy.version and version != intact]
        aside = [_set_aside(path) for path in newer]
        path = self.folder / remedy.name
        checksums_of(path).unlink(missing_ok=True)
        if remedy is not self.intact:
            replace_file(path, remedy.content)
        checksums_of(self.folder / _HINT).unlink(missing_ok=True)
        replace_file(self.folder / _HINT, str(remedy.version).encode())
        note = f"; set aside: {', '.join(sorted(aside))}" if aside else ""
        return f"{self.table} is at version {remedy.version} of its metadata again, {self._origin}{note}"


def _look_at_all(warehouse: Path, backups: Path) -> Iterator[_State]:
    for folder in sorted(path for path in warehouse.glob("*/*") if path.is_dir()):
        yield _look(f"{folder.parent.name}.{folder.name}", warehouse, backups)


def _look(table: str, warehouse: Path, backups: Path) -> _State:
    folder = warehouse.joinpath(*table.split(".")) / "metadata"
    # In this order, a commit in between makes what is looked at later newer, which is no fault.
    backup = _read(_backup_path(table, backups))
    hint = _hint(folder)
    files = {int(found[1]): path for path in folder.glob("v*") if (found := METADATA_FILE.fullmatch(path.name))}
    newest_first = (_read(files[version], version) for version in sorted(files, reverse=True))
    intact = next((each for each in newest_first if each), None)
    of_this_table = backup and (intact is None or intact.table_uuid == backup.table_uuid)
    of_now = backup and (backup.manifest_list is None or backup.manifest_list.exists())
    fitting = backup if of_this_table and of_now else None
    return _State(table, folder, hint, files, intact, fitting, was_published=_backup_path(table, backups).exists())


def _hint(folder: Path) -> int | None:
    hint = _bytes(folder / _HINT)
    if hint is None:
        return None
    return int(hint) if re.fullmatch(rb"[0-9]{1,9}", hint.strip()) else 0


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _read(path: Path, version: int | None = None) -> _Metadata | None:
    """Return the content of a metadata file, None if it is missing or damaged; a backup's version is in its content."""
    content = _bytes(path)
    if content is None or _is_altered(path, content):
        return None
    try:
        metadata = parsed(content)
        if not metadata.keys() >= _NEEDED_KEYS:
            return None
        lists = {each["snapshot-id"]: each["manifest-list"] for each in metadata["snapshots"]}
        published = lists.get(metadata.get("current-snapshot-id"))
        manifest_list = Path(published.removeprefix("file:")) if published else None
        return _Metadata(
            version or _version(metadata.get("metadata-log")), metadata["table-uuid"], manifest_list, content
        )
    except UNREADABLE:
        return None


def _version(metadata_log: list[dict[str, str]] | None) -> int:
    """The version after the last one that a metadata file lists before itself."""
    previous = METADATA_FILE.fullmatch(Path(metadata_log[-1]["metadata-file"]).name) if metadata_log else None
    return int(previous[1]) + 1 if previous else 1


def _is_altered(path: Path, content: bytes) -> bool:
    """Whether checksums of the right number tell another content; of a wrong number, they are the damaged ones."""
    recorded, found = _told_checksums(path), _checksums(content)
    return recorded is not None and len(recorded) == len(found) and recorded != found


def _fits_checksums(path: Path, content: bytes) -> bool:
    return _told_checksums(path) in {None, _checksums(content)}


def _told_checksums(path: Path) -> bytes | None:
    """What Hadoop checks a file by; None if it does not, as there are no checksums or what is there are none."""
    recorded = _bytes(checksums_of(path))
    return recorded.removeprefix(_CHECKSUMS) if recorded and recorded.startswith(_CHECKSUMS) else None


def _checksums(content: bytes) -> bytes:
    chunks = (content[start : start + _CHUNK] for start in range(0, len(content), _CHUNK))
    return b"".join(zlib.crc32(chunk).to_bytes(4, "big") for chunk in chunks)


def _is_avro(path: Path) -> bool:
    content = _bytes(path)
    return content is not None and content.startswith(_AVRO) and _fits_checksums(path, content)


def _damaged_file(table: str, path: Path) -> Damage:
    """The damage of a file that holds a part of a table: there is no second one, but earlier states do without it."""
    schema = table.partition(".")[0]
    if schema in SCHEMAS:
        query = f"select run_id, published_at from monitoring.publications where table_name = '{table}'"  # noqa: S608
        advice = (
            "take back the newest run that published the table, with `sparkhouse rollback RUN`, and run it again; "
            f'sparkhouse sql "{query} order by published_at desc" lists these runs'
        )
    else:
        folder = next(parent for parent in path.parents if parent.parent.name == schema)
        advice = f"move {folder} away: it only tells of past runs, and the next one begins it anew"
    return Damage(table, path, f"{table}: {path} is damaged or missing: {advice}")


def _backup_path(table: str, backups: Path) -> Path:
    return backups / f"{table}.metadata.json"


def _set_aside(path: Path) -> str:
    names = (f"{path.name}.damaged{number or ''}" for number in count())
    free = next(path.with_name(name) for name in names if not path.with_name(name).exists())
    checksums_of(path).unlink(missing_ok=True)
    return path.rename(free).name
