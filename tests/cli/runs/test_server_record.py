"""The record of a server: its owner's alone, and worth something only while the server lives."""

from __future__ import annotations

import errno
import json
import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cli.runs.server_record import RECORD, ServerRecord, ServerRuns, only_server, running_server, tell
from cli.runs.writer_lock import NoFileLocks

if TYPE_CHECKING:
    from pathlib import Path

SERVER = ServerRecord(1, "2026-11-24T05:30:00+00:00", 2, "key", "127.0.0.1", 10_000)


def test_a_server_is_found_while_it_lives(tmp_path: Path) -> None:
    assert running_server(tmp_path / "none") is None
    with only_server(tmp_path):
        assert running_server(tmp_path) is None
        tell(tmp_path, SERVER)
        assert running_server(tmp_path) == SERVER
        assert stat.S_IMODE((tmp_path / RECORD).stat().st_mode) == 0o600
    assert not (tmp_path / RECORD).exists()
    tell(tmp_path, SERVER)
    assert running_server(tmp_path) is None


def test_there_is_one_server(tmp_path: Path) -> None:
    with only_server(tmp_path), pytest.raises(ServerRuns, match="sql-server status"), only_server(tmp_path):
        pass


def test_a_record_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    with only_server(tmp_path):
        (tmp_path / RECORD).write_text('{"pid": 1')
        assert running_server(tmp_path) is None


def test_a_server_of_another_version_or_place_is_known_and_not_asked(tmp_path: Path) -> None:
    with only_server(tmp_path):
        tell(tmp_path, SERVER)
        record = json.loads((tmp_path / RECORD).read_text())
        for other in ({"protocol": 0, "something_new": 1}, {"home": "/where/it/was"}):
            (tmp_path / RECORD).write_text(json.dumps({**record, "home": str(tmp_path), **other}))
            running = running_server(tmp_path)
            assert running
            assert (running.pid, running.is_of(tmp_path)) == (SERVER.pid, False)
    assert replace(SERVER, home=str(tmp_path)).is_of(tmp_path)


def test_where_the_file_system_has_no_locks_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refused)
    with pytest.raises(NoFileLocks, match="cannot be locked"), only_server(tmp_path):
        pass
    assert running_server(tmp_path) is None
