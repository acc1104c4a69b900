"""Spark's tasks as a way to share work of Python among cores: no rows go through Java."""

from __future__ import annotations

import math
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from pyspark import TaskContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    # Called with how much is done, and how much there is.
    Watch = Callable[[int, int], object]

T = TypeVar("T")
R = TypeVar("R")

_LEAST_BYTES, _MOST_BYTES = 8 << 20, 128 << 20
_SHARES = 8
_UMASK = "spark.hadoop.fs.permissions.umask-mode"
_SECONDS_BETWEEN_LOOKS = 1.0


def task_bytes(total: int) -> int:
    """Return how many bytes of text a task takes: enough tasks for some cores, and none with very little or much."""
    return min(max(math.ceil(total / _SHARES), _LEAST_BYTES), _MOST_BYTES)


def unwatched(done: int, total: int) -> None:
    """Tell nobody."""


def in_tasks(
    spark: SparkSession, function: Callable[[T, str], R], parts: Sequence[T], watch: Watch = unwatched
) -> list[R]:
    """Return what a function makes of each part and of the name of its task, which no other task or attempt has."""
    if not parts:
        return []
    context = spark.sparkContext
    mask = _umask(spark)

    def work(part: T) -> R:
        # As Hadoop's files: the user of another machine may have another one.
        os.umask(mask)
        return function(part, _name_of_task())

    with _watched(context, len(parts), watch):
        return context.parallelize(parts, len(parts)).map(work).collect()


def let_tasks_in(spark: SparkSession, folder: Path) -> None:
    """Open a folder that is its owner's alone to the group, where tasks may be another user's, if the umask does."""
    if not is_local(spark):
        folder.chmod(0o770 & ~_umask(spark))


def _umask(spark: SparkSession) -> int:
    """That of this process, as Hadoop is told of it."""
    return int(spark.sparkContext.getConf().get(_UMASK, "0022"), 8)


def is_local(spark: SparkSession) -> bool:
    """Whether tasks run in processes of this machine and this user."""
    found: bool = spark.sparkContext._jsc.sc().isLocal()  # noqa: SLF001
    return found


def _name_of_task() -> str:
    context = TaskContext.get()
    return f"{context.partitionId():05d}-{context.taskAttemptId()}" if context else "0"


@contextmanager
def _watched(context: SparkContext, total: int, watch: Watch) -> Iterator[None]:
    """Tell once a second how many tasks of the stage that runs are done."""
    ended = threading.Event()

    def look() -> None:
        tracker = context.statusTracker()
        while not ended.wait(_SECONDS_BETWEEN_LOOKS):
            stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
            # There is none before the stage begins and after it has ended.
            if done := sum(stage.numCompletedTasks for stage in stages if stage):
                watch(done, total)

    watching = threading.Thread(target=look, name="watch-tasks", daemon=True)
    if watch is not unwatched:
        watching.start()
    try:
        yield
    finally:
        ended.set()
        if watching.is_alive():
            watching.join()
    watch(total, total)
