"""What the ingest promises: every line counted, no file twice, no name in clear."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
import stat
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warehouse.landing.ingest import IngestIsRunning, IngestSummary, _sole_ingest, ingest
from warehouse.landing.logs import NoSuchLog, UnreadableLog
from warehouse.landing.raw_tables import RAW_TABLES
from warehouse.landing.salt import UnusableSalt, load_salt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pyspark.sql import Row, SparkSession

    Take = Callable[..., IngestSummary]
    Pack = Callable[[bytes], bytes]

SALT = "5a" * 32
EVENT: dict[str, Any] = {
    "ts": 1538352117000,
    "userId": "30",
    "sessionId": 29,
    "page": "NextSong",
    "status": 200,
    "level": "paid",
    "itemInSession": 50,
    "lastName": "Freeman",
    "firstName": "Colin",
    "artist": "Martha Tilston",
    "song": "1979",
    "length": 277.89016,
}


def event(**changes: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return EVENT as a line, with changes; a key changed to `...` is left out."""
    return json.dumps({key: value for key, value in {**EVENT, **changes}.items() if value is not ...})


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(line + "\n" for line in lines).encode())
    return path


@pytest.fixture(autouse=True)
def empty_raw(spark: SparkSession) -> Iterator[None]:
    yield
    for table in RAW_TABLES:
        spark.sql(f"drop table if exists {table}")


@pytest.fixture(scope="module", autouse=True)
def no_raw_yet(spark: SparkSession) -> None:
    for table in RAW_TABLES:
        spark.sql(f"drop table if exists {table}")


@pytest.fixture
def take(spark: SparkSession, tmp_path: Path) -> Take:
    return lambda *patterns: ingest(spark, patterns, tmp_path / "staging", SALT)


def rows(spark: SparkSession, table: str, *columns: str) -> list[Row]:
    return sorted(spark.table(f"raw.{table}").select(*columns).collect())


