"""The end of a statement that takes too long, or that somebody no longer waits for: Spark stops working on it."""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

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


class _Interrupt(BaseException):
    """Ctrl-C. No KeyboardInterrupt: py4j prints a stack of one."""


@contextmanager
def interruptible(spark: SparkSession, seconds: float | None = None) -> Iterator[None]:
    """Run a block in the main thread; after so many seconds or on Ctrl-C, Spark's jobs are cancelled.

    A signal ends the wait for Spark wherever it is, in the planning of a statement too, which cannot be cancelled.

    Raises:
        TookTooLong: the time was up.
        KeyboardInterrupt: Ctrl-C.
    """
    try:
        with _handlers(spark), _alarm(seconds):
            yield
    except _Interrupt:
        _cancel_jobs(spark)
        raise KeyboardInterrupt from None
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
def _handlers(spark: SparkSession) -> Iterator[None]:
    """SIGALRM and SIGINT raise, and do no more: pyspark's own handler talks to the JVM in the middle of a call."""

    def ring(_signal: int, _frame: FrameType | None) -> None:
        _give_up_call(spark)
        raise _Alarm

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        _give_up_call(spark)
        raise _Interrupt

    before = {signal.SIGALRM: signal.signal(signal.SIGALRM, ring)}
    # A job that the shell started in the background ignores Ctrl-C, as it should.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _give_up_call(spark: SparkSession) -> None:
    """Let the call to Java go that this thread may be waiting for: nobody will read its answer.

    What puts settings back on the way out calls Java, too. On the same connection it would wait for that answer first;
    so it finds the connection shut, and takes another.
    """
    client: Any = spark.sparkContext._gateway._gateway_client  # type: ignore[union-attr]  # noqa: SLF001
    connection = client.get_thread_connection()
    if connection is not None and connection.socket is not None:
        with suppress(OSError):
            connection.socket.shutdown(socket.SHUT_RDWR)


def _cancel_jobs(spark: SparkSession) -> None:
    """Tell Spark on a connection of its own: that of the main thread still waits for an answer."""
    canceller = threading.Thread(target=spark.sparkContext.cancelAllJobs, daemon=True)
    canceller.start()
    canceller.join(HEEDED)
