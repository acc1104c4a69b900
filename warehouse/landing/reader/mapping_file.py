"""Mappings from YAML files: those that ship with the package, and a user's own, checked before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import yaml

from warehouse.contract.errors import SparkhouseError
from warehouse.landing.reader.fields import FIELDS, normalised
from warehouse.landing.reader.mapping import LogMapping
from warehouse.landing.reader.names import is_name_key
from warehouse.landing.reader.values import MILLISECONDS, TIME_UNITS

if TYPE_CHECKING:
    from collections.abc import Callable

_SHIPPED = Path(__file__).with_name("mappings")
# Of two that fit a line as well, the first is taken.
DIALECTS = ("sparkify", "redshift", "eventsim")
LEVELS = ("free", "paid")


class BrokenMapping(SparkhouseError, ValueError):
    """A mapping file that cannot be used."""


def shipped_mappings() -> tuple[LogMapping, ...]:
    """Return the dialects that are recognised without being asked for."""
    return tuple(load_mapping(_SHIPPED / f"{name}.yml") for name in DIALECTS)


def load_mapping(path: Path) -> LogMapping:
    """Return the mapping in a YAML file. Raises BrokenMapping, with the line and what is wrong in it."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise BrokenMapping(f"the mapping {path} cannot be read ({error.strerror}): name a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BrokenMapping(f"the mapping {path} is no YAML: {' '.join(str(error).split())}") from error
    return _MappingFile(path).mapping(root)


class _MappingFile:
    """A file that is being read: it knows where what is wrong stands."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def mapping(self, root: yaml.Node | None) -> LogMapping:
        sections = self._sections(root)
        found = LogMapping(
            name=self._path.stem,
            keys=self._texts(sections, "keys", self._require_field),
            join=self._lists(sections, "join"),
            pages=self._texts(sections, "pages", self._require_text),
            levels=self._texts(sections, "levels", self._require_level),
            time_unit=self._time_unit(sections),
            keep=self._kept(sections),
        )
        self._require_one_field_a_key(sections, found)
        return found

    def _sections(self, root: yaml.Node | None) -> dict[str, yaml.Node]:
        if not isinstance(root, yaml.MappingNode):
            raise BrokenMapping(f"the mapping {self._path} is no list of keys: begin with `keys:`")
        known = ("keys", "join", "pages", "levels", "time_unit", "keep")
        sections = {}
        for key, value in self._members(root):
            if key.value not in known:
                self._fail(key, f"unknown key {key.value!r}: known are {', '.join(known)}")
            sections[key.value] = value
        return sections

    def _members(self, node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, "here stands `key: value`, a line each")
        seen = set[str]()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._fail(key, "a key is a text")
            if key.value in seen:
                self._fail(key, f"{key.value!r} stands here a second time")
            seen.add(key.value)
        return list(node.value)

    def _texts(
        self, sections: dict[str, yaml.Node], name: str, require: Callable[[yaml.Node], object]
    ) -> dict[str, str]:
        members = self._members(sections[name]) if name in sections else []
        for _, value in members:
            require(value)
        return {key.value: value.value for key, value in members}

    def _lists(self, sections: dict[str, yaml.Node], name: str) -> dict[str, tuple[str, ...]]:
        found = {}
        for key, value in self._members(sections[name]) if name in sections else []:
            self._require_field(key)
            if FIELDS[key.value] != "string":
                self._fail(key, f"{key.value} is no text: only texts are joined")
            found[key.value] = self._list(value)
        return found

    def _list(self, node: yaml.Node) -> tuple[str, ...]:
        if not isinstance(node, yaml.SequenceNode):
            self._fail(node, "here stands a list, [a, b]")
        for each in node.value:
            self._require_text(each)
        return tuple(each.value for each in node.value)

    def _kept(self, sections: dict[str, yaml.Node]) -> tuple[str, ...]:
        node = sections.get("keep")
        if node is None:
            return ()
        kept = self._list(node)
        for each in node.value:
            if is_name_key(each.value):
                self._fail(each, f"{each.value!r} holds names or addresses of people: they are never kept")
        return kept

    def _time_unit(self, sections: dict[str, yaml.Node]) -> str:
        node = sections.get("time_unit")
        if node is None:
            return MILLISECONDS
        if node.value not in TIME_UNITS:
            self._fail(node, f"time_unit is one of {', '.join(TIME_UNITS)}")
        return str(node.value)

    def _require_text(self, node: yaml.Node) -> None:
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            self._fail(node, "here stands a text")

    def _require_field(self, node: yaml.Node) -> None:
        self._require_text(node)
        if node.value not in FIELDS:
            self._fail(node, f"there is no field {node.value!r}: fields are {', '.join(FIELDS)}")

    def _require_level(self, node: yaml.Node) -> None:
        if node.value not in LEVELS:
            self._fail(node, f"a level is one of {', '.join(LEVELS)}, not {node.value!r}")

    def _require_one_field_a_key(self, sections: dict[str, yaml.Node], found: LogMapping) -> None:
        fields = dict[str, str]()
        for key, value in self._members(sections["keys"]) if "keys" in sections else []:
            if fields.setdefault(normalised(key.value), value.value) != value.value:
                self._fail(key, f"{key.value!r} is mapped to two fields: case and separators tell no keys apart")
        for kept in found.keep:
            if normalised(kept) in found.fields:
                self._fail(sections["keep"], f"{kept!r} is a field: its value is kept anyway")

    def _fail(self, node: yaml.Node, fault: str) -> NoReturn:
        raise BrokenMapping(f"the mapping {self._path}, line {node.start_mark.line + 1}: {fault}")
