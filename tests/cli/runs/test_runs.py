"""Commands that write: one at a time, on record, published whole or not at all; readers are never kept waiting."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from commands import run_command

from cli.health.machine_faults import recognised
from cli.jobs import publishing
from cli.jobs.checks import CheckFailed
from cli.runs.records import BROKEN_OFF, DISCARDED, DONE, FAILED, PUBLISHED, ROLLED_BACK, RUNNING, recorded, runs
from cli.runs.steps import Steps
from cli.runs.writer_lock import Holder, WriterAtWork, current_holder, writer_lock
from warehouse.landing.simulator import SimulationSpec, simulate
from warehouse.publishing.journal import JOURNAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

REPOSITORY = Path(__file__).resolve().parents[3]
ME = Holder("ingest", "run-1", os.getpid(), "2026-11-24T05:00:00+00:00")

# Another process that holds the lock until it is killed.
HOLDING = """
import sys, time
from pathlib import Path
from cli.runs.writer_lock import Holder, writer_lock
with writer_lock(Path(sys.argv[1]), Holder("run", "run-0", 42, "2026-11-24T04:00:00+00:00"), None):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    lock = tmp_path / "writer.lock"
    command = [sys.executable, "-c", HOLDING, str(lock)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield lock, process
        process.kill()


def test_a_second_writer_is_refused_and_told_who_writes(held: tuple[Path, subprocess.Popen[str]]) -> None:
    lock, _ = held
    assert str(current_holder(lock)).startswith("`sparkhouse run`, run run-0, process 42, since 2026-11-24")
    with pytest.raises(WriterAtWork, match="`sparkhouse run`, run run-0, process 42"), writer_lock(lock, ME, None):
        pass


def test_a_second_writer_that_waits_is_told_for_whom_and_goes_on_when_that_one_was_killed(
    held: tuple[Path, subprocess.Popen[str]],
) -> None:
    lock, process = held
    told: list[str] = []

    def killed_meanwhile(text: str) -> None:
        told.append(text)
        process.send_signal(signal.SIGKILL)

    with writer_lock(lock, ME, killed_meanwhile) as left_behind:
        assert left_behind is not None
        assert left_behind.run_id == "run-0"
        assert current_holder(lock) == ME
    assert len(told) == 1
    assert current_holder(lock) is None


def test_a_lock_that_was_let_go_leaves_nobody_behind(tmp_path: Path) -> None:
    for _ in range(2):
        with writer_lock(tmp_path / "writer.lock", ME, None) as left_behind:
            assert left_behind is None


@pytest.fixture
def fresh_home(home: Home, tmp_path: Path) -> Home:
    """A state folder without runs; Spark is not needed."""
    return type(home)(tmp_path)


def steps_of(run_id: str) -> Steps:
    return Steps(quiet=True, run_id=run_id, command="build")


def test_runs_are_listed_with_what_became_of_them(fresh_home: Home) -> None:
    with recorded(fresh_home, steps_of("1-validated")):
        assert [run.status for run in runs(fresh_home)] == [RUNNING]
    published = steps_of("2-published")
    with recorded(fresh_home, published), published.step("publish") as step:
        step.rows_out = 3
    with pytest.raises(CheckFailed), recorded(fresh_home, steps_of("3-failed")):
        raise CheckFailed("rule 1\nrule 2")
    with recorded(fresh_home, steps_of("4-killed")):
        killed = (fresh_home.runs / "4-killed.json").read_text()
    (fresh_home.runs / "4-killed.json").write_text(killed)
    assert [(run.run_id, run.status, run.message) for run in runs(fresh_home)] == [
        ("4-killed", BROKEN_OFF, ""),
        ("3-failed", FAILED, "CheckFailed: rule 1"),
        ("2-published", PUBLISHED, ""),
        ("1-validated", DONE, ""),
    ]


# The commands, on a warehouse of a few users


@pytest.fixture
def sparkhouse(empty_warehouse: SparkSession, home: Home) -> Callable[..., int]:  # noqa: ARG001 - emptied
    """Run commands on a state folder without runs."""
    (home.path / JOURNAL).unlink(missing_ok=True)
    for record in home.runs.glob("*.json"):
        record.unlink()
    return run_command


def count(capsys: pytest.CaptureFixture[str], sparkhouse: Callable[..., int], *options: str) -> int:
    """How many events `sparkhouse sql` counts."""
    capsys.readouterr()
    assert sparkhouse("sql", "select count(*) as events from raw.events", "--format", "json", *options) == 0
    return int(json.loads(capsys.readouterr().out)[0]["events"])


def test_a_run_is_published_failed_looked_at_discarded_and_rolled_back(
    sparkhouse: Callable[..., int],
    home: Home,
    spark: SparkSession,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logs = [tmp_path / f"{number}.json" for number in range(2)]
    lines = [simulate(SimulationSpec(users=5, days=2, ids="random", seed=seed), logs[seed]).rows for seed in range(2)]
    assert sparkhouse("ingest", str(logs[0])) == 0
    first = runs(home)[0]
    assert (first.command, first.status) == ("ingest", PUBLISHED)

    with monkeypatch.context() as failing:
        failing.setattr(publishing, "publish", lambda *_: (_ for _ in ()).throw(CheckFailed("poison")))
        assert sparkhouse("ingest", str(logs[1])) == 1
    failed = runs(home)[0]
    assert (failed.status, failed.message) == (FAILED, "CheckFailed: poison")
    assert f"sparkhouse runs discard {failed.run_id}" in capsys.readouterr().err
    assert count(capsys, sparkhouse) == spark.table("raw.events").count() == lines[0]
    assert count(capsys, sparkhouse, "--run", failed.run_id) == sum(lines)
    assert sparkhouse("runs", "discard", failed.run_id) == 0
    assert [run.status for run in runs(home) if run.run_id == failed.run_id] == [DISCARDED]
    assert sparkhouse("runs", "discard", failed.run_id) == 2

    assert sparkhouse("ingest", str(logs[1])) == 0
    second = runs(home)[0]
    assert count(capsys, sparkhouse) == sum(lines)
    assert sparkhouse("rollback", second.run_id) == 0
    assert [run.status for run in runs(home) if run.run_id == second.run_id] == [ROLLED_BACK]
    assert count(capsys, sparkhouse) == lines[0]
    assert count(capsys, sparkhouse, "--as-of", second.run_id) == sum(lines)
    assert sparkhouse("ingest", str(logs[1])) == 0
    assert count(capsys, sparkhouse) == sum(lines)
    assert sparkhouse("runs", "--format", "json") == 0
    assert len(json.loads(capsys.readouterr().out)) == len(runs(home))


def test_a_reader_is_not_kept_waiting_by_a_writer(
    sparkhouse: Callable[..., int], home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.json"
    simulate(SimulationSpec(users=5, days=2, ids="random"), log)
    with recorded(home, steps_of("9-at-work")):
        assert sparkhouse("sql", "select 1 as a") == 0
        assert sparkhouse("ingest", str(log)) == 2
        assert sparkhouse("dbt", "run") == 2
        assert sparkhouse("dbt", "ls", "--quiet") == 0
        assert sparkhouse("dbt", "retry") == 2
    assert "run 9-at-work" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device"), "is full: free some space"),
        (RuntimeError("java.io.IOException: No space left on device"), "is full: free some space"),
        (OSError(30, "Read-only file system"), "cannot be written to"),
        (RuntimeError("java.lang.OutOfMemoryError: Java heap space"), "SPARKHOUSE_DRIVER_MEMORY higher"),
        (RuntimeError("[JAVA_GATEWAY_EXITED] Java gateway process exited"), "could not start"),
        (RuntimeError("Answer from Java side is empty"), "as if it had been killed"),
    ],
)
def test_what_the_machine_did_is_told_with_what_to_do(error: Exception, said: str) -> None:
    outer = ValueError("a model failed")
    outer.__cause__ = error
    assert said in str(recognised(error, "var"))
    assert said in str(recognised(outer, "var"))
    assert recognised(ValueError("a model failed"), "var") is None
