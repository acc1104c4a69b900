"""What the reader of lines promises, without Spark: every spelling of an event is one event, and no name is kept."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_event import PLAIN

from warehouse.landing.archives import BROKEN_OFF, end_mark
from warehouse.landing.reader.canonical import canonical_text, jackson
from warehouse.landing.reader.fields import FIELDS, NAMES
from warehouse.landing.reader.java_double import java_double
from warehouse.landing.reader.mapping import LogMapping
from warehouse.landing.reader.mapping_file import BrokenMapping, load_mapping
from warehouse.landing.reader.names import shape
from warehouse.landing.reader.reader import FUTURE, SHAPE, Event, LineReader, Refusal
from warehouse.landing.reader.rules import Rules
from warehouse.landing.reader.wrapping import AS_OBJECT, AS_TEXT

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 28, tzinfo=timezone.utc)
SALT = "5a" * 32


def reader(mapping: LogMapping | None = None, *, keep_refused_text: bool = False) -> LineReader:
    return Rules(mapping=mapping, keep_refused_text=keep_refused_text).reader(NOW, SALT)


READER = reader()


def line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


def changed(**changes: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return PLAIN as a line, with changes; a key changed to `...` is left out."""
    return line({key: value for key, value in {**PLAIN, **changes}.items() if value is not ...})


def event(text: bytes, by: LineReader = READER) -> Event:
    read = by.read(text)
    assert isinstance(read, Event), read
    return read


def refusal(text: bytes, by: LineReader = READER) -> Refusal:
    read = by.read(text)
    assert isinstance(read, Refusal), read
    return read


def test_an_event_has_all_its_values_and_its_names_as_pseudonyms() -> None:
    read = event(line(PLAIN))
    values = dict(zip(FIELDS, read.values, strict=True))
    assert all(re.fullmatch("[0-9a-f]{64}", values.pop(name)) for name in NAMES)
    assert values == {key: value for key, value in PLAIN.items() if key not in NAMES}
    assert read.unknown_keys is None


SAME = {
    "whole numbers as doubles": changed(ts=1541106106796.0, sessionId=139.0, status=200.0, itemInSession=1.0),
    "with an exponent": changed(ts=0).replace(b'"ts": 0', b'"ts": 1.541106106796E12'),
    "numbers as text": changed(ts="1541106106796", sessionId="139", registration="1540344794796.0", length="246.30812"),
    "an id as a number": changed(userId=8),
    "an id out of a data frame": changed(userId="8.0"),
    "an id as a double": changed(userId=8.0),
    "keys of a database": line({key.lower(): value for key, value in PLAIN.items()}),
    "keys with separators": line({re.sub("([A-Z])", r"_\1", key).lower(): value for key, value in PLAIN.items()}),
    "keys in capitals": line({key.upper(): value for key, value in PLAIN.items()}),
    "keys in another order": line(dict(reversed(PLAIN.items()))),
    "other names": changed(firstName=None, lastName="Ann"),
    "keys that nobody knows": changed(lon=1.5, city="x", nested={"page": 5}),
    "a key twice": changed(user_id=8.0),
    "a moment as text": changed(ts="2018-11-01T21:01:46.796Z", registration="2018-10-24 03:33:14.796+02:00"),
    "an end of line": line(PLAIN) + b"\r",
    "escaped": line(PLAIN).replace(b"NextSong", b"Next\\u0053ong"),
}


@pytest.mark.parametrize("spelling", SAME.values(), ids=SAME)
def test_every_spelling_of_an_event_has_its_hash(spelling: bytes) -> None:
    assert event(spelling).record_hash == event(line(PLAIN)).record_hash


DIALECTS = st.fixed_dictionaries(
    {
        "key": st.sampled_from(
            [str, str.lower, str.upper, lambda key: re.sub("([A-Z])", r"_\1", key), lambda key: key.replace("I", "-I")]
        ),
        "number": st.sampled_from(
            [lambda value: value, float, str, lambda value: f"{value}.0", lambda value: f" {value} "]
        ),
        "missing": st.sampled_from([None, ..., math.nan, ""]),
        "order": st.randoms(use_true_random=False),
    }
)


@given(
    DIALECTS,
    st.sets(st.sampled_from([key for key in FIELDS if key not in {"ts", "sessionId", "page"}])),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    st.integers(946_684_800_000, 1_700_000_000_000),
)
def test_the_same_event_in_any_dialect_has_the_same_hash(
    dialect: dict[str, Any], missing: set[str], song: str, moment: int
) -> None:
    record = {**PLAIN, "song": song, "ts": moment}
    said = {key: None if key in missing else value for key, value in record.items()}
    items = list(said.items())
    dialect["order"].shuffle(items)
    spelled = {
        dialect["key"](key): dialect["missing"]
        if value is None
        else dialect["number"](value)
        if isinstance(value, int)
        else value
        for key, value in items
    }
    spelled = {key: value for key, value in spelled.items() if value is not ...}
    plain = {key: value for key, value in said.items() if value is not None}
    assert event(line(spelled)).record_hash == event(line(plain)).record_hash
    assert event(line(spelled)).values == event(line(plain)).values


