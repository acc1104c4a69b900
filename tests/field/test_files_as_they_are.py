"""Room C: files as people have them. Each test is named for what somebody did."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import sqlite3
import stat
import zipfile
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.health.machine_faults import recognised
from cli.jobs import landing
from cli.jobs.checks import CheckFailed
from cli.jobs.workspace import Workspace
from cli.runs.steps import Steps
from warehouse.landing import room
from warehouse.landing.archives import LINE_TOO_LONG, end_mark
from warehouse.landing.finding import FoundLogs, find_logs, log_bytes
from warehouse.landing.formats import lines_of_text
from warehouse.landing.logs import NoSuchLog, NotALog, UnreadableLog, identify
from warehouse.landing.room import NoRoomToStage, UnpacksTooLarge
from warehouse.landing.staged_logs import LogsChanged, StagedLogs, clear_staging, staged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

RECORD = {"ts": 1538352117000, "userId": "30", "sessionId": 29, "page": "NextSong", "level": "paid"}


def line(**changes: Any) -> bytes:  # noqa: ANN401 - any JSON value
    return json.dumps({**RECORD, **changes}).encode() + b"\n"


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@contextmanager
def staging(tmp_path: Path, *patterns: str | Path) -> Iterator[StagedLogs]:
    found = find_logs(patterns)
    with staged(identify(found.paths), tmp_path / "staging", (), (), found) as logs:
        yield logs


def staged_text(tmp_path: Path, *patterns: str | Path) -> bytes:
    with staging(tmp_path, *patterns) as logs:
        return b"".join((logs.folder / name).read_bytes() for name in logs.files)


def names(found: FoundLogs) -> list[str]:
    return [path.name for path in found.paths]


def left_out(found: FoundLogs, folder: Path) -> dict[str, str]:
    return {each.path.removeprefix(f"{folder}/"): each.what for each in found.left_out}


def test_gzip_named_json_and_plain_text_named_gz(tmp_path: Path) -> None:
    packed = write(tmp_path / "packed.json", gzip.compress(line()))
    plain = write(tmp_path / "plain.json.gz", line())
    assert staged_text(tmp_path, packed) == staged_text(tmp_path, plain) == line()


def test_the_most_copied_public_log_as_it_was_downloaded(tmp_path: Path, shared: Path) -> None:
    text = staged_text(tmp_path, shared / "real_events" / "de_log_2018_11.tar.xz")
    records = [json.loads(each) for each in text.splitlines()]
    assert (len(records), sum(record["userId"] != "" for record in records)) == (8056, 7770)


def test_the_failing_inputs_of_the_issue_are_taken_or_named(tmp_path: Path, shared: Path) -> None:
    found = find_logs([shared / "field_cases"])
    assert left_out(found, shared / "field_cases") == {"STRAY_text.txt": "text that is no log"}
    with staging(tmp_path, shared / "field_cases") as logs:
        assert len(logs.files) == len(found.paths) >= 7


def test_a_delivery_with_a_note_an_image_a_web_page_and_an_empty_file(tmp_path: Path) -> None:
    folder = tmp_path / "delivery"
    write(folder / "day.json", line())
    write(folder / "README", b"Dear all,\nplease find attached, as agreed,\nthe log.\n")
    write(folder / "FORMAT.md", b"# Format\n\nOne record a line, such as\n\n" + line() + b"\nTimes are in UTC.\n")
    write(folder / "logo.json", b"\x89PNG\r\n\x1a\n")
    write(folder / "login.json", b"\n<!DOCTYPE html><html><body>Please log in</body></html>")
    write(folder / "hour 03.json", b"")
    write(folder / "denied.json", b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>')
    write(folder / "tonight.json.tmp", line())
    write(folder / "deep" / "empty.json.gz", gzip.compress(b""))
    found = find_logs([folder])
    assert names(found) == ["day.json"]
    assert left_out(found, folder) == {
        "README": "text that is no log",
        "FORMAT.md": "text that is no log",
        "logo.json": "an image",
        "login.json": "a web page",
        "hour 03.json": "an empty file",
        "denied.json": "an XML document",
        "tonight.json.tmp": "a copy that has not ended, by its name",
        "deep/empty.json.gz": "an empty file",
    }
    assert str(found.left_out[0]).startswith(f"{folder}/")


def test_a_log_that_begins_in_the_middle_of_a_line(tmp_path: Path) -> None:
    rotated = write(tmp_path / "log.1", b'Song", "level": "paid"}\n' + line() + line(song="b"))
    assert staged_text(tmp_path, rotated) == rotated.read_bytes()


def sqlite_file(path: Path) -> bytes:
    with sqlite3.connect(path) as database:
        database.execute("create table log (ts integer)")
    return path.read_bytes()


def excel_workbook() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return file.getvalue()


def locked_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("day.json", line())
    packed = bytearray(file.getvalue())
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(packed)


def test_a_file_that_is_named_and_is_no_log_is_said_to_be_what_it_is(tmp_path: Path) -> None:
    cases = {
        "a web page": b"<html><head></head></html>",
        "a PDF": b"%PDF-1.7 ...",
        "an SQLite database": sqlite_file(tmp_path / "made.db"),
        "text that is no log": b"A note about this delivery.\n",
        "a gzip archive that breaks off": gzip.compress(line())[:9],
        "a zip archive that breaks off": zipped_line()[:-9],
        "an Excel workbook: save it as CSV": excel_workbook(),
        "a zip archive with a password": locked_zip(),
        "a Parquet file that breaks off": parquet_line()[:-9],
        "a table without a line of column names": b"1538352117000,30,29,Home\n1538352117001,30,29,Home\n",
        "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "an archive without a log (readme.txt: text that is no log)": zipped_line("readme.txt", b"Dear all"),
        "a file of an unknown form": bytes(range(256)) * 9,
    }
    for number, (what, content) in enumerate(cases.items()):
        path = write(tmp_path / f"{number}.json", content)
        with pytest.raises(NotALog) as refused, staging(tmp_path, path):
            pass
        assert str(refused.value).startswith(f"{path} is {what}")
        assert not list((tmp_path / "staging").glob("*")), "nothing stays behind"


def zipped_line(name: str = "day.json", content: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content or line())
    return file.getvalue()


def parquet_line() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([RECORD]), file)
    return file.getvalue()


def test_a_folder_or_glob_of_nothing_but_other_files(tmp_path: Path) -> None:
    for number in range(7):
        write(tmp_path / "pages" / f"{number}.json", b"<html>")
    for pattern in (tmp_path / "pages", tmp_path / "pages" / "*.json"):
        with pytest.raises(NotALog, match=r"only .*0\.json \(a web page\), .* and 2 more"):
            find_logs([pattern])
    for pattern in (tmp_path / "none", tmp_path / "*.nothing"):
        with pytest.raises(NoSuchLog, match="name a file"):
            find_logs([pattern])


def test_a_broken_archive_beside_good_files_is_left_out_by_name(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "good.json", line())
    write(tmp_path / "logs" / "upload.zip", zipped_line()[:-30])
    with staging(tmp_path, tmp_path / "logs") as logs:
        assert [str(each) for each in logs.left_out] == [
            f"{tmp_path}/logs/upload.zip (a zip archive that breaks off, or is damaged)"
        ]
        assert [log.path.name for log in logs.files.values()] == ["good.json"]


def test_a_zip_of_several_logs_and_a_note(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "week.zip", "w") as archive:
        archive.writestr("week/monday.json", line(song="a").rstrip())
        archive.writestr("week/tuesday.json.gz", gzip.compress(line(song="b")))
        archive.writestr("week/wednesday.csv", "ts,page\n1,Home\n")
        archive.writestr("week/note.txt", "Have a good week.")
    with staging(tmp_path, tmp_path / "week.zip") as logs:
        text = (logs.folder / "0.txt").read_bytes()
        assert [str(each) for each in logs.left_out] == [f"{tmp_path}/week.zip: week/note.txt (text that is no log)"]
    assert text == line(song="a") + line(song="b") + b'{"ts": "1", "page": "Home"}\n'


def test_a_log_counts_by_its_bytes_and_a_packed_one_by_what_it_may_hold(tmp_path: Path) -> None:
    text, packed = line() * 100, gzip.compress(line() * 100)
    write(tmp_path / "logs" / "a.json", text)
    write(tmp_path / "logs" / "below" / "b.json", packed)
    os.mkfifo(tmp_path / "logs" / "pipe")
    assert log_bytes([tmp_path / "logs"]) == len(text) + 12 * len(packed)
    assert log_bytes([tmp_path / "logs" / "*.json", str(tmp_path / "logs" / "a.json")]) == len(text)
    assert log_bytes([tmp_path / "no-such-log", "\0"]) == 0


def test_a_folder_that_spark_wrote(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for name in ("part-00000", "part-00001-7f3a.c000", "part-00002.snappy.parquet"):
        write(out / name, parquet_line() if name.endswith("parquet") else line(song=name))
    for name in ("_SUCCESS", ".part-00000.crc", "_temporary/0/part-00003", "._SUCCESS.crc"):
        write(out / name, line())
    found = find_logs([out])
    assert names(found) == ["part-00000", "part-00001-7f3a.c000", "part-00002.snappy.parquet"]
    assert found.left_out == ()


def test_a_hive_table_whose_level_is_in_the_folder(tmp_path: Path) -> None:
    lacking = json.dumps({key: value for key, value in RECORD.items() if key != "level"}).encode()
    write(tmp_path / "log" / "year=2018" / "level=paid" / "part-00000", lacking + b"\n" + line(level="free"))
    write(tmp_path / "log" / "year=2018" / "level=free" / "data.parquet", parquet_line())
    write(tmp_path / "log" / "year=2018" / "level=__HIVE_DEFAULT_PARTITION__" / "part-00000", lacking)
    with staging(tmp_path, tmp_path / "log") as logs:
        staged_by_name = {
            str(log.path.relative_to(tmp_path / "log" / "year=2018")): [
                json.loads(each) for each in (logs.folder / name).read_text().splitlines()
            ]
            for name, log in logs.files.items()
        }
    levels = {name: [record.get("level") for record in records] for name, records in staged_by_name.items()}
    assert levels == {
        "level=paid/part-00000": ["paid", "free"],
        "level=free/data.parquet": ["paid"],
        "level=__HIVE_DEFAULT_PARTITION__/part-00000": [None],
    }
    assert not any("year" in record for records in staged_by_name.values() for record in records)


def test_links_to_files_and_folders_in_a_circle(tmp_path: Path) -> None:
    elsewhere = write(tmp_path / "elsewhere" / "old" / "a.json", line())
    folder = tmp_path / "logs"
    write(folder / "b.json", line(song="b"))
    for name, target in {
        "circle": folder,
        "up": tmp_path,
        "linked": elsewhere.parent,
        "again": elsewhere.parent,
        "a file.json": elsewhere,
        "nowhere.json": tmp_path / "gone",
        "self": folder / "self",
    }.items():
        (folder / name).symlink_to(target)
    for pattern in (folder, folder / "*", folder / "**", folder / "**" / "*.json", tmp_path / "**" / "elsewhere"):
        found = find_logs([pattern])
        assert names(found) == (["a.json"] if "elsewhere" in str(pattern) else ["a.json", "b.json"])
        assert set(left_out(found, folder).values()) <= {"a link that leads nowhere"}


@pytest.mark.timeout(30)
def test_a_pipe_in_the_folder_keeps_nobody_waiting(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "a.json", line())
    os.mkfifo(tmp_path / "logs" / "pipe.json")
    found = find_logs([tmp_path / "logs"])
    assert list(left_out(found, tmp_path / "logs")) == ["pipe.json"]
    with pytest.raises(NotALog, match="a pipe or a device: save"):
        find_logs([tmp_path / "logs" / "pipe.json"])


def test_names_of_any_characters(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    for name in [
        "a [1]*?.json",
        "zeile\nzwei.json",
        "\x1b[31mred.json",
        os.fsdecode(b"latin-\xe9.json"),
        "-o",
        "a'b\"c",
    ]:
        write(folder / name, line(song=os.fsencode(name).hex()))
    bad = write(folder / os.fsdecode(b"page-\xe9\n.html"), b"<html>")
    found = find_logs([folder])
    assert len(found.paths) == 6
    assert all(each.path.isprintable() and each.path.encode() for each in found.left_out)
    with pytest.raises(NotALog) as refused:
        find_logs([bad])
    assert r"page-\xe9\n.html" in str(refused.value)
    assert staged_text(tmp_path, folder / "a [1]*?.json") == line(song=b"a [1]*?.json".hex())


def test_the_state_folder_lies_in_the_folder_of_the_logs(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "a.json", line())
    write(tmp_path / "logs" / "var" / "writer.lock", b"")
    write(tmp_path / "logs" / "var" / "warehouse" / "raw" / "events" / "data" / "0.parquet", parquet_line())
    found = find_logs([tmp_path / "logs"])
    assert (names(found), list(left_out(found, tmp_path / "logs"))) == (["a.json"], ["var"])


def test_a_tiny_archive_that_unpacks_to_a_disk_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "HARMLESS_BYTES", 1 << 16)
    bomb = write(tmp_path / "bomb.json", bz2.compress(line() * 10_000))
    assert bomb.stat().st_size < 2_000
    with pytest.raises(UnpacksTooLarge, match=rf"{bomb}.*set SPARKHOUSE_UNPACK_LIMIT_GB"), staging(tmp_path, bomb):
        pass
    assert list((tmp_path / "staging").iterdir()) == []
    monkeypatch.setenv("SPARKHOUSE_UNPACK_LIMIT_GB", "0.5")
    assert len(staged_text(tmp_path, bomb)) == 10_000 * len(line())
    monkeypatch.setenv("SPARKHOUSE_UNPACK_LIMIT_GB", "much")
    with pytest.raises(ValueError, match="'much': set it to a number of gigabytes"), staging(tmp_path, bomb):
        pass


def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_LOOK_EVERY", 1000)
    monkeypatch.setattr(room, "_SPARE_BYTES", 1 << 60)
    log = write(tmp_path / "a.json.gz", gzip.compress(line() * 100))
    with pytest.raises(NoRoomToStage, match=rf"{log} .*nearly full; make room"), staging(tmp_path, log):
        pass


def test_one_line_too_long_for_memory(tmp_path: Path) -> None:
    long = line(song="x" * lines_of_text.LONGEST_LINE)
    log = write(tmp_path / "a.json", line(song="a") + long + line(song="b"))
    os.utime(log, (1_500_000_000, 1_500_000_000))
    packed = write(tmp_path / "b.json", gzip.compress(line(song="a") + long + line(song="b"), 1))
    array = write(tmp_path / "c.json", b"[" + b",".join([line(song="a"), long, line(song="b")]) + b"]")
    for path in (log, packed, array):
        first, cut, last = staged_text(tmp_path, path).splitlines()
        assert [json.loads(each)["song"] for each in (first, last)] == ["a", "b"]
        assert long.startswith(cut.removesuffix(end_mark(LINE_TOO_LONG).encode()))
        assert 100 < len(cut) < 300


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = write(tmp_path / "a.json", line())
    os.utime(log, (1_500_000_000, 1_500_000_000))

    def no_links(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", no_links)
    with staging(tmp_path, log) as logs:
        assert not (logs.folder / "0.txt").is_symlink()
        assert (logs.folder / "0.txt").read_bytes() == line()


def test_a_file_that_goes_away_between_listing_and_reading(tmp_path: Path) -> None:
    log = write(tmp_path / "logs" / "a.json", line())
    found = find_logs([tmp_path / "logs"])
    log.unlink()
    with pytest.raises(UnreadableLog, match=r"a\.json was taken away .*repeat"):
        identify(found.paths)


@contextmanager
def as_somebody() -> Iterator[None]:
    """Be a user that does not read everything, if we are root."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_file_or_folder_that_may_not_be_read() -> None:
    # The folder of temporary files is that of the test run, which belongs to its user alone.
    with as_somebody(), TemporaryDirectory(dir="/var/tmp") as folder:
        log = write(Path(folder) / "secret" / "a.json", line())
        write(Path(folder) / "b.json", line())
        for path, mode in ((log, 0), (log.parent, 0), (log.parent, 0o400)):
            path.chmod(mode)
            with pytest.raises(UnreadableLog, match=rf"{path}.* may not be read: let the user") as refused:
                find_logs([folder])
            assert recognised(refused.value, "/state") is None, "what is said of a state folder is not meant"
            in_state = recognised(refused.value, folder)
            assert in_state
            assert "may not be read" in in_state
            path.chmod(0o700)
        (identified,) = find_logs([log]).paths
        log.chmod(0)
        with pytest.raises(UnreadableLog, match="may not be read"):
            identify([identified])


