"""Log files on disk: what identifies them, and what can be wrong with them."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from warehouse.contract.errors import SparkhouseError
from warehouse.landing.formats.lines_of_text import LineWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

_CHUNK = 1 << 20
# The folder of copies of what lies in a store; below it scheme, bucket and key.
FETCHED = ".fetched"


class NoSuchLog(SparkhouseError, FileNotFoundError):
    """A path or pattern that names no log file."""


class NotALog(SparkhouseError, ValueError):
    """A file that somebody named as a log and that holds none, or a pattern with nothing but such files."""

    @classmethod
    def of(cls, path: Path, what: str) -> NotALog:
        return cls(f"{printable(path)} is {what}: it cannot be taken in; nothing was ingested")


class UnreadableLog(SparkhouseError, OSError):
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

    `stamp` is from before the first of these bytes was read. `has_long_line`: a line of these bytes is too long for
    memory.
    """

    path: Path
    checksum: str
    byte_count: int
    stamp: Stamp | None
    has_long_line: bool = False

    @property
    def source_file(self) -> str:
        """Its path, or where it was copied from."""
        return named(self.path)


def named(path: Path) -> str:
    """Return the name of a log: its path, or the URI that it was copied from."""
    if FETCHED in path.parts:
        scheme, *rest = path.parts[path.parts.index(FETCHED) + 1 :]
        return f"{scheme}://{'/'.join(rest)}"
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def printable(path: Path) -> str:
    """Return a path as it can be shown on any terminal, whatever bytes are in its name."""
    text = named(path)
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def why_unreadable(path: Path, error: OSError) -> str:
    """Return what to say of a file or folder that cannot be read."""
    if isinstance(error, FileNotFoundError):
        return f"{printable(path)} was taken away before it was read: repeat the ingest; nothing was ingested"
    if isinstance(error, PermissionError):
        remedy = "let the user of this command read it (chmod, chown), or name other files"
        return f"{printable(path)} may not be read: {remedy}; nothing was ingested"
    return f"{printable(path)} cannot be read ({error.strerror}): check its disk; nothing was ingested"


def identify(paths: Sequence[Path]) -> list[LogFile]:
    """Read the files to their end, several at a time, for their checksums. Raises UnreadableLog."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(read_log, paths))


def read_log(path: Path, take: Callable[[bytes], object] = len) -> LogFile:
    """Hand a file's bytes over in chunks and return the identity of exactly these bytes. Raises UnreadableLog."""
    stamp, digest, byte_count, lines = Stamp.of(path), hashlib.sha256(), 0, LineWatch()
    for chunk in _chunks(path):
        digest.update(chunk)
        byte_count += len(chunk)
        lines.take(chunk)
        take(chunk)
    return LogFile(path, digest.hexdigest(), byte_count, stamp, lines.too_long)


def _chunks(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes up to the end that it has when it is opened: a file that grows has no other."""
    try:
        with path.open("rb") as file:
            left = os.fstat(file.fileno()).st_size
            while left and (chunk := file.read(min(_CHUNK, left))):
                left -= len(chunk)
                yield chunk
    except OSError as error:
        raise UnreadableLog(why_unreadable(path, error)) from error


def unknown_logs(logs: Iterable[LogFile], known_checksums: Collection[str]) -> list[LogFile]:
    """Return the logs with bytes that are not known yet: of several with the same bytes, the first."""
    first = {log.checksum: log for log in reversed(list(logs))}
    return sorted((log for log in first.values() if log.checksum not in known_checksums), key=lambda log: log.path)
