"""When sessions begin: the generator's gaps between sessions, its day and night and its weekends.

All times are whole seconds since 1970-01-01 00:00 UTC.
Source of the rules: Interana eventsim, TimeUtilities and Session. Its cohort files ask for a daily wave of 0.09375
and its code for quiet holidays. The published logs have the rows by hour (peak to trough 1.4) of the built-in wave of
0.0625, and the rows on Mondays and the sessions a user of a calendar without holidays: that is what stands here.
"""

import random
from collections.abc import Collection
from datetime import date
from math import pi, sin

from warehouse.landing.simulator.chance import exponential

DAY = 86_400
SESSION_GAP = 1_800
DAILY_DAMPING = 0.0625
QUIETEST_SECOND = 3 * 3_600
DAY_OFF_DAMPING = 0.5
HALF_RAMP = 3 * 3_600
EPOCH = date(1970, 1, 1)
WEEKEND = (5, 6)


def next_session(rng: random.Random, last: int, mean_gap: float, days_off: Collection[int] = WEEKEND) -> int:
    """Start of the session after one that ended at `last`, for a user with this mean gap in seconds."""
    while True:
        begin = _warp(last + exponential(rng, mean_gap) + SESSION_GAP)
        if begin < last:
            last += SESSION_GAP
        elif rng.random() >= damping(begin, days_off):
            return begin
        else:
            last = begin


def _warp(moment: int) -> int:
    """Push a moment away from the quiet hours: a sine of the time of day."""
    angle = (moment % DAY - QUIETEST_SECOND) * 2 * pi / DAY
    return moment + int(DAILY_DAMPING * DAY * sin(angle))


def damping(moment: int, days_off: Collection[int] = WEEKEND) -> float:
    """Probability that a session beginning now is dropped: 0.5 on days off, ramps of six hours around midnight."""
    day, second = divmod(moment, DAY)
    if second < HALF_RAMP:
        before, after, passed = day - 1, day, HALF_RAMP + second
    elif second >= DAY - HALF_RAMP:
        before, after, passed = day, day + 1, second - (DAY - HALF_RAMP)
    else:
        return DAY_OFF_DAMPING * is_day_off(day, days_off)
    share = passed / (2 * HALF_RAMP)
    return DAY_OFF_DAMPING * (is_day_off(before, days_off) * (1 - share) + is_day_off(after, days_off) * share)


def is_day_off(day: int, days_off: Collection[int]) -> bool:
    """Whether a day (counted from 1970-01-01) is one of these weekdays (0 for Monday)."""
    return (day + EPOCH.weekday()) % 7 in days_off