def test_an_array_that_somebody_writes_to_while_it_is_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = write(tmp_path / "a.json", b"[" + line() + b"]")
    os.utime(log, (1_500_000_000, 1_500_000_000))
    (identified,) = identify([log])
    from warehouse.landing import plain_text

    def written_to(path: Path) -> bytes:
        head = path.read_bytes()
        log.write_bytes(b"[" + line() + b"," + line() + b"]")
        return head

    monkeypatch.setattr(plain_text, "head_of", written_to)
    with pytest.raises(LogsChanged), staged([identified], tmp_path / "staging", (), ()):
        pass


def test_an_ingest_that_was_killed_leaves_no_unpacked_log(tmp_path: Path) -> None:
    left = write(tmp_path / "staging" / ".staged" / "text" / "0.txt", line(firstName="Colin"))
    write(tmp_path / "staging" / "simulated.json", line())
    clear_staging(tmp_path / "staging")
    clear_staging(tmp_path / "staging")
    clear_staging(tmp_path / "nowhere")
    assert not left.exists()
    assert [path.name for path in (tmp_path / "staging").iterdir()] == ["simulated.json"]
    with staging(tmp_path, write(tmp_path / "a.json", line())) as logs:
        assert stat.S_IMODE(logs.folder.parent.stat().st_mode) == 0o700


