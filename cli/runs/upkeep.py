"""What grows in the state folder beside the tables: temporary files, records of runs, models and reports."""

from __future__ import annotations

import math
import shutil
import time
from typing import TYPE_CHECKING

from cli.runs.server_record import server_started_at
from warehouse.contract.files import path_here

if TYPE_CHECKING:
    from pathlib import Path

    from cli.machine.home import Home
    from warehouse.publishing.upkeep import Upkeep

DAY = 86_400
# A killed JVM leaves its files; one that is at work has younger ones.
TEMPORARY_DAYS = 1
# A record has some 2 KB; what was published and when stands in monitoring.publications for good.
RECORD_DAYS = 365


def tidy(home: Home) -> list[Upkeep]:
    """Remove temporary files of processes that have ended and the records of runs of long ago; measure all else.

    The caller holds the writers' lock. Models go by `sparkhouse models remove`, and with them their cards.
    """
    from warehouse.publishing.upkeep import Upkeep, measure

    done = []
    scratch = path_here(home.cluster.scratch) if home.cluster else None
    shared = [(scratch, TEMPORARY_DAYS)] if scratch else []
    for folder, days in (
        (home.tmp, TEMPORARY_DAYS),
        *shared,
        (home.runs, RECORD_DAYS),
        (home.mlflow, None),
        (home.reports, None),
    ):
        files_before, bytes_before = measure(folder)
        if days is not None:
            # A SQL server may have nothing to do for days: what is younger than it may be its own.
            _remove_older(folder, min(time.time() - days * DAY, server_started_at(home.path) or math.inf))
        files_after, bytes_after = measure(folder)
        done.append(Upkeep(f"{folder.name}/", bytes_before, bytes_after, files_before, files_after))
    return done


def _remove_older(folder: Path, moment: float) -> None:
    """Remove the entries of a folder in which nothing is younger than a moment."""
    for entry in folder.glob("*"):
        if max(path.lstat().st_mtime for path in (entry, *entry.rglob("*"))) < moment:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
