"""What people's logs do to the numbers of the warehouse: missing levels, half days, new pages, users who come back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from commands import drop_all_tables, run_command

from cli.jobs import building, landing
from cli.jobs.dbt import run_dbt
from cli.jobs.snapshots import awaited_snapshot
from cli.jobs.workspace import Workspace
from cli.runs.steps import Steps
from warehouse.landing.simulator import SimulationSpec, simulate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

    Line = dict[str, Any]
    Rows = dict[tuple[str, date], dict[str, Any]]

FEATURES, LABELS = "marts.fct_user_features", "marts.fct_churn_labels"
MONDAYS = [date(2018, 10, day) for day in (8, 15, 22)]
# The 22nd is a Monday: a log that ends here has not reached it.
SUNDAY_AT_SEVEN = datetime(2018, 10, 21, 7, tzinfo=timezone.utc)
MODELS = ("--select", "+fct_user_features", "+fct_churn_labels", "+fct_service_days")
CONFIRMED = "Cancellation Confirmation"


def line(user_id: str, moment: str, session_id: int, page: str = "Home", level: str | None = "paid") -> Line:
    """A line of the log; without a level, it lacks the key."""
    known: Line = {
        "ts": milliseconds(datetime.fromisoformat(moment).replace(tzinfo=timezone.utc)),
        "userId": user_id,
        "sessionId": session_id,
        "itemInSession": 0,
        "page": page,
        "auth": "Logged In",
        "method": "GET",
        "status": 200,
        "registration": 1_536_969_600_000,
        "gender": "F",
        "firstName": "A",
        "lastName": "B",
        "location": "San Jose, CA",
        "userAgent": "Mozilla/5.0 (Windows NT 6.1)",
    }
    return known | ({"level": level} if level else {})


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def daily(user_id: str, levels: Sequence[str | None]) -> list[Line]:
    """An event at noon of each day from the second on, one session a day."""
    return [line(user_id, f"2018-10-{day:02} 12:00:00", day, level=level) for day, level in enumerate(levels, start=2)]


PEOPLE = [
    *daily("all levels", ["paid"] * 20),
    *daily("one level missing", ["paid"] * 9 + [None] + ["paid"] * 10),
    *daily("first level missing", [None] + ["free"] * 19),
    *daily("no level", [None] * 20),
    *(line("leaves twice", f"2018-10-{day:02} 12:00:00", day) for day in (2, 4, 10, 16, 18)),
    line("leaves twice", "2018-10-04 12:01:00", 4, CONFIRMED),
    # It is on the screen a little longer, which is no return.
    line("leaves twice", "2018-10-04 12:02:00", 4),
    line("leaves twice", "2018-10-18 12:01:00", 18, CONFIRMED),
    *(line("comes back", f"2018-10-{day:02} 12:00:00", day) for day in (2, 4, 16, 17)),
    line("comes back", "2018-10-04 12:01:00", 4, CONFIRMED),
]


def heartbeats(lines: Iterable[Line]) -> list[Line]:
    """Of each event, a heartbeat in the same session, a second later and a day later; and those of a new user."""
    known = [each for each in lines if each.get("registration")]
    beats = [
        each | {"ts": each["ts"] + shift, "page": "Heartbeat", "level": "free", "song": None, "length": None}
        for each in known
        for shift in (1_000, 86_400_000)
    ]
    beats = [beat | {"itemInSession": each} for each, beat in enumerate(beats, start=100_000)]
    return beats + [line("nothing but heartbeats", f"2018-10-{day:02} 13:00:00", 1, "Heartbeat") for day in (1, 9, 17)]


def rows(spark: SparkSession, table: str) -> Rows:
    """Texts that differ wherever a bit of a value does, by user and date."""
    return {(row.user_id, row.as_of_date): row.asDict() for row in spark.table(table).collect()}


def bits(found: Rows) -> dict[tuple[str, date], str]:
    return {key: repr(row) for key, row in found.items()}


@dataclass(frozen=True)
class Deliveries:
    """The tables after each of three deliveries: until Sunday at seven, until the end of Monday, and heartbeats."""

    spark: SparkSession
    on_sunday: Rows
    awaited: str | None
    refused: str
    on_monday: Rows
    labels: Rows
    with_heartbeats: Rows
    labels_with_heartbeats: Rows
    users: dict[str, Any]


def write(path: Path, lines: Iterable[Line]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in lines))
    return path


def built(*options: str) -> str:
    """Run the models; return the message of the one that failed, if one did."""
    outcome = run_dbt(["--log-level", "none", "run", *MODELS, *options])
    return "\n".join([outcome.error, *(node.message for node in outcome.of("error"))]).strip()


@pytest.fixture(scope="module")
def workspace(empty_warehouse: SparkSession, home: Home) -> Workspace:
    return Workspace(empty_warehouse, home, Steps(quiet=True))


@pytest.fixture(scope="module")
def deliveries(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Deliveries:
    folder, spark = tmp_path_factory.mktemp("log"), workspace.spark
    simulate(SimulationSpec(users=40, days=22, ids="random", seed=5), folder / "simulated.json", processes=1)
    lines = [*map(json.loads, (folder / "simulated.json").read_text().splitlines()), *PEOPLE]
    end = milliseconds(SUNDAY_AT_SEVEN)

    landing.ingest(workspace, [write(folder / "until-sunday.json", (each for each in lines if each["ts"] < end))])
    assert built() == ""
    on_sunday, awaited = rows(spark, FEATURES), awaited_snapshot(spark, workspace.count(FEATURES))
    refused = built(*building.backfill_options(workspace.home, MONDAYS[2], MONDAYS[2]))

    landing.ingest(workspace, [write(folder / "until-monday.json", (each for each in lines if each["ts"] >= end))])
    assert built() == ""
    on_monday, labels = rows(spark, FEATURES), rows(spark, LABELS)
    users = {row.user_id: row for row in spark.table("marts.dim_users").collect()}

    landing.ingest(workspace, [write(folder / "heartbeats.json", heartbeats(lines))])
    assert built() == ""
    return Deliveries(
        *(spark, on_sunday, awaited, refused, on_monday, labels, rows(spark, FEATURES), rows(spark, LABELS), users)
    )


def test_one_event_without_a_level_changes_no_feature(deliveries: Deliveries) -> None:
    for as_of in MONDAYS:
        whole, gap = (deliveries.on_monday[user, as_of] for user in ("all levels", "one level missing"))
        assert gap | {"user_id": ""} == whole | {"user_id": ""}
    assert deliveries.on_monday["one level missing", MONDAYS[2]]["days_on_level"] == 19.5


def test_a_level_is_known_from_the_first_event_that_shows_one(deliveries: Deliveries) -> None:
    row = deliveries.on_monday["first level missing", MONDAYS[0]]
    assert (row["level"], row["days_on_level"], row["paid_share_28d"]) == ("free", 4.5, 0.0)
    row = deliveries.on_monday["no level", MONDAYS[0]]
    plan = ("level", "days_on_level", "paid_share_28d", "paid_share_lifetime")
    assert [row[name] for name in plan] == [None] * 4
    assert (row["event_count_28d"], row["paid_event_share_28d"]) == (6, 0.0)


def test_a_log_that_ends_on_sunday_morning_gives_no_snapshot_of_monday(deliveries: Deliveries) -> None:
    assert {as_of for _, as_of in deliveries.on_sunday} == set(MONDAYS[:2])
    assert deliveries.awaited is not None
    assert deliveries.awaited.startswith("The log ends at 2018-10-21 06:59 UTC: ")
    assert "the snapshot as of 2018-10-22 will be made when the rest of the day is there" in deliveries.awaited
    assert "There are no snapshots from 2018-10-22 to 2018-10-22" in deliveries.refused


def test_the_snapshot_of_monday_is_there_once_the_log_has_reached_it(deliveries: Deliveries) -> None:
    assert {as_of for _, as_of in deliveries.on_monday} == set(MONDAYS)
    earlier = {key: row for key, row in deliveries.on_monday.items() if key[1] < MONDAYS[2]}
    assert bits(earlier) == bits(deliveries.on_sunday)


def test_heartbeats_change_no_bit_of_any_feature_or_label(deliveries: Deliveries) -> None:
    staged = deliveries.spark.table("staging.stg_sparkify__events").where("page = 'Heartbeat'").count()
    assert staged > 1_000
    assert bits(deliveries.with_heartbeats) == bits(deliveries.on_monday)
    assert bits(deliveries.labels_with_heartbeats) == bits(deliveries.labels)


def test_who_comes_back_is_scored_again_and_may_leave_again(deliveries: Deliveries) -> None:
    snapshots = {user: [day for who, day in deliveries.on_monday if who == user] for user in deliveries.users}
    assert sorted(snapshots["leaves twice"]) == [MONDAYS[1]]
    assert sorted(snapshots["comes back"]) == [MONDAYS[2]]
    row = deliveries.on_monday["leaves twice", MONDAYS[1]]
    assert (row["event_count_lifetime"], row["days_on_level"], row["paid_share_28d"]) == (4, 4.5, 1.0)
    assert deliveries.labels["leaves twice", MONDAYS[1]]["churned_in_time_bin"] is True
    churned = {user: deliveries.users[user].is_churned for user in ("leaves twice", "comes back", "all levels")}
    assert churned == {"leaves twice": True, "comes back": False, "all levels": False}


def test_labels_at_another_horizon_build_and_pass_their_unit_tests(deliveries: Deliveries) -> None:
    options = [
        "--vars",
        '{"horizon_days": 7}',
        "--select",
        "fct_churn_labels",
        "int_cancel_anchors",
        "fct_cancel_funnel",
    ]
    outcome = run_dbt(["--log-level", "none", "build", *options])
    assert {node.status for node in outcome.nodes if node.kind != "operation"} == {"success", "pass"}
    labels = rows(deliveries.spark, LABELS)
    assert {row["horizon_days"] for row in labels.values()} == {7}
    assert labels["leaves twice", MONDAYS[1]]["churned_in_time_bin"] is True
    assert "a horizon of 7 days" in built("--vars", f'{{"snapshots_from": "{MONDAYS[0]}"}}')
    # Of the two weeks that the log has from the 8th on, the second is the next bin.
    assert labels["all levels", MONDAYS[0]]["will_churn_soon"] is False


def test_a_first_delivery_without_a_snapshot_is_kept_and_is_no_failure(
    deliveries: Deliveries,
    home: Home,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    drop_all_tables(deliveries.spark)
    simulate(SimulationSpec(users=12, days=1, start=date(2018, 10, 2)), tmp_path / "day1.json", processes=1)
    code = run_command("run", "--events", str(tmp_path / "day1.json"))
    told = capsys.readouterr()
    assert code == 0, told.err
    assert "There is no snapshot yet" in told.err
    assert "as of 2018-10-08" in told.err
    assert "no new model" in told.err
    assert deliveries.spark.table("staging.stg_sparkify__events").count() > 0
    assert deliveries.spark.table(FEATURES).count() == 0
    statuses = {step["name"]: step["status"] for step in json.loads((home.reports / "run.json").read_text())["steps"]}
    done = dict.fromkeys(("ingest", "build", "validate", "publish", "export", "report"), "ok")
    assert statuses == done | {"train": "skipped"}