def test_an_empty_hour_beside_others_and_alone(tmp_path: Path) -> None:
    empty, full = write(tmp_path / "03.json", b""), write(tmp_path / "04.json", line())
    found = find_logs([empty, full])
    assert (names(found), left_out(found, tmp_path)) == (["04.json"], {"03.json": "an empty file"})
    assert names(find_logs([empty])) == ["03.json"]


@pytest.fixture
def workspace(spark: SparkSession, home: Home) -> Iterator[Workspace]:
    yield Workspace(spark, home, Steps(quiet=True))
    for table in ("raw.events", "raw.rejected_events", "raw.ingested_files"):
        spark.sql(f"drop table if exists {table}")


def test_what_the_ingest_says_of_a_mixed_delivery(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "delivery"
    write(folder / "a.json", gzip.compress(line(song="a")))
    write(folder / "b.json", json.dumps([{**RECORD, "song": "b"}, {**RECORD, "song": "c"}], indent=1).encode())
    write(folder / "c.parquet", parquet_line())
    write(folder / "d.zip", zipped_line("x.json", line(song="d")))
    write(folder / "e.html", b"<html>")
    write(folder / "long.json", line(song="e") + line(song="x" * lines_of_text.LONGEST_LINE))
    summary = landing.ingest(workspace, [folder])
    assert (summary.files, summary.accepted, summary.reasons) == (5, 6, {LINE_TOO_LONG: 1})
    detail = workspace.steps.done[-1].detail
    assert "5 files, 0 known already" in detail
    assert detail.endswith(f"{LINE_TOO_LONG}: 1; 1 left out: {folder}/e.html (a web page)")
    songs = {row.song for row in workspace.spark.table("raw.events").collect()}
    assert songs == {"a", "b", "c", "d", "e", None}
    with pytest.raises(CheckFailed, match=r"e\.html is a web page"):
        landing.ingest(workspace, [folder / "e.html", write(folder / "new.json", line(song="new"))])
    assert workspace.spark.table("raw.events").count() == 6
    assert landing.ingest(workspace, [folder / "a.json"]).files_skipped == 1
