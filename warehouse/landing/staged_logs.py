"""The logs of one ingest as plain text in a folder of their own: what Spark reads are the bytes that were checksummed.

Most logs are at rest, and a link to them costs nothing. One that was written to in the last minute, or while it was
being identified, is copied, because it may well be written to again, and the time of a file tells two writes within an
instant from one only when that instant is past. Where somebody writes to a linked log all the same, its stamp shows it
before the ingest is marked as whole; the ingest is then repeated with a copy of that log. A copy costs about a tenth
of the time that its ingest takes, and its size on disk until the ingest has ended.
"""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from warehouse.contract.errors import SparkhouseError
from warehouse.landing.finding import FoundLogs, LeftOut
from warehouse.landing.logs import (
    FETCHED,
    LogFile,
    NotALog,
    Stamp,
    UnreadableLog,
    printable,
    read_log,
    unknown_logs,
)
from warehouse.landing.plain_text import NoLogInside, PlainText, Text
from warehouse.landing.room import NoRoomToStage, Room, RoomyFile

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

SECONDS_TO_SETTLE = 60
_HIDDEN = ".staged"


class LogsChanged(SparkhouseError, RuntimeError):
    """Logs were written to while Spark read them."""

    def __init__(self, paths: frozenset[Path]) -> None:
        super().__init__(f"{', '.join(map(str, sorted(paths)))} changed while it was read: repeat the ingest")
        self.paths = paths


@dataclass(frozen=True)
class StagedLogs:
    """A folder of plain files, and the log that each of them stands for, by its name in the folder.

    `left_out` is what turned out to be no log, in archives as well; `other_count` of these stood for themselves.
    """

    folder: Path
    files: dict[str, LogFile]
    left_out: tuple[LeftOut, ...] = ()
    other_count: int = 0

    def require_unchanged(self) -> None:
        """Raise LogsChanged if a linked log is not what it was when it was identified."""
        linked = [log for name, log in self.files.items() if (self.folder / name).is_symlink()]
        changed = frozenset(log.path for log in linked if Stamp.of(log.path) != log.stamp)
        if changed:
            raise LogsChanged(changed)


@contextmanager
def staged(
    logs: Sequence[LogFile],
    parent: Path,
    known_checksums: Collection[str],
    to_copy: Collection[Path],
    found: FoundLogs | None = None,
) -> Iterator[StagedLogs]:
    """Stage logs below `parent` for a block; those that turn out to be known by now are left out.

    Also takes away what an ingest that was killed has left there. `found` says what keys the folders of logs name, and
    which logs somebody named: of others, one that turns out to be none is left out. Raises NotALog, UnreadableLog,
    UnpacksTooLarge or NoRoomToStage.
    """
    with _folders_below(parent) as (folder, scratch):
        stage = _Stage(folder, scratch, frozenset(to_copy), found or FoundLogs(tuple(log.path for log in logs)))
        files = {f"{number}.txt": stage.put(log, f"{number}.txt") for number, log in enumerate(logs)}
        read = {name: log for name, log in files.items() if log}
        other_count = len(files) - len(read)
        if other_count and other_count == len(stage.found.paths):
            raise NotALog(f"no log among {', '.join(map(str, stage.left_out))}; nothing was ingested")
        new = set(unknown_logs(read.values(), known_checksums))
        for known in [name for name, log in read.items() if log not in new]:
            (folder / known).unlink()
            del read[known]
        yield StagedLogs(folder, read, tuple(stage.left_out), other_count)


def clear_staging(parent: Path) -> None:
    """Take away what an ingest that was killed has left below `parent`: there are names in clear.

    Only who holds the writers' lock may call it.
    """
    for name in (_HIDDEN, FETCHED):
        _clear(parent / name)


def _clear(hidden: Path) -> None:
    if hidden.is_symlink():
        hidden.unlink()
    elif hidden.exists():
        shutil.rmtree(hidden)


@contextmanager
def _folders_below(parent: Path) -> Iterator[tuple[Path, Path]]:
    """Give two folders for a block, for text and for work on it, that only their owner can look into."""
    hidden = parent / _HIDDEN
    _clear(hidden)
    parent.mkdir(parents=True, exist_ok=True)
    hidden.mkdir(mode=0o700)
    try:
        # Spark passes over folders with a hidden name.
        folder, scratch = hidden / "text", hidden / "scratch"
        folder.mkdir()
        scratch.mkdir()
        yield folder, scratch
    finally:
        shutil.rmtree(hidden)


@dataclass(frozen=True)
class _Stage:
    """The staging folder at work."""

    folder: Path
    scratch: Path
    to_copy: frozenset[Path]
    found: FoundLogs
    left_out: list[LeftOut] = field(default_factory=list)

    def put(self, log: LogFile, name: str) -> LogFile | None:
        """Stage a log as lines; return the identity of the bytes that they come from, None if it is no log.

        A log that was copied may have changed since it was identified. Names in the folder are ours, because Spark
        takes some for globs or hidden files.
        """
        try:
            return self._put(log, self.folder / name)
        except NoLogInside as other:
            if log.path in self.found.named:
                raise NotALog(
                    f"{printable(log.path)} is {other}: it cannot be taken in; nothing was ingested"
                ) from None
            self.left_out.append(LeftOut(printable(log.path), str(other)))
            return None
        except (UnreadableLog, NoRoomToStage):
            raise
        except OSError as error:
            message = f"{printable(log.path)} cannot be copied or unpacked to {self.folder} ({error})"
            raise NoRoomToStage(f"{message}: make room there; nothing was ingested") from error

    def _put(self, log: LogFile, staged: Path) -> LogFile:
        room = Room(log.path, log.byte_count, self.scratch)
        source = log.path
        if source in self.to_copy or not _is_at_rest(log):
            source = self.scratch / "copy"
            log = self._copied(log.path, source, room)
        maker = PlainText(self.scratch, room, self.found.keys_of(log.path))
        try:
            text = maker.of(Text(source, log.has_long_line)).path
        finally:
            if source == log.path and Stamp.of(source) != log.stamp:
                raise LogsChanged(frozenset({log.path}))
        if text == log.path:
            return self._linked(log, staged, room)
        text.replace(staged)
        self.left_out.extend(LeftOut(f"{printable(log.path)}: {name}", what) for name, what in maker.left_out)
        return log

    def _linked(self, log: LogFile, staged: Path, room: Room) -> LogFile:
        try:
            staged.symlink_to(log.path)
        except OSError:  # not every file system has links
            return self._copied(log.path, staged, room)
        return log

    @staticmethod
    def _copied(source: Path, target: Path, room: Room) -> LogFile:
        with target.open("wb") as file:
            return read_log(source, RoomyFile(file, room, is_unpacked=False).write)


def _is_at_rest(log: LogFile) -> bool:
    stamp = Stamp.of(log.path)
    return stamp is not None and stamp == log.stamp and time.time() - stamp.modified_at / 1e9 >= SECONDS_TO_SETTLE
