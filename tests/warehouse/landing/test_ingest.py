"""What the ingest promises: every line counted, no file twice, no name in clear."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import re
import stat
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from warehouse.landing import ingest as ingest_module
from warehouse.landing import tasks
from warehouse.landing.archives import BROKEN_OFF, DAMAGED, unpack
from warehouse.landing.finding import LeftOut, find_logs
from warehouse.landing.ingest import IngestSummary, ingest
from warehouse.landing.logs import NoSuchLog, NotALog, identify, read_log
from warehouse.landing.raw_tables import RAW_TABLES, TOUCHED_DATES, touched_dates
from warehouse.landing.reader.reader import FUTURE
from warehouse.landing.salt import UnusableSalt, load_salt
from warehouse.landing.staged_logs import staged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pyspark.sql import Row, SparkSession

    Take = Callable[..., IngestSummary]

PACKS: Mapping[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": lambda text: bz2.compress(text, 1),
    ".xz": lzma.compress,
}
PACKINGS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz"}
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
    return lambda *patterns: ingest(spark, find_logs(patterns), tmp_path / "staging", SALT)


def rows(spark: SparkSession, table: str, *columns: str) -> list[Row]:
    return sorted(spark.table(f"raw.{table}").select(*columns).collect())


def test_every_line_is_accepted_rejected_or_blank(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    log = write(tmp_path / "day.json", event(), "", "{broken", "  \t", event(ts=1538352118000))
    assert take(log) == IngestSummary(files=1, lines=5, accepted=2, rejected=1, blank=2, reasons={"not json": 1})
    assert rows(spark, "events", "line_number", "source_file") == [(1, str(log)), (5, str(log))]
    assert rows(spark, "rejected_events", "line_number", "raw_line", "kept") == [(3, "{aaaaaa", "shape")]
    not_counts = ("checksum", "ingested_at", "replayed_at", "record_version")
    (file,) = spark.table("raw.ingested_files").drop(*not_counts).collect()
    assert file == (str(log), log.stat().st_size, 5, 2, 1, 2)


def test_the_columns_are_those_agreed_on(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    take(write(tmp_path / "day.json", event()))
    (row,) = spark.table("raw.events").collect()
    assert (row.ts, row.user_id, row.session_id, row.status, row.item_in_session) == (1538352117000, "30", 29, 200, 50)
    assert (row.song, row.length, row.location, row.unknown_keys) == ("1979", 277.89016, None, None)
    assert dict(spark.table("raw.events").dtypes) == RAW_TABLES["raw.events"]


def cut_gzip(text: str) -> bytes:
    """Return a gzip file that breaks off right after a text."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return packer.compress(text.encode()) + packer.flush(zlib.Z_SYNC_FLUSH)


def with_number(key: str, number: str) -> str:
    """Return EVENT as a line with a number that Python would not write."""
    return event(**{key: "number"}).replace('"number"', number)


