"""One log as lines of JSON text, whatever it is packed in and however it is laid out."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from warehouse.contract.errors import SparkhouseError
from warehouse.landing.archives import ARCHIVE_FAULTS, DAMAGED, end_mark, unpack, unpacked_head
from warehouse.landing.formats.containers import BrokenContainer, End, Member, tar_members, zip_members
from warehouse.landing.formats.content import HEAD, Content, Form, content_of
from warehouse.landing.formats.json_values import records_of
from warehouse.landing.formats.lines_of_text import LineWriter, lines_of
from warehouse.landing.formats.tables import BrokenTable, csv_records, parquet_records
from warehouse.landing.room import RoomyFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from warehouse.landing.room import Room

_PIECE = 1 << 20
_DEEPEST = 4
_MARKS = tuple(end_mark(fault).encode() for fault in ARCHIVE_FAULTS)
_LONGEST_MARK = 1 + max(map(len, _MARKS))


class NoLogInside(SparkhouseError, ValueError):
    """A file that holds no log; the message says what it is."""


@dataclass(frozen=True)
class Text:
    """A file, whether a line in it is too long for memory, and whether it is cut because its archive is faulty."""

    path: Path
    has_long_line: bool = False
    is_cut: bool = False


@dataclass(frozen=True)
class PlainText:
    """Makes lines of a log in files of its own, below `scratch`; each record gets those `keys` that it lacks.

    `left_out` is what was found in an archive and is no log: its name there, and what it is.
    """

    scratch: Path
    room: Room
    keys: Mapping[str, str]
    left_out: list[tuple[str, str]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def of(self, source: Text, depth: int = 0) -> Text:
        """Return the lines of a file: the file itself where it needs no change.

        Raises NoLogInside, UnpacksTooLarge or NoRoomToStage.
        """
        content = content_of(head_of(source.path))
        if content.form is Form.OTHER:
            raise NoLogInside(content.what)
        if depth == _DEEPEST and content.form in {Form.PACKED, Form.TAR, Form.ZIP}:
            raise NoLogInside(f"an archive in archives, {_DEEPEST} deep")
        if content.form is Form.PACKED:
            return self._unpacked(source, content, depth)
        if content.form in {Form.TAR, Form.ZIP}:
            return self._of_members(source.path, content.form, depth)
        if content.form in {Form.LINES, Form.EMPTY}:
            return self._of_lines(source, content)
        return self._of_records(source, content)

    def _unpacked(self, source: Text, content: Content, depth: int) -> Text:
        with self._new_file(is_unpacked=True) as (path, file), source.path.open("rb") as packed:
            fault = unpack(packed, content.packing, file)
        if fault and not path.stat().st_size and not unpacked_head(source.path, content.packing, 1)[0]:
            raise NoLogInside(f"{content.what} that breaks off, or is damaged")
        self._forget(source.path)
        return _ended(self.of(Text(path, file.has_long_line, bool(fault)), depth + 1), fault)

    def _of_members(self, path: Path, form: Form, depth: int) -> Text:
        """Return the lines of all logs in an archive, one after another."""
        taken, fault = 0, None
        with self._new_file() as (lines, target):
            try:
                for member in tar_members(path) if form is Form.TAR else zip_members(path):
                    if isinstance(member, End):
                        fault = member.fault
                    else:
                        taken += self._add(member, target, depth)
            except BrokenContainer as broken:
                raise NoLogInside(str(broken)) from None
        if not taken:
            inside = "; ".join(f"{name}: {what}" for name, what in self.left_out[:3])
            raise NoLogInside(f"an archive without a log ({inside or 'it is empty'})")
        self._forget(path)
        return _ended(Text(lines), fault)

    def _add(self, member: Member, target: RoomyFile, depth: int) -> int:
        """Add the lines of a member, if it is a log; return how many logs it is."""
        try:
            text = self._of_member(member, depth)
        except NoLogInside as other:
            self.left_out.append((member.name, str(other)))
            return 0
        with text.path.open("rb") as lines:
            while piece := lines.read(_PIECE):
                target.write(piece)
        if not _ends_with_line(text.path):
            target.write(b"\n")
        text.path.unlink()
        return 1

    def _of_member(self, member: Member, depth: int) -> Text:
        with self._new_file(is_unpacked=True) as (path, file):
            fault = member.write_to(file)
        if not (fault or path.stat().st_size):
            raise NoLogInside("an empty file")
        return _ended(self.of(Text(path, file.has_long_line, bool(fault)), depth + 1), fault)

    def _of_lines(self, source: Text, content: Content) -> Text:
        if content.encoding not in {"utf-8", "utf-8-sig"}:
            source = self._in_utf_8(source, content.encoding)
        if not (self.keys or source.has_long_line):
            return source
        with self._new_file() as (path, target), source.path.open("rb") as lines:
            writer = LineWriter(target, self.keys)
            for line in lines_of(lines):
                writer.write_line(line)
            writer.flush()
        self._forget(source.path)
        return Text(path)

    def _in_utf_8(self, source: Text, encoding: str) -> Text:
        with self._new_file() as (path, target):
            for piece in _text_of(source.path, encoding):
                target.write(piece.encode("utf-8", "replace"))
        self._forget(source.path)
        return Text(path, target.has_long_line, source.is_cut)

    def _of_records(self, source: Text, content: Content) -> Text:
        with self._new_file() as (path, target):
            writer, written = LineWriter(target, self.keys), 0
            try:
                for record in _records(source, content):
                    writer.write(record)
                    written += 1
            except BrokenTable:
                if not written:
                    raise NoLogInside(f"{content.what} that breaks off, or is damaged") from None
                writer.write(end_mark(DAMAGED))
            writer.flush()
        self._forget(source.path)
        return Text(path)

    @contextmanager
    def _new_file(self, *, is_unpacked: bool = False) -> Iterator[tuple[Path, RoomyFile]]:
        path = self.scratch / str(next(self._numbers))
        with path.open("wb") as file:
            yield path, RoomyFile(file, self.room, is_unpacked=is_unpacked)

    def _forget(self, path: Path) -> None:
        """Remove a file that is ours and no longer needed."""
        if path.parent == self.scratch:
            path.unlink()


def _ended(text: Text, fault: str | None) -> Text:
    """Mark the end of text that comes out of a faulty archive, unless an archive in that archive was as faulty."""
    if fault and not _end_of(text.path).rstrip(b"\n").endswith(_MARKS):
        with text.path.open("ab") as file:
            file.write(end_mark(fault).encode())
    return text


def head_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def _records(source: Text, content: Content) -> Iterable[str]:
    if content.form is Form.PARQUET:
        return parquet_records(source.path)
    if content.form is Form.CSV:
        rows = csv_records(_lines_of(source.path, content.encoding), content.delimiter)
        # A row that is cut in its last cell looks like a row.
        return _all_but_last(rows) if source.is_cut and not _ends_with_line(source.path) else rows
    return records_of(_text_of(source.path, content.encoding))


def _all_but_last(rows: Iterable[str]) -> Iterator[str]:
    held_back: str | None = None
    for row in rows:
        if held_back is not None:
            yield held_back
        held_back = row


def _ends_with_line(path: Path) -> bool:
    return _end_of(path).endswith((b"\n", b"\r"))


def _end_of(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LONGEST_MARK))
        return file.read()


def _text_of(path: Path, encoding: str) -> Iterator[str]:
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        while piece := file.read(_PIECE):
            yield piece


def _lines_of(path: Path, encoding: str) -> Iterator[str]:
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        while line := file.readline(_PIECE):
            yield line
