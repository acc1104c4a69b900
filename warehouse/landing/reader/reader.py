"""One line of a log: an event with its hash, or a refusal with its reasons."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from warehouse.landing.archives import ARCHIVE_FAULTS, end_mark
from warehouse.landing.reader.canonical import record_hash
from warehouse.landing.reader.fields import FIELDS, MOMENTS, NAMES, PLAUSIBLE_RANGES, REQUIRED
from warehouse.landing.reader.names import keys_text, mask_names, neutral, shape, shown_key, type_name
from warehouse.landing.reader.parse import NotARecord, decoded, parse
from warehouse.landing.reader.plan import Ambiguous, planned
from warehouse.landing.reader.values import WrongType
from warehouse.landing.reader.wrapping import wrapped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from warehouse.landing.reader.mapping import LogMapping
    from warehouse.landing.reader.plan import Plan, Source

OBJECT, SHAPE, TEXT = "object", "shape", "text"
AFTER_INGEST = "impossible value: {} lies after the time of ingest"
FUTURE = AFTER_INGEST.format("ts")

_INDEX = {key: index for index, key in enumerate(FIELDS)}
_REQUIRED = [(_INDEX[key], key) for key in REQUIRED]
_NAMES = [_INDEX[key] for key in NAMES]
_USER, _PAGE, _LEVEL = _INDEX["userId"], _INDEX["page"], _INDEX["level"]
_MARKS = tuple((fault, end_mark(fault).encode()) for fault in ARCHIVE_FAULTS)
_MOST_PLANS = 1000


class Event(NamedTuple):
    """An accepted line: the values of FIELDS in their order, names as pseudonyms."""

    values: list[Any]
    unknown_keys: str | None
    record_hash: str


class Refusal(NamedTuple):
    """A refused line: its reasons, what is kept of it, and which of OBJECT, SHAPE and TEXT that is."""

    reasons: list[str]
    raw_line: str
    kept: str


@dataclass(frozen=True)
class LineReader:
    """Reads each line by the one of several mappings that its keys show. A pure function of the line.

    `latest` is the last moment, in milliseconds, that can have happened when the line is read. Names become pseudonyms
    with `salt`, and None without. With `keeps_text`, text that is no JSON object is kept, but for names that a pattern
    finds in it.
    """

    mappings: tuple[LogMapping, ...]
    latest: int
    salt: str | None = None
    keeps_text: bool = False
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=lambda: dict(PLAUSIBLE_RANGES))
    _plans: dict[tuple[str, ...], Plan] = field(default_factory=dict, init=False, repr=False, compare=False)

    def read(self, line: bytes) -> Event | Refusal:
        """Return the event that a line is, or why it is none."""
        for fault, mark in _MARKS:
            if line.endswith(mark):
                return Refusal([fault], shape(_text(line[: -len(mark)])), SHAPE)
        try:
            record = parse(line)
        except NotARecord as fault:
            return self._refused_text(str(fault), _text(line))
        return self.read_record(record)

    def read_record(self, record: dict[str, Any]) -> Event | Refusal:
        """Return the event that a JSON object is, or why it is none."""
        plan = self.plan(record)
        completed = plan.completed(record)
        found, faults = self._values(completed, plan)
        if faults:
            left = _kept_object(completed, plan)
            if all(found[index] is None for index, _ in _REQUIRED) and (wrapper := wrapped(record, self._is_event)):
                # The event itself is not kept: a replay could not tell any more what this was.
                return Refusal([wrapper], left, SHAPE)
            return Refusal(faults, left, OBJECT)
        unknown, kept = unknown_keys(completed, plan)
        hashed = record_hash(found, kept)
        for index in _NAMES:
            found[index] = pseudonym(found[index], self.salt)
        return Event(found, unknown, hashed)

    def refused(self, line: bytes) -> Refusal:
        """Return what is kept of a line that is refused, without a reason, whether it is an event or not."""
        try:
            record = parse(line)
        except NotARecord as fault:
            return self._refused_text(str(fault), _text(line))
        plan = self.plan(record)
        return Refusal([], _kept_object(plan.completed(record), plan), OBJECT)

    def mapping_of(self, line: bytes) -> LogMapping | None:
        """Return the mapping by which a line is read; None if it is no JSON object."""
        try:
            return self.plan(parse(line)).mapping
        except NotARecord:
            return None

    def plan(self, record: dict[str, Any]) -> Plan:
        """Return how to read a record, and all others with its keys."""
        keys = tuple(record)
        plan = self._plans.get(keys)
        if plan is None:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            plan = self._plans[keys] = planned(self.mappings, record)
        return plan

    def _values(self, record: dict[str, Any], plan: Plan) -> tuple[list[Any], list[str]]:
        """Return the values of all fields, and every reason against them: first of types, then of values."""
        found, to_read = plan.values(record)
        faults = dict[str, str]()
        for source in to_read:
            found[source.position], fault = _read(source, found[source.position])
            if fault:
                faults[source.field] = fault
        _complete(found, plan.mapping)
        for index, name in _REQUIRED:
            if found[index] is None:
                faults.setdefault(name, f"missing {name}")
        in_order = [faults[name] for name in FIELDS if name in faults] if faults else []
        return found, in_order + self._impossible(found)

    def _is_event(self, record: dict[str, Any]) -> bool:
        plan = self.plan(record)
        return not self._values(plan.completed(record), plan)[1]

    def _impossible(self, found: list[Any]) -> list[str]:
        faults = []
        if found[_PAGE] is not None and not found[_PAGE].strip(" "):
            faults.append("impossible value: page")
        for index, name, least, most in self.bounds:
            value = found[index]
            if value is not None and not least <= value <= most:
                is_ahead = name in MOMENTS and value > self.latest
                faults.append(AFTER_INGEST.format(name) if is_ahead else f"impossible value: {name}")
        return faults

    @cached_property
    def bounds(self) -> list[tuple[int, str, int, int]]:
        """Of each field that has bounds: its place, its name, the least and the most that it can be."""
        return [
            (_INDEX[name], name, least, min(most, self.latest) if name in MOMENTS else most)
            for name, (least, most) in self.ranges.items()
        ]

    def _refused_text(self, reason: str, text: str) -> Refusal:
        if self.keeps_text:
            masked = mask_names("\ufffd" + text.replace("\0", "") if "\0" in text else text)
            # Masks can mend what was wrong: then nothing would show why the line was refused.
            if not _is_record(masked):
                return Refusal([reason], masked, TEXT)
        return Refusal([reason], shape(text), SHAPE)


def _read(source: Source, value: Any) -> tuple[Any, str | None]:  # noqa: ANN401 - any JSON value
    """Return the value of a field, and what is wrong with it."""
    try:
        return source.read(value), None
    except (WrongType, Ambiguous) as fault:
        return None, f"{fault}: {source.field}"


def _text(line: bytes) -> str:
    return decoded(line).removesuffix("\r")


def _complete(found: list[Any], mapping: LogMapping) -> None:
    """Write "" for nobody logged in, as the logs have it, and pages and levels as the warehouse knows them."""
    if found[_USER] is None:
        found[_USER] = ""
    if mapping.pages:
        found[_PAGE] = mapping.pages.get(found[_PAGE], found[_PAGE])
    if mapping.levels:
        found[_LEVEL] = mapping.levels.get(found[_LEVEL], found[_LEVEL])


def unknown_keys(record: dict[str, Any], plan: Plan) -> tuple[str | None, str | None]:
    """Return the unknown keys with their types, or values where the mapping keeps them; and the latter alone."""
    if not plan.unknown and not plan.kept:
        return None, None
    kept = {shown_key(key): record[key] for key in plan.kept if record[key] is not None}
    types = {shown_key(key): type_name(record[key]) for key in plan.unknown}
    found = types | kept
    return keys_text(found) if found else None, keys_text(kept) if kept else None


def _kept_object(record: dict[str, Any], plan: Plan) -> str:
    """Return a refused object: of fields but names the value, of all other keys something of the same type."""
    kept = {
        shown_key(key): value if key in plan.clear and not isinstance(value, (list, dict)) else neutral(value)
        for key, value in record.items()
        if key[:1] != "\0"
    }
    return json.dumps(kept, ensure_ascii=False)


def _is_record(text: str) -> bool:
    try:
        parse(text.encode())
    except NotARecord:
        return False
    return True


@lru_cache(1 << 16)
def pseudonym(name: str | None, salt: str | None) -> str | None:
    """Return the salted SHA-256 of a name; None stays None, and without a salt all are."""
    return None if name is None or salt is None else hashlib.sha256((salt + name).encode()).hexdigest()
