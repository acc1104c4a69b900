"""Log files on disk: which ones are meant, and what identifies them."""

from __future__ import annotations

import glob
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from warehouse.landing.archives import DECOMPRESSORS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

PLAIN_ENDINGS = (".json", ".jsonl", ".ndjson", ".log", ".txt")
_ENDINGS = (*PLAIN_ENDINGS, *(plain + packed for plain in PLAIN_ENDINGS for packed in DECOMPRESSORS))
_CHUNK = 1 << 20


class NoSuchLog(FileNotFoundError):
    """A path or pattern that names no log file."""


class UnreadableLog(OSError):
    """A log file that cannot be read to its end."""


class Stamp(NamedTuple):
    """What changes when somebody writes to a file, or puts another in its place; times in nanoseconds."""

    inode: int
    byte_count: int
    modified_at: int
    changed_at: int

    @classmethod
    def of(cls, path: Path) -> Stamp | None:
        """Return the stamp of a file as it is now; None if it is gone."""
        try:
            found = path.stat()
        except OSError:
            return None
        return cls(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@dataclass(frozen=True)
class LogFile:
    """One file as the user has it: its absolute path, the SHA-256 and the count of its bytes, packed or not.

    `stamp` is from before the first of these bytes was read.
    """

    path: Path
    checksum: str
    byte_count: int
    stamp: Stamp | None

    @property
    def source_file(self) -> str:
        return os.fsencode(self.path).decode("utf-8", "backslashreplace")


def find_logs(patterns: Iterable[str | Path]) -> list[Path]:
    """Return the absolute paths of the files that the patterns name, each once, sorted.

    A pattern is a file (of any name), a folder (all files below it with a known ending) or a glob. Folders and globs
    pass over names that begin with `.` or `_`. Raises NoSuchLog for a pattern that names no file.
    """
    return sorted({path.resolve() for pattern in patterns for path in _matches(Path(pattern).expanduser())})


def _matches(pattern: Path) -> list[Path]:
    if pattern.is_file():
        return [pattern]
    if pattern.is_dir():
        found = _logs_below(pattern)
    else:
        named = [Path(name) for name in glob.glob(str(pattern), recursive=True) if _is_shown(Path(name))]  # noqa: PTH207
        found = [path for path in named if path.is_file()]
        found += [path for folder in named if folder.is_dir() for path in _logs_below(folder)]
    if not found:
        raise NoSuchLog(f"no log file at {pattern}: name a file, a glob, or a folder of files ending in {_endings()}")
    return found


def _logs_below(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.name.lower().endswith(_ENDINGS)
        and all(_is_shown(Path(part)) for part in path.relative_to(folder).parts)
        and path.is_file()
    ]


def _is_shown(path: Path) -> bool:
    return not path.name.startswith((".", "_"))


def _endings() -> str:
    return f"{', '.join(PLAIN_ENDINGS)} (packed: {', '.join(DECOMPRESSORS)})"


def identify(paths: Sequence[Path]) -> list[LogFile]:
    """Read the files to their end, several at a time, for their checksums. Raises UnreadableLog."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(read_log, paths))


def read_log(path: Path, take: Callable[[bytes], object] = len) -> LogFile:
    """Hand a file's bytes over in chunks and return the identity of exactly these bytes. Raises UnreadableLog."""
    stamp, digest, byte_count = Stamp.of(path), hashlib.sha256(), 0
    for chunk in _chunks(path):
        digest.update(chunk)
        byte_count += len(chunk)
        take(chunk)
    return LogFile(path, digest.hexdigest(), byte_count, stamp)


def _chunks(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes up to the end that it has when it is opened: a file that grows has no other."""
    try:
        with path.open("rb") as file:
            left = os.fstat(file.fileno()).st_size
            while left and (chunk := file.read(min(_CHUNK, left))):
                left -= len(chunk)
                yield chunk
    except OSError as error:
        raise UnreadableLog(f"{path} cannot be read ({error}): check its permissions; nothing was ingested") from error


def unknown_logs(logs: Iterable[LogFile], known_checksums: Collection[str]) -> list[LogFile]:
    """Return the logs with bytes that are not known yet: of several with the same bytes, the first."""
    first = {log.checksum: log for log in reversed(list(logs))}
    return sorted((log for log in first.values() if log.checksum not in known_checksums), key=lambda log: log.path)
