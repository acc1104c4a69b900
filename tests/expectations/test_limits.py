"""Limits: each rule says what it lets pass, why, and what it does; a user's own take their place."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.limits import PUBLISHED_WEEKS, load

if TYPE_CHECKING:
    from expectations.limits import Limits

SUITES = Path(__file__).parents[2] / "expectations" / "suites"


def own(tmp_path: Path, text: str) -> Limits:
    path = tmp_path / "limits.yml"
    path.write_text(text)
    return load(path)


def test_each_rule_has_its_reason_and_source_and_is_made_somewhere() -> None:
    code = "".join(path.read_text() for path in SUITES.glob("*.py"))
    rules = load().rules
    assert all(rule.reason and rule.source for rule in rules.values())
    assert [name for name in rules if f'"{name}"' not in code and not name.startswith("predictions.")] == []
    asked = set(re.findall(r'"((?:raw|staging|volumes|features|labels|leaks|drift|performance)\.[a-z_]+)"', code))
    assert asked - set(rules) <= {"raw.events", "raw.ingested_files", "raw.touched_dates"}


def test_what_is_unlike_logs_we_know_warns_and_what_is_impossible_stops() -> None:
    severities = {rule.name: (rule.kind, rule.severity) for rule in load().rules.values()}
    assert set(severities.values()) == {
        ("impossible", "stop"),
        ("own_past", "stop"),
        ("own_past", "warn"),
        ("known_logs", "warn"),
    }


def test_what_is_unlike_its_own_past_stops_once_there_is_one() -> None:
    limits = load()
    for weeks in range(PUBLISHED_WEEKS):
        assert limits.after(weeks)["volumes.hole"].severity == "warn"
    assert limits.after(PUBLISHED_WEEKS)["volumes.hole"].severity == "stop"
    assert limits.after(0)["volumes.levels"].severity == "stop"


def test_a_users_severity_is_in_force_at_once(tmp_path: Path) -> None:
    hole, day = "{severity: stop, reason: We never sleep.}", "{reason: y, limits: {factor: 3}}"
    limits = own(tmp_path, f"rules:\n  volumes.hole: {hole}\n  volumes.day: {day}\n")
    assert limits["volumes.hole"].severity == "stop"
    assert limits["volumes.hole"].limits == load()["volumes.hole"].limits
    assert limits["volumes.day"].severity == "warn"
    assert limits["volumes.day"].limits == {"factor": 3, "errors": 5, "sessions": 20}


def test_drift_stops_where_the_environment_says_so_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    limits = own(tmp_path, "rules:\n  drift.inputs: {severity: warn, reason: They always move.}\n")
    told = limits.with_drift("stop", "SPARKHOUSE_DRIFT")
    assert (told["drift.score"].severity, told["drift.score"].origin) == ("stop", "SPARKHOUSE_DRIFT")
    assert told["performance.ranking"].severity == "stop"
    assert told["drift.inputs"].severity == "warn"
    assert told["volumes.nulls"].severity == "warn"


def test_no_file_or_an_empty_one_changes_nothing(tmp_path: Path) -> None:
    for limits in (load(tmp_path / "none.yml"), own(tmp_path, ""), own(tmp_path, "# nothing yet\n")):
        assert replace(limits, place=load().place) == load()
        assert limits.place.startswith(str(tmp_path))
