"""Events of dates that the log had left behind: taken in, counted, and told with what is made anew because of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from commands import drop_all_tables

from cli.jobs import landing
from cli.jobs.late_events import late_events
from cli.jobs.workspace import Workspace
from cli.runs.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

DAY_MS, FIRST = 86_400_000, 1_538_352_000_000
EVENT = {"userId": "30", "sessionId": 29, "page": "Home", "registration": 1_538_000_000_000}


@pytest.fixture
def workspace(spark: SparkSession, home: Home) -> Iterator[Workspace]:
    drop_all_tables(spark)
    yield Workspace(spark, home, Steps(quiet=True))
    home.limits.unlink(missing_ok=True)
    drop_all_tables(spark)


def log(path: Path, *days: int) -> Path:
    """A log with an event on each of some days of October 2018."""
    lines = [json.dumps({**EVENT, "ts": FIRST + (day - 1) * DAY_MS + place}) for place, day in enumerate(days)]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_late_events_are_told_with_the_snapshots_that_they_change(
    workspace: Workspace, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    landing.ingest(workspace, [log(tmp_path / "a.json", 30, 1, 2)])
    workspace.spark.sql("create namespace if not exists intermediate")
    workspace.spark.sql(
        "create table intermediate.int_user_snapshots_spined using iceberg as select explode(array("
        "date '2018-10-08', date '2018-10-15', date '2018-10-22', date '2018-10-22')) as as_of_date"
    )
    assert "late events" not in capfd.readouterr().err, "of a first log, nothing is late"
    summary = landing.ingest(workspace, [log(tmp_path / "b.json", 31, 27, 26, 8, 8)])
    said = capfd.readouterr().err
    assert "Warning: 3 late events of 2 dates, the oldest 2018-10-08, more than 3 days before the newest date" in said
    assert "2 published snapshots will be made anew" in said
    workspace.home.limits.write_text(
        "rules:\n  raw.late_events: {limits: {days: 4}, reason: Phones are offline for days.}\n"
    )
    assert summary.ingested_at
    found = late_events(workspace, summary.ingested_at)
    assert found
    assert (found.count, found.date_count, found.days, found.snapshot_count) == (2, 1, 4, 2)


def test_the_simulated_log_makes_no_event_of_the_users_own_late(
    workspace: Workspace, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    landing.ingest(workspace, [log(workspace.home.simulated_log, 30)])
    landing.ingest(workspace, [log(tmp_path / "own.json", 1)])
    assert "late events" not in capfd.readouterr().err
