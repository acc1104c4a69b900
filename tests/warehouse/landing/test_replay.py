"""What a replay of refused lines promises: no line lost, none twice, and nothing without a new rule."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from warehouse.landing import replay as replay_module
from warehouse.landing.finding import find_logs
from warehouse.landing.ingest import IngestSummary, ingest
from warehouse.landing.raw_tables import RAW_TABLES, TOUCHED_DATES, touched_dates
from warehouse.landing.reader.fields import PLAUSIBLE_RANGES
from warehouse.landing.replay import replay_rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pyspark.sql import Row, SparkSession

    Take = Callable[..., IngestSummary]

BRANCH = "spark.wap.branch"
LONG = 100_000
EVENT = {"ts": 1538352117000, "userId": "30", "sessionId": 29, "page": "NextSong", "firstName": "Colin", "length": 277}
EVENT |= {"registration": 1538000000000}


def event(**changes: Any) -> str:  # noqa: ANN401 - any JSON value
    return json.dumps({**EVENT, **changes})


@pytest.fixture(autouse=True)
def empty_raw(spark: SparkSession) -> Iterator[None]:
    for table in RAW_TABLES:
        spark.sql(f"drop table if exists {table}")
    yield
    spark.conf.unset(BRANCH)
    for table in RAW_TABLES:
        spark.sql(f"drop table if exists {table}")


@pytest.fixture
def take(spark: SparkSession, tmp_path: Path) -> Take:
    """Write lines to a file and take it in."""

    def write_and_take(name: str, *lines: str) -> IngestSummary:
        (tmp_path / name).write_text("".join(line + "\n" for line in lines))
        return ingest(spark, find_logs([tmp_path / name]), tmp_path / "staging", "salt")

    return write_and_take


@pytest.fixture
def mend_rule(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let songs be longer."""
    return lambda: monkeypatch.setitem(PLAUSIBLE_RANGES, "length", (0, LONG))


def rows(spark: SparkSession, table: str, *columns: str) -> list[Row]:
    return sorted(spark.table(f"raw.{table}").selectExpr(*columns).collect())


def state(spark: SparkSession) -> list[object]:
    """What is in the tables but for the times, after a look whether it adds up."""
    files = rows(
        spark, "ingested_files", "source_file", "line_count", "accepted_count", "rejected_count", "blank_count"
    )
    assert all(lines == accepted + rejected + blank for _, lines, accepted, rejected, blank in files)
    events = rows(spark, "events", "source_file", "line_number", "record_hash")
    refused = rows(spark, "rejected_events", "source_file", "line_number", "raw_line", "reasons")
    assert (len(events), len(refused)) == (sum(file[2] for file in files), sum(file[3] for file in files))
    told = rows(spark, "touched_dates", *RAW_TABLES[TOUCHED_DATES])
    assert told == sorted(touched_dates(spark.table("raw.events")).select(*RAW_TABLES[TOUCHED_DATES]).collect())
    return [files, events, refused]


def commits(spark: SparkSession) -> list[int]:
    return [spark.table(f"{table}.snapshots").count() for table in RAW_TABLES]


