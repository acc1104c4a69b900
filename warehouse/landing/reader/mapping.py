"""How a service writes its log: its keys, pages, levels and unit of time, and what they are in the warehouse."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from warehouse.landing.reader.fields import FIELDS, normalised
from warehouse.landing.reader.values import MILLISECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True)
class LogMapping:
    """One dialect of the log.

    `keys` maps a key of the log to a field, in any case and with any separators; a dotted one reaches into an object.
    A field that no key is mapped to goes by its own name. `join` maps a field to keys whose values make it up, with
    commas between, where no key holds it as a whole. `pages` and `levels` map values. `keep` lists the unknown keys
    whose values are kept, and told apart by the hash; of all others, names and types are.
    """

    name: str
    keys: Mapping[str, str] = field(default_factory=dict)
    join: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, str] = field(default_factory=dict)
    time_unit: str = MILLISECONDS
    keep: Sequence[str] = ()

    @cached_property
    def fields(self) -> dict[str, str]:
        """The field of each key, by the key's normalised spelling."""
        own = {normalised(name): name for name in FIELDS if name not in self.keys.values()}
        return own | {normalised(key): name for key, name in self.keys.items()}

    @cached_property
    def parts(self) -> dict[str, str]:
        """The field that each joined key is a part of, by the key's normalised spelling."""
        return {normalised(key): name for name, keys in self.join.items() for key in keys}

    @cached_property
    def paths(self) -> dict[str, tuple[str, ...]]:
        """The dotted keys, and the way to each."""
        asked = [*self.keys, *(key for keys in self.join.values() for key in keys), *self.keep]
        return {key: tuple(key.split(".")) for key in asked if "." in key}

    def spelled_as_here(self, keys: Iterable[str]) -> int:
        """Count the fields that these keys hold, spelled exactly as in this mapping."""
        spelled = set(keys)
        whole = {name for key, name in self.keys.items() if key in spelled}
        joined = {name for name, parts in self.join.items() if not spelled.isdisjoint(parts)}
        return len(whole | joined)


def recognised(mappings: Sequence[LogMapping], keys: Iterable[str]) -> LogMapping:
    """Return the mapping that is spelled like most keys of a line; of several, the first."""
    spelled = set(keys)
    return max(mappings, key=lambda mapping: mapping.spelled_as_here(spelled))
