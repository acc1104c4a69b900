"""Hashes are those of older versions, and rows of older versions are brought to the rules of today, once."""

from __future__ import annotations

import json
import random
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.sql import functions as F

from warehouse.landing.finding import find_logs
from warehouse.landing.ingest import ingest
from warehouse.landing.raw_tables import RAW_TABLES, TOUCHED_DATES, columns_ddl, touched_dates
from warehouse.landing.reader.fields import FIELDS, NAMES
from warehouse.landing.reader.reader import Event
from warehouse.landing.reader.rules import Rules
from warehouse.landing.replay import replay_rejected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

SALT = "5a" * 32
EVENT = {"ts": 1538352117000, "userId": "30", "sessionId": 29, "page": "NextSong", "level": "paid", "length": 277.89016}
EVENT |= {"registration": 1538000000000}
OLDER = datetime(2026, 1, 1, tzinfo=timezone.utc)
OLD_TABLES = {
    table: {name: kind for name, kind in columns.items() if name not in {"kept", "record_version"}}
    for table, columns in RAW_TABLES.items()
    if table != TOUCHED_DATES
}


@pytest.fixture(autouse=True)
def no_raw_tables(spark: SparkSession) -> Iterator[None]:
    for table in RAW_TABLES:
        spark.sql(f"drop table if exists {table}")
    yield
    for table in RAW_TABLES:
        spark.sql(f"drop table if exists {table}")


def event(**changes: Any) -> str:  # noqa: ANN401 - any JSON value
    return json.dumps({**EVENT, **changes})


def as_version_1(spark: SparkSession, lines: list[str], unknown: list[str | None] | None = None) -> DataFrame:
    """Return `record` and the `hash` that the version before the reader gave it: of what Spark's `to_json` writes."""
    rows = [(number, line, unknown[number] if unknown else None) for number, line in enumerate(lines)]
    schema = ", ".join(f"{key}: {kind}" for key, kind in FIELDS.items())
    parsed = spark.createDataFrame(rows, "number int, line string, unknown string").withColumn(
        "record", F.from_json("line", f"struct<{schema}>")
    )
    text = F.to_json(F.struct(F.col("record").dropFields(*NAMES).alias("record"), "unknown"))
    return parsed.withColumn("hash", F.sha2(text, 256)).orderBy("number")


def any_text(chance: random.Random) -> str:
    """Return JSON of a text with what is hard to write in it: controls, halves of pairs, emoji, mojibake, quotes."""
    pieces = ['"', "\\", "/", "\x7f", "\u2028", "\U0001f600", "Ã©", "日本", "\ufffd", "'", "a", "<", "\x80", "\uffff"]
    escapes = ["\\ud800", "\\udc00", "\\ud83d\\ude00", *(f"\\u{code:04x}" for code in range(32))]
    written = [json.dumps(piece, ensure_ascii=chance.random() < 0.5)[1:-1] for piece in chance.choices(pieces, k=4)]
    return '"' + "".join([*written, *chance.choices(escapes, k=3), "x"]) + '"'


def test_a_hash_is_the_one_that_older_versions_gave(spark: SparkSession) -> None:
    chance = random.Random(5)  # noqa: S311 - test data
    lengths = [chance.uniform(0, 86_400) for _ in range(2_000)] + [
        round(chance.uniform(0, 3_000), 5) for _ in range(4_000)
    ]
    lengths += [chance.random() * 10 ** -chance.randint(0, 9) for _ in range(500)] + [float(n) for n in range(300)]
    lines = [
        event(length=length, song="?", artist=None, itemInSession=chance.randint(0, 2**63 - 1)).replace(
            '"?"', any_text(chance)
        )
        for length in [*lengths, 0.0, -0.0, 86_400.0, 5e-324]
    ]
    reader = Rules().reader(datetime.now(timezone.utc), SALT)
    read = [reader.read(line.encode()) for line in lines]
    found = [outcome.record_hash for outcome in read if isinstance(outcome, Event)]
    assert found == [row.hash for row in as_version_1(spark, lines).select("hash").collect()]


UNKNOWN = {"email": "colin@x.org", "lon": -97.1}
EVENTSIM = {"duration": 200.5, "city": "Phoenix", "state": "AZ"}


