"""A log that the disk has no room for is told before anything is written."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from cli.app import main
from cli.machine.disk import NoRoomForLog, require_room

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def two_gigabytes_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(total=9e9, used=7e9, free=2_000_000_000))


@pytest.mark.usefixtures("two_gigabytes_free")
def test_a_log_that_needs_more_than_is_free_is_refused_with_both_numbers(tmp_path: Path) -> None:
    with pytest.raises(NoRoomForLog, match=r"about 12\.0 GB needs about 13\.\d GB of disk, and .* has 2\.0 GB free"):
        require_room(tmp_path / "not" / "yet" / "there", 12_000_000_000)


@pytest.mark.usefixtures("two_gigabytes_free")
def test_a_log_that_fits_and_a_command_without_a_log_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_room(tmp_path, 130_000_000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    require_room(tmp_path, 0)


@pytest.mark.parametrize("command", [["ingest"], ["run", "--events"]])
def test_nothing_is_written_for_a_log_without_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    log = tmp_path / "log.json"
    log.write_text('{"ts": 1538352117000, "userId": "1", "page": "Home"}\n')
    monkeypatch.setattr("cli.machine.disk.shutil.disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    monkeypatch.setenv("SPARKHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("sys.argv", ["sparkhouse", *command, str(log)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "has 0.0 GB free" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()
