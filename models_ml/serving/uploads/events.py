"""The events of an uploaded log by user, each once, and the time in which they are observed.

The rules are those of the models stg_sparkify__events, int_memberships and int_observation_window.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from sys import intern
from typing import TYPE_CHECKING, NamedTuple

from models_ml.serving.uploads.pages import CANCEL_FLOW, CANCELLED, KNOWN_PAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MILLISECONDS_A_DAY = 86_400_000
# The vars stretch_gap_days and closing_date_min_share of dbt_project.yml.
STRETCH_GAP_DAYS, CLOSING_DATE_MIN_SHARE = 28, 0.1
BEFORE_ALL = -1


class Event(NamedTuple):
    """One event: `ts` in milliseconds since 1970 UTC; the order of the fields is that of a user's events.

    An `item` of BEFORE_ALL was not said. `level` is None where the row shows none.
    """

    ts: int
    session: int
    item: int
    event_id: bytes
    page: str
    level: str | None

    @property
    def day(self) -> int:
        """The date, in days since 1970."""
        return self.ts // MILLISECONDS_A_DAY

    @property
    def is_counted(self) -> bool:
        """Whether it is one of the events that are counted: the Cancel flow is timed and not counted."""
        return self.page not in CANCEL_FLOW


class Profile(NamedTuple):
    """Who a user is, as an event says: `registered_at` in milliseconds since 1970 UTC."""

    registered_at: int
    gender: str | None
    location: str | None
    user_agent: str | None


@dataclass
class User:
    """The events of a user on known pages, and the profile that the first of them says."""

    events: list[Event] = field(default_factory=list)
    first: tuple[Event, Profile] | None = None

    def add(self, event: Event, profile: Profile) -> None:
        """Add an event, in any order of time."""
        self.events.append(event)
        if self.first is None or event[:4] < self.first[0][:4]:
            self.first = event, profile

    def is_member(self, as_of: int) -> bool:
        """Whether the user has come before a moment, and not cancelled since: starts and cancellations take turns."""
        moments = sorted(moment for moment in _moments(self.events) if moment[0] < as_of)
        is_member = False
        for _, is_cancellation in moments:
            is_member = not is_cancellation if is_member == is_cancellation else is_member
        return is_member


class Log:
    """All users of a log; an event that comes once more, by its hash, is the same event."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self._seen: set[bytes] = set()

    @property
    def distinct(self) -> int:
        """How many events were added, each counted once."""
        return len(self._seen)

    def add(self, user_id: str, event: Event, profile: Profile) -> None:
        """Add an event of a known user; those on pages that nobody knows count for nothing."""
        if event.event_id in self._seen:
            return
        self._seen.add(event.event_id)
        if event.page in KNOWN_PAGES:
            level = event.level and intern(event.level)
            self.users.setdefault(user_id, User()).add(event._replace(page=intern(event.page), level=level), profile)


class Stretch(NamedTuple):
    """A time without long gaps: its first event in milliseconds, the first date, and the date that closes it."""

    observed_from: int
    first_day: int
    closing_day: int


def stretches(users: Iterable[User]) -> list[Stretch]:
    """The stretches of a log: each closes with its last date that has a fair share of events."""
    counts, firsts = Counter[int](), dict[int, int]()
    for user in users:
        for event in user.events:
            counts[event.day] += event.is_counted
            if event.is_counted or event.page == CANCELLED:
                firsts[event.day] = min(event.ts, firsts.get(event.day, event.ts))
    return [_stretch(days, counts, firsts) for days in _runs(sorted(counts)) if any(day in firsts for day in days)]


def stretch_of(found: Sequence[Stretch], as_of_day: int) -> Stretch | None:
    """The stretch in which a snapshot at the start of a date has all that it needs; None in none."""
    return next((each for each in found if each.first_day < as_of_day <= each.closing_day + 1), None)


def _stretch(days: list[int], counts: Counter[int], firsts: dict[int, int]) -> Stretch:
    observed_from = min(firsts[day] for day in days if day in firsts)
    least = median(counts[day] for day in days) * CLOSING_DATE_MIN_SHARE
    return Stretch(observed_from, observed_from // MILLISECONDS_A_DAY, max(day for day in days if counts[day] >= least))


def _runs(days: list[int]) -> list[list[int]]:
    """Sorted dates, cut where more than STRETCH_GAP_DAYS lie between two."""
    runs = [days[:1]] if days else []
    for before, day in pairwise(days):
        if day - before > STRETCH_GAP_DAYS:
            runs.append([])
        runs[-1].append(day)
    return runs


def _moments(events: Iterable[Event]) -> Iterable[tuple[int, bool]]:
    """When each session began, and each cancellation of a session and date: the latter are True."""
    starts, cancellations = dict[int, int](), dict[tuple[int, int], int]()
    for event in events:
        if event.is_counted:
            starts[event.session] = min(event.ts, starts.get(event.session, event.ts))
        elif event.page == CANCELLED:
            key = (event.session, event.day)
            cancellations[key] = min(event.ts, cancellations.get(key, event.ts))
    yield from ((moment, False) for moment in starts.values())
    yield from ((moment, True) for moment in cancellations.values())
