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
from dataclasses import dataclass
from typing import TYPE_CHECKING

from warehouse.landing.archives import DECOMPRESSORS, Unpacker
from warehouse.landing.logs import LogFile, Stamp, UnreadableLog, read_log, unknown_logs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

SECONDS_TO_SETTLE = 60
_HIDDEN = ".staged"


class NoRoomToStage(OSError):
    """A log cannot be copied or unpacked into the staging folder."""


class LogsChanged(RuntimeError):
    """Logs were written to while Spark read them."""

    def __init__(self, paths: frozenset[Path]) -> None:
        super().__init__(f"{', '.join(map(str, sorted(paths)))} changed while it was read: repeat the ingest")
        self.paths = paths


@dataclass(frozen=True)
class StagedLogs:
    """A folder of plain files, and the log that each of them stands for, by its name in the folder."""

    folder: Path
    files: dict[str, LogFile]

    def require_unchanged(self) -> None:
        """Raise LogsChanged if a linked log is not what it was when it was identified."""
        linked = [log for name, log in self.files.items() if (self.folder / name).is_symlink()]
        changed = frozenset(log.path for log in linked if Stamp.of(log.path) != log.stamp)
        if changed:
            raise LogsChanged(changed)


@contextmanager
def staged(
    logs: Sequence[LogFile], parent: Path, known_checksums: Collection[str], to_copy: Collection[Path]
) -> Iterator[StagedLogs]:
    """Stage logs below `parent` for a block; those that turn out to be known by now are left out.

    Also takes away what an ingest that was killed has left there. Raises UnreadableLog or NoRoomToStage.
    """
    with _folder_below(parent) as folder:
        found = {f"{number}.txt": _stage(log, folder / f"{number}.txt", to_copy) for number, log in enumerate(logs)}
        new = set(unknown_logs(found.values(), known_checksums))
        for known in [name for name, log in found.items() if log not in new]:
            (folder / known).unlink()
            del found[known]
        yield StagedLogs(folder, found)


@contextmanager
def _folder_below(parent: Path) -> Iterator[Path]:
    """Give a folder for a block that only its owner can look into: there are names in clear."""
    hidden = parent / _HIDDEN
    if hidden.exists():
        shutil.rmtree(hidden)
    hidden.mkdir(mode=0o700, parents=True)
    try:
        # Spark passes over folders with a hidden name.
        folder = hidden / "text"
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(hidden)


def _stage(log: LogFile, plain: Path, to_copy: Collection[Path]) -> LogFile:
    """Return the identity of the bytes that are staged: a log that was copied may have changed since.

    Names in the folder are ours, because Spark takes some for globs or hidden files; it reads no xz, and gzip in one
    piece only.
    """
    decompressor = DECOMPRESSORS.get(log.path.suffix.lower())
    if not decompressor and log.path not in to_copy and _is_at_rest(log):
        plain.symlink_to(log.path)
        return log
    try:
        with plain.open("wb") as target:
            if not decompressor:
                return read_log(log.path, target.write)
            unpacker = Unpacker(decompressor, target)
            read = read_log(log.path, unpacker.feed)
            unpacker.close()
            return read
    except UnreadableLog:
        raise
    except OSError as error:
        told = f"{log.path} cannot be copied or unpacked to {plain.parent} ({error})"
        raise NoRoomToStage(f"{told}: make room there; nothing was ingested") from error


def _is_at_rest(log: LogFile) -> bool:
    stamp = Stamp.of(log.path)
    return stamp is not None and stamp == log.stamp and time.time() - stamp.modified_at / 1e9 >= SECONDS_TO_SETTLE
