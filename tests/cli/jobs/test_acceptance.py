"""A way on past the gate: a run that it stopped is published in spite of a named rule, and the next ones remember."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from logs_as_tables import DAY_MS, STAGED, START, read_log, without_hours, write_log

from cli.commands.access import new_steps
from cli.jobs import auditing, publishing
from cli.jobs.checks import CheckFailed
from cli.jobs.workspace import Workspace
from cli.machine.account import account
from cli.runs.records import recorded
from warehouse.landing.simulator import SimulationSpec, simulate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from logs_as_tables import Log
    from pyspark.sql import SparkSession

    from cli.machine.home import Home


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """Five weeks."""
    file = tmp_path_factory.mktemp("log") / "good.json"
    simulate(SimulationSpec(users=90, days=35, ids="random", seed=3), file)
    return read_log(file.read_bytes())


def deliver(spark: SparkSession, home: Home, folder: Path, log: Log) -> str:
    """A run that brings a log, as `build` does: on its branch, audited, published."""
    steps = new_steps("build", quiet=True)
    with recorded(home, steps):
        workspace = Workspace(spark, home, steps)
        with publishing.on_branch(workspace):
            write_log(spark, folder, log)
            auditing.audit(workspace, ["staging"])
            publishing.publish(workspace)
    return steps.run_id


def test_a_run_that_was_stopped_is_published_by_a_reason_that_the_next_runs_remember(
    empty_warehouse: SparkSession,
    home: Home,
    good: Log,
    tmp_path: Path,
    sparkhouse: Callable[..., int],
    capfd: pytest.CaptureFixture[str],
) -> None:
    def days() -> int:
        found: int = empty_warehouse.table(STAGED).select("event_date").distinct().count()
        return found

    published = deliver(empty_warehouse, home, tmp_path, good[good.ts < START + 28 * DAY_MS])
    lost = without_hours(good, 29, 0, 24)
    capfd.readouterr()
    with pytest.raises(CheckFailed) as told:
        deliver(empty_warehouse, home, tmp_path, lost)
    stopped = max(home.runs.glob("*Z.json")).stem
    assert re.search(
        r"volumes\.hole \(no hours .*\), observed 24 hours without an event from 2018-10-30", str(told.value)
    )
    assert f'sparkhouse publish {stopped} --accept volumes.hole --reason "..."' in str(told.value)
    assert re.search(r"\d+ expectations of staging, 1 not met; \d+ Spark jobs", capfd.readouterr().err)
    assert days() == 28

    # What cannot be accepted.
    for run_id, rule, words in (
        (stopped, "volumes.clock", f"volumes.clock did not stop run {stopped}; these rules did: volumes.hole"),
        (stopped, "no.rule", "no.rule did not stop"),
        (published, "volumes.hole", f"run {published} has left nothing unpublished"),
        ("20000101T000000000000Z", "volumes.hole", "has left nothing unpublished"),
    ):
        assert sparkhouse("publish", run_id, "--accept", rule, "--reason", "It was down.") == 2
        assert words in capfd.readouterr().err
    assert sparkhouse("publish", stopped, "--accept", "volumes.hole", "--reason", "  ") == 2
    assert not empty_warehouse.catalog.tableExists("monitoring.accepted_findings")

    assert sparkhouse("publish", stopped, "--accept", "volumes.hole", "--reason", "It was down.") == 0
    (kept,) = empty_warehouse.table("monitoring.accepted_findings").collect()
    assert (kept.run_id, kept.rule, kept.reason) == (stopped, "volumes.hole", "It was down.")
    assert kept.accepted_by == account()
    assert "24 hours without an event" in kept.observed_value
    assert days() == 34
    assert json.loads((home.runs / f"{stopped}.json").read_text())["status"] == "published"
    page = (home.data_docs / "index.html").read_text()
    assert "The gate let this run pass, with findings that were accepted" in page
    assert f"by {account()} in run {stopped}: It was down." in page

    # The next run tells of it, and lets it pass where it is found again, as after a rollback.
    capfd.readouterr()
    deliver(empty_warehouse, home, tmp_path, lost)
    assert f"by {account()} in run {stopped}: It was down." in capfd.readouterr().err
    assert sparkhouse("rollback", stopped) == 0
    assert days() == 28
    deliver(empty_warehouse, home, tmp_path, lost)
    assert days() == 34
    assert "Accepted so far" in (home.data_docs / "index.html").read_text()
    # Another hole is another finding.
    with pytest.raises(CheckFailed):
        deliver(empty_warehouse, home, tmp_path, without_hours(lost, 31, 0, 24))
    # Of what is published already, nothing is left to publish.
    write_log(empty_warehouse, tmp_path, lost.assign(level=None))
    with pytest.raises(CheckFailed, match=r"volumes\.levels") as published_already:
        auditing.audit(Workspace(empty_warehouse, home, new_steps("validate", quiet=True)), ["staging"])
    assert "sparkhouse publish" not in str(published_already.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules:\n  volumes.hole:\n    severity: warn\n", "line 2: rules.volumes.hole.reason: it is missing"),
        ("rules:\n  a.b: {reason: x}\n", "line 2: there is no rule a.b; `sparkhouse gate` lists them"),
        ("rules:\n  volumes.hole:\n    reason: y\n    limits:\n      a: 3\n", "line 5: volumes.hole has no limit a"),
        ("rules: [\n", "line 2: this is not YAML"),
        (
            "outages:\n- from: 2018-10-17\n  until: 2018-10-16\n  reason: x\n",
            "line 2: outages.0: until has to",
        ),
        ("outages:\n- from: 2018-10-17\n  until: 2018-10-19\n", "line 2: outages.0.reason: it is missing"),
        ("holidays: 3\n", "line 1: holidays: nothing of this name can stand here"),
        ("rules:\n volumes.hole:\n  severity: never\n  reason: x\n", "line 3: rules.volumes.hole.severity"),
        ("rules:\n volumes.hole:\n  limits: {sessions: many}\n  reason: x\n", "line 3: rules.volumes.hole.limits"),
    ],
)
def test_a_broken_file_of_limits_is_told_by_its_line_and_nothing_runs(
    home: Home, sparkhouse: Callable[..., int], capfd: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    home.limits.write_text(text)
    runs = list(home.runs.glob("*")) if home.runs.exists() else []
    try:
        for command in (["run"], ["build"], ["gate"], ["validate"]):
            assert sparkhouse(*command) == 2
            assert f"{home.limits}, {words}" in capfd.readouterr().err
    finally:
        home.limits.unlink()
    assert (list(home.runs.glob("*")) if home.runs.exists() else []) == runs


def test_the_rules_are_listed_with_who_says_so(
    home: Home, sparkhouse: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    home.limits.write_text(
        "rules:\n  volumes.hole: {severity: warn, limits: {sessions: 30}, reason: We pause for lunch.}\n"
        "outages:\n- {from: 2018-10-17 06:00, until: 2018-10-18, reason: It moved.}\n"
    )
    try:
        assert sparkhouse("gate", "--format", "json") == 0
        rows = {row["rule"]: row for row in json.loads(capfd.readouterr().out)}
    finally:
        home.limits.unlink()
    hole = rows["volumes.hole"]
    assert (hole["kind"], hole["severity"], hole["limits"]) == ("own_past", "warn", "sessions 30")
    assert (hole["origin"], hole["reason"]) == (str(home.limits), "We pause for lunch.")
    assert rows["volumes.levels"]["origin"] == "sparkhouse"
    assert all(row["reason"] for row in rows.values())
    assert rows["outage 2018-10-17 06:00 to 2018-10-18 00:00 UTC"]["reason"] == "It moved."
    assert sparkhouse("gate") == 0
    assert "volumes.hole" in capfd.readouterr().out
