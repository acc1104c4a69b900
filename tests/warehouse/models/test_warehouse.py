"""What the warehouse promises: features from before a snapshot, labels from after it, tables that are never dropped."""

from __future__ import annotations

import hashlib
import shutil
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from dbt.artifacts.schemas.run import RunExecutionResult
from dbt.cli.main import dbtRunner
from pyspark.sql import functions as F

from cli.machine.home import DBT_PROJECT, PROFILES
from warehouse.contract.dbt_yaml import MODELS, loaded
from warehouse.landing.raw_tables import RAW_TABLES, columns_ddl, create_raw_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dbt.artifacts.schemas.results import NodeResult
    from dbt.cli.main import dbtRunnerResult
    from pyspark.sql import Row, SparkSession

    Event = tuple[str, int, str, str, float | None]

SNAPSHOT = date(2018, 10, 15)
FIRST_NAME, LAST_NAME = "pseudonym-of-first-name", "pseudonym-of-last-name"

# Ada upgrades, plays on both sides of the snapshot, downgrades and cancels.
ADA: list[Event] = [
    ("2018-10-01 10:00:00.000", 1, "NextSong", "free", 200.0),
    ("2018-10-01 10:03:20.000", 1, "Roll Advert", "free", None),
    ("2018-10-01 10:04:00.000", 1, "Submit Upgrade", "free", None),
    ("2018-10-01 10:04:15.000", 1, "Home", "paid", None),
    ("2018-10-08 00:00:00.000", 2, "NextSong", "paid", 300.0),
    ("2018-10-08 00:05:00.000", 2, "Thumbs Down", "paid", None),
    ("2018-10-14 23:59:00.000", 3, "NextSong", "paid", 100.0),
    ("2018-10-14 23:59:59.999", 3, "Settings", "paid", None),
    ("2018-10-15 00:00:00.000", 3, "NextSong", "paid", 250.0),
    ("2018-10-20 09:00:00.000", 4, "Submit Downgrade", "paid", None),
    ("2018-10-28 23:59:58.000", 5, "Cancel", "free", None),
    ("2018-10-28 23:59:59.000", 5, "Cancellation Confirmation", "free", None),
]
# Bob comes every day at noon and so keeps the log observed until 5 November.
BOB: list[Event] = [
    (f"{date(2018, 10, 1) + timedelta(days=day)} 12:00:00.000", 9, "Home", "free", None) for day in range(36)
]


def raw_event(user_id: str, line: int, event: Event) -> tuple[Any, ...]:
    """Return a row of raw.events, in the order of its columns."""
    moment, session_id, page, level, length = event
    occurred = datetime.fromisoformat(moment).replace(tzinfo=timezone.utc)
    known = {
        "ts": round(occurred.timestamp() * 1000),
        "user_id": user_id,
        "session_id": session_id,
        "page": page,
        "level": level,
        "length": length,
        "artist": "Bj\u00c3\u0083\u00c2\u00b6rk" if length else None,
        "item_in_session": line,
        "registration": 1536969600000 if user_id else None,  # 2018-09-15
        "gender": "F" if user_id else None,
        "first_name": FIRST_NAME if user_id else None,
        "last_name": LAST_NAME if user_id else None,
        "record_hash": hashlib.sha256(f"{user_id} {line} {moment}".encode()).hexdigest(),
        "source_file": f"{user_id}.json",
        "line_number": line,
        "ingested_at": datetime(2018, 12, 1, tzinfo=timezone.utc),
    }
    return tuple(known.get(column) for column in RAW_TABLES["raw.events"])


def run_dbt(command: str, *options: str, project: Path = DBT_PROJECT) -> dbtRunnerResult:
    return dbtRunner().invoke(
        [command, "--quiet", "--project-dir", str(project), "--profiles-dir", str(PROFILES), *options]
    )


def nodes(outcome: dbtRunnerResult) -> Sequence[NodeResult]:
    assert isinstance(outcome.result, RunExecutionResult), outcome.exception
    return outcome.result.results


def failures(outcome: dbtRunnerResult) -> list[str]:
    return [str(done.message) for done in nodes(outcome) if done.status in ("error", "fail", "skipped")]


def empty_raw(spark: SparkSession) -> None:
    for table in RAW_TABLES:
        spark.sql(f"delete from {table}")


def insert_before(path: Path, line: str, added: str) -> None:
    text = path.read_text()
    assert text.count(line) == 1
    path.write_text(text.replace(line, added + line))


def history(spark: SparkSession, table: str) -> list[int]:
    return [row.snapshot_id for row in spark.table(f"{table}.snapshots").orderBy("committed_at").collect()]


