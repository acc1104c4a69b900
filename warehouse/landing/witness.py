"""What a task sees where it runs, and leaves there: whether that is as the tasks of an ingest need it."""

from __future__ import annotations

import platform
import socket
import time
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

LIBRARIES = ("numpy", "orjson", "pandas", "pyarrow", "pyspark")
# So long that tasks are given to all executors, not to the quickest alone.
SECONDS = 0.5


class Seen(NamedTuple):
    """The machine of a task, its Python, the versions of libraries there, whether it read a file's words, and the file
    that it wrote them to itself; empty where it could not.
    """

    machine: str
    python: str
    libraries: tuple[str, ...]
    reads: bool
    wrote: str


def look(probe: tuple[str, str], task: str = "here") -> Seen:
    """Look around, and for a file with some words; write them to one beside it, named for the task."""
    path, words = probe
    time.sleep(SECONDS)
    libraries = tuple(map(_version, LIBRARIES))
    wrote = _written(f"{path}-{task}", words)
    return Seen(socket.gethostname(), platform.python_version(), libraries, _reads(path, words), wrote)


def _version(library: str) -> str:
    try:
        return f"{library} {metadata.version(library)}"
    except metadata.PackageNotFoundError:
        return f"no {library}"


def _reads(path: str, words: str) -> bool:
    try:
        return Path(path).read_text() == words
    except OSError:
        return False


def _written(path: str, words: str) -> str:
    try:
        Path(path).write_text(words)
    except OSError:
        return ""
    return path
