"""What if a customer had heard more adverts: the champion's answer to the own features, some of them changed.

What is changed takes with it what it is part of: of the same count, longer windows change by as much, and shorter ones
are at most as large; songs and adverts of a lifetime are those of a level, too. Shares, trends and averages are not
computed anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

from models_ml.serving.answers.champion import champion_of
from models_ml.serving.answers.customer import newest_features
from models_ml.serving.scoring import Score, inputs_of, scores
from models_ml.serving.web.problems import Problem, said
from warehouse.contract.catalogue import features_by_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models_ml.portable.model import PortableModel
    from models_ml.serving.store import Store

MOST = 1_000_000.0
# A slider reaches to twice what the customer has, and so far at least.
LEAST_REACH = {"days_since_last_event": 60.0, "song_count_lifetime": 500.0}
SHORTEST_REACH = 20.0
MOST_LEVERS = 10
LEVELS = ("free", "paid")
TITLES = {
    "song_count_lifetime": "Songs so far",
    "advert_count_lifetime": "Adverts so far",
    "thumbs_up_count_lifetime": "Thumbs up so far",
    "thumbs_down_count_lifetime": "Thumbs down so far",
    "days_since_last_event": "Days silent",
    "session_count_lifetime": "Sessions so far",
    "friend_add_count_lifetime": "Friends added so far",
    "playlist_add_count_lifetime": "Songs put on playlists so far",
    "upgrade_page_count_lifetime": "Visits to the upgrade page so far",
    "downgrade_page_count_lifetime": "Visits to the downgrade page so far",
    "upgrade_count_lifetime": "Upgrades so far",
    "downgrade_count_lifetime": "Downgrades so far",
}
# Lifetime counts of which each level has a part.
SPLIT = ("song_count_lifetime", "advert_count_lifetime")
WINDOW = re.compile(r"(?P<stem>.+_count)_(?P<window>\d+d|lifetime)")


@dataclass(frozen=True)
class Lever:
    """An input that can be moved, from its value up to `highest`; what it takes with it is in `moves`."""

    name: str
    title: str
    value: float
    highest: float
    moves: tuple[str, ...]

    @property
    def shown(self) -> str:
        """The value as the form shows it, to a tenth."""
        return f"{round(self.value, 1):g}" if self.value < MOST else f"{self.value:.0f}"


@dataclass(frozen=True)
class WhatIf:
    """The score as it is and as it would be; `moved` are the features that changed, with their values."""

    now: Score
    then: Score
    moved: dict[str, float | str]


def levers(store: Store, of_user: Mapping[str, Any] | None) -> list[Lever]:
    """Return the main inputs of the champion of which this customer has a value, at most ten."""
    if store.model is None or of_user is None:
        return []
    read, counts = set(inputs_of(store.model)), _counts()
    names = [*TITLES, *(name for name in inputs_of(store.model) if name in counts and not _is_part(name))]
    found = [
        Lever(name, _title(name), float(of_user[name]), _highest(name, float(of_user[name])), moves)
        for name in dict.fromkeys(names)
        if isinstance(of_user.get(name), (int, float))
        for moves in [_moves(name, of_user)]
        if read.intersection({name, *moves})
    ]
    return found[:MOST_LEVERS]


def has_level(store: Store, of_user: Mapping[str, Any] | None) -> bool:
    """Whether the champion goes by the level, and this customer has one."""
    return bool(store.model and of_user and of_user.get("level") in LEVELS and "level" in inputs_of(store.model))


def what_if(store: Store, user_id: str, changes: Mapping[str, Any]) -> WhatIf:
    """Score a customer with some inputs changed. Raises Problem: nothing to score by, or changes that are wrong."""
    of_user, model = newest_features(store, user_id), champion_of(store)
    if of_user is None:
        raise Problem(
            HTTPStatus.CONFLICT, f"The newest snapshot has nobody of the id {said(user_id)}: nothing to change."
        )
    changed = _changed(store, of_user, changes)
    return _scored(model, of_user, changed)


def _changed(store: Store, of_user: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The features with the changes and all that these take with them. Raises Problem."""
    allowed, errors = {lever.name for lever in levers(store, of_user)}, {}
    for name, value in changes.items():
        if name == "level" and has_level(store, of_user):
            if value not in LEVELS:
                errors[name] = "free or paid"
        elif name not in allowed:
            errors[said(name)] = f"no input that can be changed: one of {', '.join(sorted(allowed))}"
        elif not _is_amount(value):
            errors[name] = f"a number from 0 to {MOST:,.0f}"
    if errors:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "This cannot be scored.", errors)
    row = of_user | ({"level": changes["level"]} if "level" in changes else {})
    # Short windows first: a longer one that is set itself keeps what was said of it.
    for name in sorted(changes.keys() & allowed, key=_length):
        _move(row, name, float(changes[name]))
    return row | {name: value for name, value in changes.items() if name in allowed}