def test_lines_that_a_mended_rule_takes_become_events(
    take: Take, spark: SparkSession, mend_rule: Callable[[], None]
) -> None:
    long = event(length=LONG, new={"first_name": "Colin", "a": 1})
    # What a name hides: a number, no quotes, a letter that JSON does not allow.
    hidden = [event(firstName=5), event().replace('"Colin"', "Colin"), event().replace("Colin", "Co\tlin")]
    take("day.json", event(), long, "", event(length=LONG, ts=1), event(length=2 * LONG), "\0" + event(), *hidden)
    take("other.json", "{broken")
    before = rows(spark, "events", "ingested_at")
    left, counted = state(spark), commits(spark)
    assert replay_rejected(spark).files == 0
    assert (state(spark), commits(spark)) == (left, counted), "there is no new rule yet"
    mend_rule()
    assert replay_rejected(spark) == IngestSummary(
        files=1,
        lines=8,
        accepted=1,
        rejected=7,
        reasons={
            "not json": 4,
            "impossible value: ts": 1,
            "impossible value: length": 1,
            "wrong type: firstName": 1,
        },
        final=4,
    )
    assert rows(spark, "rejected_events", "line_number", "reasons") == [
        (1, ["not json"]),
        (4, ["impossible value: ts"]),
        (5, ["impossible value: length"]),
        (6, ["not json"]),
        (7, ["wrong type: firstName"]),
        (8, ["not json"]),
        (9, ["not json"]),
    ]
    old, new = rows(spark, "events", "line_number", "source_file", "ingested_at", "first_name")
    assert (old.line_number, new.line_number, new.source_file, new.first_name) == (1, 2, old.source_file, None)
    assert before == [(old.ingested_at,)]
    other, day = rows(spark, "ingested_files", "accepted_count", "rejected_count", "blank_count", "replayed_at")
    assert (*day, *other) == (2, 6, 1, new.ingested_at, 0, 1, 0, None)
    assert new.ingested_at > old.ingested_at

    left, counted = state(spark), commits(spark)
    again = replay_rejected(spark)
    assert (again.files, again.lines, again.accepted, again.rejected) == (0, 7, 0, 7)
    assert (state(spark), commits(spark)) == (left, counted)
    # Delivered once more, the line is known by its hash, though its names were masked.
    take("again.json", long)
    assert spark.table("raw.events").select("record_hash").distinct().count() == 2
    assert spark.table("raw.events").count() == 3
    assert state(spark)


@pytest.mark.parametrize("broken_off_at", ["_update_files", "_update_rejected"])
def test_a_replay_that_broke_off_loses_and_doubles_nothing(
    take: Take,
    spark: SparkSession,
    mend_rule: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    broken_off_at: str,
) -> None:
    def crash(_: object) -> None:
        raise KeyboardInterrupt

    # A log that grew and was taken in again: the same lines under the same path twice.
    take("day.json", event(), event(length=LONG), "{broken")
    take("day.json", event(), event(length=LONG), "{broken", event(length=LONG, ts=1538352118000))
    mend_rule()
    with monkeypatch.context() as patched:
        patched.setattr(replay_module, broken_off_at, crash)
        with pytest.raises(KeyboardInterrupt):
            replay_rejected(spark)
    take("next.json", event(ts=1538352119000))
    assert spark.table("raw.events").count() == (3 if broken_off_at == "_update_files" else 6)
    replay_rejected(spark)
    files, _, _ = state(spark)
    assert [tuple(file)[1:] for file in files] == [(3, 2, 1, 0), (4, 3, 1, 0), (1, 1, 0, 0)]  # type: ignore[attr-defined]
    assert [row.line_number for row in rows(spark, "events", "line_number")] == [1, 1, 1, 2, 2, 4]
    assert [row.line_number for row in rows(spark, "rejected_events", "line_number")] == [3, 3]


def test_on_a_branch_readers_of_main_see_nothing_of_it(
    take: Take, spark: SparkSession, mend_rule: Callable[[], None]
) -> None:
    take("day.json", event(), event(length=LONG), "{broken")
    for table in RAW_TABLES:
        spark.sql(f"alter table {table} set tblproperties ('write.wap.enabled' = 'true')")
    published = state(spark)
    mend_rule()
    spark.conf.set(BRANCH, "run")
    take("next.json", event(length=LONG), "{broken")
    assert replay_rejected(spark).accepted == 1
    written = state(spark)
    spark.conf.unset(BRANCH)
    assert state(spark) == published
    for table in RAW_TABLES:
        spark.sql(f"call system.fast_forward('{table}', 'main', 'run')")
    assert state(spark) == written
    assert written != published
