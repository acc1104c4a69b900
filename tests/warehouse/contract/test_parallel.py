"""Work side by side ends as work one by one would."""

from __future__ import annotations

import time
from functools import partial

import pytest

from warehouse.contract.parallel import AT_ONCE, in_parallel


def late(number: int, seconds: float, ended: list[int], fault: str = "") -> int:
    """Return a number after some seconds, or fail then."""
    time.sleep(seconds)
    ended.append(number)
    if fault:
        raise ValueError(fault)
    return number


@pytest.mark.usefixtures("spark")
def test_results_come_in_the_order_of_the_tasks() -> None:
    numbers = range(2 * AT_ONCE)
    assert in_parallel([partial(late, number, 0.2 / (number + 1), []) for number in numbers]) == [*numbers]


@pytest.mark.usefixtures("spark")
def test_of_several_faults_the_first_in_order_is_told_when_all_have_ended() -> None:
    ended: list[int] = []
    tasks = [
        partial(late, 0, 0.2, ended, "the first"),
        partial(late, 1, 0, ended, "another"),
        partial(late, 2, 0.4, ended),
    ]
    with pytest.raises(ValueError, match="the first"):
        in_parallel(tasks)
    assert sorted(ended) == [0, 1, 2]
