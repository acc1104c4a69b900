"""Who answers a question in SQL: the server of the state folder, or a Spark of this process."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from cli.machine.home import Home
from cli.runs.relocation import require_in_place
from cli.runs.server_record import running_server
from cli.servers.sql_server.door import ServerGone, ask, ask_for_arrow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import pyarrow as pa
    from pyspark.sql import SparkSession

    from cli.runs.server_record import ServerRecord
    from cli.servers.sql_server.door import Question
    from cli.sql.query import Reading
    from warehouse.publishing.journal import Journal

Answer = TypeVar("Answer")
IDLE_MINUTES = "SPARKHOUSE_SQL_IDLE_MINUTES"
IDLE_MINUTES_OF_A_SHELL = 15.0


def answered(
    question: Question, seconds: float | None
) -> AbstractContextManager[tuple[list[str], Iterator[tuple[Any, ...]]]]:
    """Answer a question for a block: column names and rows, which come while they are read.

    By the server of the state folder, if one runs. With SPARKHOUSE_SQL_IDLE_MINUTES one is started, which ends when
    nobody has asked for so long. Raises as `Reading.rows`, TookTooLong.
    """
    return _answered(question, seconds, ask, lambda asked, spark, journal: asked.rows(spark, journal))


def answered_as_arrow(
    question: Question, seconds: float | None
) -> AbstractContextManager[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """The same as Arrow: its schema and batches."""
    return _answered(question, seconds, ask_for_arrow, lambda asked, spark, journal: asked.batches(spark, journal))


@contextmanager
def _answered(
    question: Question,
    seconds: float | None,
    asking: Callable[[ServerRecord, Question, float | None], Answer],
    opening: Callable[[Reading, SparkSession, Journal], Answer],
) -> Iterator[Answer]:
    if answer := _by_server(question, seconds, asking):
        yield answer
        return
    from cli.commands.access import reader
    from cli.jobs import publishing
    from cli.sql.interruption import interruptible
    from cli.sql.query import reading

    asked = reading(question.statement, question.as_of, question.run_id, question.limit)
    workspace = reader("sql", quiet=True)
    with interruptible(workspace.spark, seconds):
        yield opening(asked, workspace.spark, publishing.publisher(workspace).journal)


def _by_server(
    question: Question, seconds: float | None, asking: Callable[[ServerRecord, Question, float | None], Answer]
) -> Answer | None:
    home = Home.from_environment()
    require_in_place(home)
    server = running_server(home.path) or (_started(home, _idle_minutes()) if _idle_minutes() else None)
    try:
        return asking(server, question, seconds) if server and server.is_of(home.path) else None
    except ServerGone:
        # It ended, as it does by itself when nobody asks, between the look at its record and the question.
        return None


def open_shell() -> None:
    """Open a shell on the server of the state folder; where none runs, one is started that ends by itself."""
    from cli.servers.sql_shell import Shell, run_shell

    home = Home.from_environment()
    require_in_place(home)
    minutes = _idle_minutes() or IDLE_MINUTES_OF_A_SHELL
    if not running_server(home.path):
        print(f"Starting a SQL server, which ends when nobody has asked for {minutes:g} minutes ...", file=sys.stderr)
    _started(home, minutes)
    run_shell(Shell(lambda: _started(home, minutes), home.catalog), home.sql_history)


def _idle_minutes() -> float:
    return float(os.environ.get(IDLE_MINUTES) or 0)


def _started(home: Home, minutes: float) -> ServerRecord:
    from cli.servers.sql_server.control import start
    from cli.servers.sql_server.serving import Serving

    return start(home, Serving(idle_minutes=minutes))
