"""What a log is packed in and laid out as does not matter: the same records are staged."""

from __future__ import annotations

import io
import json
import random
import time
import zipfile
import zlib
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from exports import FORMS, PACKINGS, arrow_packed, json_lines
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warehouse.landing.archives import BROKEN_OFF, DAMAGED, end_mark, unpack
from warehouse.landing.finding import find_logs
from warehouse.landing.formats import json_values, lines_of_text
from warehouse.landing.formats.content import Form, content_of
from warehouse.landing.formats.json_values import records_of
from warehouse.landing.formats.lines_of_text import LineWatch, with_keys
from warehouse.landing.logs import NotALog, identify
from warehouse.landing.staged_logs import StagedLogs, staged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Record = dict[str, Any]

RECORDS: list[Record] = [
    {
        "ts": 1538352117000 + 1000 * number,
        "userId": "30" if number % 4 else "",
        "sessionId": 29,
        "page": "NextSong" if number % 3 else "Thumbs Up",
        "level": "paid",
        "song": f'No. {number}: "Déjà vu", \\ {{part}} [1]\n2;\t|',
        "length": 277.89016,
        "userAgent": '"Mozilla/5.0 (X11; Linux)"',
    }
    for number in range(12)
]


NAMES = [
    "day.json",
    "day.json.gz",
    "part-00000",
    "part-00000-c1.c000",
    "a b [1]*?.txt",
    "ümläut\n.log",
    "day.csv",
    "x.zip",
]
FOLDERS = ["", "deep/er", "level=paid", "level=paid/page=x"]


