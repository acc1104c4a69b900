"""The four cohorts of users as compiled Markov chains over (level, auth, page)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import yaml

Key = tuple[str, str, str]  # level, auth, page


@dataclass(eq=False)
class State:
    """A page as seen by a user of one level and auth. `targets` has one entry more than `cumulative`: None, the end."""

    key: Key
    is_song: bool
    is_redirect: bool
    shows_user: bool
    is_churn: bool
    json: str
    cumulative: list[float] = field(default_factory=list)
    targets: list["State | None"] = field(default_factory=lambda: [None])

    @property
    def mode(self) -> tuple[str, str]:
        return self.key[:2]


@dataclass(frozen=True)
class Starts:
    """First states of a session with their cumulative weights."""

    states: list[State]
    cumulative: list[float]


@dataclass(frozen=True)
class Cohort:
    """Users who behave alike. `weight` is the cohort's part of all users, `first_id` begins its band of user ids."""

    name: str
    weight: int
    first_id: int
    starts: Mapping[tuple[str, str], Starts]


@lru_cache(maxsize=1)
def settings() -> dict[str, Any]:
    """The published settings, as in cohorts.yaml."""
    text = Path(__file__).with_name("cohorts.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@lru_cache
def cohorts(cancellations: float = 1.0) -> tuple[Cohort, ...]:
    """All cohorts, the base first; each page leads to Cancel so many times as often as in the published settings."""
    return tuple(_compile(name, settings(), cancellations) for name in settings()["cohorts"])


def _compile(name: str, facts: dict[str, Any], cancellations: float) -> Cohort:
    chances = _chances(facts["transitions"])
    for source, changed in _chances(facts["differences"].get(name, {})).items():
        chances[source] = chances[source] | changed
    for source, targets in chances.items():
        chances[source] = {
            page: chance * (cancellations if page == "Cancel" else 1) for page, chance in targets.items()
        }
    states = {key: _state(key, facts["pages"]) for key in _all_keys(chances, facts["moves"])}
    for source, targets in chances.items():
        states[source].cumulative = list(accumulate(targets.values()))
        ends = [states[_target(source, page, facts["moves"])] for page in targets]
        states[source].targets = [*ends, None]
    starts = {
        (level, auth): Starts([states[level, auth, page] for page in weights], list(accumulate(weights.values())))
        for level, auths in facts["starts"].items()
        for auth, weights in auths.items()
    }
    return Cohort(name, facts["cohorts"][name]["weight"], facts["cohorts"][name]["first_id"], starts)


def _chances(nested: dict[str, dict[str, dict[str, dict[str, float]]]]) -> dict[Key, dict[str, float]]:
    return {
        (level, auth, page): targets
        for level, auths in nested.items()
        for auth, pages in auths.items()
        for page, targets in pages.items()
    }


def _all_keys(chances: dict[Key, dict[str, float]], moves: dict[str, dict[str, str]]) -> set[Key]:
    reached = {_target(source, page, moves) for source, targets in chances.items() for page in targets}
    return reached | set(chances)


def _target(source: Key, page: str, moves: dict[str, dict[str, str]]) -> Key:
    level, auth, source_page = source
    move = moves.get(source_page, {})
    if move.get("to") != page:
        return level, auth, page
    return move.get("level", level), move.get("auth", auth), page


def _state(key: Key, pages: dict[str, tuple[str, int]]) -> State:
    level, auth, page = key
    method, status = pages[page]
    text = f',"page":"{page}","auth":"{auth}","method":"{method}","status":{status},"level":"{level}","itemInSession":'
    return State(
        key=key,
        is_song=page == "NextSong",
        is_redirect=300 <= status < 400,  # noqa: PLR2004
        shows_user=auth in ("Logged In", "Cancelled"),
        is_churn=auth == "Cancelled",
        json=text,
    )
