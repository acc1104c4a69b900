"""Folders for temporary files: in the state folder, or where the machine lets them be."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cli.machine.limits import narrow
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ROOM = 1_000_000
SPECIAL = frozenset(",[]{}*?\\%#")


class NoTemporaryFolder(SparkhouseError, OSError):
    """No folder for temporary files has room, or none lets a library be loaded from it."""


def temporary_folders(home: Path) -> Iterator[Path]:
    """Where temporary files can lie: in the state folder, else where the user and the system have them."""
    yield home / "tmp"
    for path in (os.environ.get("TMPDIR"), "/tmp", "/var/tmp", "/dev/shm"):  # noqa: S108 - where the first is no use
        if path:
            yield Path(path)


def scratch_folder(candidates: Iterable[Path]) -> Path:
    """Return the first folder that takes a megabyte: a state folder that is full or read-only can still be read.

    Raises NoTemporaryFolder.
    """
    return _first(list(candidates), has_room, "has room and can be written to")


def library_folder(candidates: Iterable[Path]) -> Path:
    """Return the first folder that lets programs run: Java unpacks libraries there. Raises NoTemporaryFolder."""
    return _first(list(candidates), lets_run, "lets programs run (they are mounted noexec, or full)")


def _first(candidates: list[Path], is_fit: Callable[[Path], bool], rule: str) -> Path:
    for path in candidates:
        if is_fit(path):
            return path
    listed = ", ".join(dict.fromkeys(map(str, candidates)))
    remedy = "; ".join(narrow()) or "set TMPDIR to a folder that does"
    raise NoTemporaryFolder(f"none of {listed} {rule}: {remedy}")


def has_room(folder: Path) -> bool:
    """Whether a folder takes a megabyte, and its name is to Spark a name: no list, no pattern, no escaped address."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(ROOM))
            file.flush()
    except OSError:
        return False
    return not SPECIAL.intersection(str(folder))


def lets_run(folder: Path) -> bool:
    """Whether a program that lies in a folder may run: not where it is mounted `noexec`."""
    try:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            program = Path(scratch) / "program"
            program.write_text("#!/bin/sh\n")
            program.chmod(0o700)
            return subprocess.run([program], check=False, stdin=subprocess.DEVNULL).returncode == 0  # noqa: S603
    except OSError:
        return False
