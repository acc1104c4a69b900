"""The server's door for `sparkhouse sql` on this machine: a statement in, the rows that it would print out.

Messages are pickled, and whoever has not shown the key of the server's record, which only its owner can read, is sent
away before one is read.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from cli.servers.reach import LOOPBACK
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    import pyarrow as pa
    from pyspark.sql import SparkSession

    from cli.runs.server_record import ServerRecord
    from cli.sql.query import Reading
    from warehouse.publishing.journal import Journal

COLUMNS, ROWS, DONE, FAILED = "columns", "rows", "done", "failed"
BATCH = 1_000
SECONDS_BETWEEN_LOOKS = 0.1
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Question:
    """What `sparkhouse sql` was asked, in the words of its options; `as_arrow` is for an answer in Arrow."""

    statement: str
    as_of: str | None = None
    run_id: str | None = None
    limit: int | None = None
    as_arrow: bool = False


class ServerFailed(SparkhouseError, RuntimeError):
    """What the server says why it did not answer."""


class ServerGone(SparkhouseError, ConnectionError):
    """The server ended before it had answered."""


@dataclass
class Activity:
    """How much a server has to do, and since when it has nothing."""

    open: int = 0
    idle_since: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @contextmanager
    def statement(self) -> Iterator[None]:
        """Count a statement as open during the block."""
        self._change(1)
        try:
            yield
        finally:
            self._change(-1)

    def _change(self, by: int) -> None:
        with self._lock:
            self.open += by
            self.idle_since = time.monotonic()

    def is_idle_for(self, seconds: float) -> bool:
        """Whether nothing has been asked for so many seconds, and nothing is being answered."""
        return self.open == 0 and time.monotonic() - self.idle_since >= seconds


class Door:
    """Answers on a free port of this machine, each caller in a thread and a session of Spark of its own."""

    def __init__(self, new_session: Callable[[], SparkSession], journal: Journal, key: str, activity: Activity) -> None:
        self._listener = Listener((LOOPBACK, 0), authkey=key.encode())
        self._new_session, self._journal, self._activity = new_session, journal, activity
        self._sessions: SimpleQueue[SparkSession] = SimpleQueue()
        self.port = int(self._listener.address[1])

    def open(self) -> None:
        """Let callers in from now on."""
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        from pyspark import InheritableThread

        while True:
            try:
                caller = self._listener.accept()
            except (AuthenticationError, EOFError, OSError) as error:
                logger.warning("a caller was sent away: %s", error)
                time.sleep(SECONDS_BETWEEN_LOOKS)
                continue
            InheritableThread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: Connection) -> None:
        with suppress(EOFError, OSError), caller:
            question = Question(**caller.recv())
            with self._activity.statement(), self._session() as spark:
                self._answer(caller, question, spark)

    @contextmanager
    def _session(self) -> Iterator[SparkSession]:
        """A session that nobody else has; it takes Spark a while to make one."""
        try:
            session = self._sessions.get_nowait()
        except Empty:
            session = self._new_session()
        try:
            yield session
        finally:
            self._sessions.put(session)

    def _answer(self, caller: Connection, question: Question, spark: SparkSession) -> None:
        from cli.sql.query import reading

        try:
            with _cancelled_when_gone(caller, spark):
                asked = reading(question.statement, question.as_of, question.run_id, question.limit)
                sent = _sent_as_arrow if question.as_arrow else _sent
                for message in sent(asked, spark, self._journal):
                    caller.send(message)
            caller.send((DONE, None))
        except SparkhouseError as error:
            caller.send((FAILED, str(error)))
        except OSError:
            raise
        except Exception as error:
            logger.exception("a statement was not answered")
            caller.send((FAILED, f"{type(error).__name__}: {error}"))


def _sent(asked: Reading, spark: SparkSession, journal: Journal) -> Iterator[tuple[str, Any]]:
    columns, rows = asked.rows(spark, journal)
    yield COLUMNS, columns
    while batch := list(islice(rows, BATCH)):
        yield ROWS, batch


def _sent_as_arrow(asked: Reading, spark: SparkSession, journal: Journal) -> Iterator[tuple[str, Any]]:
    schema, batches = asked.batches(spark, journal)
    yield COLUMNS, schema.serialize().to_pybytes()
    for batch in batches:
        yield ROWS, batch.serialize().to_pybytes()


@contextmanager
def _cancelled_when_gone(caller: Connection, spark: SparkSession) -> Iterator[None]:
    """Let Spark stop working on what the block asks of it as soon as nobody waits for it any more."""
    context, done = spark.sparkContext, threading.Event()
    group = f"door-{threading.get_ident()}"
    context.setJobGroup(group, "sparkhouse sql", interruptOnCancel=True)

    def watch() -> None:
        # A caller says nothing more: what there is to read is that it has gone.
        while not done.wait(SECONDS_BETWEEN_LOOKS):
            with suppress(OSError):
                if not caller.poll():
                    continue
            context.cancelJobGroup(group)
            return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def ask(
    server: ServerRecord, question: Question, seconds: float | None = None
) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Return the column names and the rows that a server answers with, while they come.

    Raises, while rows are read too:
        ServerFailed: it could not answer.
        ServerGone: it ended meanwhile.
        TookTooLong: it had not answered within so many seconds.
    """
    columns, batches = _asked(server, question, seconds)
    return columns, (row for batch in batches for row in batch)


def ask_for_arrow(
    server: ServerRecord, question: Question, seconds: float | None = None
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return the same as Arrow. Raises as `ask`."""
    import pyarrow as pa

    packed, batches = _asked(server, replace(question, as_arrow=True), seconds)
    schema = pa.ipc.read_schema(pa.py_buffer(packed))
    return schema, (pa.ipc.read_record_batch(pa.py_buffer(batch), schema) for batch in batches)


def _asked(server: ServerRecord, question: Question, seconds: float | None) -> tuple[Any, Iterator[Any]]:
    deadline = None if seconds is None else time.monotonic() + seconds
    try:
        connection = Client((LOOPBACK, server.door), authkey=server.key.encode())
        connection.send(asdict(question))
    except (AuthenticationError, EOFError, OSError) as error:
        raise ServerGone(f"the SQL server does not answer ({error})") from error
    messages = _messages(connection, deadline, seconds)
    kind, columns = next(messages)
    assert kind == COLUMNS  # noqa: S101 - what a server answers begins so
    return columns, (batch for _, batch in messages)


def _messages(connection: Connection, deadline: float | None, seconds: float | None) -> Iterator[tuple[str, Any]]:
    """The messages until the last; whoever stops to read them ends the connection, and what the server does for it."""
    from cli.sql.interruption import TookTooLong

    with connection:
        while True:
            if deadline is not None and not connection.poll(max(0.0, deadline - time.monotonic())):
                raise TookTooLong.after(seconds)
            try:
                kind, content = connection.recv()
            except (EOFError, OSError) as error:
                raise ServerGone("the SQL server ended before it had answered: ask again") from error
            if kind == DONE:
                return
            if kind == FAILED:
                raise ServerFailed(content)
            yield kind, content
