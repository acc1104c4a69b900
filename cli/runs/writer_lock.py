"""One writer at a time on a state folder, any number of readers.

By the system's own lock: the library filelock empties the file that it locks, and with it the name of whoever was
killed, and by default takes a marker for a lock where the file system has none.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TextIO

from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PAUSE = 0.2


class WriterAtWork(SparkhouseError, RuntimeError):
    """Another process writes to the state folder."""


class NoFileLocks(SparkhouseError, RuntimeError):
    """The file system of the state folder has no locks."""


@dataclass(frozen=True)
class Holder:
    """Who holds the lock: the command and the run, its process, and since when (ISO 8601, UTC)."""

    command: str
    run_id: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f"`sparkhouse {self.command}`, run {self.run_id}, process {self.pid}, since {self.since}"


@contextmanager
def writer_lock(path: Path, holder: Holder, waiting: Callable[[str], None] | None) -> Iterator[Holder | None]:
    """Hold the lock for a block; give the holder that a killed process left behind, if one did.

    The system drops the lock when the process ends, however it ends; the name of the holder stays in the file when
    nobody could take it out. `waiting` is told whom the block waits for, once; without it, raises WriterAtWork.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        _acquire(file, path, waiting)
        left_behind = _read(file)
        _write(file, json.dumps(asdict(holder)))
        try:
            yield left_behind
        finally:
            _write(file, "")


def _acquire(file: TextIO, path: Path, waiting: Callable[[str], None] | None) -> None:
    if acquired(file):
        return
    # Whoever only looks who holds the lock has it for an instant.
    time.sleep(PAUSE)
    message = f"{_read(file) or 'another process'} is writing to {path.parent}"
    while not acquired(file):
        if waiting is None:
            raise WriterAtWork(f"{message}: wait until it has ended, or give --wait")
        waiting(message)
        waiting = _silent
        time.sleep(PAUSE)


def current_holder(path: Path) -> Holder | None:
    """Return who holds the lock now; None if nobody does."""
    try:
        with path.open() as file:
            return None if acquired(file) else _read(file)
    except FileNotFoundError:
        return None


def acquired(file: TextIO) -> bool:
    """Lock a file until it is closed, if nobody else has; return whether that is so. Raises NoFileLocks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise NoFileLocks(
            f"{file.name} cannot be locked ({error.strerror}), so two processes could not be kept apart: let "
            "SPARKHOUSE_HOME name a folder on a file system that has locks"
        ) from error
    return True


def _read(file: TextIO) -> Holder | None:
    file.seek(0)
    try:
        return Holder(**json.load(file))
    except (ValueError, TypeError):
        # Whatever stands there, the lock is the system's: the name in the file only tells who holds it.
        return None


def _write(file: TextIO, text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()
    os.fsync(file.fileno())


def _silent(_: str) -> None:
    """Who is waited for has been told."""
