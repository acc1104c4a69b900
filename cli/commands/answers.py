"""Who answers a question in SQL: the server of the state folder, or a Spark of this process."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cli.machine.home import Home
from cli.runs.relocation import require_in_place
from cli.servers.sql_server.door import ServerGone, ask
from cli.servers.sql_server.record import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.servers.sql_server.door import Question
    from cli.servers.sql_server.record import ServerRecord

IDLE_MINUTES = "SPARKHOUSE_SQL_IDLE_MINUTES"


@contextmanager
def answered(question: Question, seconds: float | None) -> Iterator[tuple[list[str], Iterator[tuple[Any, ...]]]]:
    """Answer a question for a block: column names and rows, which come while they are read.

    By the server of the state folder, if one runs. With SPARKHOUSE_SQL_IDLE_MINUTES one is started, which ends when
    nobody has asked for so long. Raises as `Reading.rows`, TookTooLong.
    """
    home = Home.from_environment()
    require_in_place(home)
    server = running_server(home.path) or _server_for_a_while(home)
    try:
        answer = ask(server, question, seconds) if server else None
    except ServerGone:
        # It ended, as it does by itself when nobody asks, between the look at its record and the question.
        answer = None
    if answer:
        yield answer
        return
    with _answered_here(question, seconds) as here:
        yield here


def _server_for_a_while(home: Home) -> ServerRecord | None:
    text = os.environ.get(IDLE_MINUTES, "")
    if not text:
        return None
    from cli.servers.sql_server.control import start
    from cli.servers.sql_server.serving import Serving

    minutes = float(text)
    return start(home, Serving(idle_minutes=minutes)) if minutes > 0 else None


@contextmanager
def _answered_here(question: Question, seconds: float | None) -> Iterator[tuple[list[str], Iterator[tuple[Any, ...]]]]:
    from cli.commands.access import reader
    from cli.jobs import publishing
    from cli.sql.interruption import interruptible
    from cli.sql.query import reading

    asked = reading(question.statement, question.as_of, question.run_id, question.limit)
    workspace = reader("sql", quiet=True)
    with interruptible(workspace.spark, seconds):
        yield asked.rows(workspace.spark, publishing.publisher(workspace).journal)
