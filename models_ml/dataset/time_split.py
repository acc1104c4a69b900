"""The time-ordered split: test on the newest known snapshots, train on those whose horizon ends before these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from models_ml.errors import TooFewSnapshots

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date


@dataclass(frozen=True)
class TimeSplit:
    """Snapshot dates of a training. `embargoed` snapshots are known, but their horizon reaches into the test."""

    train: tuple[date, ...]
    embargoed: tuple[date, ...]
    test: tuple[date, ...]
    embargo_days: int

    def __str__(self) -> str:
        return (
            f"train {self.train[0]}..{self.train[-1]} ({len(self.train)} snapshots), "
            f"embargo {self.embargo_days} days ({len(self.embargoed)} snapshots left out), "
            f"test {self.test[0]}..{self.test[-1]} ({len(self.test)})"
        )


def split_by_time(
    known: Sequence[date], embargo_days: int, test_snapshots: int, test_from: date | None = None
) -> TimeSplit:
    """Hold back the last `test_snapshots` of the known snapshots and train on those with as_of + embargo <= first test.

    With `test_from`, hold back the first `test_snapshots` from that date on: later ones are as if not yet known.

    Raises:
        TooFewSnapshots: no snapshot is early enough to train on.
    """
    dates = sorted(known)
    if not dates:
        msg = "no snapshot has known labels yet: build the warehouse on a longer log, past a snapshot and its horizon"
        raise TooFewSnapshots(msg)
    test = tuple(dates[-test_snapshots:])
    if test_from:
        test = tuple(day for day in dates if day >= test_from)[:test_snapshots]
        if not test:
            msg = f"no snapshot from {test_from} on has known labels, only up to {dates[-1]}: test from an earlier date"
            raise TooFewSnapshots(msg)
    train = tuple(day for day in dates if day + timedelta(days=embargo_days) <= test[0])
    if not train:
        msg = (
            f"snapshots with known labels: {dates[0]}..{dates[-1]} ({len(dates)}); a training snapshot has to lie "
            f"{embargo_days} days before the first of {test_snapshots} test snapshots: "
            "build the warehouse on a longer log, or with a shorter horizon"
        )
        raise TooFewSnapshots(msg)
    embargoed = tuple(day for day in dates if train[-1] < day < test[0])
    return TimeSplit(train, embargoed, test, embargo_days)
