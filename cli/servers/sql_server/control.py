"""Start, stop and look at the SQL server of a state folder, which is a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cli.runs.server_record import ServerRecord, ServerRuns, is_locked, running_server
from cli.servers.sql_server.serving import PASSWORD
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from cli.machine.home import Home
    from cli.servers.sql_server.serving import Serving

LOG = "sql-server.log"
SECONDS_TO_START, SECONDS_TO_END = 180.0, 30.0
SECONDS_BETWEEN_LOOKS = 0.05
TAIL = 2_000


class ServerDidNotStart(SparkhouseError, RuntimeError):
    """The server ended, or did not answer in time, while it was started."""


def start(home: Home, serving: Serving, password: str | None = None) -> ServerRecord:
    """Return the server of a state folder, which is started where there is none; it stays when this process ends.

    `password` is what callers have to show where it asks for one.

    Raises:
        ServerRuns: there is one that listens elsewhere.
        ServerDidNotStart: it ended while it started; its last words are told.
    """
    running = running_server(home.path) or _started(home, _with_free_port(serving), password)
    if not running.is_of(home.path):
        raise ServerRuns(
            f"{home.path} has a SQL server of another version, or of before it was moved: `sparkhouse sql-server stop` "
            "ends it"
        )
    if serving.port is not None and (running.host, running.port) != (serving.host, serving.port or running.port):
        raise ServerRuns(f"{home.path} has a SQL server {running.place}: `sparkhouse sql-server stop` ends it")
    return running


def _started(home: Home, serving: Serving, password: str | None) -> ServerRecord:
    home.path.mkdir(parents=True, exist_ok=True)
    log = home.path / LOG
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own
            [sys.executable, "-I", "-m", "cli.servers.sql_server.process", json.dumps(asdict(serving))],
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            start_new_session=True,
            env={**os.environ, **({PASSWORD: password} if password else {})},
        )
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        if running := running_server(home.path):
            return running
        # Somebody else may have started one at the same time: then that is the server.
        if process.poll() is not None and not is_locked(home.path):
            said = " ".join(log.read_text(errors="replace")[-TAIL:].split()) or "nothing"
            raise ServerDidNotStart(f"the SQL server ended while it started: {said}")
        time.sleep(SECONDS_BETWEEN_LOOKS)
    raise ServerDidNotStart(f"the SQL server has not answered after {SECONDS_TO_START:.0f} s: {log} may say why")


def _with_free_port(serving: Serving) -> Serving:
    """Name a port that is free, where any will do; the Thrift Server ends the process where it is taken."""
    if serving.port is None:
        return serving
    try:
        with socket.socket(socket.AF_INET6 if ":" in serving.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((serving.host, serving.port))
            return replace(serving, port=probe.getsockname()[1])
    except OSError as error:
        place = f"{serving.host}, port {serving.port}"
        raise ServerDidNotStart(
            f"nobody can listen on {place} ({error.strerror}): give another --host or --port"
        ) from error


def stop(home: Home) -> ServerRecord | None:
    """End the server of a state folder, and what it is answering; return it, None if there was none."""
    running = running_server(home.path)
    if not running:
        return None
    with suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + SECONDS_TO_END
    while is_locked(home.path):
        if time.monotonic() > deadline:
            with suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGKILL)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return running


def memory_bytes(running: ServerRecord) -> int:
    """Return the memory that a server's processes hold: those of its session, as the system counts pages."""
    held = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            # After the name in parentheses: state, parent, group, session.
            if int((folder / "stat").read_text().rpartition(")")[2].split()[3]) == running.pid:
                held += int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return held