def _scored(model: PortableModel, before: dict[str, Any], after: dict[str, Any]) -> WhatIf:
    now, then = scores(model, [before, after])
    return WhatIf(now, then, {name: value for name, value in after.items() if value != before[name]})


def _move(row: dict[str, Any], name: str, value: float) -> None:
    """Set a count, and take with it the same in other windows, and the parts by level."""
    by = {name: value - float(row[name])}
    for other in _moves(name, row):
        if not _is_part(other):
            had = float(row[other])
            by[other] = (min(had, value) if _length(other) < _length(name) else max(0.0, had + by[name])) - had
    for moved, amount in by.items():
        row[moved] = float(row[moved]) + amount
        if moved in SPLIT:
            _move_part(row, moved, amount)
    row[name] = value


def _move_part(row: dict[str, Any], name: str, by: float) -> None:
    """Add to the part of the level; what is to be taken and is not there is taken from the other part."""
    for level in sorted(LEVELS, key=lambda each: each != row.get("level")):
        part = f"{level}_{name}"
        if row.get(part) is not None:
            had = float(row[part])
            row[part] = max(0.0, had + by)
            by = min(0.0, had + by)


def _moves(name: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """What a count takes with it: the same in other windows, and the parts by level of a lifetime's."""
    if name not in _counts():
        return ()
    alike = [each for each in row if each in _counts() and _stem(each) == _stem(name)]
    parts = [f"{level}_{total}" for total in SPLIT if total in {name, *alike} for level in LEVELS]
    return tuple(each for each in [*alike, *parts] if each != name and row.get(each) is not None)


def _is_part(name: str) -> bool:
    return any(name == f"{level}_{total}" for level in LEVELS for total in SPLIT)


def _stem(name: str) -> str:
    match = WINDOW.fullmatch(name)
    return match["stem"] if match else name


def _length(name: str) -> float:
    """The days of a window; without end of a lifetime, and of what has none."""
    match = WINDOW.fullmatch(name)
    return float(match["window"][:-1]) if match and match["window"] != "lifetime" else inf


def _title(name: str) -> str:
    match = WINDOW.fullmatch(name)
    if name in TITLES or match is None:
        return TITLES.get(name, name.replace("_", " ").capitalize())
    window = "so far" if match["window"] == "lifetime" else f"in the last {match['window'][:-1]} days"
    return f"{match['stem'].removesuffix('_count').replace('_', ' ').capitalize()}, {window}"


def _highest(name: str, value: float) -> float:
    return max(2 * value, LEAST_REACH.get(name, SHORTEST_REACH))


def _is_amount(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value) and 0 <= value <= MOST


@cache
def _counts() -> frozenset[str]:
    """The features that count events in a window, or in a lifetime."""
    return frozenset(
        name for name, feature in features_by_name().items() if feature.form == "count" and WINDOW.fullmatch(name)
    )
