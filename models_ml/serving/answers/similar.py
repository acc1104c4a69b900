"""Customers who were alike at a past date, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models_ml.evaluation.reliability import wilson_interval
from models_ml.serving.contents import ELEMENT
from models_ml.serving.scoring import columns_of
from models_ml.serving.store import kept_by_store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models_ml.portable.arrays import Floats
    from models_ml.serving.store import Store

NEAREST = 20


@dataclass(frozen=True)
class Neighbour:
    """Another customer at a past date, so many standard deviations away, and whether the outcome came in time."""

    user_id: str
    as_of_date: str
    distance: float
    has_left: bool


@dataclass(frozen=True)
class Similar:
    """The nearest customers, the nearest first; how many left, with the 95 % interval of their share (Wilson).

    `customers` and `snapshots` are those among which they were sought, `share_of_all` is how many of these left.
    """

    nearest: tuple[Neighbour, ...]
    left: int
    share: float
    low: float
    high: float
    customers: int
    snapshots: int
    share_of_all: float


@dataclass(frozen=True, eq=False)
class Past:
    """Past snapshots whose outcome is known: the champion's elements, less their mean, in standard deviations."""

    users: list[str]
    customers: int
    dates: list[str]
    outcomes: NDArray[np.bool_]
    standardised: Floats
    mean: Floats
    deviation: Floats


def similar(store: Store, user_id: str, of_user: dict[str, Any] | None) -> Similar | None:
    """Return the 20 nearest others, each at the date of most likeness; None where nothing can be compared."""
    if store.model is None or of_user is None:
        return None
    past = _past(store)
    if past is None:
        return None
    own = (store.model.elements(columns_of(store.model, [of_user])) - past.mean) / past.deviation
    distances = np.sqrt(((past.standardised - own) ** 2).sum(axis=1))
    places = _nearest_of_each(past, distances, user_id)
    return _similar(past, distances, places) if places else None


def _nearest_of_each(past: Past, distances: Floats, user_id: str) -> list[int]:
    """The places of the nearest snapshots, one of each customer but the one who is compared."""
    seen, places = {user_id}, []
    for place in np.argsort(distances, kind="stable").tolist():
        if past.users[place] not in seen:
            seen.add(past.users[place])
            places.append(place)
        if len(places) == NEAREST:
            break
    return places


def _similar(past: Past, distances: Floats, places: list[int]) -> Similar:
    nearest = tuple(
        Neighbour(past.users[place], past.dates[place], float(distances[place]), bool(past.outcomes[place]))
        for place in places
    )
    left = sum(each.has_left for each in nearest)
    share = left / len(nearest)
    low, high = wilson_interval(share, len(nearest))
    return Similar(nearest, left, share, low, high, past.customers, len(past.users), float(past.outcomes.mean()))


@kept_by_store
def _past(store: Store) -> Past | None:
    """The past of a publication; None where no outcome is known, or an earlier version wrote the file."""
    if not {"past", "past_elements"} <= store.tables:
        return None
    rows = store.rows("select * from past order by rowid")
    units = store.rows("select mean, deviation from past_elements order by rowid")
    users = [row["user_id"] for row in rows]
    standardised = np.frombuffer(b"".join(row["elements"] for row in rows), ELEMENT)
    return Past(
        users=users,
        customers=len(set(users)),
        dates=[row["as_of_date"] for row in rows],
        outcomes=np.array([bool(row["outcome"]) for row in rows]),
        standardised=standardised.reshape(len(rows), len(units)),
        mean=np.array([unit["mean"] for unit in units], float),
        deviation=np.array([unit["deviation"] for unit in units], float),
    )