FAULTS = {
    "not json": [
        '{"ts":',
        "{'ts': 1}",
        event() + event(),
        event() + " x",
        event() + "}",
        "\x00",
        event()[:-1],
        event()[:40],
        event(new=...)[:-1] + ', "new": ' + "[" * 3000 + "]" * 3000 + "}",
        with_number("new", "1" * 3000),
    ],
    "not an object": ["[1]", "null", "5", '"text"'],
    "missing ts": [event(ts=...), event(ts=None)],
    "missing sessionId": [event(sessionId=...), event(sessionId="NaN")],
    "missing page": [event(page=None)],
    "wrong type: ts": [
        event(ts="yesterday"),
        event(ts="2018-10-01"),
        event(ts=1.5),
        event(ts=True),
        event(ts=10**30),
        with_number("ts", "1e400"),
    ],
    "wrong type: userId": [event(userId=1.5), event(userId=True), event(userId=["1"]), event(userId={"id": 1})],
    "wrong type: sessionId": [event(sessionId="29a"), with_number("sessionId", "1e400")],
    "wrong type: page": [event(page=5), event(page=["Home"]), event(page=False), with_number("page", "-1e400")],
    "wrong type: song": [event(song=1979)],
    "wrong type: length": [event(length="long"), event(length={})],
    "several keys with different values: userId": [event(user_id="31"), event(USERID=31.0)],
    "impossible value: ts": [event(ts=0), event(ts=1538352117), event(ts="1999-12-31T23:59:59Z")],
    FUTURE: [event(ts=4102444800000), event(ts=10**15), event(ts=1e15), event(ts="2099-01-01 00:00")],
    "impossible value: page": [event(page=""), event(page=" ")],
    "impossible value: length": [event(length=-1), event(length=86401), with_number("length", "1e400")],
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
    odd = [event(userId=""), event(userId=None), event(userId=...), event(userId=30), event(song=...)]
    odd += [event(song="true"), event(song="[]"), event(length=7), event(length=float("nan"))]
    odd += [event(page="A page of next year"), event(song='"Infinity"'), event(song="\ud800"), event(song="a\0b")]
    assert take(write(tmp_path / "day.json", *odd)).accepted == len(odd)
    assert [row.user_id for row in rows(spark, "events", "line_number", "user_id")] == ["", "", "", *["30"] * 10]


def test_the_hash_sees_what_is_said_and_not_how(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    turned = json.dumps(
        dict(reversed({**EVENT, "userId": 30, "gender": None, "z": 1, "a": 2}.items())), separators=(",", ":")
    )
    take(
        write(
            tmp_path / "day.json", event(z=1, a=2), turned, event(z=1), event(z=1, song="Ann"), event(z=1, lastName=...)
        )
    )
    first, second, third, fourth, fifth = (
        row.record_hash for row in rows(spark, "events", "line_number", "record_hash")
    )
    assert first == second
    assert third == fifth, "names are no part of it"
    assert first == third, "unknown keys are no part of it either"
    assert third != fourth


def test_of_unknown_keys_names_and_types_are_kept(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    news = {"text": "5", "number": 5, "list": [1, {"b": "c"}], "it's": "x", "none": None, 'q"?': 'a"b', "page2": True}
    take(write(tmp_path / "day.json", event(**news), event(nested={"page": 5})))
    kept = [json.loads(row.unknown_keys) for row in rows(spark, "events", "line_number", "unknown_keys")]
    types = {"text": "string", "number": "number", "list": "array", "it's": "string", "none": "null", 'q"?': "string"}
    assert kept == [types | {"page2": "boolean"}, {"nested": "object"}]


def test_no_name_is_kept_in_clear(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    clear = '"firstName": "Colin", "lastName":"Freeman"'
    broken = [
        f"{{{clear}",
        f"{{{clear[:-3]}",
        "{'firstName': 'Colin'}",
        "firstName=Colin, x",
        json.dumps(f"{{{clear}}}"),
    ]
    faulty = [event(ts=0), event(ts=0, firstName=["Colin"]), event(ts=0, lastName={"a": "Freeman"}), event(lastName=5)]
    write(tmp_path / "day.json", event(), event(first_name="Colin"), event(given_name="Colin"), *broken, *faulty)
    (tmp_path / "wide.json").write_bytes(event().encode("utf-16"))
    (tmp_path / "cut.json.gz").write_bytes(cut_gzip(f"{{{clear[:-3]}"))
    summary = take(tmp_path)
    assert (summary.accepted, summary.rejected, summary.reasons[BROKEN_OFF]) == (4, 10, 1)
    written = " ".join(str(row).replace("\\x00", "") for table in RAW_TABLES for row in spark.table(table).collect())
    assert not re.search("Colin|Freem", written)
    (name,) = {row.first_name for row in spark.table("raw.events").collect()}
    assert re.fullmatch("[0-9a-f]{64}", name)


def test_without_a_salt_no_name_is_kept(spark: SparkSession, tmp_path: Path) -> None:
    ingest(spark, find_logs([write(tmp_path / "day.json", event())]), tmp_path / "staging", salt=None)
    assert rows(spark, "events", "first_name", "last_name", "user_id") == [(None, None, "30")]


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
    left = rows(spark, "touched_dates", "event_date", "event_count")
    spark.sql(f"delete from raw.ingested_files where source_file = '{second}'")
    assert (take(second).accepted, spark.table("raw.events").count(), spark.table("raw.rejected_events").count()) == (
        1,
        2,
        1,
    )
    assert rows(spark, "touched_dates", "event_date", "event_count") == left


def test_an_ingest_tells_the_dates_of_the_events_of_users(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    known = {"registration": 1538000000000}
    midnight = 1538352000000
    moments = [midnight - 1, midnight, midnight + 86_399_999, midnight + 86_400_000]
    lines = [event(ts=ts, **known) for ts in moments]
    first = take(write(tmp_path / "a.json", *lines, event(), event(userId="", **known), "{broken"))
    assert first.days == {17804: 1, 17805: 2, 17806: 1}
    # What came before is told once more: it was brought.
    second = take(write(tmp_path / "b.json", lines[0]))
    assert take(write(tmp_path / "guests.json", event(userId="", **known))).days == {}
    told = rows(spark, "touched_dates", "event_date", "ingested_at", "event_count")
    assert [(str(row.event_date), row.event_count) for row in told] == [
        ("2018-09-30", 1),
        ("2018-09-30", 1),
        ("2018-10-01", 2),
        ("2018-10-02", 1),
    ]
    assert first.ingested_at
    assert second.ingested_at
    assert first.ingested_at < second.ingested_at
    assert sorted(told) == sorted(touched_dates(spark.table("raw.events")).select(*RAW_TABLES[TOUCHED_DATES]).collect())


def test_folders_are_searched_for_logs(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    folder = tmp_path / "logs [1]"
    lines = [event(ts=1538352117000 + second * 1000) for second in range(8)]
    write(folder / "a.json", lines[0])
    write(folder / "deep" / "b c%20.jsonl", lines[1])
    (folder / "c.log.gz").write_bytes(gzip.compress(lines[2].encode()))
    (folder / "d.ndjson.bz2").write_bytes(bz2.compress(lines[3].encode()))
    (folder / "e.txt.xz").write_bytes(lzma.compress(lines[4].encode()))
    for passed_over in ("_SUCCESS.json", ".hidden.json", "_temporary/f.json"):
        write(folder / passed_over, lines[5])
    write(folder / "notes.md", "# Notes")
    left_out = (LeftOut(f"{folder}/notes.md", "text that is no log"),)
    assert take(folder) == IngestSummary(files=5, lines=5, accepted=5, left_out=left_out)
    names = {row.source_file.removeprefix(f"{folder}/") for row in spark.table("raw.events").collect()}
    assert names == {"a.json", "deep/b c%20.jsonl", "c.log.gz", "d.ndjson.bz2", "e.txt.xz"}
    assert list((tmp_path / "staging").iterdir()) == []


@pytest.mark.parametrize("pattern", ["none.json", "*.nothing", "empty"])
def test_a_pattern_without_files_is_an_error(take: Take, spark: SparkSession, tmp_path: Path, pattern: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoSuchLog, match="name a file"):
        take(write(tmp_path / "day.json", event()), tmp_path / pattern)
    assert not spark.catalog.tableExists("raw.events")


def test_an_archive_that_breaks_off_gives_the_lines_that_it_has(
    take: Take, spark: SparkSession, tmp_path: Path
) -> None:
    songs = [hashlib.sha256(bytes([number % 256, number // 256])).hexdigest() for number in range(800)]
    text = "".join(event(song=song) + "\n" for song in songs).encode()
    for ending, pack in PACKS.items():
        packed = pack(text)
        (tmp_path / f"cut.json{ending}").write_bytes(packed[: len(packed) * 3 // 4])
    cut = take(tmp_path)
    assert (cut.files, cut.lines, cut.rejected, cut.reasons) == (3, cut.accepted + 3, 3, {BROKEN_OFF: 3})
    for file in spark.table("raw.ingested_files").collect():
        of_file = f"source_file = '{file.source_file}'"
        taken = [row.song for row in spark.table("raw.events").where(of_file).orderBy("line_number").collect()]
        assert taken == songs[: file.accepted_count]
        assert len(taken) > 200
        (end,) = spark.table("raw.rejected_events").where(of_file).collect()
        whole_line = event(song=re.sub("[a-f]", "a", songs[len(taken)]))
        whole_line = re.sub("[0-9]", "9", whole_line)
        shape = re.sub("[0-9]", "9", whole_line).replace("NextSong", "AaaaAaaa").replace("paid", "aaaa")
        shape = (
            shape.replace("Freeman", "Aaaaaaa").replace("Colin", "Aaaaa").replace("Martha Tilston", "Aaaaaa Aaaaaaa")
        )
        assert (end.kept, shape.startswith(re.sub('"[A-Za-z]*$', "", end.raw_line))) == ("shape", True)
        assert end.line_number == file.line_count == len(taken) + 1
    write(tmp_path / "repaired" / "day.json", *text.decode().splitlines())
    assert take(tmp_path).accepted == 800
    assert spark.table("raw.events").select("record_hash").distinct().count() == 800


def test_an_archive_without_an_end_has_a_row_that_says_so(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    line, other = f"{event()}\n".encode(), f"{event(song='other')}\n".encode()
    damaged = bytearray(gzip.compress(other))
    damaged[-5] ^= 1
    archives = {
        "a whole": (gzip.compress(line) + bytes(512) + gzip.compress(other), []),
        "b broken off after a line": (cut_gzip(line.decode()), [(2, "", [BROKEN_OFF])]),
        "c broken off before a line end": (cut_gzip(event()), [(1, "9999999", [BROKEN_OFF])]),
        "d damaged": (bytes(damaged), [(1, "", [DAMAGED])]),
        "e damaged behind a sound one": (gzip.compress(line) + damaged, [(2, "", [DAMAGED])]),
        "f not packed": (line, []),
    }
    for name, (packed, _) in archives.items():
        (tmp_path / f"{name}.json.gz").write_bytes(packed)
    summary = take(tmp_path)
    assert (summary.files, summary.lines, summary.accepted, summary.rejected) == (6, 9, 5, 4)
    found = rows(spark, "rejected_events", "source_file", "line_number", "raw_line", "reasons")
    short = [(number, "9999999" if "9999999" in text else text, reasons) for _, number, text, reasons in found]
    assert short == [row for _, expected in archives.values() for row in expected]


class InPieces(io.BytesIO):
    """A file that gives a few bytes at a time."""

    def read(self, _: int | None = -1) -> bytes:
        return super().read(7)


@given(
    st.binary(max_size=300),
    st.sampled_from(sorted(PACKS)),
    st.sampled_from([BROKEN_OFF, DAMAGED]),
    st.integers(min_value=0),
    st.integers(0, 7),
)
def test_wherever_an_archive_ends_or_is_damaged_no_text_is_made_up(
    text: bytes, ending: str, fault: str, place: int, bit: int
) -> None:
    packed = bytearray(PACKS[ending](text[:100]) + PACKS[ending](text[100:]))
    place %= len(packed)
    if fault == BROKEN_OFF:
        del packed[place:]
    else:
        packed[place] ^= 1 << bit
    target = io.BytesIO()
    found = unpack(InPieces(bytes(packed)), PACKINGS[ending], target)
    # A changed length can look like an early end, with whatever stands there: nothing in the archive contradicts it.
    assume(fault == BROKEN_OFF or found != BROKEN_OFF)
    assert found in {None, fault}
    assert text.startswith(target.getvalue()) if found else target.getvalue() == text


def test_line_numbers_hold_where_tasks_share_files(
    take: Take, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "task_bytes", lambda *_: 9000)
    for name in ("a.json", "b.json"):
        write(
            tmp_path / "logs" / name,
            *(event(song=f"{name} {number}") if number % 7 else "" for number in range(1, 200)),
        )
    assert take(tmp_path / "logs").blank == 56
    songs = rows(spark, "events", "line_number", "song", "source_file")
    assert len(songs) == 2 * (199 - 28)
    assert all(song == f"{path.rpartition('/')[2]} {number}" for number, song, path in songs)
    assert spark.table("raw.events.files").count() > 2, "several tasks have written"


def test_who_watches_is_told_how_many_bytes_are_done(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_SECONDS_BETWEEN_LOOKS", 0.005)
    monkeypatch.setattr(ingest_module, "task_bytes", lambda *_: 2000)
    log = write(tmp_path / "day.json", *(event(itemInSession=number) for number in range(200)))
    told: list[tuple[int, int]] = []
    ingest(spark, find_logs([log]), tmp_path / "staging", SALT, watch=lambda *bytes_: told.append(bytes_))
    assert {total for _, total in told} == {log.stat().st_size}
    done = [done for done, _ in told]
    assert done == sorted(done)
    assert done[-1] == log.stat().st_size


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
    assert [row.raw_line for row in rows(spark, "rejected_events", "line_number", "raw_line")] == ["{\ufffda", "aaaa"]


def grow(log: Path, *lines: str) -> None:
    with log.open("a") as file:
        file.writelines(line + "\n" for line in lines)


def at_rest(log: Path) -> Path:
    """Let the file look as if nobody had written to it for long."""
    os.utime(log, (1_500_000_000, 1_500_000_000))
    return log


def test_a_log_is_linked_at_rest_and_copied_when_it_was_written_just_now(tmp_path: Path) -> None:
    old, fresh = at_rest(write(tmp_path / "a.json", event())), write(tmp_path / "b.json", event(ts=1))
    left_over = write(tmp_path / "staging" / ".staged" / "text" / "5.txt", event())
    with staged(identify([old, fresh]), tmp_path / "staging", (), ()) as logs:
        assert [(logs.folder / name).is_symlink() for name in logs.files] == [True, False]
        assert (logs.folder / "1.txt").read_bytes() == fresh.read_bytes()
        assert not left_over.exists()
    with staged(identify([old]), tmp_path / "staging", (), {old}) as logs:
        assert not (logs.folder / "0.txt").is_symlink()
    assert list((tmp_path / "staging").iterdir()) == []


def test_a_log_that_grows_is_read_to_the_end_it_had(tmp_path: Path) -> None:
    log = write(tmp_path / "day.json", event())
    before = log.read_bytes()
    read = read_log(log, lambda _: grow(log, event()))
    assert (read.byte_count, read.checksum) == (len(before), hashlib.sha256(before).hexdigest())


def test_what_is_staged_is_what_is_recorded(tmp_path: Path) -> None:
    log = write(tmp_path / "day.json", event())
    (first,) = identify([log])
    grow(log, event(ts=1))
    (second,) = identify([log])
    with staged([first], tmp_path / "staging", (), ()) as logs:
        assert [found.checksum for found in logs.files.values()] == [second.checksum]
    with staged([first], tmp_path / "staging", {second.checksum}, ()) as logs:
        assert logs.files == {}
        assert list(logs.folder.iterdir()) == []


def test_a_log_that_changes_while_spark_reads_it_is_read_anew(
    take: Take, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, more = at_rest(write(tmp_path / "day.json", event())), [event(ts=1538352118000), "{broken"]

    def in_tasks_of_growing_log(*arguments: Any) -> list[Any]:  # noqa: ANN401 - what in_tasks takes
        is_landing = len(arguments) > 3
        if is_landing and more:
            grow(log, more.pop(0))
        return tasks.in_tasks(*arguments)

    monkeypatch.setattr(ingest_module, "in_tasks", in_tasks_of_growing_log)
    summary = take(log)
    assert (summary.lines, summary.accepted) == (2, 2)
    (file,) = spark.table("raw.ingested_files").collect()
    two_lines = b"".join(log.read_bytes().splitlines(keepends=True)[:2])
    assert (file.byte_count, file.checksum) == (len(two_lines), hashlib.sha256(two_lines).hexdigest())
    assert rows(spark, "events", "line_number") == [(1,), (2,)]
    assert take(log).reasons == {"not json": 1}


def test_files_give_the_same_events_in_any_order(spark: SparkSession, tmp_path: Path) -> None:
    lines = [event(ts=1538352117000 + day * 86_400_000, itemInSession=item) for day in range(3) for item in range(4)]
    write(tmp_path / "monday.json", *lines[:5])
    write(tmp_path / "tuesday, overlapping.json", *lines[3:9])
    write(tmp_path / "wednesday, with a late event.json", *lines[9:], lines[4])
    write(tmp_path / "monday once more.json", *lines[:5])
    found = []
    for files in (sorted(tmp_path.glob("*.json")), sorted(tmp_path.glob("*.json"), reverse=True)):
        for patterns in (files[:2], files[2:]):
            ingest(spark, find_logs(patterns), tmp_path / "staging", SALT)
        found.append({row.record_hash for row in spark.table("raw.events").collect()})
        for table in RAW_TABLES:
            spark.sql(f"drop table {table}")
    assert len(found[0]) == len(lines)
    assert found[0] == found[1]


def test_an_empty_file_is_recorded(take: Take, spark: SparkSession, tmp_path: Path) -> None:
    assert take(write(tmp_path / "empty.json")) == IngestSummary(files=1)
    assert rows(spark, "ingested_files", "byte_count", "line_count") == [(0, 0)]


def test_a_very_long_line_is_one_line(take: Take, tmp_path: Path) -> None:
    long = "x" * 10_000_000
    summary = take(write(tmp_path / "day.json", event(song=long), event(ts=0, firstName=long)))
    assert (summary.accepted, summary.rejected) == (1, 1)


ANY_LINES = st.lists(
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


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(ANY_LINES, st.sampled_from(["", *PACKS]), st.none() | st.integers(min_value=0))
def test_whatever_the_bytes_the_counts_add_up(
    spark: SparkSession, tmp_path: Path, pieces: list[bytes], ending: str, cut: int | None
) -> None:
    text = b"\n".join([event().encode(), *pieces])
    log = tmp_path / f"any.json{ending}"
    packed = PACKS[ending](text) if ending else text
    log.write_bytes(packed if cut is None else packed[: cut % (len(packed) + 1)])
    try:
        summary = ingest(spark, find_logs([log]), tmp_path / "staging", SALT)
    except NotALog:
        assert cut is not None, "an archive that breaks off before its text begins"
        return
    assert summary.files + summary.files_skipped == 1
    assert summary.lines == summary.accepted + summary.rejected + summary.blank
    if summary.files and log.read_bytes() == packed:
        assert summary.lines == text.count(b"\n") + bool(text and not text.endswith(b"\n"))
    elif summary.files and ending and log.stat().st_size:
        assert summary.reasons[BROKEN_OFF] == 1


def test_the_real_logs_are_accepted_whole(take: Take, spark: SparkSession, shared: Path) -> None:
    real = shared / "real_events"
    head = take(real / "full_log_head.json.xz")
    assert (head.lines, head.accepted, head.rejected, head.blank) == (4473, 4473, 0, 0)
    users = take(real / "*.json.xz")
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