@pytest.mark.parametrize("value", [None, "", ..., math.nan, "NaN", "nan", "None", "null"])
def test_without_a_user_nobody_was_logged_in(value: object) -> None:
    assert event(changed(userId=value)).values[1] == ""


@pytest.mark.parametrize("key", ["gender", "level", "length", "registration", "itemInSession", "status"])
@pytest.mark.parametrize("value", [None, "", ..., math.nan, "NaN", "None"])
def test_what_is_missing_is_missing_in_all_its_spellings(key: str, value: object) -> None:
    assert dict(zip(FIELDS, event(changed(**{key: value})).values, strict=True))[key] is None


def test_a_song_may_be_called_none() -> None:
    assert event(changed(song="None")).values[16] == "None"


REFUSED = {
    "several keys with different values: userId": [changed(user_id="9")],
    "several keys with different values: ts": [changed(TS=1541106106797)],
    "missing ts": [changed(ts=...), changed(ts=math.nan), changed(ts="")],
    "wrong type: ts": [
        changed(ts="soon"),
        changed(ts=1.5),
        changed(ts=True),
        changed(ts=[1]),
        changed(ts="2018-13-01 00:00"),
    ],
    "wrong type: sessionId": [changed(sessionId="1" * 20), changed(sessionId="x")],
    "wrong type: userId": [changed(userId=1.5), changed(userId=-1), changed(userId=True), changed(userId={})],
    "wrong type: song": [changed(song=1979), changed(song=["x"])],
    "impossible value: sessionId": [changed(sessionId=10**400), changed(sessionId=-1)],
    "impossible value: ts": [changed(ts=1541106106), changed(ts=-1)],
    FUTURE: [changed(ts=2_150_000_000_000), changed(ts="2026-11-29T00:00:00.001Z")],
    "impossible value: registration lies after the time of ingest": [changed(registration=2_150_000_000_000)],
    "impossible value: length": [changed(length=10**400), changed(length=math.inf), changed(length="86401")],
    "not json": [b"{", b"x", line(PLAIN) * 2, b"[" * 5000, b'{"a": ' + b"1" * 2000 + b"}", b"\xef\xbb\xbf{}"],
    "not an object": [b"[]", b"1", b'"x"', b"NaN"],
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_refused_line_has_its_reason(reason: str) -> None:
    assert [refusal(text).reasons for text in REFUSED[reason]] == [[reason]] * len(REFUSED[reason])


def test_an_event_that_another_program_wrapped_is_told_as_such_with_what_to_do() -> None:
    of_search_engine = {"_index": "logs", "_id": "1", "_source": PLAIN}
    refused = refusal(line(of_search_engine))
    assert refused.reasons == [AS_OBJECT.format("_source")]
    assert refused == Refusal(refused.reasons, '{"_index": "***", "_id": "***", "_source": {}}', SHAPE)
    of_container = {"log": json.dumps(PLAIN) + "\n", "stream": "stdout", "time": "2018-11-01T00:00:00Z"}
    assert refusal(line(of_container)).reasons == [AS_TEXT.format("log")]
    nothing = {"log": "{}", "_source": {"a": {"b": PLAIN}}}
    assert "missing ts" in refusal(line(nothing)).reasons


def test_an_event_of_tomorrow_is_one() -> None:
    assert event(changed(ts="2026-11-29T00:00:00Z"))


def test_an_event_without_a_level_has_none() -> None:
    assert event(changed(level=...)).values[7] is None


def test_eventsim_writes_the_same_event_in_other_words() -> None:
    record = {key: value for key, value in PLAIN.items() if key not in {"length", "location"}}
    record |= {"duration": 246.30812, "city": "Phoenix-Mesa-Scottsdale", "state": "AZ", "lon": -97.1, "userId": 8}
    read = event(line(record))
    assert read.record_hash == event(line(PLAIN)).record_hash
    assert read.unknown_keys == '{"lon":"number"}'
    assert event(line({**record, "state": None})).values[9] == "Phoenix-Mesa-Scottsdale"


def test_the_dialect_is_recognised_by_its_keys() -> None:
    def name(record: dict[str, Any]) -> str | None:
        mapping = READER.mapping_of(line(record))
        return mapping.name if mapping else None

    assert name(PLAIN) == name({**PLAIN, "duration": 1}) == "sparkify"
    assert name({key.lower(): value for key, value in PLAIN.items()}) == "redshift"
    assert name({"ts": 1, "userId": 1, "duration": 1}) == "eventsim"
    assert READER.mapping_of(b"ts,userId") is None


def test_an_unknown_duration_beside_a_length_is_an_unknown_key() -> None:
    read = event(changed(duration=1))
    assert (read.values[17], read.unknown_keys) == (246.30812, '{"duration":"number"}')


def test_of_unknown_keys_names_and_types_are_kept() -> None:
    news = {"first": "Colin", "n": 1.5, "b": True, "l": [1], "o": {"a": 1}, "z": None, "colin@x.org": 5, "k" * 99: 1}
    kept = json.loads(event(changed(**news)).unknown_keys or "")
    types = {"first": "string", "n": "number", "b": "boolean", "l": "array", "o": "object", "z": "null"}
    assert kept == types | {"aaaaa@a.aaa": "number", "a" * 99: "number"}


NAME_KEYS = [
    "firstName",
    "lastName",
    "first-name",
    "name.first",
    "fullName",
    "given_name",
    "email",
    "e-mail",
    "surname",
]
TEXTS = [
    "Colin Freeman",
    "1,Colin,Freeman,29",
    "{'firstName': 'Colin'}",
    '{"firstName":"Colin","lastName":"Free',
    "firstName=Colin, lastName=Freeman",
    '["Colin", {"a": "Freeman"}]',
    json.dumps('{"fullName": "Colin Freeman"}'),
    "\0{\0C\0o\0l\0i\0n\0 \0F\0r\0e\0e\0m\0a\0n",
    "Colin" + end_mark(BROKEN_OFF),
]


@pytest.mark.parametrize("text", TEXTS)
def test_text_that_is_no_object_is_kept_by_its_shape(text: str) -> None:
    read = refusal(text.encode())
    assert read.kept == "shape"
    assert not re.search("(?i)colin|free", read.raw_line)


@pytest.mark.parametrize("key", NAME_KEYS)
def test_no_name_stands_in_the_clear_whatever_its_key(key: str) -> None:
    named = {key: "Colin", "nested": {key: "Colin"}, "listed": ["Colin"]}
    texts = [changed(**named), changed(**named, ts=0), changed(**{**named, key: ["Colin"]}, page={"x": "Colin"})]
    assert "Colin" not in "".join(str(READER.read(text)) for text in texts)
    broken = f'{{"{key}": "Colin", "page": "Home"'
    assert "Colin" not in str(reader(keep_refused_text=True).read(broken.encode()))


def test_a_shape_shows_what_a_line_was() -> None:
    assert shape("artist,auth,firstName,gender,lastName") == "artist,auth,firstName,gender,lastName"
    assert shape(",Logged In,Colin,M,0,Freeman") == ",Aaaaaa Aa,Aaaaa,A,9,Aaaaaaa"
    assert (
        shape('{"ts":1541,"userId":"8","firstName":"Col')
        == '{"ts":9999,"userId":"99"'.replace('99"', '9"').replace("9999,", "9999,") + ',"firstName":"Aaa'
    )
    assert shape("<html><title>Page not found") == "<aaaa><aaaaa>Aaaa aaa aaaaa"
    assert shape("Björk ∞ 日本") == "Aaaaa a aa"
    assert shape("x" * 5000) == "a" * 1000 + " ... (5000 characters)"


def test_asked_for_text_is_kept_but_for_names() -> None:
    keeping = reader(keep_refused_text=True)
    assert refusal(b"A note about this delivery.", keeping)[1:] == ("A note about this delivery.", "text")
    assert refusal(b'{"firstName": "Colin", "ts": 1', keeping)[1:] == ('{"firstName": "***", "ts": 1', "text")
    assert refusal(b'{"firstName": Colin, "ts": 1}', keeping).kept == "shape", "the mask would mend it"


def test_a_refused_object_keeps_values_of_known_keys_and_is_refused_again() -> None:
    first = refusal(changed(ts=0, firstName=5, new="secret", song=["x"], page="Home", length=math.inf))
    kept = json.loads(first.raw_line)
    assert (kept["page"], kept["song"], kept["new"], kept["lastName"], kept["firstName"]) == (
        "Home",
        [],
        "***",
        "***",
        0,
    )
    second = refusal(first.raw_line.encode())
    assert (second.reasons, second.raw_line) == (first.reasons, first.raw_line)


OTHER_SERVICE = """
keys:
  timestamp: ts
  user.id: userId
  session: sessionId
  event: page
  plan: level
  track_length: length
pages:
  track_play: NextSong
levels:
  premium: paid
  basic: free
time_unit: seconds
keep: [country, user.tier]
"""


@pytest.fixture
def other(tmp_path: Path) -> LineReader:
    (tmp_path / "my.yml").write_text(OTHER_SERVICE)
    return reader(load_mapping(tmp_path / "my.yml"))


def test_a_mapping_takes_another_service_s_log(other: LineReader) -> None:
    record = {
        "timestamp": 1541106106.796,
        "user": {"id": 8, "tier": "gold", "name": "Colin"},
        "session": 139,
        "event": "track_play",
        "plan": "premium",
        "track_length": 12,
        "country": "US",
        "page": "/play",
    }
    read = event(line(record), other)
    values = {key: value for key, value in zip(FIELDS, read.values, strict=True) if value is not None}
    assert values == {
        "ts": 1541106106796,
        "userId": "8",
        "sessionId": 139,
        "page": "NextSong",
        "level": "paid",
        "length": 12.0,
    }
    assert json.loads(read.unknown_keys or "") == {
        "country": "US",
        "page": "string",
        "user": "object",
        "user.tier": "gold",
    }
    assert event(line({**record, "country": "DE"}), other).record_hash != read.record_hash, "what is kept is told apart"
    refused = refusal(line({**record, "timestamp": 0}), other)
    assert "Colin" not in refused.raw_line
    assert refusal(refused.raw_line.encode(), other).reasons == refused.reasons


@pytest.mark.parametrize(
    ("unit", "value"),
    [
        ("seconds", 1541106106.796),
        ("seconds", "1541106106.796"),
        ("microseconds", 1541106106796123),
        ("iso", "2018-11-01T21:01:46.796123+00:00"),
        ("iso", "2018-11-01 22:01:46,796 +0100"),
    ],
)
def test_a_moment_has_the_unit_that_the_mapping_says(unit: str, value: object) -> None:
    assert (
        event(changed(ts=value, registration=None), reader(LogMapping("my", time_unit=unit))).values[0] == 1541106106796
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "begin with `keys:`"),
        ("- a", "begin with `keys:`"),
        ("keys: {a: [", "is no YAML"),
        ("\nkey:\n  a: ts", "line 2: unknown key 'key'"),
        ("keys:\n  a: ts\n  b: user", "line 3: there is no field 'user'"),
        ("keys:\n  a: ts\n  a: page", "line 3: 'a' stands here a second time"),
        ("keys:\n  a_b: ts\n  aB: page", "line 3: 'aB' is mapped to two fields"),
        ("keys: ts", "line 1: here stands `key: value`"),
        ("levels:\n  premium: gold", "line 2: a level is one of free, paid"),
        ("time_unit: hours", "line 1: time_unit is one of"),
        ("join:\n  length: [a]", "line 2: length is no text"),
        ("keep: country", "line 1: here stands a list"),
        ("keep:\n  - country\n  - first-name", "line 3: 'first-name' holds names"),
        ("keep: [user.first_name]", "line 1: 'user.first_name' holds names"),
        ("keep: [song]", "line 1: 'song' is a field"),
    ],
)
def test_a_broken_mapping_names_the_line(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "my.yml").write_text(text)
    with pytest.raises(BrokenMapping, match=re.escape(fault)):
        load_mapping(tmp_path / "my.yml")