def write_version_1(spark: SparkSession) -> None:
    """Fill the raw tables as the version before the reader did: an own file, five events, four refused lines."""
    lines = [
        event(),
        event(ts=1538352118000),
        event(ts=1538352119000, length=None),
        event(song=""),
        event(userId="30.0"),
    ]
    unknown = [None, json.dumps(UNKNOWN), json.dumps(EVENTSIM), None, None]
    events = as_version_1(spark, lines, unknown).select(
        *(F.col(f"record.{key}").alias(name) for key, name in zip(FIELDS, OLD_TABLES["raw.events"], strict=False)),
        F.col("unknown").alias("unknown_keys"),
        F.col("hash").alias("record_hash"),
        F.lit("/old.json").alias("source_file"),
        (F.col("number") + 1).cast("bigint").alias("line_number"),
        F.lit(OLDER).alias("ingested_at"),
    )
    refused = [
        (event(userId=None, new="Colin"), ["missing userId"]),
        ("Colin,Freeman,29", ["not json"]),
        (event(firstName="***"), ["fault in a name"]),
        ('{"ts":153', ["archive broken off"]),
    ]
    rejected = [(line, reasons, "/old.json", number, OLDER) for number, (line, reasons) in enumerate(refused, 6)]
    files = [("/old.json", "c" * 64, 1, 9, 5, 4, 0, OLDER, None)]
    spark.sql("create namespace if not exists raw")
    for table, columns in OLD_TABLES.items():
        spark.sql(f"create table {table} ({columns_ddl(columns)}) using iceberg tblproperties ('format-version' = '2')")
    events.withColumn("status", F.col("status").cast("int")).select(*OLD_TABLES["raw.events"]).writeTo(
        "raw.events"
    ).append()
    for table, rows in (("raw.rejected_events", rejected), ("raw.ingested_files", files)):
        spark.createDataFrame(rows, columns_ddl(OLD_TABLES[table])).writeTo(table).append()


def test_an_older_state_folder_is_upgraded_once_and_counts_no_event_twice(spark: SparkSession, tmp_path: Path) -> None:
    write_version_1(spark)
    untouched = spark.table("raw.events").where("line_number = 1").collect()[0].record_hash
    log = tmp_path / "again.json"
    again = [event(), event(ts=1538352118000, **UNKNOWN), event(userId=30), event(song=None)]
    sim = {key: value for key, value in EVENT.items() if key != "length"}
    log.write_text("\n".join([*again, json.dumps({**sim, "ts": 1538352119000, **EVENTSIM})]))
    assert ingest(spark, find_logs([log]), tmp_path / "staging", SALT).accepted == 5

    rows = spark.table("raw.events").collect()
    old = {row.line_number: row for row in rows if row.source_file == "/old.json"}
    new = {row.record_hash for row in rows if row.source_file != "/old.json"}
    assert {row.record_hash for row in old.values()} == new, "delivered once more, no event is a new one"
    assert old[1].record_hash == untouched
    assert (old[2].unknown_keys, old[3].unknown_keys) == ('{"email":"string","lon":"number"}', None)
    assert (old[3].length, old[3].location, old[4].song, old[5].user_id) == (200.5, "Phoenix, AZ", None, "30")
    kept = {row.line_number: row for row in spark.table("raw.rejected_events").collect()}
    assert [kept[number].kept for number in (6, 7, 8, 9)] == ["object", "shape", "shape", "shape"]
    assert kept[7].raw_line == "Aaaaa,Aaaaaaa,99"
    assert "Colin" not in str([rows, kept])
    assert {row.record_version for row in spark.table("raw.ingested_files").collect()} == {2}
    told = sorted(spark.table(TOUCHED_DATES).collect())
    assert told == sorted(touched_dates(spark.table("raw.events")).select(*RAW_TABLES[TOUCHED_DATES]).collect())
    assert len({row.ingested_at for row in told}) == 2

    commits = spark.table("raw.events.snapshots").count()
    replayed = replay_rejected(spark)
    assert (replayed.accepted, replayed.rejected, replayed.final) == (1, 3, 3), "an event without a user is one now"
    assert spark.table("raw.events.snapshots").count() == commits + 1, "nothing is upgraded a second time"


def test_an_upgrade_that_was_stopped_comes_to_the_same(spark: SparkSession, tmp_path: Path) -> None:
    write_version_1(spark)
    log = tmp_path / "first.json"
    log.write_text(event())
    ingest(spark, find_logs([log]), tmp_path / "staging", SALT)
    before = sorted(spark.table("raw.events").collect(), key=str)
    spark.sql("update raw.ingested_files set record_version = null")
    replay_rejected(spark)
    after = [row for row in spark.table("raw.events").collect() if row.line_number != 6]
    assert sorted(after, key=str) == before
