"""Log files on disk: which ones are meant, what identifies them, and how Spark gets to read them."""

from __future__ import annotations

import bz2
import glob
import gzip
import hashlib
import lzma
import os
import shutil
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PLAIN_ENDINGS = (".json", ".jsonl", ".ndjson", ".log", ".txt")
OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_ENDINGS = (*PLAIN_ENDINGS, *(plain + packed for plain in PLAIN_ENDINGS for packed in OPENERS))
_CHUNK = 1 << 20


class NoSuchLog(FileNotFoundError):
    """A path or pattern that names no log file."""


class UnreadableLog(OSError):
    """A log file that cannot be opened or unpacked to its end."""


@dataclass(frozen=True)
class LogFile:
    """One file as the user has it: its absolute path, the SHA-256 and the count of its bytes, packed or not."""

    path: Path
    checksum: str
    byte_count: int

    @property
    def source_file(self) -> str:
        return os.fsencode(self.path).decode("utf-8", "replace")


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
    return f"{', '.join(PLAIN_ENDINGS)} (packed: {', '.join(OPENERS)})"


def identify(paths: Sequence[Path]) -> list[LogFile]:
    """Read the files to their end, several at a time, for their checksums. Raises UnreadableLog."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(_identify, paths))


def _identify(path: Path) -> LogFile:
    digest, byte_count = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                byte_count += len(chunk)
    except OSError as error:
        raise UnreadableLog(f"{path} cannot be read ({error}): check its permissions; nothing was ingested") from error
    return LogFile(path, digest.hexdigest(), byte_count)


def stage(logs: Sequence[LogFile], folder: Path) -> list[str]:
    """Give each log a plain file in `folder` and return the names: a link, or the unpacked text of a packed log.

    Spark reads neither xz nor names that it takes for globs or hidden files, and cannot split gzip; a damaged archive
    shows here, before anything is written. Raises UnreadableLog.
    """
    names = [f"{number}.txt" for number in range(len(logs))]
    for log, name in zip(logs, names, strict=True):
        opener = OPENERS.get(log.path.suffix.lower())
        if opener is None:
            (folder / name).symlink_to(log.path)
        else:
            _unpack(log.path, folder / name, opener)
    return names


def _unpack(packed: Path, plain: Path, opener: Callable[..., Any]) -> None:
    try:
        with opener(packed, "rb") as source, plain.open("wb") as target:
            shutil.copyfileobj(source, target, _CHUNK)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        reason = f"{packed} cannot be unpacked ({error})"
        raise UnreadableLog(f"{reason}: fetch it again, or leave it out; nothing was ingested") from error