def test_a_mapping_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokenMapping, match=r"none\.yml cannot be read"):
        load_mapping(tmp_path / "none.yml")


@given(st.binary(max_size=200))
def test_whatever_the_bytes_a_line_is_an_event_or_refused_with_a_reason(text: bytes) -> None:
    assert refusal(text).reasons


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5), st.data()
)
def test_whatever_the_value_of_a_key_the_line_is_judged(value: object, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from([*FIELDS, "new"]))
    read = READER.read(changed(**{key: value}))
    if isinstance(read, Refusal):
        assert refusal(read.raw_line.encode()).reasons == read.reasons, "what is kept shows the same reasons"


def test_doubles_are_written_as_java_17_writes_them() -> None:
    known = {0.0: "0.0", 7.0: "7.0", 277.89016: "277.89016", 0.001: "0.001", 1e-4: "1.0E-4", 1e7: "1.0E7"}
    # Not the shortest: JDK-4511638.
    known |= {5e-324: "4.9E-324", 8.41e21: "8.409999999999999E21"}
    assert {value: java_double(value) for value in known} == known
    assert java_double(-0.0) == "-0.0"


@given(st.floats(0, 86_400))
def test_a_length_is_written_so_that_it_reads_back(length: float) -> None:
    assert float(java_double(length)) == length


def test_the_canonical_text_is_that_of_older_versions() -> None:
    values: list[Any] = [None] * len(FIELDS)
    values[0], values[1], values[11], values[16], values[17] = 5, "", "Freeman", 'a\x1f\x7f\u2028\U0001f600"\\/', 7.0
    text = r'{"record":{"ts":5,"userId":"","song":"a\u001F' + '\x7f\u2028\U0001f600\\"\\\\/","length":7.0}}'
    assert canonical_text(values, None).decode() == text
    assert jackson("\\u001f \x0b") == b'"\\\\u001f \\u000B"'
