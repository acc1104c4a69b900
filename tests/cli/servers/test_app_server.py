"""The server's process: where what is sent lies until it is answered, and that nothing of it is left."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli.servers.app_server import require_safe
from cli.servers.reach import UnsafeServer

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(sys.executable).with_name("sparkhouse")
BYTES = 2_000_000
HEAD = (
    b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n"
)


@dataclass(frozen=True)
class Started:
    """A server in a process of its own: its state folder, and the folder that the system has for temporary files."""

    process: subprocess.Popen[str]
    port: int
    home: Path
    system: Path

    @property
    def open_files(self) -> set[str]:
        """The names of all files that the process has open; of those that are removed already, what they were."""
        links = Path(f"/proc/{self.process.pid}/fd").iterdir()
        return {name for name in map(_target, links) if name}


def _target(link: Path) -> str:
    """What a link leads to; nothing where it is gone by now."""
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return ""


@contextmanager
def started(folder: Path) -> Iterator[Started]:
    """Start the command with the state folder `home` and the temporary folder `system`."""
    home, system = folder / "home", folder / "system"
    system.mkdir()
    environment = os.environ | {"SPARKHOUSE_HOME": str(home), "TMPDIR": str(system)}
    process = subprocess.Popen([PROGRAM, "app", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        found = re.search(r":(\d+)/", process.stdout.readline() if process.stdout else "")
        assert found is not None
        yield Started(process, int(found[1]), home, system)
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux tells which files a process has open")
def test_what_is_sent_lies_in_the_state_folder_and_nothing_of_it_stays(tmp_path: Path) -> None:
    with started(tmp_path) as server, socket.create_connection(("localhost", server.port), timeout=30) as connection:
        connection.sendall(HEAD % BYTES + bytes(BYTES - 1))
        by = time.monotonic() + 30
        while not any(name.startswith(f"{server.home / 'tmp'}/") for name in server.open_files):
            assert time.monotonic() < by, server.open_files
            time.sleep(0.01)
        assert not [name for name in server.open_files if name.startswith(str(server.system))]
        connection.sendall(b"x")
        assert connection.recv(100).startswith(b"HTTP/1.1 403")
        connection.close()
        assert list((server.home / "tmp").iterdir()) == []
        assert list(server.system.iterdir()) == []


def test_a_form_with_a_file_of_two_megabytes_leaves_nothing_behind(tmp_path: Path) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="log.json"\r\n\r\n'
    body += bytes(BYTES) + b"\r\n--x--\r\n"
    head = HEAD.replace(b"application/octet-stream", b"multipart/form-data; boundary=x") % len(body)
    with started(tmp_path) as server, socket.create_connection(("localhost", server.port), timeout=30) as connection:
        connection.sendall(head + body)
        # The form's own token is missing: to find that out, all of the body was read and taken apart.
        assert connection.recv(100).startswith(b"HTTP/1.1 403")
        assert list((server.home / "tmp").iterdir()) == []
        assert list(server.system.iterdir()) == []


@pytest.mark.parametrize(("host", "token"), [("0.0.0.0", None), ("localhost", "short"), ("example.org", "x" * 15)])  # noqa: S104 - refused
def test_a_server_that_others_reach_needs_a_token_that_is_hard_to_guess(host: str, token: str | None) -> None:
    with pytest.raises(UnsafeServer, match="token"):
        require_safe(host, token)
    require_safe("localhost", None)
    require_safe("example.org", "x" * 16)
