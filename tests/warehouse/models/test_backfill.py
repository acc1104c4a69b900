"""What a backfill promises: the chosen dates as any build would have made them, all other rows as they were."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pytest
from commands import run_command
from pyspark.sql import functions as F

from cli.jobs import building, landing
from cli.jobs.dbt import run_dbt
from cli.jobs.workspace import Workspace
from cli.runs.steps import Steps
from warehouse.landing.simulator import SimulationSpec, simulate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

    Cells = dict[tuple[date, str, str], str]

SPINE, FEATURES, LABELS = "intermediate.int_user_snapshots_spined", "marts.fct_user_features", "marts.fct_churn_labels"
TABLES = (SPINE, FEATURES, LABELS)
FIRST, SECOND, THIRD = date(2018, 10, 8), date(2018, 10, 15), date(2018, 10, 22)
OFF_GRID = date(2018, 10, 17)
DAYS_OF_SECOND = (SECOND - SimulationSpec.start).days


@dataclass(frozen=True)
class History:
    """What the tables hold after each step."""

    at_the_time: Cells
    full: dict[str, Cells]
    damaged: dict[str, Cells]
    backfilled: dict[str, Cells]
    commits: dict[str, int]
    off_grid: dict[str, Cells]
    narrower: str
    full_later: dict[str, Cells]
    refreshed: Cells


def cells(spark: SparkSession, table: str) -> Cells:
    """Values by snapshot date, user and column, as texts that differ wherever a bit of a value does."""
    rows = spark.table(table).collect()
    assert len({(row.as_of_date, row.user_id) for row in rows}) == len(rows)
    return {(row.as_of_date, row.user_id, name): repr(value) for row in rows for name, value in row.asDict().items()}


def all_cells(spark: SparkSession) -> dict[str, Cells]:
    return {table: cells(spark, table) for table in TABLES}


def on(found: Cells, *days: date) -> Cells:
    return {cell: value for cell, value in found.items() if cell[0] in days}


def dates(found: Cells) -> set[date]:
    return {day for day, _, _ in found}


def commits(spark: SparkSession) -> dict[str, int]:
    return {table: spark.table(f"{table}.snapshots").count() for table in TABLES}


def damage(spark: SparkSession) -> None:
    """Lose a user on the first date and all of them on the second, and take all on the third for others."""
    user_id = spark.table(SPINE).where(F.col("as_of_date") == FIRST).agg(F.min("user_id")).collect()[0][0]
    for table in TABLES:
        spark.sql(f"delete from {table} where as_of_date = '{FIRST}' and user_id = '{user_id}'")
        spark.sql(f"delete from {table} where as_of_date = '{SECOND}'")
        spark.sql(f"update {table} set user_id = concat('not ', user_id) where as_of_date = '{THIRD}'")


def built(*options: str, select: str = "+fct_user_features +fct_churn_labels") -> str:
    """Run models; return the message of the one that failed, if one did."""
    outcome = run_dbt(["--log-level", "none", "run", "--select", *select.split(), *options])
    return "\n".join(node.message for node in outcome.of("error"))


@pytest.fixture(scope="module")
def workspace(empty_warehouse: SparkSession, home: Home) -> Workspace:
    return Workspace(empty_warehouse, home, Steps(quiet=True))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """A small log, a file a day, until the end of the day before the third snapshot."""
    folder = tmp_path_factory.mktemp("log")
    days = (THIRD - SimulationSpec.start).days
    return sorted(simulate(SimulationSpec(users=20, days=days, ids="random"), folder, by_day=True).paths)


@pytest.fixture(scope="module")
def history(workspace: Workspace, log: Sequence[Path]) -> History:
    """Build up to the second snapshot and up to the third, damage and backfill, go off the grid and back."""
    spark = workspace.spark
    landing.ingest(workspace, log[:DAYS_OF_SECOND])
    assert built(select="+fct_user_features") == ""
    at_the_time = cells(spark, FEATURES)
    landing.ingest(workspace, log[DAYS_OF_SECOND:])
    assert built() == ""
    full = all_cells(spark)

    damage(spark)
    damaged, commits_before = all_cells(spark), commits(spark)
    assert built(*building.backfill_options(workspace.home, SECOND, THIRD)) == ""
    backfilled, commits_after = all_cells(spark), commits(spark)

    assert run_command("build", "--from", str(OFF_GRID), "--to", str(OFF_GRID)) == 0
    off_grid = all_cells(spark)

    spark.sql(f"alter table {LABELS} drop column will_lapse")
    narrower = built(*building.backfill_options(workspace.home, OFF_GRID, OFF_GRID), select="fct_churn_labels")
    assert built() == ""
    full_later = all_cells(spark)
    assert built("--full-refresh", select="int_user_snapshots_spined") == ""
    return History(
        at_the_time,
        full,
        damaged,
        backfilled,
        {table: commits_after[table] - before for table, before in commits_before.items()},
        off_grid,
        narrower,
        full_later,
        cells(spark, SPINE),
    )


@pytest.mark.parametrize("table", TABLES)
def test_backfilled_dates_are_bit_for_bit_those_of_a_full_build(history: History, table: str) -> None:
    full = history.full[table]
    assert dates(full) == {FIRST, SECOND, THIRD}
    assert SECOND not in dates(history.damaged[table])
    assert not on(full, THIRD).keys() & on(history.damaged[table], THIRD).keys()
    assert on(history.backfilled[table], SECOND, THIRD) == on(full, SECOND, THIRD)


@pytest.mark.parametrize("table", TABLES)
def test_all_other_dates_stay_as_they_were(history: History, table: str) -> None:
    assert on(history.damaged[table], FIRST) != on(history.full[table], FIRST)
    assert on(history.backfilled[table], FIRST) == on(history.damaged[table], FIRST)
    assert on(history.off_grid[table], FIRST, SECOND, THIRD) == history.backfilled[table]


def test_backfilled_features_are_those_that_a_build_made_at_the_time(history: History) -> None:
    assert max(dates(history.at_the_time)) == SECOND
    assert on(history.backfilled[FEATURES], SECOND) == on(history.at_the_time, SECOND)


def test_a_backfill_is_one_commit_a_table(history: History) -> None:
    assert history.commits == dict.fromkeys(TABLES, 1)


@pytest.mark.parametrize("table", TABLES)
def test_a_date_off_the_grid_comes_on_demand_and_stays_in_later_builds(history: History, table: str) -> None:
    assert dates(history.off_grid[table]) == {FIRST, SECOND, OFF_GRID, THIRD}
    assert history.full_later[table] == history.full[table] | on(history.off_grid[table], OFF_GRID)


def test_a_full_refresh_returns_to_the_grid(history: History) -> None:
    assert history.refreshed == history.full[SPINE]


def test_a_backfill_leaves_no_new_column_empty_in_the_dates_that_it_keeps(history: History) -> None:
    assert "lacks will_lapse" in history.narrower
    assert "build all dates first" in history.narrower


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(("first", "last"), [(date(2018, 10, 1), FIRST), (date(2018, 10, 23), None)])
def test_dates_outside_the_observed_window_are_refused(workspace: Workspace, first: date, last: date | None) -> None:
    before = cells(workspace.spark, SPINE)
    message = built(*building.backfill_options(workspace.home, first, last), select="int_user_snapshots_spined")
    assert f"from {first} to {last or THIRD}: the log is observed for snapshots from 2018-10-02 to {THIRD}" in message
    assert cells(workspace.spark, SPINE) == before


def test_a_backfill_that_ends_before_it_begins_could_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("build", "--from", "2018-10-22", "--to", "2018-10-15") == 2
    assert "--from 2018-10-22 is after --to 2018-10-15." in capsys.readouterr().err
