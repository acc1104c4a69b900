"""A way on past the gate: a run that it stopped is published in spite of a named rule, and the next ones remember."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from cli.machine.account import account
from warehouse.landing.simulator import SimulationSpec, simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

FIRST = date(2018, 10, 1)
LOST = FIRST + timedelta(days=29)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """31 days of 90 users in a file each, but for one that never came."""
    folder = tmp_path_factory.mktemp("log")
    simulate(SimulationSpec(users=90, days=31, ids="random", seed=3), folder, by_day=True)
    (folder / f"events-{LOST}.json").unlink()
    return folder


@pytest.fixture
def warehouse(empty_warehouse: SparkSession, home: Home) -> Iterator[SparkSession]:
    yield empty_warehouse
    home.limits.unlink(missing_ok=True)


def last_run(home: Home) -> str:
    return max(home.runs.glob("*.json")).stem


def test_a_run_that_was_stopped_is_published_by_a_reason_that_the_next_runs_remember(
    warehouse: SparkSession,
    home: Home,
    log: Path,
    sparkhouse: Callable[..., int],
    capfd: pytest.CaptureFixture[str],
) -> None:
    for day in range(28):
        (log / f"events-{FIRST + timedelta(days=day)}.json").rename(log / f"early-{day:02}.json")
    assert sparkhouse("ingest", str(log / "early-*.json"), "--quiet") == 0
    # Bare models, and then the events alone: the gate looks at all tables after each.
    assert sparkhouse("dbt", "run") == 0
    published = last_run(home)
    newest = warehouse.sql("select max(event_date) from staging.stg_sparkify__events").collect()[0][0]

    assert sparkhouse("ingest", str(log / "events-*.json"), "--quiet") == 0
    capfd.readouterr()
    assert sparkhouse("dbt", "run", "--select", "stg_sparkify__events") == 1
    stopped = last_run(home)
    err = capfd.readouterr().err
    assert re.search(r"volumes\.hole \(no hours .*\), observed \d\d hours without an event from 2018-10-\d\d", err)
    assert f'sparkhouse publish {stopped} --accept volumes.hole --reason "..."' in err
    assert re.search(r"\d+ expectations of raw, staging, features, labels, leaks, 1 not met; \d+ Spark jobs", err)
    assert warehouse.sql("select max(event_date) from staging.stg_sparkify__events").collect()[0][0] == newest

    # What cannot be accepted.
    for run_id, rule, code, words in (
        (stopped, "volumes.clock", 2, f"volumes.clock did not stop run {stopped}; these rules did: volumes.hole"),
        (stopped, "no.rule", 2, "no.rule did not stop"),
        (published, "volumes.hole", 2, f"run {published} has left nothing unpublished"),
        ("20000101T000000000000Z", "volumes.hole", 2, "has left nothing unpublished"),
    ):
        assert sparkhouse("publish", run_id, "--accept", rule, "--reason", "It was down.") == code
        assert words in capfd.readouterr().err
    assert sparkhouse("publish", stopped, "--accept", "volumes.hole", "--reason", "  ") == 2
    assert not warehouse.catalog.tableExists("monitoring.accepted_findings")

    assert sparkhouse("publish", stopped, "--accept", "volumes.hole", "--reason", "It was down.") == 0
    (kept,) = warehouse.table("monitoring.accepted_findings").collect()
    assert (kept.run_id, kept.rule, kept.reason, kept.accepted_by) == (
        stopped,
        "volumes.hole",
        "It was down.",
        account(),
    )
    assert "hours without an event" in kept.observed_value
    assert warehouse.sql("select max(event_date) from staging.stg_sparkify__events").collect()[0][0] > newest
    assert json.loads((home.runs / f"{stopped}.json").read_text())["status"] == "published"
    page = (home.data_docs / "index.html").read_text()
    assert "The gate let this run pass, with findings that were accepted" in page
    assert f"by {account()} in run {stopped}: It was down." in page

    capfd.readouterr()
    assert sparkhouse("dbt", "run", "--select", "stg_sparkify__events") == 0
    err = capfd.readouterr().err
    assert f"by {account()} in run {stopped}: It was down." in err
    page = (home.data_docs / "index.html").read_text()
    assert "Accepted so far" in page
    assert f"in run {stopped}: It was down." in page


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