def test_every_line_is_accepted_rejected_or_blank(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    log = write(tmp_path / "day.json", event(), "", "{broken", "  \t", event(ts=1538352118000))
    assert take(log) == IngestSummary(files=1, lines=5, accepted=2, rejected=1, blank=2, reasons={"not json": 1})
    assert rows(spark, "events", "line_number", "source_file") == [(1, str(log)), (5, str(log))]
    assert rows(spark, "rejected_events", "line_number", "raw_line") == [(3, "{broken")]
    (file,) = spark.table("raw.ingested_files").drop("checksum", "ingested_at").collect()
    assert file == (str(log), log.stat().st_size, 5, 2, 1, 2)


def test_the_columns_are_those_agreed_on(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    take(write(tmp_path / "day.json", event()))
    (row,) = spark.table("raw.events").collect()
    assert (row.ts, row.user_id, row.session_id, row.status, row.item_in_session) == (1538352117000, "30", 29, 200, 50)
    assert (row.song, row.length, row.location, row.unknown_keys) == ("1979", 277.89016, None, None)
    assert dict(spark.table("raw.events").dtypes) == RAW_TABLES["raw.events"]


FAULTS = {
    "not json": [
        '{"ts":',
        "{'ts': 1}",
        event() + event(),
        event() + " x",
        event() + "}",
        event(length=float("nan")),
        "\x00",
    ],
    "not an object": ["[1]", "null", "5", '"text"'],
    "missing ts": [event(ts=...), event(ts=None)],
    "missing userId": [event(userId=...), event(userId=None)],
    "missing sessionId": [event(sessionId=...)],
    "missing page": [event(page=None)],
    "wrong type: ts": [event(ts="1538352117000"), event(ts=1.5), event(ts=True), event(ts=10**30)],
    "wrong type: userId": [event(userId=1.5), event(userId=True), event(userId=["1"]), event(userId={"id": 1})],
    "wrong type: page": [event(page=5), event(page=["Home"]), event(page=False)],
    "wrong type: song": [event(song=1979)],
    "wrong type: length": [event(length="long"), event(length={})],
    "impossible value: ts": [event(ts=0), event(ts=1538352117), event(ts=4102444800000)],
    "impossible value: page": [event(page=""), event(page=" ")],
    "impossible value: length": [event(length=-1), event(length=86401)],
    "impossible value: itemInSession": [event(itemInSession=-1)],
    "impossible value: status": [event(status=99), event(status=600)],
}


def test_a_refused_line_has_its_reasons(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    expected = [[reason] for reason, lines in FAULTS.items() for _ in lines]
    take(write(tmp_path / "faults.json", *(line for lines in FAULTS.values() for line in lines)))
    assert [row.reasons for row in rows(spark, "rejected_events", "line_number", "reasons")] == expected


def test_a_refused_line_has_all_its_reasons(take: Take, tmp_path: Path) -> None:
    summary = take(write(tmp_path / "day.json", event(ts=..., page=7, length=-3)))
    assert summary.reasons == {"missing ts": 1, "wrong type: page": 1, "impossible value: length": 1}


def test_what_is_odd_but_an_event_is_accepted(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    odd = [event(userId=""), event(userId=30), event(song=...), event(song="true"), event(song="[]"), event(length=7)]
    assert take(write(tmp_path / "day.json", *odd)).accepted == len(odd)
    assert [row.user_id for row in rows(spark, "events", "line_number", "user_id")] == ["", *["30"] * 5]


def test_the_hash_sees_what_is_said_and_not_how(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    turned = json.dumps(
        dict(reversed({**EVENT, "userId": 30, "gender": None, "z": 1, "a": 2}.items())), separators=(",", ":")
    )
    take(write(tmp_path / "day.json", event(z=1, a=2), turned, event(z=1), event(firstName="Ann", z=1)))
    first, second, third, fourth = (row.record_hash for row in rows(spark, "events", "line_number", "record_hash"))
    assert first == second
    assert len({first, third, fourth}) == 3


def test_unknown_keys_are_kept(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    news = {"text": "5", "number": 5, "list": [1, {"b": "c"}], "it's": "x", "none": None, 'q"?': 'a"b', "page2": True}
    take(write(tmp_path / "day.json", event(**news), event(nested={"page": 5})))
    kept = [json.loads(row.unknown_keys) for row in rows(spark, "events", "line_number", "unknown_keys")]
    assert kept == [news, {"nested": {"page": 5}}]


def test_no_name_is_kept_in_clear(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    clear = '"firstName": "Colin", "lastName":"Freeman"'
    broken = [
        f"{{{clear}",
        f"{{{clear[:-3]}",
        "{'firstName': 'Colin'}",
        "firstName=Colin, x",
        json.dumps(f"{{{clear}}}"),
    ]
    faulty = [event(ts=0), event(ts=0, firstName=["Colin"]), event(ts=0, lastName={"a": "Freeman"})]
    take(write(tmp_path / "day.json", event(), event(first_name="Colin"), *broken, *faulty))
    written = " ".join(str(row) for table in RAW_TABLES for row in spark.table(table).collect())
    assert not re.search("Colin|Freem", written)
    (name,) = {row.first_name for row in spark.table("raw.events").collect()}
    assert re.fullmatch("[0-9a-f]{64}", name)


def test_a_file_is_taken_in_once_under_any_name(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    log = write(tmp_path / "day.json", event())
    write(tmp_path / "copy.json", event())
    both = take(tmp_path / "*.json")
    assert (both.files, both.files_skipped, both.lines) == (1, 1, 1)
    assert take(log) == IngestSummary(files_skipped=1)
    write(log, event(), event(ts=1538352118000))
    assert take(log, str(log)).accepted == 2
    assert spark.table("raw.events").count() == 3


def test_an_ingest_that_broke_off_leaves_nothing_behind(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    take(write(tmp_path / "first.json", event()))
    second = write(tmp_path / "second.json", event(ts=1538352118000), "{broken")
    take(second)
    spark.sql(f"delete from raw.ingested_files where source_file = '{second}'")
    assert (take(second).accepted, spark.table("raw.events").count(), spark.table("raw.rejected_events").count()) == (
        1,
        2,
        1,
    )


def test_folders_are_searched_for_logs(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    folder = tmp_path / "logs [1]"
    lines = [event(ts=1538352117000 + second * 1000) for second in range(8)]
    write(folder / "a.json", lines[0])
    write(folder / "deep" / "b c%20.jsonl", lines[1])
    (folder / "c.log.gz").write_bytes(gzip.compress(lines[2].encode()))
    (folder / "d.ndjson.bz2").write_bytes(bz2.compress(lines[3].encode()))
    (folder / "e.txt.xz").write_bytes(lzma.compress(lines[4].encode()))
    for passed_over in ("_SUCCESS.json", ".hidden.json", "notes.md", "_temporary/f.json"):
        write(folder / passed_over, lines[5])
    assert take(folder) == IngestSummary(files=5, lines=5, accepted=5)
    names = {row.source_file.removeprefix(f"{folder}/") for row in spark.table("raw.events").collect()}
    assert names == {"a.json", "deep/b c%20.jsonl", "c.log.gz", "d.ndjson.bz2", "e.txt.xz"}
    assert [path.name for path in (tmp_path / "staging").iterdir()] == [".lock"]


@pytest.mark.parametrize("pattern", ["none.json", "*.nothing", "empty"])
def test_a_pattern_without_files_is_an_error(take: Take, spark: SparkSession, tmp_path: Path, pattern: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoSuchLog, match="name a file"):
        take(write(tmp_path / "day.json", event()), tmp_path / pattern)
    assert not spark.catalog.tableExists("raw.events")


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz"])
def test_a_damaged_archive_is_named_and_nothing_is_written(
    take: Take, spark: SparkSession, tmp_path: Path, ending: str
) -> None:
    packs: dict[str, Pack] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
    damaged = tmp_path / f"cut.json.{ending}"
    damaged.write_bytes(packs[ending](event().encode())[:-9])
    with pytest.raises(UnreadableLog, match=damaged.name):
        take(write(tmp_path / "day.json", event()), damaged)
    assert spark.table("raw.events").isEmpty()


def test_line_numbers_hold_where_spark_splits_files(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        write(
            tmp_path / "logs" / name,
            *(event(song=f"{name} {number}") if number % 7 else "" for number in range(1, 200)),
        )
    before = spark.conf.get("spark.sql.files.maxPartitionBytes")
    spark.conf.set("spark.sql.files.maxPartitionBytes", "9000")
    try:
        assert take(tmp_path / "logs").blank == 56
    finally:
        spark.conf.set("spark.sql.files.maxPartitionBytes", before or "134217728")
    songs = rows(spark, "events", "line_number", "song", "source_file")
    assert all(song == f"{path.rpartition('/')[2]} {number}" for number, song, path in songs)


def test_windows_line_ends_marks_and_wrong_bytes(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    log = tmp_path / "day.json"
    lines = [
        b"\xef\xbb\xbf" + event().encode(),
        b"",
        event(song="a").encode().replace(b'"a"', b'"\xff\xfe"'),
        b"{\xc3x",
        b"last",
    ]
    log.write_bytes(b"\r\n".join(lines))
    summary = take(log)
    assert (summary.lines, summary.accepted, summary.blank, summary.reasons) == (5, 2, 1, {"not json": 2})
    assert [row.raw_line for row in rows(spark, "rejected_events", "line_number", "raw_line")] == ["{\ufffdx", "last"]


def test_an_empty_file_is_recorded(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    assert take(write(tmp_path / "empty.json")) == IngestSummary(files=1)
    assert rows(spark, "ingested_files", "byte_count", "line_count") == [(0, 0)]


def test_a_very_long_line_is_one_line(take: Take, tmp_path: Path) -> None:
    long = "x" * 10_000_000
    summary = take(write(tmp_path / "day.json", event(song=long), event(ts=0, firstName=long)))
    assert (summary.accepted, summary.rejected) == (1, 1)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.binary(max_size=40)
        | st.just(event().encode())
        | st.builds(
            lambda key, value: event(**{key: value}).encode(),
            st.sampled_from([*EVENT, "new", "it's"]),
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=5)
            | st.lists(st.integers(), max_size=2),
        ),
        max_size=60,
    )
)
def test_whatever_the_bytes_the_counts_add_up(spark: SparkSession, tmp_path: Path, pieces: list[bytes]) -> None:
    text = b"\n".join(pieces)
    (tmp_path / "any.json").write_bytes(text)
    summary = ingest(spark, [tmp_path / "any.json"], tmp_path / "staging", SALT)
    expected = text.count(b"\n") + bool(text and not text.endswith(b"\n"))
    assert summary.files_skipped or summary.lines == expected == summary.accepted + summary.rejected + summary.blank


def test_only_one_ingest_works_at_a_time(take: Take, tmp_path: Path) -> None:
    log = write(tmp_path / "day.json", event())
    with _sole_ingest(tmp_path / "staging"), pytest.raises(IngestIsRunning, match="wait"):
        take(log)
    assert take(log).accepted == 1


def test_the_real_logs_are_accepted_whole(take: Take, spark: SparkSession, shared: Path) -> None:
    real = shared / "real_events"
    head = take(real / "full_log_head.json.xz")
    assert (head.lines, head.accepted, head.rejected, head.blank) == (4473, 4473, 0, 0)
    users = take(real)
    assert (users.files, users.files_skipped, users.rejected) == (2, 1, 0)
    assert spark.table("raw.events").where("unknown_keys is not null").isEmpty()


def test_the_salt_is_made_once_and_kept_private(tmp_path: Path) -> None:
    path = tmp_path / "state" / "salt"
    salt = load_salt(path)
    assert re.fullmatch("[0-9a-f]{64}", salt)
    assert load_salt(path) == salt
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["salt"]
    path.write_text("")
    with pytest.raises(UnusableSalt, match="backup"):
        load_salt(path)
