"""Which key of a line holds which field: found once for all lines with the same keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from warehouse.contract.errors import SparkhouseError
from warehouse.landing.reader import values
from warehouse.landing.reader.fields import FIELDS, MOMENTS, NAMES, normalised
from warehouse.landing.reader.mapping import recognised

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from warehouse.landing.reader.mapping import LogMapping

    Record = dict[str, Any]

_READINGS: dict[str, values.Reading] = {
    **{key: values.word for key, kind in FIELDS.items() if kind == "string"},
    **{key: values.whole_number for key, kind in FIELDS.items() if kind == "bigint"},
    **dict.fromkeys((*NAMES, "artist", "song"), values.free_text),
    "userId": values.user_id,
    "page": values.page,
    "length": values.number,
}
_PYTHON_TYPES = {"string": str, "bigint": int, "double": float}


class Ambiguous(SparkhouseError, ValueError):
    """Several keys hold different values of one field."""

    def __str__(self) -> str:
        return "several keys with different values"


class Source(NamedTuple):
    """Where the value of a field stands and how it is read. What is of the `plain` type needs no reading."""

    position: int
    field: str
    key: str
    plain: type | None
    read: values.Reading


@dataclass(frozen=True)
class Plan:
    """How to read lines that have certain keys.

    `derived` makes values of others, under keys of their own; `clear` lists the keys whose values are no names.
    """

    mapping: LogMapping
    derived: Mapping[str, Callable[[Record], Any]]
    sources: tuple[Source, ...]
    unknown: tuple[str, ...]
    kept: tuple[str, ...]
    clear: frozenset[str]
    _odd: dict[tuple[type, ...], tuple[Source, ...]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def _take(self) -> Callable[[Record], tuple[Any, ...]]:
        keys = [source.key for source in self.sources]
        return itemgetter(*keys) if len(keys) > 1 else lambda record: tuple(record[key] for key in keys)

    def values(self, record: Record) -> tuple[list[Any], tuple[Source, ...]]:
        """Return what a completed record says of FIELDS, and the sources of what has to be read more closely.

        Nearly all lines hold values of the same types, so that native code does nearly all of this for a whole line.
        """
        taken = self._take(record)
        found = list(taken) if len(taken) == len(FIELDS) else self._spread(taken)
        try:
            if not values.MISSING_WORDS.isdisjoint(taken):
                return found, self.sources
        except TypeError:  # lists and objects
            return found, self.sources
        return found, self._odd_sources(tuple(map(type, taken)))

    def _spread(self, taken: tuple[Any, ...]) -> list[Any]:
        found: list[Any] = [None] * len(FIELDS)
        for source, value in zip(self.sources, taken, strict=True):
            found[source.position] = value
        return found

    def _odd_sources(self, types: tuple[type, ...]) -> tuple[Source, ...]:
        odd = self._odd.get(types)
        if odd is None:
            pairs = zip(self.sources, types, strict=True)
            odd = tuple(source for source, kind in pairs if kind not in {source.plain, type(None)})
            self._odd[types] = odd
        return odd

    def completed(self, record: Record) -> Record:
        """Return a record with its derived values."""
        if self.derived:
            record = dict(record)
            for key, derive in self.derived.items():
                record[key] = derive(record)
        return record


def planned(mappings: Sequence[LogMapping], record: Record) -> Plan:
    """Return how to read records with the keys of this one, by the mapping that is spelled like them."""
    mapping = recognised(mappings, record)
    derived: dict[str, Callable[[Record], Any]] = {
        key: partial(_at, path) for key, path in mapping.paths.items() if key not in record and path[0] in record
    }
    keys = [*record, *derived]
    holders = _holders(mapping, keys)
    sources = []
    for index, name in enumerate(FIELDS):
        if found := holders.get(name):
            sources.append(_source(index, name, found, mapping, derived))
    of_fields = {key for found in holders.values() for key in found}
    unknown = [key for key in keys if key not in of_fields]
    kept = {normalised(key) for key in mapping.keep}
    return Plan(
        mapping,
        derived,
        tuple(sources),
        tuple(sorted(key for key in unknown if key in record and normalised(key) not in kept)),
        tuple(sorted(key for key in unknown if normalised(key) in kept)),
        frozenset(key for name, found in holders.items() if name not in NAMES for key in found),
    )


def _holders(mapping: LogMapping, keys: Sequence[str]) -> dict[str, list[str]]:
    """Return the keys that hold each field; the parts of one only where nothing holds the whole."""
    whole, parts = dict[str, list[str]](), dict[str, list[str]]()
    for key in keys:
        plain = normalised(key)
        if plain in mapping.fields:
            whole.setdefault(mapping.fields[plain], []).append(key)
        elif plain in mapping.parts:
            parts.setdefault(mapping.parts[plain], []).append(key)
    return parts | whole


def _source(
    index: int, name: str, keys: list[str], mapping: LogMapping, derived: dict[str, Callable[[Record], Any]]
) -> Source:
    read = _readings(mapping.time_unit)[name]
    is_plain = name != "userId" and (name not in MOMENTS or mapping.time_unit == values.MILLISECONDS)
    is_part = normalised(keys[0]) in mapping.parts and normalised(keys[0]) not in mapping.fields
    if len(keys) == 1 and not is_part:
        return Source(index, name, keys[0], _PYTHON_TYPES[FIELDS[name]] if is_plain else None, read)
    order = [normalised(part) for part in mapping.join.get(name, ())]
    if is_part:
        keys = sorted(keys, key=lambda key: order.index(normalised(key)))
    derived[f"\0{name}"] = partial(_all_of, tuple(keys))
    combined = _joined if is_part else _first if name in NAMES else _agreed
    return Source(index, name, f"\0{name}", None, partial(combined, read))


@lru_cache
def _readings(time_unit: str) -> dict[str, values.Reading]:
    return _READINGS | dict.fromkeys(MOMENTS, values.moment_in(time_unit))


def _at(path: Sequence[str], record: Record) -> Any:  # noqa: ANN401 - any JSON value
    value: Any = record
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _all_of(keys: Sequence[str], record: Record) -> list[Any]:
    return [record[key] for key in keys]


def _agreed(read: values.Reading, found: list[Any]) -> Any:  # noqa: ANN401 - the value of any field
    """Return the one value that several keys hold, where they hold any."""
    present = [value for value in map(read, found) if value is not None]
    if any(value != present[0] for value in present):
        raise Ambiguous
    return present[0] if present else None


def _first(read: values.Reading, found: list[Any]) -> Any:  # noqa: ANN401 - the value of any field
    """Return one of several names: what is kept of a refused line has stars in their place, which do not differ."""
    return next((value for value in map(read, found) if value is not None), None)


def _joined(read: values.Reading, found: list[Any]) -> str | None:
    return ", ".join(value for value in map(read, found) if value is not None) or None
