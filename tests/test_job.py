"""Which log a warehouse holds: a simulated one until there is one of the user's own, never both."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from conftest import drop_all_tables

from cli.job import Job
from cli.main_job import simulated_log
from cli.steps import Steps
from warehouse.landing.simulator import SimulationSpec, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.home import Home


@pytest.fixture
def job(spark: SparkSession, home: Home) -> Iterator[Job]:
    """A job on a warehouse that holds a small log, simulated as by a run without a log."""
    drop_all_tables(spark)
    simulate(SimulationSpec(users=5, days=2, ids="random"), home.simulated_log)
    job = Job(spark, home, Steps(quiet=True))
    job.ingest([home.simulated_log])
    yield job
    home.simulated_log.unlink(missing_ok=True)
    drop_all_tables(spark)


@pytest.fixture
def own_log(tmp_path: Path) -> Path:
    simulate(SimulationSpec(users=5, days=2, ids="random", start=date(2019, 4, 1)), tmp_path / "own.json")
    return tmp_path / "own.json"


def sources(job: Job) -> set[str]:
    return {row.source_file for row in job.spark.sql("select distinct source_file from raw.events").collect()}


def test_the_simulated_log_makes_room_for_the_users_own(job: Job, own_log: Path) -> None:
    job.ingest([own_log])
    assert sources(job) == {str(own_log)}
    assert [step.name for step in job.steps.done] == ["ingest", "ingest", "retire"]


def test_a_later_run_without_a_log_brings_no_simulated_log_back(job: Job, own_log: Path) -> None:
    assert simulated_log(job.home, job.steps, has_logs=job.home.has_logs) == job.home.simulated_log
    job.ingest([own_log])
    assert simulated_log(job.home, job.steps, has_logs=job.home.has_logs) is None


def test_the_simulated_log_stays_where_it_is_named(job: Job, own_log: Path) -> None:
    job.ingest([job.home.simulated_log, own_log])
    assert sources(job) == {str(job.home.simulated_log), str(own_log)}


def test_a_log_that_is_not_there_retires_nothing(job: Job, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no log file"):
        job.ingest([tmp_path / "missing.json"])
    assert str(job.home.simulated_log) in sources(job)
