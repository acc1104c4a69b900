"""The end of a statement that takes too long, or that somebody no longer waits for: Spark stops working on it."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from pyspark.sql import SparkSession

HEEDED = 3.0  # seconds that Spark gets to stop; with the process it stops anyway


class TookTooLong(SparkhouseError, TimeoutError):
    """A statement was not done within its time."""

    @classmethod
    def after(cls, seconds: float | None) -> TookTooLong:
        """Say so of one that had so many seconds."""
        return cls(
            f"the statement was not done within {seconds:g} s, and was cancelled: ask for less, or raise --timeout"
        )


class _Alarm(BaseException):
    """The time is up. No Exception: py4j would take that for a fault of its own."""


def _ring(_signal: int, _frame: FrameType | None) -> None:
    raise _Alarm


@contextmanager
def interruptible(spark: SparkSession, seconds: float | None = None) -> Iterator[None]:
    """Run a block in the main thread; after so many seconds or on Ctrl-C, Spark's jobs are cancelled.

    A signal ends the wait for Spark wherever it is, in the planning of a statement too, which cannot be cancelled.

    Raises:
        TookTooLong: the time was up.
        KeyboardInterrupt: Ctrl-C.
    """
    try:
        with _handlers(), _alarm(seconds):
            yield
    except KeyboardInterrupt:
        _cancel_jobs(spark)
        raise
    except _Alarm:
        _cancel_jobs(spark)
        raise TookTooLong.after(seconds) from None


@contextmanager
def _alarm(seconds: float | None) -> Iterator[None]:
    """Send this thread SIGALRM when the time is up. The process has one alarm clock, which may be somebody else's."""
    timer = threading.Timer(seconds or 0, signal.pthread_kill, (threading.get_ident(), signal.SIGALRM))
    timer.daemon = True
    if seconds is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def _handlers() -> Iterator[None]:
    """SIGALRM and SIGINT raise, and do no more: pyspark's own handler talks to the JVM in the middle of a call."""
    before = {signal.SIGALRM: signal.signal(signal.SIGALRM, _ring)}
    # A job that the shell started in the background ignores Ctrl-C, as it should.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _cancel_jobs(spark: SparkSession) -> None:
    """Tell Spark on a connection of its own: that of the main thread still waits for an answer."""
    canceller = threading.Thread(target=spark.sparkContext.cancelAllJobs, daemon=True)
    canceller.start()
    canceller.join(HEEDED)
