"""Whether the disk of a state folder has room for what a log becomes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_GB = 1e9
# What even a small log takes: dbt's files, models, reports.
FIXED_BYTES = 150_000_000
# A run took at most 0.66 of 1.3 GB of log and 0.56 of 11.8 GB, half of it temporary files of Spark; 0.28 stayed. A log
# of which more than a little comes twice may take up to 1.4, what a run took when it put all events in order.
TAKEN_TO_LOG = 0.7


def lack_of_room(home: Path, log_bytes: int) -> str | None:
    """Say so where a log of so many bytes may fill the disk that a state folder is on, or will be.

    It is no more than a warning: what was ingested before takes nothing, and how far a packed log unpacks is a guess.
    """
    needed = FIXED_BYTES + int(log_bytes * TAKEN_TO_LOG)
    existing = next(each for each in (home, *home.parents) if each.exists())
    free = shutil.disk_usage(existing).free
    if not log_bytes or free >= needed:
        return None
    return (
        f"Warning: a new log of about {log_bytes / _GB:.1f} GB takes about {needed / _GB:.1f} GB of disk, and {home} "
        f"has {free / _GB:.1f} GB free. If it ends without room, nothing is lost: free some, or let SPARKHOUSE_HOME "
        "name a folder of another disk"
    )
