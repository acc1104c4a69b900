"""The features of a user at the start of a date, from the user's events: the formulas of the warehouse's models.

They are those of int_user_snapshots_counts, _recency, _profile and of the level of _plan: all counts in windows and
over the lifetime, how long ago, who the user is. Other features (ratios, trends, variety) are not computed here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from models_ml.serving.uploads.pages import CANCEL_FLOW, LEVELS_AFTER, MEASURES, RECENCY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from models_ml.serving.uploads.events import Event, Profile, User

    Days = dict[str, Counter[int]]
    Features = dict[str, Any]

WINDOWS = (1, 3, 7, 14, 28)
SECONDS_A_DAY = 86_400
BY_LEVEL = {"NextSong": "song_count", "Roll Advert": "advert_count"}
ON_LEVEL = {f"{level}_{measure}" for level in ("free", "paid") for measure in BY_LEVEL.values()}
COUNTED = (*MEASURES.values(), "event_count", "session_count", "active_day_count", *sorted(ON_LEVEL))
# An agent names several; the first of these is the truest (macro device_family).
DEVICES = ("iPad", "iPhone", "Macintosh", "Windows", "Linux")


def features(user: User, as_of_day: int, observed_from: int) -> Features:
    """What was known of a user just before a date, in days since 1970, in a log observed from a moment in ms.

    The user has an event before it. Counts, days as fractions of 24 hours, texts; None for what is not known.
    """
    events = sorted(event for event in user.events if event.day < as_of_day)
    days = _days(events)
    return {
        **dict(_counts(days, as_of_day)),
        **_recency(events, as_of_day),
        **_profile(user, as_of_day, observed_from),
        "level": _level(events),
        "has_downgraded": days["downgrade_count"].total() > 0,
    }


def _counts(days: Days, as_of_day: int) -> Iterator[tuple[str, int]]:
    for measure in COUNTED:
        yield f"{measure}_lifetime", days[measure].total()
        for window in WINDOWS:
            first = as_of_day - window
            yield f"{measure}_{window}d", sum(count for day, count in days[measure].items() if day >= first)


def _days(events: Iterable[Event]) -> Days:
    """How often each measure was on each date; `events` are in order."""
    days, first_days, last_level = defaultdict[str, Counter[int]](Counter), dict[int, int](), None
    starts = set[tuple[int, int]]()
    for event in events:
        if event.page in MEASURES:
            days[MEASURES[event.page]][event.day] += 1
        known_level = event.level or last_level
        if event.page in BY_LEVEL and known_level:
            days[f"{known_level}_{BY_LEVEL[event.page]}"][event.day] += 1
        last_level = _level_after(event) or last_level
        first_day = first_days.setdefault(event.session, event.day)
        if event.is_counted:
            days["event_count"][event.day] += 1
            if event.day == first_day:
                starts.add((event.session, event.day))
    days["session_count"].update(day for _, day in starts)
    days["active_day_count"].update(days["event_count"].keys())
    return days


def _recency(events: list[Event], as_of_day: int) -> Features:
    """Days since the first and the last event that counts, and the last on each page."""
    as_of = as_of_day * SECONDS_A_DAY
    counted = [event for event in events if event.is_counted]
    last = {event.page: event for event in counted}
    moments = {f"last_{name}": last.get(page) for page, name in RECENCY.items()}
    moments |= {"last_event": counted[-1] if counted else None, "first_event": counted[0] if counted else None}
    return {f"days_since_{name}": event and _days_between(event.ts, as_of) for name, event in moments.items()}


def _profile(user: User, as_of_day: int, observed_from: int) -> Features:
    if user.first is None:
        return {}
    event, profile = user.first
    as_of = as_of_day * SECONDS_A_DAY
    return {
        "days_since_registration": max(_days_between(profile.registered_at, as_of), 0),
        "days_observed": _days_between(max(min(profile.registered_at, event.ts), observed_from), as_of),
        "gender": profile.gender,
        "state": _state(profile),
        "device_family": _device(profile),
    }


def _level(events: list[Event]) -> str | None:
    return next((level for event in reversed(events) if (level := _level_after(event))), None)


def _level_after(event: Event) -> str | None:
    """The level that is in force after an event; None where it tells nothing, as the Cancel flow never does."""
    return None if event.page in CANCEL_FLOW else LEVELS_AFTER.get(event.page, event.level)


def _state(profile: Profile) -> str | None:
    """The state of a location such as `New York, NY-NJ`: the first that it names."""
    return profile.location and profile.location.split(", ")[-1].split("-")[0]


def _device(profile: Profile) -> str | None:
    agent = profile.user_agent
    return agent if agent is None else next((each for each in DEVICES if each in agent), "Other")


def _days_between(earlier: int, as_of: int) -> float:
    """Days from a moment in milliseconds to one in seconds: the warehouse counts whole seconds."""
    return (as_of - earlier // 1000) / SECONDS_A_DAY
