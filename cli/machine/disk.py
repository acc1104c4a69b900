"""Whether the disk of a state folder has room for what a log becomes: told before anything is written."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from pathlib import Path

_GB = 1e9
# What even a small log takes: dbt's files, models, reports.
FIXED_BYTES = 150_000_000
# Of 359 MB of log, ingest and build took 404 MB at their most, most of it temporary files of Spark; 103 MB stayed.
TAKEN_TO_LOG = 1.1


class NoRoomForLog(SparkhouseError, RuntimeError):
    """The disk has less room than the work on a log takes."""


def require_room(home: Path, log_bytes: int) -> None:
    """Raise NoRoomForLog where a log of so many bytes would fill the disk that a state folder is on, or will be."""
    needed = FIXED_BYTES + int(log_bytes * TAKEN_TO_LOG)
    existing = next(each for each in (home, *home.parents) if each.exists())
    free = shutil.disk_usage(existing).free
    if log_bytes and free < needed:
        raise NoRoomForLog(
            f"a log of about {log_bytes / _GB:.1f} GB needs about {needed / _GB:.1f} GB of disk, and {home} has "
            f"{free / _GB:.1f} GB free: free some, or let SPARKHOUSE_HOME name a folder of another disk; nothing was "
            "written"
        )
