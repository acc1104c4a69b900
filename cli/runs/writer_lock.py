"""One writer at a time, any number of readers: on a state folder, and on the tables that machines of a cluster share.

On a state folder by the system's own lock: the library filelock empties the file that it locks, and with it the name of
whoever was killed, and by default takes a marker for a lock where the file system has none. On shared tables by the
database's.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, TextIO

from warehouse.contract.errors import SparkhouseError
from warehouse.publishing.database import LockLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from warehouse.publishing.database import Database

# The name under which the database keeps who holds its lock.
HOLDER = "writer"
PAUSE = 0.2


class WriterAtWork(SparkhouseError, RuntimeError):
    """Another process writes to the state folder, or another machine to the tables that both share."""


class NoFileLocks(SparkhouseError, RuntimeError):
    """The file system of the state folder has no locks."""


@dataclass(frozen=True)
class Holder:
    """Who holds the lock: the command and the run, its process and machine, and since when (ISO 8601, UTC)."""

    command: str
    run_id: str
    pid: int
    since: str
    machine: str = ""

    def __str__(self) -> str:
        of_machine = f" on {self.machine}" if self.machine else ""
        return f"`sparkhouse {self.command}`, run {self.run_id}, process {self.pid}{of_machine}, since {self.since}"


@contextmanager
def writer_lock(path: Path, holder: Holder, waiting: Callable[[str], None] | None) -> Iterator[Holder | None]:
    """Hold the lock for a block; give the holder that a killed process left behind, if one did.

    The system drops the lock when the process ends, however it ends; the name of the holder stays in the file when
    nobody could take it out. `waiting` is told whom the block waits for, once; without it, raises WriterAtWork.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        _acquire(lambda: acquired(file), lambda: _read(file), str(path.parent), waiting)
        left_behind = _read(file)
        _write(file, json.dumps(asdict(holder)))
        try:
            yield left_behind
        finally:
            _write(file, "")


@contextmanager
def shared_lock(database: Database, holder: Holder, waiting: Callable[[str], None] | None) -> Iterator[Holder | None]:
    """The same for the tables that several machines share: the database drops the lock with the process's connection.

    Raises WriterAtWork without `waiting`, DatabaseUnreachable.
    """
    _acquire(database.locked, lambda: shared_holder(database), database.address, waiting)
    try:
        left_behind = _holder(database.words(HOLDER) or "")
        database.claim(HOLDER, json.dumps(asdict(replace(holder, machine=socket.gethostname()))))
        try:
            yield left_behind
        finally:
            with suppress(LockLost):
                database.forget(HOLDER)
    finally:
        database.unlock()


def shared_holder(database: Database) -> Holder | None:
    """Return who holds the lock on shared tables now; None if nobody does."""
    return _holder(database.words(HOLDER) or "") if database.is_locked() else None


def _acquire(
    take: Callable[[], bool], who: Callable[[], Holder | None], place: str, waiting: Callable[[str], None] | None
) -> None:
    if take():
        return
    # Whoever only looks who holds the lock has it for an instant.
    time.sleep(PAUSE)
    message = f"{who() or 'another process'} is writing to {place}"
    while not take():
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
    return _holder(file.read())


def _holder(words: str) -> Holder | None:
    try:
        return Holder(**json.loads(words))
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
