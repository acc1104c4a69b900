"""A state folder that the code of before has made opens: it is read, written, published and taken back.

`tests/data/state_of_before.tar.xz` was made by commit 7400357, as /tmp/sparkhouse-before, with `simulate --users 5
--days 17 --seed 3` and one `run --events`; what any command makes anew (dbt's files, reports, Spark's) was left out.
"""

from __future__ import annotations

import json
import shutil
import tarfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from commands import drop_all_tables

from cli.runs.records import PUBLISHED, ROLLED_BACK, runs
from warehouse.landing.simulator import SimulationSpec, simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

STATE = Path(__file__).parents[2] / "data" / "state_of_before.tar.xz"
EVENTS, FEATURES = 603, 5


@pytest.fixture
def before(empty_warehouse: SparkSession, home: Home, tmp_path: Path) -> Iterator[Home]:
    """The state folder of the tests with what the old one held, as somebody has moved it there."""
    with tarfile.open(STATE) as packed:
        packed.extractall(tmp_path, filter="data")
    names = [path.name for path in tmp_path.iterdir()]
    for name in names:
        remove(home.path / name)
        shutil.move(tmp_path / name, home.path / name)
    yield home
    drop_all_tables(empty_warehouse)
    for name in names:
        remove(home.path / name)


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def test_a_state_folder_of_before_opens(
    before: Home, sparkhouse: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def asked(query: str) -> list[dict[str, int]]:
        capsys.readouterr()
        assert sparkhouse("sql", query, "--format", "json") == 0
        rows: list[dict[str, int]] = json.loads(capsys.readouterr().out)
        return rows

    def contents() -> list[dict[str, int]]:
        """Rows of the log and of the features, and a sum over all that the features are."""
        return asked(
            "select count(*) as features, (select count(*) from raw.events) as events,"
            " (select count(*) from marts.fct_churn_labels) as labels, sum(xxhash64(*)) as content"
            " from marts.fct_user_features"
        )

    assert sparkhouse("sql", "select 1") == 2
    assert "sparkhouse-before" in capsys.readouterr().err
    assert sparkhouse("doctor", "--quick", "--relocate") == 0

    found = contents()
    assert [(row["events"], row["features"], row["labels"]) for row in found] == [(EVENTS, FEATURES, FEATURES)]
    [old] = runs(before)
    assert (old.command, old.status) == ("run", PUBLISHED)

    log = tmp_path / "log.json"
    lines = simulate(SimulationSpec(users=5, days=9, start=date(2018, 10, 17), seed=4, ids="random"), log).rows
    assert sparkhouse("run", "--events", str(log), "--quiet") == 0
    new = runs(before)[0]
    assert new.status == PUBLISHED
    [grown] = contents()
    assert grown["events"] == EVENTS + lines
    assert grown["features"] > FEATURES

    assert sparkhouse("rollback", new.run_id) == 0
    assert contents() == found
    assert sparkhouse("rollback", old.run_id) == 0
    assert asked("select count(*) as events from raw.events") == [{"events": 0}]
    assert {run.run_id: run.status for run in runs(before)}[old.run_id] == ROLLED_BACK
