"""Work for Spark side by side."""

from __future__ import annotations

from functools import partial
from multiprocessing.pool import ThreadPool
from typing import TYPE_CHECKING, TypeVar

from pyspark import inheritable_thread_target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Result = TypeVar("Result")
# A fit or a small query waits for the scheduler more than it computes, so more of them than cores pay.
AT_ONCE = 4


def in_parallel(tasks: Sequence[Callable[[], Result]]) -> list[Result]:
    """Return what the tasks return, in their order; they run some at a time, in threads that Spark knows.

    Where some fail, all come to their end, and the first of them in that order raises.
    """
    # Wrapped one by one: each wrapping copies Spark's local properties, and threads that share a copy break each other.
    wrapped: list[Callable[[], Result]] = [inheritable_thread_target(partial(task)) for task in tasks]
    with ThreadPool(AT_ONCE) as pool:
        running = [pool.apply_async(task) for task in wrapped]
        for each in running:
            each.wait()
        return [each.get() for each in running]
