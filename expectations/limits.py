"""What each rule of the gate lets pass, why, and what it does where it does not hold: ours, and a user's own.

Both are files of YAML: `limits.yml` beside this module, and one of the user's in the state folder, which may give other
severities and limits, each with a reason, and tell of outages.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OURS = Path(__file__).with_name("limits.yml")
Kind = Literal["impossible", "own_past", "known_logs"]
Severity = Literal["stop", "warn"]
# From then on, a log has a past of its own to be unlike of.
PUBLISHED_WEEKS = 4


class BrokenLimits(SparkhouseError, ValueError):
    """A file of limits is not what it has to be; the message names the line."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Text = Annotated[str, Field(min_length=1)]
Number = Annotated[float, Field(strict=False, allow_inf_nan=False)]


class Rule(_Entry):
    """A rule: how it is meant, what it does where it does not hold, its numbers, and who says so (`origin`).

    `is_own` tells that the user has chosen what it does.
    """

    name: str
    kind: Kind
    severity: Severity
    limits: dict[str, Number]
    reason: Text
    source: Text
    origin: str = "sparkhouse"
    is_own: bool = False

    def __getitem__(self, limit: str) -> float:
        return self.limits[limit]


def _utc(moment: object) -> object:
    """YAML has dates and moments, those without seconds as text; a date begins at midnight, and no zone is UTC."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment.strip().replace("Z", "+00:00"))
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    return moment.replace(tzinfo=timezone.utc) if isinstance(moment, datetime) and not moment.tzinfo else moment


class Outage(_Entry):
    """A time in which the service was down, or its log is lost for good, and why."""

    first: Annotated[datetime, BeforeValidator(_utc), Field(alias="from")]
    until: Annotated[datetime, BeforeValidator(_utc)]
    reason: Text

    @model_validator(mode="after")
    def _in_order(self) -> Outage:
        if self.until <= self.first:
            raise ValueError("until has to be later than from")
        return self


class _Change(_Entry):
    severity: Severity | None = None
    limits: dict[str, Number] = Field(default_factory=dict)
    reason: Text


class _Own(_Entry):
    rules: dict[str, _Change] = Field(default_factory=dict)
    outages: tuple[Outage, ...] = Field(default=(), strict=False)


@dataclass(frozen=True)
class Limits:
    """All rules by name, as they are in force, and the outages that the user tells of; `place` is the user's file."""

    rules: Mapping[str, Rule]
    outages: tuple[Outage, ...] = ()
    place: str = "limits.yml"
    published_weeks: int = 0

    def __getitem__(self, name: str) -> Rule:
        """Return a rule as it is in force: about the log's own past, ours does not stop before there is one."""
        rule = self.rules[name]
        if rule.kind == "own_past" and not rule.is_own and self.published_weeks < PUBLISHED_WEEKS:
            return rule.model_copy(update={"severity": "warn"})
        return rule

    def after(self, published_weeks: int) -> Limits:
        """The same, for a log of which so many weeks are published."""
        return replace(self, published_weeks=published_weeks)

    def with_drift(self, severity: Severity, origin: str) -> Limits:
        """The same, with one severity for all rules about drift and performance that the user has not set."""
        changed = {
            name: rule.model_copy(update={"severity": severity, "origin": origin, "is_own": True})
            for name, rule in self.rules.items()
            if name.partition(".")[0] in {"drift", "performance"} and not rule.is_own
        }
        return replace(self, rules={**self.rules, **changed})


def load(own: Path | None = None) -> Limits:
    """Return our limits, and those of the user's file in place of them where there is one. Raises BrokenLimits."""
    rules = _ours()
    if own is None:
        return Limits(rules)
    if not own.exists():
        return Limits(rules, place=str(own))
    read, lines = _read(own)
    changes = _checked(own, read, lines)
    changed = {
        name: rules[name].model_copy(
            update={
                "severity": change.severity or rules[name].severity,
                "limits": {**rules[name].limits, **change.limits},
                "reason": change.reason,
                "source": str(own),
                "origin": str(own),
                "is_own": change.severity is not None,
            }
        )
        for name, change in changes.rules.items()
    }
    return Limits({**rules, **changed}, changes.outages, str(own))


@cache
def _ours() -> dict[str, Rule]:
    return {name: Rule(name=name, **entry) for name, entry in yaml.safe_load(OURS.read_text(encoding="utf-8")).items()}


def _read(path: Path) -> tuple[Any, dict[tuple[str | int, ...], int]]:
    """Return what a file of YAML holds, and the line of each place in it."""
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, yaml.SafeLoader)
        return yaml.safe_load(text) or {}, dict(_lines(node, ())) if node else {}
    except UnicodeDecodeError as error:
        raise BrokenLimits(f"{path} is not UTF-8: save it as such") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BrokenLimits(f"{path}, line {line}: this is not YAML ({error.problem})") from error
    except (yaml.YAMLError, ValueError) as error:
        raise BrokenLimits(f"{path} is not YAML: {error}") from error


def _lines(node: yaml.Node, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], int]]:
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*place, key.value), key.start_mark.line + 1
            for inner, line in _lines(value, (*place, key.value)):
                if inner != (*place, key.value):
                    yield inner, line
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*place, index))


def _checked(path: Path, read: Any, lines: Mapping[tuple[str | int, ...], int]) -> _Own:  # noqa: ANN401
    """Raises BrokenLimits for the first thing that is wrong in the file."""
    try:
        own = _Own.model_validate(read)
    except ValidationError as error:
        first = min(error.errors(), key=lambda each: _line(each["loc"], lines))
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BrokenLimits(f"{path}, line {_line(first['loc'], lines)}: {where}: {_said(first)}") from error
    for name, change in own.rules.items():
        if name not in _ours():
            raise BrokenLimits(
                f"{path}, line {_line(('rules', name), lines)}: there is no rule {name}; `sparkhouse gate` lists them"
            )
        unknown = [limit for limit in change.limits if limit not in _ours()[name].limits]
        if unknown:
            line = _line(("rules", name, "limits", unknown[0]), lines)
            known = ", ".join(_ours()[name].limits) or "none"
            raise BrokenLimits(f"{path}, line {line}: {name} has no limit {unknown[0]}; it has: {known}")
    return own


def _line(place: tuple[str | int, ...], lines: Mapping[tuple[str | int, ...], int]) -> int:
    """The line of a place, or of the nearest around it that stands in the file."""
    return next((lines[place[:depth]] for depth in range(len(place), -1, -1) if place[:depth] in lines), 1)


def _said(error: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    if error["type"] == "missing":
        return "it is missing, and has to be given"
    if error["type"] == "extra_forbidden":
        return "nothing of this name can stand here"
    return str(error["msg"]).removeprefix("Value error, ")
