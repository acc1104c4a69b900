"""Many lines at once: the outcomes of `LineReader.read`, a column at a time.

Lines that have the same keys and nothing odd in them, which nearly all lines of a log are, are read, checked and hashed
by native code. Every other line is read by itself. Which way a line takes changes nothing in what comes of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.landing.reader.canonical import record_hashes
from warehouse.landing.reader.fields import FIELDS, NAMES, REQUIRED, column_name
from warehouse.landing.reader.plan import Ambiguous
from warehouse.landing.reader.reader import Event, Refusal, pseudonym, unknown_keys
from warehouse.landing.reader.values import MISSING_WORDS, WrongType

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from warehouse.landing.reader.plan import Plan, Source
    from warehouse.landing.reader.reader import LineReader

    Record = dict[str, Any]
    Columns = dict[str, pa.Array]

ARROW_TYPES = {
    "bigint": pa.int64(),
    "string": pa.string(),
    "double": pa.float64(),
    "int": pa.int32(),
    "array<string>": pa.list_(pa.string()),
}
EVENT_COLUMNS = {column_name(key): kind for key, kind in FIELDS.items()} | {
    "status": "int",
    "unknown_keys": "string",
    "record_hash": "string",
}
REFUSAL_COLUMNS = {"reasons": "array<string>", "raw_line": "string", "kept": "string"}
EVENT_SCHEMA, REFUSAL_SCHEMA = (
    pa.schema([(name, ARROW_TYPES[kind]) for name, kind in columns.items()])
    for columns in (EVENT_COLUMNS, REFUSAL_COLUMNS)
)
_MISSING_WORDS = pa.array(sorted(MISSING_WORDS), pa.string())
# Of fewer lines, the arrays cost more than the lines by themselves.
_FEW = 10


@dataclass(frozen=True)
class Outcomes:
    """Events with EVENT_COLUMNS and refusals with REFUSAL_COLUMNS; the places of their lines, in order."""

    events: pa.Table
    event_places: NDArray[np.int64]
    refusals: pa.Table
    refusal_places: NDArray[np.int64]


@dataclass(frozen=True)
class _Alike:
    """Records with the same keys: their values in the order of the keys, and the places of their lines."""

    keys: tuple[str, ...]
    places: list[int] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    @cached_property
    def columns(self) -> dict[str, tuple[Any, ...]]:
        return dict(zip(self.keys, zip(*self.rows, strict=True), strict=True))

    def records(self) -> Iterator[Record]:
        return (dict(zip(self.keys, row, strict=True)) for row in self.rows)


def read_lines(reader: LineReader, lines: Sequence[bytes]) -> Outcomes:
    """Return the outcomes of lines."""
    groups, single = _grouped(lines)
    tables: list[pa.Table] = []
    places: list[NDArray[np.int64]] = []
    for group in groups:
        found, is_odd = _read_alike(reader, group)
        of_group = np.array(group.places, dtype=np.int64)
        tables.append(found)
        places.append(of_group[~is_odd])
        single += of_group[is_odd].tolist()
    return _in_order(tables, places, {place: reader.read(lines[place]) for place in sorted(single)})


def _grouped(lines: Sequence[bytes]) -> tuple[list[_Alike], list[int]]:
    """Return the records that have their keys in common with some others, and the places of all other lines."""
    alike: dict[tuple[str, ...], _Alike] = {}
    single = []
    for place, line in enumerate(lines):
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            record = None
        if not record or type(record) is not dict:
            single.append(place)
            continue
        keys = tuple(record)
        group = alike.get(keys) or alike.setdefault(keys, _Alike(keys))
        group.places.append(place)
        group.rows.append(tuple(record.values()))
    few = [group for group in alike.values() if len(group.places) < _FEW]
    single += [place for group in few for place in group.places]
    return [group for group in alike.values() if len(group.places) >= _FEW], single


def _in_order(tables: list[pa.Table], places: list[NDArray[np.int64]], read: Mapping[int, Event | Refusal]) -> Outcomes:
    """Put together what was read by columns, and what by itself."""
    single = {
        place: (*each.values, each.unknown_keys, each.record_hash)
        for place, each in read.items()
        if isinstance(each, Event)
    }
    refusals = {place: each for place, each in read.items() if isinstance(each, Refusal)}
    events = pa.concat_tables([*tables, table_of(single.values(), EVENT_SCHEMA)])
    of_events = np.concatenate([*places, np.array(list(single), dtype=np.int64)])
    if len(events.column(0).chunks) > 1:
        order = np.argsort(of_events)
        events, of_events = events.combine_chunks().take(pa.array(order)), of_events[order]
    return Outcomes(
        events, of_events, table_of(refusals.values(), REFUSAL_SCHEMA), np.array(list(refusals), dtype=np.int64)
    )


def table_of(rows: Collection[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    """Return rows as columns."""
    if not rows:
        return schema.empty_table()
    columns = zip(schema, zip(*rows, strict=True), strict=True)
    return pa.table([pa.array(values, field.type) for field, values in columns], schema)


def _read_alike(reader: LineReader, group: _Alike) -> tuple[pa.Table, NDArray[np.bool_]]:
    """Return the events among records with the same keys, and which records have to be read by themselves."""
    count = len(group.rows)
    plan = reader.plan(dict(zip(group.keys, group.rows[0], strict=True)))
    found = group.columns | _derived(group, plan)
    is_odd = np.zeros(count, dtype=np.bool_)
    values = {name: pa.nulls(count, ARROW_TYPES[kind]) for name, kind in FIELDS.items()}
    values |= {source.field: _column(source, found[source.key], is_odd) for source in plan.sources}
    values |= _translated(values, plan)
    is_odd |= _is_impossible(values, reader)
    unknown, kept = _unknown(group, plan)
    if is_odd.any():
        mask = pa.array(~is_odd)
        values = {name: array.filter(mask) for name, array in values.items()}
        unknown, kept = unknown.filter(mask), kept.filter(mask)
    hashes = record_hashes(values, kept)
    values |= {name: _mapped(values[name], lambda each: pseudonym(each, reader.salt)) for name in NAMES}
    columns = zip(EVENT_SCHEMA, (*values.values(), unknown, hashes), strict=True)
    return pa.table([array.cast(field.type) for field, array in columns], EVENT_SCHEMA), is_odd


def _derived(group: _Alike, plan: Plan) -> dict[str, tuple[Any, ...]]:
    """Return the values that are made of others, by the keys that the plan gives them."""
    if not plan.derived:
        return {}
    completed = [plan.completed(record) for record in group.records()]
    return {key: tuple(record[key] for record in completed) for key in plan.derived}


def _column(source: Source, found: tuple[Any, ...], is_odd: NDArray[np.bool_]) -> pa.Array:
    """Return the values of a field; marks the records whose value is none that the field can have."""
    kind = ARROW_TYPES[FIELDS[source.field]]
    texts = _as_texts(found) if kind == pa.string() else None
    if texts is not None:
        if source.plain is str and not pc.any(pc.is_in(texts, _MISSING_WORDS)).as_py():
            return texts
        return _mapped(texts, source.read)
    if source.plain in {int, float} and {*map(type, found)} <= {source.plain, type(None)}:
        try:
            return pa.array(found, kind)
        except OverflowError:
            pass
    return pa.array([_read(source, value, place, is_odd) for place, value in enumerate(found)], kind)


def _as_texts(values: tuple[Any, ...]) -> pa.Array | None:
    """Return values that are texts, or none; None if others are among them."""
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowException, UnicodeEncodeError):
        return None


def _read(source: Source, value: Any, place: int, is_odd: NDArray[np.bool_]) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return source.read(value)
    except (WrongType, Ambiguous):
        is_odd[place] = True
        return None


def _translated(values: Columns, plan: Plan) -> Columns:
    """Return the fields that are written otherwise here than in the log, as `reader` does it for one line."""
    pages, levels = plan.mapping.pages, plan.mapping.levels
    translated = {"userId": pc.fill_null(values["userId"], "")}
    for name, words in (("page", pages), ("level", levels)):
        if words:
            translated[name] = _mapped(values[name], lambda each, words=words: words.get(each, each))  # type: ignore[misc]
    return translated


def _is_impossible(values: Columns, reader: LineReader) -> NDArray[np.bool_]:
    """Tell for each record whether a required value is missing, or a value lies out of its bounds."""
    is_blank = pc.equal(pc.utf8_trim(values["page"], " "), "")
    impossible = np.asarray(pc.fill_null(is_blank, True))  # noqa: FBT003 - Arrow's value
    for name in REQUIRED:
        if values[name].null_count:
            impossible = impossible | np.asarray(pc.is_null(values[name]))
    for _, name, least, most in reader.bounds:
        extremes = pc.min_max(values[name]).as_py()
        if extremes["min"] is not None and not least <= extremes["min"] <= extremes["max"] <= most:
            is_within = pc.and_(pc.greater_equal(values[name], least), pc.less_equal(values[name], most))
            impossible = impossible | ~np.asarray(pc.fill_null(is_within, True))  # noqa: FBT003 - Arrow's value
    return impossible


def _unknown(group: _Alike, plan: Plan) -> tuple[pa.Array, pa.Array]:
    """Return `unknown_keys` of each record, and what of it is hashed."""
    if not plan.unknown and not plan.kept:
        none = pa.nulls(len(group.rows), pa.string())
        return none, none
    records = (plan.completed(record) for record in group.records())
    shown, kept = zip(*(unknown_keys(record, plan) for record in records), strict=True)
    return pa.array(shown, pa.string()), pa.array(kept, pa.string())


def _mapped(texts: pa.Array, function: Callable[[Any], Any]) -> pa.Array:
    """Return what a function makes of each text, called once for each that differs; nulls stay."""
    encoded = texts.dictionary_encode()
    made = pa.array([function(each) for each in encoded.dictionary.to_pylist()], pa.string())
    return made.take(encoded.indices)
