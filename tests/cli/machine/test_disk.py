"""A log that the disk may have no room for is told before anything is written."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from cli.machine.disk import lack_of_room

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _two_gigabytes_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2_000_000_000))


def test_a_log_that_takes_more_than_is_free_is_told_with_both_numbers(tmp_path: Path) -> None:
    told = lack_of_room(tmp_path / "not" / "yet" / "there", 12_000_000_000)
    assert told is not None
    assert "a new log of about 12.0 GB takes about 8.5 GB of disk" in told
    assert "not/yet/there has 2.0 GB free" in told


@pytest.mark.parametrize("log_bytes", [0, 130_000_000])
def test_a_log_that_fits_and_a_command_without_a_log_go_on(tmp_path: Path, log_bytes: int) -> None:
    assert lack_of_room(tmp_path, log_bytes) is None


def test_without_a_log_a_full_disk_is_no_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    assert lack_of_room(tmp_path, 0) is None
