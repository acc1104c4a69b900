"""Logs in an object store or in HDFS: tasks copy them to the folder of an ingest, each file one task.

They are named by a URI: of a file, a folder (all files below it) or a glob. What was copied lies below the folder under
the names that it has in the store, so that a row of `raw.events` tells its URI.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from pyarrow.fs import FileSelector, FileSystem, FileType

from warehouse.contract.errors import SparkhouseError
from warehouse.landing.finding import fits, log_bytes
from warehouse.landing.formats.containers import is_shown
from warehouse.landing.logs import FETCHED, NoSuchLog
from warehouse.landing.tasks import in_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pyarrow.fs import FileInfo
    from pyspark.sql import SparkSession

_URI = re.compile(r"(?P<scheme>s3[an]?|gs|abfss?|hdfs)://(?P<rest>[^/].*)")
_GLOB = re.compile(r"[*?[]")
_CHUNK = 4 << 20


class StoreUnreachable(SparkhouseError, OSError):
    """A store cannot be read, or not from the machine of a task."""


class Stored(NamedTuple):
    """A file in a store, as Arrow names it, and where its copy goes."""

    scheme: str
    path: str
    copy: Path


def is_stored(pattern: str | Path) -> bool:
    """Whether a pattern is a URI of a store."""
    return bool(_URI.fullmatch(str(pattern)))


def named_bytes(patterns: Iterable[str | Path]) -> int:
    """Return about how many bytes of text the logs have that patterns name, in stores as well.

    What cannot be read counts nothing, and packed files in a store as many as they have.
    """
    named = list(patterns)
    stored = [found for pattern in named if (found := _URI.fullmatch(str(pattern)))]
    total = log_bytes(pattern for pattern in named if not is_stored(pattern))
    with suppress(OSError):
        total += sum(info.size for found in stored for info in _files(found["scheme"], found["rest"].rstrip("/")))
    return total


@contextmanager
def fetched(spark: SparkSession, patterns: Sequence[str | Path], landing: Path) -> Iterator[list[str | Path]]:
    """Copy what URIs among patterns name to a folder below `landing` for a block; give patterns of files alone.

    The folder is for its owner alone, as names are in clear. Raises NoSuchLog, StoreUnreachable.
    """
    folder = landing / FETCHED
    shutil.rmtree(folder, ignore_errors=True)
    stored = [each for pattern in patterns if is_stored(pattern) for each in _listed(str(pattern), folder)]
    if not stored:
        yield list(patterns)
        return
    folder.mkdir(mode=0o700, parents=True)
    try:
        for told in in_tasks(spark, _copied, stored):
            if told:
                raise StoreUnreachable(f"{told}; nothing was ingested")
        yield [*(pattern for pattern in patterns if not is_stored(pattern)), *(each.copy for each in stored)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _listed(pattern: str, folder: Path) -> list[Stored]:
    found = _URI.fullmatch(pattern)
    assert found  # noqa: S101 - those who call have asked
    scheme, rest = found["scheme"], found["rest"].rstrip("/")
    try:
        names = [info.path for info in _files(scheme, rest)]
    except OSError as error:
        raise StoreUnreachable(f"{scheme}://{rest} cannot be read: {error}; nothing was ingested") from error
    if not names:
        raise NoSuchLog(f"no log file at {scheme}://{rest}: name a file, a folder or a glob of files that exist")
    return [Stored(scheme, name, folder / scheme / name) for name in names]


def _files(scheme: str, rest: str) -> Iterator[FileInfo]:
    """Yield the files that a pattern names, without hidden ones in folders: as `find_logs` does it on disk."""
    parts = PurePosixPath(rest).parts
    fixed = next((place for place, part in enumerate(parts) if _GLOB.search(part)), len(parts))
    start, globs = "/".join(parts[:fixed]), parts[fixed:]
    files = _store(scheme, start)
    info = files.get_file_info(start)
    if info.type == FileType.File:
        yield info
    elif info.type == FileType.Directory:
        for found in files.get_file_info(FileSelector(start, recursive=True)):
            below = PurePosixPath(found.path).relative_to(start).parts
            if found.type == FileType.File and all(map(is_shown, below)) and (not globs or fits(below, globs)):
                yield found


def _store(scheme: str, path: str) -> FileSystem:
    # Hadoop has other names for the same store.
    return FileSystem.from_uri(f"{re.sub('^s3[an]$', 's3', scheme)}://{path}")[0]


def _copied(stored: Stored, _: str) -> str:
    """Copy a file; return what went wrong, if something did."""
    try:
        stored.copy.parent.mkdir(parents=True, exist_ok=True)
        with (
            _store(stored.scheme, stored.path).open_input_stream(stored.path) as source,
            stored.copy.open("wb") as copy,
        ):
            for chunk in iter(partial(source.read, _CHUNK), b""):
                copy.write(chunk)
        # Nobody else writes to it: it counts as a log at rest.
        os.utime(stored.copy, (0, 0))
    except OSError as error:
        return f"{stored.scheme}://{stored.path} could not be copied to {stored.copy.parent}: {error}"
    return ""
