"""What a log lets expect of its hours and days, by its own rhythm: holes, dates unlike those before, a clock days off.

Sessions begin one independently of the other, so chance has known limits; events come by the hundred and have none.
A log is a pandas frame here, in order of time, with one row per `hour` (since 1970 UTC) that has events: `event_count`,
the sessions that begin in it (`session_count`), and how many of these end in a cancellation (`cancelled_count`).
How many sessions an hour lets expect is a level, which moves, times the weight of its weekday, times that of its hour
of the day, both as the log itself has them. `closed` are times from an hour until another in which nothing is expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log as ln
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Closed = Sequence[tuple[int, int]]

DAY = 24
WEEK = 7 * DAY
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
THURSDAY, SATURDAY = 3, 5
# On a day off half as many sessions begin: so it is in the published logs and in the settings of their generator.
DAY_OFF = 0.5
# A handful of rows follow the end of the published logs, up to two days later.
STRAY = 0.0005
# The level is read off two weeks on both sides, or off the two before, and the weekdays then off four: a service grows.
AROUND, BEFORE, LEAST_BEFORE = 2 * WEEK, 28, 14
# So many sessions as if seen everywhere alike keep the weights of a small log near 1.
PRIOR_OF_WEEKDAY, PRIOR_OF_HOUR = 10.0, 5.0
# A gap is looked at where hours of some times the average would fill it with so many sessions.
PEAK, LEAST_HOLE = 4.0, 4.0
# Of fewer in an hour, the users are so few that their nights may coincide.
LEAST_RATE = 0.75
# The median of a squared standard normal: of a dispersion by the median, one bad day has no say in.
MEDIAN_OF_CHI2 = 0.4549


@dataclass(frozen=True)
class Hole:
    """So many hours without an event, from hour `first` on, in which `sessions` were to begin."""

    first: int
    hours: int
    sessions: float


@dataclass(frozen=True)
class Forecast:
    """The sessions of a day (since 1970), what the weeks before it let expect, and how many errors lie between.

    The level is that of the two weeks before, the weekdays are those of four. An error is the standard error of the
    logarithm of their ratio: by chance, by the dispersion of those weeks, and by how little they tell of the weekday.
    """

    day: int
    sessions: float
    expected: float
    error: float

    @property
    def errors(self) -> float:
        return abs(ln((self.sessions + 0.5) / (self.expected + 0.5))) / self.error


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


def holes(log: pd.DataFrame, end: int | None = None, closed: Closed = ()) -> list[Hole]:
    """The silences in a log; where it has to reach an hour `end`, also that between its last event and there.

    None where the events are in fewer hours than a day has: how many sessions begin is not known of such a log. The
    sessions of a hole are as many as chance alone would have to explain: fewer where days scatter more than chance.
    """
    if len(log) < DAY:
        return []
    hours, begun = _sessions(log, end)
    is_open = _is_open(hours, closed)
    level = begun.sum() / max(1, is_open.sum())
    loud = log.hour.to_numpy() - hours[0]
    found = []
    for before, until in zip(loud.tolist(), [*loud[1:].tolist(), len(hours)], strict=True):
        first = before + 1
        # What a few sessions would not fill is no hole, whatever its hours.
        if level * PEAK * is_open[first:until].sum() >= LEAST_HOLE:
            found.append(Hole(int(hours[first]), until - first, _expected(hours, begun, is_open, first, until)))
    return found


def forecasts(log: pd.DataFrame, end: int | None = None, closed: Closed = ()) -> list[Forecast]:
    """Of each whole date after two weeks, how many sessions began, and how many those of before let expect.

    The first and last date of a log are whole only where `end` says so; a date with a closed hour is not looked at.
    """
    if log.empty:
        return []
    hours, begun = _sessions(log, end)
    days, sessions, open_hours = _by_day(hours, begun, _is_open(hours, closed).astype(np.float64))
    is_whole = open_hours == DAY
    if not is_whole.any():
        return []
    # A date without any session is no level, unless there are so few that such dates are usual.
    is_level = is_whole & ((sessions > 0) | (np.median(sessions[is_whole]) < 1))
    found = []
    for place in np.flatnonzero(is_whole).tolist():
        before = np.flatnonzero(is_level[:place])[-BEFORE:]
        if len(before) >= LEAST_BEFORE:
            found.append(_forecast(days, sessions, before, place))
    return found


def clock_shift(log: pd.DataFrame, from_hour: int) -> tuple[int, float]:
    """By how many days the clock since an hour is likeliest to be off, and the evidence for it against none.

    The log before and since then have the same weekdays, but for the shift: both samples have their say in what these
    are. Evidence is the natural logarithm of the likelihood ratio, by the dispersion of the days before.
    """
    hours, begun = _sessions(log)
    since = hours >= from_hour
    scatter = dispersion(*_by_day(hours, begun, _weights(hours, begun, ~since) * ~since))
    (old, old_time), (new, new_time) = (_by_weekday(hours[part], begun[part]) for part in (~since, since))
    likelihoods = [
        _likelihood(old + np.roll(new, -shift), old_time + np.roll(new_time, -shift)) for shift in range(len(WEEKDAYS))
    ]
    shift = 1 + int(np.argmax(likelihoods[1:]))
    return shift, float(likelihoods[shift] - likelihoods[0]) / scatter


def quiet_days(log: pd.DataFrame) -> QuietDays | None:
    """The likeliest quiet days other than Saturday and Sunday; None of a log of less than six days."""
    if log.empty or log.hour.iloc[-1] - log.hour.iloc[0] < 6 * DAY:
        return None
    sessions, time = _by_weekday(*_sessions(log))
    likelihoods = [_log_likelihood(sessions, time, first) for first in range(len(WEEKDAYS))]
    first = max(set(range(len(WEEKDAYS))) - {SATURDAY}, key=likelihoods.__getitem__)
    counts = [sessions[days].sum() / max(1, time[days].sum()) * DAY for days in (_two_days(first), _two_days(SATURDAY))]
    return QuietDays(first, counts[0], counts[1], likelihoods[first] - likelihoods[SATURDAY])


def dispersion(days: Whole, sessions: Numbers, weights: Numbers) -> float:
    """How many times the variance of the days around their level is that of chance; at least 1."""
    indices = np.arange(len(days))
    is_near = np.abs(indices[:, None] - indices) <= len(WEEKDAYS)
    expected = (is_near @ sessions) / np.maximum(is_near @ weights, 1e-9) * weights
    is_seen = expected > 0
    if len(days) < LEAST_BEFORE or not is_seen.any():
        return 1.0
    squares = (sessions[is_seen] - expected[is_seen]) ** 2 / expected[is_seen]
    return max(1.0, float(np.median(squares)) / MEDIAN_OF_CHI2)


def _forecast(days: Whole, sessions: Numbers, before: Whole, place: int) -> Forecast:
    weekdays = _weekdays(days * DAY)
    weights = _shrunk(sessions[before], np.ones(len(before)), weekdays[before], len(WEEKDAYS), PRIOR_OF_WEEKDAY)
    newest = before[-LEAST_BEFORE:]
    level = sessions[newest].sum() / weights[weekdays[newest]].sum()
    expected = level * weights[weekdays[place]]
    scatter = dispersion(days[before], sessions[before], weights[weekdays[before]])
    of_weekday = sessions[before][weekdays[before] == weekdays[place]].sum()
    variance = scatter * (1 / (expected + 0.5) + 1 / (of_weekday + PRIOR_OF_WEEKDAY))
    return Forecast(int(days[place]), float(sessions[place]), float(expected), sqrt(variance))


def _expected(hours: Whole, begun: Numbers, is_open: Flags, first: int, until: int) -> float:
    """How many sessions were to begin from one place until another, by what the log is like but for these hours.

    Where its days scatter so many times more than chance, so many times fewer.
    """
    others = is_open.copy()
    others[first:until] = False
    weights = _weights(hours, begun, others)
    near = slice(max(0, first - AROUND), until + AROUND)
    time = weights[near][others[near]].sum()
    if time == 0 or (begun[near].sum() / others[near].sum() < LEAST_RATE and until - first < DAY):
        return 0.0
    expected = weights[first:until][is_open[first:until]].sum()
    scatter = dispersion(*_by_day(hours, begun, weights * others))
    return float(begun[near].sum() / time * expected / scatter)


def _sessions(log: pd.DataFrame, end: int | None = None) -> tuple[Whole, Numbers]:
    """All hours from the first event to the last, or to `end`, and the sessions that begin in each.

    Those of the first hour ran already when the log began.
    """
    hours = np.arange(log.hour.iloc[0], max(log.hour.iloc[-1] + 1, end or 0))
    begun = np.zeros(len(hours))
    begun[log.hour.to_numpy()[1:] - hours[0]] = log.session_count.to_numpy()[1:]
    return hours, begun


def _is_open(hours: Whole, closed: Closed) -> Flags:
    is_open = np.ones(len(hours), np.bool_)
    for first, until in closed:
        is_open[(hours >= first) & (hours < until)] = False
    return is_open


def _weights(hours: Whole, begun: Numbers, is_open: Flags) -> Numbers:
    """What the weekday and the hour of the day of each hour make of its level."""
    weekdays, times = _weekdays(hours), hours % DAY
    of_weekday = _shrunk(begun, is_open.astype(np.float64), weekdays, len(WEEKDAYS), PRIOR_OF_WEEKDAY)
    of_time = _shrunk(begun, is_open * of_weekday[weekdays], times, DAY, PRIOR_OF_HOUR)
    weights: Numbers = of_weekday[weekdays] * of_time[times]
    return weights


def _shrunk(counts: Numbers, time: Numbers, groups: Whole, size: int, prior: float) -> Numbers:
    """Of each group, how many times the rate of all it has, drawn towards 1 by a prior count."""
    rate = counts.sum() / max(time.sum(), 1e-9)
    seen = np.bincount(groups, counts, size)
    expected = np.bincount(groups, time, size) * rate
    weights: Numbers = (seen + prior) / (expected + prior)
    return weights


def _by_day(hours: Whole, *values: Numbers) -> tuple[Whole, Numbers, Numbers]:
    """The days (since 1970) of the hours, and the sum of each of two values."""
    days = hours // DAY
    first, second = (np.bincount(days - days[0], each).astype(np.float64) for each in values)
    return np.arange(days[0], days[-1] + 1, dtype=np.int64), first, second


def _by_weekday(hours: Whole, begun: Numbers) -> tuple[Numbers, Numbers]:
    weekdays = _weekdays(hours)
    sessions = np.bincount(weekdays, begun, len(WEEKDAYS)).astype(np.float64)
    return sessions, np.bincount(weekdays, minlength=len(WEEKDAYS)).astype(np.float64)


def _weekdays(hours: Whole) -> Whole:
    """0 for Monday; 1970 began on a Thursday."""
    return (hours // DAY + THURSDAY) % len(WEEKDAYS)


def _likelihood(sessions: Numbers, time: Numbers) -> float:
    """The logarithm of the likelihood of sessions by weekday in so much time at its maximum, but for a constant."""
    is_seen = sessions > 0
    return float(sessions[is_seen] @ np.log(sessions[is_seen] / time[is_seen]))


def _log_likelihood(sessions: Numbers, time: Numbers, first: int) -> float:
    """Of sessions by weekday in so much time, if the quiet days were `first` and the next; but for a constant."""
    rates = np.ones(len(WEEKDAYS))
    rates[_two_days(first)] = DAY_OFF
    return float(sessions @ np.log(rates) - sessions.sum() * np.log(time @ rates))


def _two_days(first: int) -> list[int]:
    return [first, (first + 1) % len(WEEKDAYS)]