def value(found: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value so that a number is the text that is its."""
    try:
        return float(found)
    except (TypeError, ValueError):
        return found


def meaning(record: Record) -> Record:
    return {key: value(found) for key, found in record.items() if found not in {"", None}}


@contextmanager
def staging(tmp_path: Path, *patterns: Path) -> Iterator[StagedLogs]:
    found = find_logs(patterns)
    with staged(identify(found.paths), tmp_path / "staging", (), (), found) as logs:
        yield logs


def staged_text(tmp_path: Path, *patterns: Path) -> bytes:
    with staging(tmp_path, *patterns) as logs:
        return b"".join((logs.folder / name).read_bytes() for name in logs.files)


def staged_records(tmp_path: Path, *patterns: Path) -> list[Record]:
    lines = staged_text(tmp_path, *patterns).decode("utf-8-sig").split("\n")
    return [meaning(json.loads(line)) for line in lines if line.strip()]


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(sorted(FORMS)),
    st.sampled_from(sorted(PACKINGS)),
    st.sampled_from(NAMES),
    st.sampled_from(FOLDERS),
    st.sampled_from(["file", "folder"]),
    st.integers(1, len(RECORDS)),
)
def test_any_export_of_a_log_is_staged_as_the_same_records(
    tmp_path: Path,
    form: str,
    packing: str,
    name: str,
    folder: str,
    named: str,
    size: int,
) -> None:
    root = tmp_path / str(time.perf_counter_ns())
    path = root / folder / name
    path.parent.mkdir(parents=True)
    records = [dict(record) for record in RECORDS[:size]]
    if "level" in folder and size % 2:
        for record in records:
            del record["level"]
    path.write_bytes(PACKINGS[packing](FORMS[form](records)))
    assert staged_records(tmp_path, path if named == "file" else root) == [meaning(record) for record in RECORDS[:size]]


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(sorted(FORMS)),
    st.sampled_from(sorted(PACKINGS)),
    st.integers(0, 1 << 20),
    st.none() | st.binary(min_size=1, max_size=40),
)
def test_whatever_is_cut_or_overwritten_a_file_is_staged_or_named(
    tmp_path: Path, form: str, packing: str, at: int, others: bytes | None
) -> None:
    content = PACKINGS[packing](FORMS[form](RECORDS))
    at %= len(content)
    changed = content[:at] + (others + content[at + len(others) :] if others else b"")
    (tmp_path / "log").write_bytes(changed)
    text = b""
    with suppress(NotALog):
        text = staged_text(tmp_path, tmp_path / "log")
    sound = {json.dumps(meaning(record), sort_keys=True) for record in RECORDS}
    if packing not in {"plain", "lz4", "zstd", "tar", "tar.zst"}:  # these have check sums
        assert sound.issuperset(json.dumps(found, sort_keys=True) for found in _whole_records(text))


def _whole_records(text: bytes) -> Iterator[Record]:
    for line in text.decode("utf-8-sig", "replace").split("\n"):
        with suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict):
                yield meaning(found)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("packing", PACKINGS)
def test_every_form_in_every_packing(tmp_path: Path, form: str, packing: str) -> None:
    (tmp_path / "log").write_bytes(PACKINGS[packing](FORMS[form](RECORDS)))
    assert staged_records(tmp_path, tmp_path / "log") == [meaning(record) for record in RECORDS]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(FORMS)), st.lists(st.integers(1, 400), min_size=1, max_size=20))
def test_wherever_a_text_is_cut_into_pieces_its_records_are_the_same(form: str, sizes: list[int]) -> None:
    text = FORMS[form](RECORDS).decode("utf-8", "replace")
    if content_of(text.encode()).form is not Form.VALUES:
        return
    pieces: list[str] = []
    rest = text
    while rest:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(rest[:size])
        rest = rest[size:]
    assert [json.loads(record) for record in records_of(pieces)] == RECORDS


@pytest.mark.parametrize(
    ("text", "records"),
    [
        ('[{"a":1},{"b":2,"c":"x\n{"d":4},{"e":5}]', ['{"a":1}', '{"b":2,"c":"x', '{"d":4}', '{"e":5}']),
        ('{"a":1,\n{"b":2}\n{"c":3}', ['{"a":1,', '{"b":2}', '{"c":3}']),
        ('[{"a":1},{"b":[1,2},{"c":3}]', ['{"a":1}', '{"b":[1,2', "},", '{"c":3}']),
        ('{"a":1}\nnull\nwords {"b":2}', ['{"a":1}', "null", "words", '{"b":2}']),
        ('{"a":1}{"b', ['{"a":1}', '{"b']),
        ('[{"a":tru},{"b":NaN}]', ['{"a":tru}', '{"b":NaN}']),
        ('{"events":[{"a":1}],"next":{"b":"]}"}}{"events":[]}{"c":1}', ['{"a":1}', '{"c":1}']),
        ("[]", []),
    ],
)
def test_a_torn_record_costs_no_other(text: str, records: list[str]) -> None:
    for pieces in ([text], list(text)):
        assert [record.strip() for record in records_of(pieces)] == records


def test_a_record_that_is_too_long_costs_no_other_and_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "LONGEST_LINE", 10_000)
    text = '[{"a":1},{"b":"' + 'x\\"' * 50_000 + '"},{"c":3}]'
    first, long, last = records_of(text[start : start + 999] for start in range(0, len(text), 999))
    assert (first, last) == ('{"a":1}', '{"c":3}')
    assert 10_000 < len(long) < 11_000
    assert text[len(first) + 2 :].startswith(long)


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_a_zstd_or_lz4_archive_that_breaks_off_gives_its_text_to_the_last_byte(codec: str) -> None:
    noise = random.Random(1).randbytes(400_000).hex().encode()  # noqa: S311 - no secret
    packed = arrow_packed(codec)(noise)
    for cut in (len(packed) - 1, len(packed) // 2, len(packed) // 3):
        target = io.BytesIO()
        assert unpack(io.BytesIO(packed[:cut]), codec, target) == BROKEN_OFF
        assert noise.startswith(target.getvalue())
        assert len(target.getvalue()) > len(noise) * cut / len(packed) - 300_000
    target = io.BytesIO()
    assert unpack(io.BytesIO(packed + b"not of it at all"), codec, target) in {BROKEN_OFF, DAMAGED}
    assert target.getvalue() in {noise, b""}


@pytest.mark.parametrize("packing", ["tar", "tar.gz"])
def test_a_tar_archive_that_breaks_off_has_one_mark(tmp_path: Path, packing: str) -> None:
    noise = random.Random(2).randbytes(40_000).hex()  # noqa: S311 - no secret
    packed = PACKINGS[packing](json_lines([{"noise": noise[start : start + 1000]} for start in range(0, 80_000, 1000)]))
    (tmp_path / "log").write_bytes(packed[: len(packed) // 2])
    *lines, last = staged_text(tmp_path, tmp_path / "log").removesuffix(b"\n").split(b"\n")
    assert len(lines) > 20
    assert all(json.loads(line) for line in lines)
    assert last.endswith(end_mark(BROKEN_OFF).encode())
    assert last.count(b"\0") == 1


def test_of_a_zip_archive_a_damaged_member_is_left_out_and_marked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "log", "w") as archive:
        for name in "abc":
            archive.writestr(f"{name}.json", json.dumps({"name": name * 50}))
    packed = bytearray((tmp_path / "log").read_bytes())
    packed[packed.index(b"bbbbb")] ^= 1
    (tmp_path / "log").write_bytes(packed)
    first, mark, last = staged_text(tmp_path, tmp_path / "log").splitlines()
    assert (json.loads(first), json.loads(last)) == ({"name": "a" * 50}, {"name": "c" * 50})
    assert mark == end_mark(DAMAGED).encode()


def test_rows_of_a_table_keep_their_number_and_what_is_odd_in_them(tmp_path: Path) -> None:
    text = 'ts,page,song,\n1,Home,,0\n\n2,"Next\nSong","a ""b""",0\n3,too,many,0,cells\n4,Home,c,0\n'
    (tmp_path / "a.csv").write_text(text)
    lines = staged_text(tmp_path, tmp_path / "a.csv").decode().split("\n")
    assert [json.loads(line) if line else None for line in lines] == [
        {"ts": "1", "page": "Home"},
        None,
        {"ts": "2", "page": "Next\nSong", "song": 'a "b"'},
        ["3", "too", "many", "0", "cells"],
        {"ts": "4", "page": "Home", "song": "c"},
        None,
    ]


def test_the_last_row_of_a_table_that_breaks_off_is_not_taken_for_a_row(tmp_path: Path) -> None:
    packer = zlib.compressobj(wbits=31)
    cut = packer.compress(b"ts,page,song\n1,Home,a\n2,Home,b and m") + packer.flush(2)
    (tmp_path / "a.csv.gz").write_bytes(cut)
    lines = staged_text(tmp_path, tmp_path / "a.csv.gz").split(b"\n")
    assert [json.loads(lines[0])["song"], *lines[1:]] == ["a", end_mark(BROKEN_OFF).encode()]


def test_timestamps_of_parquet_become_milliseconds(tmp_path: Path) -> None:
    columns = {
        "ts": pa.array([1538352117000123], pa.timestamp("us")),
        "registration": pa.array([1538352117], pa.timestamp("s", "Europe/Berlin")),
        "day": pa.array([17805], pa.date32()),
        "tags": pa.array([["a", None]]),
        "device": pa.array([{"os": "Linux", "seen": 1.5}]),
        "length": pa.array([float("nan")]),
        "none": pa.array([None], pa.string()),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    (record,) = map(json.loads, staged_text(tmp_path, tmp_path / "a.parquet").splitlines())
    assert record.pop("length") != record
    assert record == {
        "ts": 1538352117000,
        "registration": 1538352117000,
        "day": "2018-10-01",
        "tags": ["a", None],
        "device": {"os": "Linux", "seen": 1.5},
    }


def test_a_long_line_is_seen_wherever_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_of_text, "LONGEST_LINE", 10)
    for lengths, is_long in (([10, 10, 3], False), ([3, 11, 3], True), ([11], True), ([], False), ([0, 0, 11], True)):
        text = b"\n".join(b"x" * length for length in lengths)
        for size in (1, 2, 5, 10):
            watch = LineWatch()
            for start in range(0, len(text), size):
                watch.take(text[start : start + size])
            assert watch.too_long is is_long


@pytest.mark.parametrize(
    ("line", "with_level"),
    [
        (b'{"page": "Home"}\n', b'{"level": "paid", "page": "Home"}\n'),
        (b"{}\n", b'{"level": "paid"}\n'),
        (b' {"level": null}\n', b' {"level": null}\n'),
        (b'{"LEVEL":"free"}\n', b'{"LEVEL":"free"}\n'),
        (b'{"song": "\\"level\\"", "x": {"level": 1}}', b'{"level": "paid", "song": "\\"level\\"", "x": {"level": 1}}'),
        (b'{"level": "pai\n', b'{"level": "pai\n'),
        (b"words\n", b"words\n"),
        (b"\n", b"\n"),
    ],
)
def test_a_record_gets_the_keys_of_its_folder_that_it_lacks(line: bytes, with_level: bytes) -> None:
    assert with_keys(line, {"level": "paid"}) == with_level
