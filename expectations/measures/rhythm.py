"""What a log gives away by when its sessions begin: holes, a clock that is days off, too many cancellations.

Sessions begin one independently of the other, so chance has known limits; events come by the hundred and have none.
A log is a pandas frame here, in order of time, with one row per `hour` (since 1970 UTC) that has events: `event_count`,
the sessions that begin in it (`session_count`), and how many of these end in a cancellation (`cancelled_count`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Hours = NDArray[np.int64]

DAY = 24
WEEK = 7 * DAY
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
THURSDAY, SATURDAY = 3, 5
# On a day off half as many sessions begin: so it is in the published logs and in the settings of their generator.
DAY_OFF = 0.5
# A handful of rows follow the end of the published logs, up to two days later.
STRAY = 0.0005
# How many sessions begin is read off two weeks on both sides. A longer hole is for the suite of the dates to tell.
AROUND = 2 * WEEK
# Of fewer in an hour, the users are so few that their nights may coincide.
LEAST_RATE = 0.75
# In standard errors: on one side, once in two hundred times.
CONFIDENCE_995 = 2.576


@dataclass(frozen=True)
class Hole:
    """So many hours without an event, from hour `first` on, in which `sessions` were to begin."""

    first: int
    hours: int
    sessions: float


@dataclass(frozen=True)
class QuietDays:
    """Two weekdays in a row, `first` and the next, as the quiet ones of a log, and what speaks for them.

    Sessions are those that begin on one of the two, and on a Saturday or Sunday, on average. `evidence` is the natural
    logarithm of the likelihood ratio of the two against Saturday and Sunday.
    """

    first: int
    sessions: float
    sessions_at_weekends: float
    evidence: float

    @property
    def names(self) -> str:
        return f"{WEEKDAYS[self.first]} and {WEEKDAYS[(self.first + 1) % len(WEEKDAYS)]}"


def without_strays(log: pd.DataFrame) -> pd.DataFrame:
    """The log without the hours before and after which there is next to nothing."""
    passed = log.event_count.cumsum() / log.event_count.sum()
    before = passed - log.event_count / log.event_count.sum()
    return log[(passed >= STRAY) & (before <= 1 - STRAY)]


def holes(log: pd.DataFrame, end: int | None = None) -> list[Hole]:
    """The silences in a log; where it has to reach an hour `end`, also that between its last event and there.

    None where the events are in fewer hours than a day has: how many sessions begin is not known of such a log.
    """
    if len(log) < DAY:
        return []
    hours, begun = _sessions(log, end)
    weights = np.where(_weekdays(hours) >= SATURDAY, DAY_OFF, 1.0)
    sessions, time = np.append(0, begun.cumsum()), np.append(0, weights.cumsum())
    loud = log.hour.to_numpy() - hours[0]
    found = []
    for before, until in zip(loud, np.append(loud[1:], len(hours)), strict=True):
        first, low, high = before + 1, max(0, before - AROUND), min(len(hours), until + AROUND)
        rate = (sessions[high] - sessions[low]) / (time[high] - time[low])
        if first < until and until - first < AROUND and rate >= LEAST_RATE:
            found.append(Hole(int(hours[first]), int(until - first), float(rate * (time[until] - time[first]))))
    return found


def quiet_days(log: pd.DataFrame) -> QuietDays | None:
    """The likeliest quiet days other than Saturday and Sunday; None of a log of less than six days."""
    if log.empty or log.hour.iloc[-1] - log.hour.iloc[0] < 6 * DAY:
        return None
    hours, begun = _sessions(log)
    weekdays = _weekdays(hours)
    sessions = np.array([begun[weekdays == weekday].sum() for weekday in range(len(WEEKDAYS))])
    time = np.bincount(weekdays, minlength=len(WEEKDAYS)).astype(np.float64)
    likelihoods = [_log_likelihood(sessions, time, first) for first in range(len(WEEKDAYS))]
    first = max(set(range(len(WEEKDAYS))) - {SATURDAY}, key=likelihoods.__getitem__)
    counts = [sessions[days].sum() / max(1, time[days].sum()) * DAY for days in (_two_days(first), _two_days(SATURDAY))]
    return QuietDays(first, counts[0], counts[1], likelihoods[first] - likelihoods[SATURDAY])


def least_mean(count: int) -> float:
    """The mean at which one in two hundred Poisson counts is as large: the lower limit of 99.5 % confidence.

    Byar's approximation of the exact limit: Breslow and Day, Statistical Methods in Cancer Research II (1987), p. 69.
    """
    return count * max(0.0, 1 - 1 / (9 * count) - CONFIDENCE_995 / (3 * sqrt(count))) ** 3 if count else 0.0


def _sessions(log: pd.DataFrame, end: int | None = None) -> tuple[Hours, Numbers]:
    """All hours from the first event to the last, or to `end`, and the sessions that begin in each.

    Those of the first hour ran already when the log began.
    """
    hours = np.arange(log.hour.iloc[0], max(log.hour.iloc[-1] + 1, end or 0))
    begun = np.zeros(len(hours))
    begun[log.hour.to_numpy()[1:] - hours[0]] = log.session_count.to_numpy()[1:]
    return hours, begun


def _weekdays(hours: Hours) -> Hours:
    """0 for Monday; 1970 began on a Thursday."""
    return (hours // DAY + THURSDAY) % len(WEEKDAYS)


def _log_likelihood(sessions: Numbers, time: Numbers, first: int) -> float:
    """Of sessions by weekday in so much time, if the quiet days were `first` and the next; but for a constant."""
    rates = np.ones(len(WEEKDAYS))
    rates[_two_days(first)] = DAY_OFF
    return float(sessions @ np.log(rates) - sessions.sum() * np.log(time @ rates))


def _two_days(first: int) -> list[int]:
    return [first, (first + 1) % len(WEEKDAYS)]
