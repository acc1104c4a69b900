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
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyarrow.fs import FileSelector, FileType

from warehouse.contract.errors import SparkhouseError
from warehouse.landing.file_systems import file_system_of
from warehouse.landing.finding import fits, log_bytes
from warehouse.landing.formats.containers import is_shown
from warehouse.landing.logs import FETCHED, NoSuchLog
from warehouse.landing.tasks import in_tasks, let_tasks_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyspark.sql import SparkSession

_URI = re.compile(r"(s3[an]?|gs|abfss?|hdfs)://[^/].*")
_GLOB = re.compile(r"[*?[]")
# What a store's key may have between slashes, and a path takes for something else.
_NO_NAMES = {"", ".", ".."}
_CHUNK = 4 << 20


class StoreUnreachable(SparkhouseError, OSError):
    """A store cannot be read, or not from the machine of a task."""


class Stored(NamedTuple):
    """A file in a store, and where its copy goes."""

    uri: str
    copy: Path


def is_stored(pattern: str | Path) -> bool:
    """Whether a pattern is a URI of a store."""
    return bool(_URI.fullmatch(str(pattern)))


def named_bytes(patterns: Iterable[str | Path]) -> int:
    """Return about how many bytes of text the logs have that patterns name, in stores as well.

    What cannot be read counts nothing, and packed files in a store as many as they have.
    """
    files, uris = _parted(patterns)
    total = log_bytes(files)
    with suppress(OSError):
        total += sum(size for uri in uris for _, size in _files(uri))
    return total


@contextmanager
def fetched(spark: SparkSession, patterns: Iterable[str | Path], landing: Path) -> Iterator[list[str | Path]]:
    """Copy what URIs among patterns name to a folder below `landing` for a block; give patterns of files alone.

    As names are in clear, the folder is for its owner alone, on a cluster for the group. Raises NoSuchLog,
    StoreUnreachable.
    """
    files, uris = _parted(patterns)
    if not uris:
        yield files
        return
    folder = landing / FETCHED
    stored = [each for uri in uris for each in _listed(uri, folder)]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    let_tasks_in(spark, folder)
    try:
        _make_parents(stored)
        for told in in_tasks(spark, _copied, stored):
            if told:
                raise StoreUnreachable(f"{told}; nothing was ingested")
        yield [*files, *(each.copy for each in stored)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make_parents(stored: Iterable[Stored]) -> None:
    """Make the folders of copies: made here, they can be taken away here, whoever writes to them."""
    try:
        for folder in {each.copy.parent for each in stored}:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnreachable(f"no folder can be made for copies: {error}; nothing was ingested") from error


def _parted(patterns: Iterable[str | Path]) -> tuple[list[str | Path], list[str]]:
    """The patterns of files, and the URIs, without a slash at the end."""
    named = list(patterns)
    uris = [str(pattern).rstrip("/") for pattern in named if is_stored(pattern)]
    return [pattern for pattern in named if not is_stored(pattern)], uris


def _listed(uri: str, folder: Path) -> list[Stored]:
    try:
        found = [name for name, _ in _files(uri)]
    except OSError as error:
        raise StoreUnreachable(f"{uri} cannot be read: {error}; nothing was ingested") from error
    if not found:
        raise NoSuchLog(f"no log file at {uri}: name a file, a folder or a glob of files that exist")
    if odd := [name for name in found if _NO_NAMES & {*name.partition("://")[2].split("/")}]:
        raise StoreUnreachable(
            f"{odd[0]} cannot be copied under its name, as a part of it is empty, '.' or '..': give it another name in "
            "the store; nothing was ingested"
        )
    return [Stored(name, folder / name.replace("://", "/", 1)) for name in found]


def _files(uri: str) -> Iterator[tuple[str, int]]:
    """Yield URI and bytes of each file that a pattern names, without hidden ones in folders: as `find_logs` on disk."""
    scheme, _, rest = uri.partition("://")
    parts = rest.split("/")
    fixed = next((place for place, part in enumerate(parts) if _GLOB.search(part)), len(parts))
    begin, globs = f"{scheme}://{'/'.join(parts[:fixed])}", parts[fixed:]
    files, start = file_system_of(begin)
    info = files.get_file_info(start)
    if info.type == FileType.File:
        yield begin, info.size
    elif info.type == FileType.Directory:
        for found in files.get_file_info(FileSelector(start, recursive=True)):
            below = found.path.removeprefix(start).removeprefix("/").split("/")
            if found.type == FileType.File and all(map(is_shown, below)) and (not globs or fits(below, globs)):
                yield f"{begin}/{'/'.join(below)}", found.size


def _copied(stored: Stored, _: str) -> str:
    """Copy a file; return what went wrong, if something did."""
    try:
        files, path = file_system_of(stored.uri)
        with files.open_input_stream(path) as source, stored.copy.open("wb") as copy:
            for chunk in iter(partial(source.read, _CHUNK), b""):
                copy.write(chunk)
        # Nobody else writes to it: it counts as a log at rest.
        os.utime(stored.copy, (0, 0))
    except OSError as error:
        return f"{stored.uri} could not be copied to {stored.copy.parent}: {error}"
    return ""
