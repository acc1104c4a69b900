"""The one SQL server of a state folder: who it is, where it listens, and the key to it, for its owner alone to read."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from cli.runs.writer_lock import acquired
from warehouse.contract.errors import SparkhouseError
from warehouse.contract.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What `sparkhouse sql` and a server say to each other; another number where they would not understand each other.
PROTOCOL = 1
LOCK, RECORD = "sql-server.lock", "sql-server.json"


class ServerRuns(SparkhouseError, RuntimeError):
    """The state folder has a server already."""


@dataclass(frozen=True)
class ServerRecord:
    """A server that answers: its process, where clients of Hive's protocol reach it, and since when (ISO 8601, UTC).

    `door` is the port on this machine at which `sparkhouse sql` asks, and `key` what it has to show there. A server
    that `sparkhouse sql` started for itself has no `port`.
    """

    pid: int
    since: str
    door: int
    key: str
    host: str
    port: int | None = None
    has_tls: bool = False
    home: str = ""
    protocol: int = PROTOCOL

    def is_of(self, folder: Path) -> bool:
        """Whether `sparkhouse sql` can ask it: it is of today's version, and the state folder was not moved since."""
        return self.protocol == PROTOCOL and self.home == str(folder)

    @property
    def place(self) -> str:
        """Where it is, in words."""
        url = f"jdbc:hive2://{self.host}:{self.port}/{';ssl=true' if self.has_tls else ''}"
        listens = f"for other clients at {url}" if self.port else "for this machine alone"
        return f"{listens}, process {self.pid}, since {self.since}"


@contextmanager
def only_server(folder: Path) -> Iterator[None]:
    """Be the server of a state folder for a block; the system drops the lock with the process.

    Raises ServerRuns, NoFileLocks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as lock:
        if not acquired(lock):
            raise ServerRuns(f"{folder} has a SQL server already: `sparkhouse sql-server status` names it")
        os.utime(lock.fileno())
        try:
            yield
        finally:
            with suppress(OSError):
                (folder / RECORD).unlink(missing_ok=True)


def tell(folder: Path, record: ServerRecord) -> None:
    """Say that a server answers; its file is whole, or not there."""
    replace_file(folder / RECORD, json.dumps(asdict(record)).encode(), mode=0o600)


def is_locked(folder: Path) -> bool:
    """Whether a server of the state folder runs, or is about to."""
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def server_started_at(folder: Path) -> float | None:
    """Return when the server of a state folder began (seconds since 1970); None where none runs."""
    return (folder / LOCK).stat().st_mtime if is_locked(folder) else None


def running_server(folder: Path) -> ServerRecord | None:
    """Return the server of a state folder, once it answers."""
    if not is_locked(folder):
        return None
    try:
        told = json.loads((folder / RECORD).read_text())
        known = {field.name for field in fields(ServerRecord)}
        return ServerRecord(**{name: value for name, value in told.items() if name in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
