"""Rooms C and E: logs in other people's dialects are taken as they are, and nobody's name is kept in the clear."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.jobs.landing import dialects_of, doubt_of_clock, doubt_of_users
from warehouse.landing.finding import find_logs
from warehouse.landing.ingest import IngestSummary, ingest
from warehouse.landing.raw_tables import RAW_TABLES
from warehouse.landing.reader.mapping_file import load_mapping
from warehouse.landing.reader.reader import FUTURE, Event
from warehouse.landing.reader.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import Row, SparkSession

SALT = "5a" * 32
REPOSITORY = Path(__file__).resolve().parents[2]
PLAIN: dict[str, Any] = {
    "artist": None,
    "auth": "Logged In",
    "firstName": "Colin",
    "gender": "M",
    "itemInSession": 0,
    "lastName": "Freeman",
    "length": None,
    "level": "free",
    "location": "San Francisco-Oakland-Hayward, CA",
    "method": "GET",
    "page": "Home",
    "registration": 1540919166796,
    "sessionId": 38,
    "song": None,
    "status": 200,
    "ts": 1541105830796,
    "userAgent": "Mozilla/5.0",
    "userId": "39",
}
DATA_FRAME = {
    "registration": 1540919166796.0,
    "userId": "39.0",
    "length": float("nan"),
    "sessionId": "38",
    "artist": "",
}
EVENTSIM = {"duration": 246.30812, "city": "Phoenix-Mesa-Scottsdale", "state": "AZ", "lon": -97.1, "lat": 32.7}
NAMED = {"first-name": "Colin", "name.first": "Colin", "fullName": "Colin Freeman", "email": "colin@freeman.org"}
NOTE = "A note about this delivery, by Colin Freeman."
FILES: dict[str, list[dict[str, Any] | str]] = {
    "plain.json": [PLAIN],
    "from redshift.json": [{key.lower(): value for key, value in PLAIN.items()}],
    "from a data frame.json": [{**PLAIN, **DATA_FRAME}],
    "from eventsim.json": [
        {
            **{key: value for key, value in PLAIN.items() if key not in {"length", "location"}},
            **EVENTSIM,
            "userId": 10**9,
        }
    ],
    "nobody logged in.json": [{**PLAIN, "ts": 1541105830797, "userId": None, "registration": None}],
    "no level.json": [{**{key: value for key, value in PLAIN.items() if key != "level"}, "ts": 1541105830798}],
    "one of 2038.json": [{**PLAIN, "ts": 1541105830799}, {**PLAIN, "ts": 2147483647000}],
    "with more names.json": [{**PLAIN, **NAMED, "ts": 1541105830800}, {**PLAIN, **NAMED, "ts": 5}],
    "names.csv.txt": ["artist,auth,firstName,gender,itemInSession,lastName", ",Logged In,Colin,M,0,Freeman"],
    "a note.txt": [NOTE],
    "a note in the log.json": [{**PLAIN, "ts": 1541105830801}, NOTE],
}


@dataclass(frozen=True)
class Landed:
    """What the raw tables hold of each file, by its name."""

    summary: IngestSummary
    events: dict[str, list[Row]]
    refused: dict[str, list[Row]]
    text: str


def drop(spark: SparkSession) -> None:
    for table in RAW_TABLES:
        spark.sql(f"drop table if exists {table}")


def by_file(spark: SparkSession, table: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in spark.table(f"raw.{table}").orderBy("line_number").collect():
        found.setdefault(Path(row.source_file).name, []).append(row)
    return found


@pytest.fixture(scope="module")
def landed(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landed]:
    """All FILES in one ingest: each is about one case."""
    folder = tmp_path_factory.mktemp("field")
    for name, lines in FILES.items():
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        (folder / name).write_text("\n".join(texts) + "\n")
    drop(spark)
    summary = ingest(spark, find_logs([folder]), tmp_path_factory.mktemp("staging"), SALT)
    text = " ".join(str(row) for table in RAW_TABLES for row in spark.table(table).collect())
    yield Landed(summary, by_file(spark, "events"), by_file(spark, "rejected_events"), text)
    drop(spark)


@pytest.mark.parametrize("name", ["from redshift.json", "from a data frame.json"])
def test_somebody_exported_the_same_event_from_elsewhere(landed: Landed, name: str) -> None:
    (plain,), (exported,) = landed.events["plain.json"], landed.events[name]
    assert exported.record_hash == plain.record_hash
    assert (exported.user_id, exported.registration, exported.length) == ("39", 1540919166796, None)


def test_somebody_took_the_log_of_todays_eventsim(landed: Landed) -> None:
    (event,) = landed.events["from eventsim.json"]
    assert (event.user_id, event.length, event.location) == ("1000000000", 246.30812, "Phoenix-Mesa-Scottsdale, AZ")
    assert event.unknown_keys == '{"lat":"number","lon":"number"}'


def test_somebodys_log_has_events_without_a_user(landed: Landed) -> None:
    assert [event.user_id for event in landed.events["nobody logged in.json"]] == [""]


def test_somebodys_log_has_an_event_without_a_level(landed: Landed) -> None:
    assert [event.level for event in landed.events["no level.json"]] == [None]


def test_one_event_of_2038_stops_nobody(landed: Landed) -> None:
    assert len(landed.events["one of 2038.json"]) == 1
    assert [row.reasons for row in landed.refused["one of 2038.json"]] == [[FUTURE]]


def test_somebodys_csv_shows_what_it_has_and_no_name(landed: Landed) -> None:
    (row,) = landed.refused["names.csv.txt"]
    masked = {"auth": "Logged In", "firstName": "***", "gender": "M", "itemInSession": "0", "lastName": "***"}
    assert json.loads(row.raw_line) == masked
    assert "missing ts" in row.reasons


def test_somebody_left_a_note_in_the_folder(landed: Landed) -> None:
    assert [(Path(each.path).name, each.what) for each in landed.summary.left_out] == [
        ("a note.txt", "text that is no log")
    ]


def test_of_a_note_in_a_log_its_shape_is_kept(landed: Landed) -> None:
    (row,) = landed.refused["a note in the log.json"]
    assert (row.kept, row.raw_line) == ("shape", "A aaaa aaaaa aaaa aaaaaaaa, aa Aaaaa Aaaaaaa.")


def test_no_name_stands_in_raw_under_whatever_key(landed: Landed) -> None:
    assert not re.search("(?i)colin|freeman", landed.text)
    assert {row.kept for row in landed.refused["with more names.json"]} == {"object"}
    (event,) = landed.events["with more names.json"]
    types = {"name.first": "string", "fullName": "string", "email": "string"}
    assert json.loads(event.unknown_keys) == types, "first-name is a spelling of firstName"


def test_the_dialects_are_printed_by_the_ingest(landed: Landed) -> None:
    assert landed.summary.dialects == {"sparkify": 8, "redshift": 1, "eventsim": 1}
    assert dialects_of(landed.summary) == "; read as sparkify (8 files), eventsim (1 files), redshift (1 files)"


def test_the_most_copied_public_log_is_taken_whole(spark: SparkSession, shared: Path, tmp_path: Path) -> None:
    with tarfile.open(shared / "real_events" / "de_log_2018_11.tar.xz") as archive:
        archive.extractall(tmp_path / "log", filter="data")
    drop(spark)
    summary = ingest(spark, find_logs([tmp_path / "log"]), tmp_path / "staging", SALT)
    assert (summary.files, summary.lines, summary.accepted, summary.dialects) == (30, 8056, 8056, {"sparkify": 30})
    assert spark.table("raw.events").where("user_id != '' and registration is not null").count() == 7770
    drop(spark)


def test_somebody_has_another_services_log(tmp_path: Path) -> None:
    mapping = tmp_path / "my.yml"
    mapping.write_text(
        "keys: {timestamp: ts, user: userId, session: sessionId, event: page, plan: level}\n"
        "pages: {track_play: NextSong}\nlevels: {premium: paid, basic: free}\ntime_unit: seconds\n"
    )
    reader = Rules(mapping=load_mapping(mapping)).reader(datetime.now(timezone.utc), SALT)
    line = {"timestamp": 1541105830, "user": 39, "session": 38, "event": "track_play", "plan": "premium"}
    read = reader.read(json.dumps(line).encode())
    assert isinstance(read, Event)
    assert [value for value in read.values if value is not None] == [1541105830000, "39", 38, "NextSong", "paid"]


def test_somebodys_mapping_is_broken(tmp_path: Path) -> None:
    log, mapping, home = tmp_path / "log.json", tmp_path / "my.yml", tmp_path / "home"
    log.write_text(json.dumps(PLAIN))
    mapping.write_text("keys:\n  timestamp: ts\n  user: user_id\n")
    ran = subprocess.run(
        [sys.executable, "-c", "from cli.app import main; main()", "ingest", str(log), "--mapping", str(mapping)],
        cwd=REPOSITORY,
        env={**os.environ, "SPARKHOUSE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, home.exists()) == (2, False)
    assert f"{mapping}, line 3: there is no field 'user_id'" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_somebodys_clock_is_before_the_log() -> None:
    now = datetime(2018, 10, 1, tzinfo=timezone.utc)
    reader = Rules().reader(now, SALT)
    reasons = Counter[str]()
    for line in [PLAIN] * 3 + [{**PLAIN, "ts": 1538352117000, "registration": None}]:
        read = reader.read(json.dumps({**line, "registration": None}).encode())
        reasons.update([] if isinstance(read, Event) else read.reasons)
    assert reasons == {FUTURE: 3}
    doubt = doubt_of_clock(IngestSummary(lines=4, accepted=1, rejected=3, reasons=dict(reasons)))
    assert doubt is not None
    assert f"clock says {datetime.now(timezone.utc):%F}" in doubt
    assert doubt_of_clock(IngestSummary(lines=4, accepted=2, rejected=2, reasons={FUTURE: 2})) is None


def test_somebody_mapped_a_log_without_registrations() -> None:
    doubt = doubt_of_users(IngestSummary(lines=4, accepted=4))
    assert doubt is not None
    assert "of 4 events none has both a userId and a registration" in doubt
    assert "--mapping" in doubt
    assert doubt_of_users(IngestSummary(lines=4, accepted=4, days={17806: 1})) is None
    assert doubt_of_users(IngestSummary(files_skipped=1)) is None


def test_events_of_users_are_counted_apart_from_those_of_guests(landed: Landed) -> None:
    events = [event for events in landed.events.values() for event in events]
    days = Counter(event.ts // 86_400_000 for event in events if event.user_id and event.registration)
    assert landed.summary.days == days
    assert 0 < days.total() < landed.summary.accepted
