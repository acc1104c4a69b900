"""What a task sees where it runs: whether that is as the tasks of an ingest need it."""

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
    """The machine of a task, its Python, the versions of libraries there, and whether it read a file's words."""

    machine: str
    python: str
    libraries: tuple[str, ...]
    reads: bool


def look(probe: tuple[str, str], _: str = "") -> Seen:
    """Look around, and for a file with some words; an argument more is the name of the task."""
    path, words = probe
    time.sleep(SECONDS)
    return Seen(socket.gethostname(), platform.python_version(), tuple(map(_version, LIBRARIES)), _reads(path, words))


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