def features_until(spark: SparkSession, day: date) -> list[Row]:
    features = spark.table("marts.fct_user_features").where(F.col("as_of_date") <= day)
    return features.orderBy("user_id", "as_of_date").collect()


@pytest.fixture(scope="module")
def built(spark: SparkSession) -> Iterator[SparkSession]:
    """The warehouse built from Ada's and Bob's events, a guest's, and a copy of one of them."""
    create_raw_tables(spark)
    empty_raw(spark)
    rows = [raw_event("ada", line, event) for line, event in enumerate(ADA)]
    rows += [raw_event("bob", line, event) for line, event in enumerate(BOB)]
    rows += [raw_event("", 0, ("2018-10-02 10:00:00.000", 1, "Home", "free", None))]
    copy = list(rows[0])
    copy[list(RAW_TABLES["raw.events"]).index("source_file")] = "copy.json"
    schema = columns_ddl(RAW_TABLES["raw.events"])
    spark.createDataFrame([*rows, tuple(copy)], schema).coalesce(1).writeTo("raw.events").append()
    outcome = run_dbt("build")
    assert failures(outcome) == []
    assert any(done.node.unique_id.startswith("unit_test.") for done in nodes(outcome))
    yield spark
    empty_raw(spark)


def test_staging_keeps_each_event_of_a_known_user_once(built: SparkSession) -> None:
    events = built.table("staging.stg_sparkify__events")
    assert events.count() == len(ADA) + len(BOB)
    assert {row.artist for row in events.where("page = 'NextSong'").select("artist").collect()} == {"Björk"}


def test_a_mart_has_its_columns_in_the_order_of_its_contract(built: SparkSession) -> None:
    marts = [model for path in sorted((MODELS / "marts").rglob("*.yml")) for model in loaded(path).get("models", ())]
    contracts = {model["name"]: [column["name"] for column in model["columns"]] for model in marts}
    assert "fct_user_features" in contracts
    assert {name: built.table(f"marts.{name}").columns for name in contracts} == contracts


def test_features_of_a_user_are_as_computed_by_hand(built: SparkSession) -> None:
    (row,) = built.table("marts.fct_user_features").where(f"user_id = 'ada' and as_of_date = '{SNAPSHOT}'").collect()
    expected: dict[str, Any] = {
        "song_count_1d": 1,
        "song_count_7d": 2,
        "song_count_14d": 3,
        "song_count_28d": 3,
        "session_count_7d": 2,
        "session_count_28d": 3,
        "active_day_count_14d": 3,
        "advert_count_7d": 0,
        "advert_count_28d": 1,
        "thumbs_down_count_7d": 1,
        "settings_count_1d": 1,
        "upgrade_count_28d": 1,
        "downgrade_count_lifetime": 0,
        "level": "paid",
        "gender": "F",
        "listening_hours_28d": 600 / 3600,
        "session_minutes_mean_28d": (255 + 300 + 59) / 60 / 3,
        "session_minutes_max_28d": 5.0,
        "session_gap_hours_max_28d": 167.9,
        "session_gap_hours_last": 167.9,
        "session_gap_hours_mean_lifetime": (167.9 + 6 * 24 + 13 + 55.75 / 60) / 2,
        "thumbs_down_session_share_28d": 1 / 3,
        "logout_session_share_lifetime": 0.0,
        "songs_per_session_28d": 1.0,
        "song_share_of_28d_in_7d": 2 / 3,
        "paid_event_share_28d": 5 / 8,
        "advert_per_song_28d": 1 / 3,
        "advert_per_song_7d": 0.0,
        "settings_share_28d": 1 / 8,
        "thumbs_up_ratio_28d": 0.0,
        "thumbs_down_per_hour_28d": 1 / (600 / 3600),
        "cut_short_share_28d": 0.0,
        "distinct_artist_count_28d": 1,
        "distinct_artist_count_lifetime": 1,
        "songs_per_artist_28d": 3.0,
        "artist_entropy_lifetime": 0.0,
        "paid_share_lifetime": 1 - 240 / ((13 * 24 + 14) * 3600),
        "has_downgraded": False,
        "days_since_last_upgrade": 13 + (13 * 60 + 56) / 1440,
        "days_since_last_downgrade": None,
        "weekend_share_28d": 2 / 8,
        "night_share_28d": 2 / 8,
        "morning_share_28d": 4 / 8,
        "evening_share_28d": 2 / 8,
        "hour_entropy_28d": 1.5,
        "days_since_last_advert": 13 + 50200 / 86400,
        "days_since_last_error": None,
        "song_count_decayed": 0.25 + 0.5 + 0.5 ** (1 / 7),
        # Thirteen and a half days are too short a history to compare two weeks of.
        "song_change_7d": None,
        "song_deviation_7d": None,
        "registration_month": "2018-09",
        "census_region": None,
        "days_since_registration": 30.0,
        "days_since_first_event": 13 + 14 / 24,
        "days_since_last_event": 1 / 86400,
        "days_on_level": 13 + (13 * 60 + 56) / 1440,
    }
    assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_labels_of_a_user_are_as_computed_by_hand(built: SparkSession) -> None:
    labels = built.table("marts.fct_churn_labels").drop("horizon_days")
    found = {(row.user_id, row.as_of_date): tuple(row)[2:] for row in labels.collect()}
    # In time bin, next bin, soon, downgrade, upgrade, lapse, next outcome; the log is observed until 5 November, noon.
    assert found["ada", date(2018, 10, 8)] == (False, True, True, True, False, False, "downgrade")
    assert found["ada", date(2018, 10, 15)] == (True, None, True, True, False, False, "downgrade")
    assert found["ada", date(2018, 10, 22)] == (True, None, True, False, False, False, "churn")
    assert ("ada", date(2018, 10, 29)) not in found
    assert found["bob", date(2018, 10, 8)] == (False, False, False, False, False, False, "stay")
    assert found["bob", date(2018, 10, 22)] == (False, None, None, False, False, False, "stay")
    assert found["bob", date(2018, 10, 29)] == (None,) * 7


