"""Runs of the generator: which users there are and what they are called."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from warehouse.landing.simulator.chance import exponential, stream
from warehouse.landing.simulator.clock import DAY, WEEKEND
from warehouse.landing.simulator.cohorts import Cohort, cohorts

PSEUDO_USER = "1261737"
FIRST_RANDOM_ID, LAST_RANDOM_ID = 1_000_025, 1_999_996
# Growth of the user base. Those who are there at the start registered this part of a year before, on average.
GROWTH_PER_YEAR = 0.1
YEAR = 365.25 * DAY


@dataclass(frozen=True)
class Service:
    """How a service is unlike the one of the published settings.

    `days_off` are the quiet weekdays (0 for Monday), `growth_per_year` is by how much the user base grows, and
    `cancellations` is how many times as often a page leads to Cancel.
    """

    days_off: tuple[int, ...] = WEEKEND
    growth_per_year: float = GROWTH_PER_YEAR
    cancellations: float = 1.0


SPARKIFY = Service()


@dataclass(frozen=True)
class Run:
    """One run of the generator: users who share a session counter. Times in seconds since 1970-01-01.

    `cohort` names the only cohort of a banded run; None mixes all of them by weight and gives random ids.
    """

    seed: int
    start: int
    users: int
    cohort: str | None
    service: Service = SPARKIFY

    @property
    def cohorts(self) -> tuple[Cohort, ...]:
        return tuple(cohort for cohort in cohorts(self.service.cancellations) if self.cohort in (None, cohort.name))

    @property
    def anonymous_id(self) -> str:
        return "" if self.cohort else PSEUDO_USER

    def arrivals(self) -> Iterator[tuple[int, int]]:
        """(second, user index) of each newcomer, without end: the user base grows by a fixed rate a year."""
        rng = stream(f"{self.seed}/{self.cohort}/arrivals")
        second = self.start
        for index in count(self.users):
            second += exponential(rng, YEAR / (index * self.service.growth_per_year))
            yield second, index

    def user_ids(self) -> Iterator[str]:
        """The id of each user by index: in order within a band, or at random and distinct."""
        if self.cohort:
            yield from map(str, count(self.cohorts[0].first_id))
        pool = np.arange(FIRST_RANDOM_ID, LAST_RANDOM_ID + 1)
        shuffled = np.random.default_rng(self.seed).permutation(pool[pool != int(PSEUDO_USER)])
        yield from map(str, shuffled)
