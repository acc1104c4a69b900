"""Lines that are read by columns come to what each comes to by itself, whatever stands among them."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_event import PLAIN

from warehouse.landing.archives import BROKEN_OFF, end_mark
from warehouse.landing.reader import columns
from warehouse.landing.reader.canonical import canonical_text, canonical_texts
from warehouse.landing.reader.columns import ARROW_TYPES, EVENT_COLUMNS, EVENT_SCHEMA, REFUSAL_SCHEMA, read_lines
from warehouse.landing.reader.fields import FIELDS
from warehouse.landing.reader.mapping import LogMapping
from warehouse.landing.reader.reader import Event, LineReader, Refusal
from warehouse.landing.reader.rules import Rules

if TYPE_CHECKING:
    from pathlib import Path

    from warehouse.landing.reader.columns import Outcomes

NOW = datetime(2026, 11, 28, tzinfo=timezone.utc)
GUEST = {key: PLAIN[key] for key in ("ts", "sessionId", "page", "auth", "level", "itemInSession")} | {"userId": ""}
OTHER = LogMapping(
    "other",
    keys={
        "when": "ts",
        "who.id": "userId",
        "visit": "sessionId",
        "what": "page",
        "plan": "level",
        "joined": "registration",
    },
    join={"location": ("city", "state")},
    pages={"play": "NextSong"},
    levels={"gold": "paid", "none": "free"},
    time_unit="seconds",
    keep=("tariff",),
)
OF_OTHER: dict[str, Any] = {
    "when": 1541106106.796,
    "who": {"id": 8},
    "visit": 139,
    "what": "play",
    "plan": "gold",
    "joined": "2018-10-24T01:33:14Z",
    "city": "Phoenix",
    "state": "AZ",
    "tariff": "student",
    "colour": "blue",
}
ODD_VALUES = [
    *(None, "", " ", "NaN", "None", "<NA>", "8.0", "12", " 7 ", "x", 'a "quoted" \\ one', "\x1f\x7f\u2028\U0001f600"),
    *(0, -0.0, 0.0, 7, -7, 1.5, 2.0, 1e16, 86_401, 2**53 + 1, 2**63, -(2**63), 10**30, 1e300),
    *(True, False, [], [1], {}, {"ts": 1}, float("nan"), float("inf"), json.dumps(PLAIN)),
]


def reader(mapping: LogMapping | None = None) -> LineReader:
    return Rules(mapping=mapping).reader(NOW, "5a" * 32)


def line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


def by_columns(by: LineReader, lines: list[bytes]) -> list[Event | Refusal]:
    return rows_of(read_lines(by, lines), len(lines))


def rows_of(found: Outcomes, count: int) -> list[Event | Refusal]:
    """Return the outcomes of lines in the order of the lines."""
    assert (found.events.schema, found.refusals.schema) == (EVENT_SCHEMA, REFUSAL_SCHEMA)
    assert list(found.event_places) == sorted(found.event_places)
    rows: dict[int, Event | Refusal] = {}
    for place, row in zip(found.event_places, found.events.to_pylist(), strict=True):
        *values, unknown, hashed = row.values()
        rows[int(place)] = Event(values, unknown, hashed)
    for place, row in zip(found.refusal_places, found.refusals.to_pylist(), strict=True):
        rows[int(place)] = Refusal(**row)
    assert (list(rows) and sorted(rows) == list(range(count))) or not count
    return [rows[place] for place in range(count)]


@pytest.fixture(autouse=True)
def even_two_lines_go_by_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_FEW", 1)


@pytest.mark.parametrize("key", [*FIELDS, "new"])
@pytest.mark.parametrize("value", ODD_VALUES, ids=repr)
def test_an_odd_value_among_others_comes_to_what_it_is_by_itself(key: str, value: object) -> None:
    by = reader()
    plain = PLAIN | ({"new": 1} if key == "new" else {})
    lines = [line(plain), line(plain | {key: value}), line(plain | {"song": "1979"}), line(GUEST)]
    assert by_columns(by, lines) == [by.read(each) for each in lines]


@pytest.mark.parametrize("key", OF_OTHER)
@pytest.mark.parametrize("value", ODD_VALUES, ids=repr)
def test_so_it_is_in_a_log_of_another_service(key: str, value: object) -> None:
    by = reader(OTHER)
    lines = [line(OF_OTHER), line(OF_OTHER | {key: value}), line({**OF_OTHER, "what": "Home"})]
    read = by_columns(by, lines)
    assert read == [by.read(each) for each in lines]
    assert isinstance(read[0], Event)


def test_lines_without_a_record_stand_where_they_stood() -> None:
    by = reader()
    lines = [
        b"{",
        line(PLAIN),
        b"",
        b"[]",
        b"{}",
        line(GUEST),
        line(GUEST)[:-1] + end_mark(BROKEN_OFF).encode(),
        b"5",
    ]
    assert by_columns(by, lines) == [by.read(each) for each in lines]
    assert by_columns(by, []) == []
    assert by_columns(by, [b"{"]) == [by.read(b"{")]


RECORDS = st.dictionaries(
    st.sampled_from([*FIELDS, "new", "First_Name", "user_id", "song.title"]),
    st.sampled_from(ODD_VALUES) | st.text(max_size=5) | st.integers() | st.floats(),
    max_size=3,
).map(lambda changes: line(PLAIN | changes))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(RECORDS | st.binary(max_size=30) | st.just(line(GUEST)), max_size=12))
def test_whatever_the_lines(lines: list[bytes]) -> None:
    by = reader()
    assert by_columns(by, lines) == [by.read(each) for each in lines]


@given(st.lists(st.tuples(st.text(), st.floats(0, 86_400), st.text()), min_size=1, max_size=8))
def test_texts_that_are_hashed_are_the_same_both_ways(rows: list[tuple[str, float, str]]) -> None:
    records = [[number, *[None] * 15, song, length] for number, (song, length, _) in enumerate(rows)]
    arrays = {
        name: pa.array(values, ARROW_TYPES[kind])
        for (name, kind), values in zip(FIELDS.items(), zip(*records, strict=True), strict=True)
    }
    kept = [None if text == "" else text for *_, text in rows]
    texts = canonical_texts(arrays, pa.array(kept, pa.string())).to_pylist()
    assert texts == [canonical_text(values, text) for values, text in zip(records, kept, strict=True)]


def test_a_status_has_the_type_of_the_table() -> None:
    assert EVENT_SCHEMA.field("status").type == pa.int32() == ARROW_TYPES[EVENT_COLUMNS["status"]]


@pytest.mark.parametrize(
    "name", ["DIALECT_redshift.json", "EVENTSIM.json", "FLOAT.json", "LEVEL.json", "NULLUSER.json"]
)
def test_logs_of_the_field(shared: Path, name: str) -> None:
    by, lines = reader(), (shared / "field_cases" / name).read_bytes().splitlines() * 2
    assert by_columns(by, lines) == [by.read(each) for each in lines]
