"""The process of the SQL server: Spark, its doors, and its end.

    python -m cli.servers.sql_server.process '{"host": "127.0.0.1", "port": 10000}'

It says that it answers in its record, and all else on its error stream, which `sparkhouse sql-server` leads to a file.
"""

from __future__ import annotations

import json
import logging
import math
import os
import secrets
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from cli.machine.home import Home
from cli.runs.relocation import require_in_place
from cli.runs.server_record import ServerRecord, only_server, tell
from cli.servers.sql_server.door import Activity, Door
from cli.servers.sql_server.keystore import keystore
from cli.servers.sql_server.serving import PASSWORD, Serving
from cli.servers.sql_server.statements import Answering
from cli.spark.jvm import newest
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyspark.sql import SparkSession

    from cli.servers.sql_server.keystore import Keystore

COULD_NOT_RUN = 2
SECONDS_BETWEEN_LOOKS = 0.5


class JavaEnded(SparkhouseError, RuntimeError):
    """The JVM of a server ended, and it cannot answer any more."""


def serve(home: Home, serving: Serving) -> None:
    """Serve until somebody ends the process, or nobody asks any more. Raises ServerRuns, and as Spark's start."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    require_in_place(home)
    with only_server(home.path):
        activity, spark = _open(home, serving, stopped)
        seconds = math.inf if serving.idle_minutes is None else 60 * serving.idle_minutes
        while not stopped.wait(SECONDS_BETWEEN_LOOKS):
            require_java()
            if activity.is_idle_for(seconds) and not spark.sparkContext.statusTracker().getActiveJobsIds():
                break


def require_java() -> None:
    """Raise JavaEnded where the JVM of this process has ended: the Thrift Server does so where it cannot listen."""
    jvm = newest()
    if jvm and jvm.code is not None:
        raise JavaEnded(f"Java ended with {jvm.code}: {jvm.last_words}")


def _open(home: Home, serving: Serving, stopped: threading.Event) -> tuple[Activity, SparkSession]:
    from cli.servers.sql_server.thrift import ClientSessions, start_thrift, thrift_settings
    from cli.spark.session import server_settings, start_spark

    activity, journal, catalog = Activity(), home.journal, home.catalog
    answering = Answering(catalog, journal, serving.most_rows or None)

    def answer(statement: str, schema: str) -> str:
        with activity.statement():
            return answering.sql(statement, schema)

    sessions = ClientSessions(answer)
    with _keys(home, serving) as keys:
        listens = {} if serving.port is None else thrift_settings(serving, keys)
        spark = start_spark(0, server_settings() | listens, sessions.extensions)
        if serving.port is not None:
            from cli.servers.sql_server.listing import Listing

            listing = Listing(sessions.own(spark), sessions.own(spark), catalog, journal, home.tmp)
            listing.refresh()
            if serving.has_password:
                sessions.let_in_with(spark, os.environ[PASSWORD])
            start_thrift(spark)
            threading.Thread(target=listing.keep, args=(stopped,), daemon=True).start()
    key = secrets.token_hex()
    door = Door(lambda: sessions.own(spark), journal, key, activity)
    door.open()
    since = datetime.now(timezone.utc).isoformat(timespec="seconds")
    record = ServerRecord(
        os.getpid(), since, door.port, key, serving.host, serving.port, serving.certificate is not None, str(home.path)
    )
    tell(home.path, record)
    return activity, spark


@contextmanager
def _keys(home: Home, serving: Serving) -> Iterator[Keystore | None]:
    """The keystore from which Java takes the certificate, for as long as it takes to start."""
    if serving.certificate is None or serving.key is None:
        yield None
        return
    home.tmp.mkdir(exist_ok=True)
    with keystore(home.tmp, Path(serving.certificate), Path(serving.key)) as made:
        yield made


def main(arguments: Mapping[str, object]) -> int:
    """Serve as the arguments say; return the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(message)s")
    try:
        serve(Home.from_environment(), Serving(**arguments))  # type: ignore[arg-type]
    except (SparkhouseError, OSError) as error:
        print(error, file=sys.stderr)
        return COULD_NOT_RUN
    return 0


if __name__ == "__main__":
    code = main(json.loads(sys.argv[1]))
    # Threads of clients may wait for Java, which ends with this process.
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(code)