def test_cancel_flow_is_no_part_of_any_session(built: SparkSession) -> None:
    sessions = built.table("marts.fct_sessions").where("user_id = 'ada'").orderBy("session_id").collect()
    assert [(row.session_id, row.event_count, row.duration_seconds) for row in sessions] == [
        (1, 4, 255),
        (2, 2, 300),
        (3, 3, 60),
        (4, 1, 0),
    ]
    assert built.table("marts.dim_users").where("is_churned").select("user_id").collect() == [("ada",)]


@pytest.mark.parametrize("schema", ["staging", "intermediate", "marts"])
def test_personal_names_go_no_further_than_raw(built: SparkSession, schema: str) -> None:
    for (table,) in built.sql(f"show tables in {schema}").select("tableName").collect():
        rows = built.table(f"{schema}.{table}")
        assert not {"first_name", "last_name"} & set(rows.columns)
        texts = rows.select(F.to_json(F.struct("*")).alias("text"))
        assert texts.where(F.col("text").rlike(f"{FIRST_NAME}|{LAST_NAME}")).isEmpty(), table


def test_table_documents_itself(built: SparkSession) -> None:
    described = {row.col_name: row for row in built.sql("describe table extended marts.fct_churn_labels").collect()}
    assert described["Comment"].data_type.startswith("One row per user and snapshot date")
    assert described["will_lapse"].comment.startswith("Whether the user has no event at all")


def test_second_build_keeps_the_history_of_the_table(built: SparkSession) -> None:
    before, rows = history(built, "marts.fct_user_features"), features_until(built, SNAPSHOT)
    assert failures(run_dbt("run", "--select", "fct_user_features")) == []
    after = history(built, "marts.fct_user_features")
    assert after[: len(before)] == before
    assert len(after) == len(before) + 1
    assert features_until(built, SNAPSHOT) == rows


def test_column_comes_without_asking_and_goes_only_with_full_refresh(built: SparkSession, tmp_path: Path) -> None:
    changed = tmp_path / "warehouse"
    shutil.copytree(DBT_PROJECT, changed)
    marts, target = changed / "models" / "marts", ("--target-path", str(tmp_path / "target"))
    model, properties = marts / "fct_sessions.sql", marts / "_marts__models.yml"
    insert_before(model, "        ended_at,\n", "        1 as lucky_number,\n")
    (failure,) = failures(run_dbt("run", "--select", "fct_sessions", *target, project=changed))
    assert "contract" in failure
    assert "lucky_number" in failure
    added = "      - name: lucky_number\n        data_type: int\n        description: A number of the user's liking.\n"
    insert_before(properties, "      - name: duration_seconds\n", added)
    before = history(built, "marts.fct_sessions")

    outcome = run_dbt("run", "--select", "fct_sessions", *target, project=changed)
    assert failures(outcome) == []
    assert built.table("marts.fct_sessions").select("lucky_number").distinct().collect() == [(1,)]

    (failure,) = failures(run_dbt("run", "--select", "fct_sessions"))
    assert "lucky_number" in failure
    assert "--full-refresh" in failure
    assert "lucky_number" in built.table("marts.fct_sessions").columns

    assert failures(run_dbt("run", "--select", "fct_sessions", "--full-refresh")) == []
    assert "lucky_number" not in built.table("marts.fct_sessions").columns
    assert history(built, "marts.fct_sessions")[: len(before)] == before
