"""Which log a warehouse holds: a simulated one until there is one of the user's own, never both."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from commands import drop_all_tables

from cli.jobs import landing
from cli.jobs.demo_log import LogsPooled
from cli.jobs.main_job import simulated_log
from cli.jobs.workspace import Workspace
from cli.runs.steps import Steps, write_json
from warehouse.landing.simulator import SimulationSpec, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.machine.home import Home


@pytest.fixture
def workspace(spark: SparkSession, home: Home) -> Iterator[Workspace]:
    """A workspace on a warehouse that holds a small log, simulated as by a run without a log."""
    drop_all_tables(spark)
    simulate(SimulationSpec(users=5, days=2, ids="random"), home.simulated_log)
    workspace = Workspace(spark, home, Steps(quiet=True))
    landing.ingest(workspace, [home.simulated_log])
    yield workspace
    home.simulated_log.unlink(missing_ok=True)
    drop_all_tables(spark)


@pytest.fixture
def own_log(tmp_path: Path) -> Path:
    simulate(SimulationSpec(users=5, days=2, ids="random", start=date(2019, 4, 1)), tmp_path / "own.json")
    return tmp_path / "own.json"


def sources(workspace: Workspace) -> set[str]:
    return {row.source_file for row in workspace.spark.sql("select distinct source_file from raw.events").collect()}


def test_the_simulated_log_makes_room_for_the_users_own(workspace: Workspace, own_log: Path) -> None:
    landing.ingest(workspace, [own_log])
    assert sources(workspace) == {str(own_log)}
    assert {row.event_date.year for row in workspace.spark.table("raw.touched_dates").collect()} == {2019}
    assert [step.name for step in workspace.steps.done] == ["ingest", "ingest", "retire"]


def test_a_later_run_without_a_log_brings_no_simulated_log_back(workspace: Workspace, own_log: Path) -> None:
    assert simulated_log(workspace.home, workspace.steps, has_logs=False) == workspace.home.simulated_log
    landing.ingest(workspace, [own_log])
    # The file may come back; what is taken in, is told by the tables.
    simulate(SimulationSpec(users=5, days=2, ids="random"), workspace.home.simulated_log)
    assert simulated_log(workspace.home, workspace.steps, has_logs=workspace.home.has_logs) is None


def test_the_simulated_log_never_comes_to_the_users_own(workspace: Workspace, own_log: Path) -> None:
    with pytest.raises(LogsPooled, match="name your own logs alone"):
        landing.ingest(workspace, [workspace.home.simulated_log, own_log])
    assert sources(workspace) == {str(workspace.home.simulated_log)}
    landing.ingest(workspace, [own_log])
    simulate(SimulationSpec(users=5, days=2, ids="random"), workspace.home.simulated_log)
    with pytest.raises(LogsPooled, match="holds logs of your own"):
        landing.ingest(workspace, [workspace.home.simulated_log])
    assert sources(workspace) == {str(own_log)}


def test_a_file_without_an_event_retires_nothing_until_a_replay_makes_events_of_its_lines(
    workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "own.json").write_text('{"page": "Home"}\n')
    landing.ingest(workspace, [tmp_path / "own.json"])
    assert sources(workspace) == {str(workspace.home.simulated_log)}
    workspace.spark.sql("update raw.ingested_files set accepted_count = 1 where rejected_count = 1")
    landing.keep_logs_apart(workspace)
    assert sources(workspace) == set()


def test_a_simulated_log_is_known_where_the_state_folder_was_before(workspace: Workspace, own_log: Path) -> None:
    workspace.spark.sql("update raw.events set source_file = '/before/landing/simulated.json'")
    workspace.spark.sql("update raw.ingested_files set source_file = '/before/landing/simulated.json'")
    write_json(workspace.home.former_homes, {"homes": ["/before"]})
    landing.ingest(workspace, [own_log])
    workspace.home.former_homes.unlink()
    assert sources(workspace) == {str(own_log)}


def test_a_log_that_is_not_there_retires_nothing(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no log file"):
        landing.ingest(workspace, [tmp_path / "missing.json"])
    assert str(workspace.home.simulated_log) in sources(workspace)
