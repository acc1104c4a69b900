"""How much memory a process may have, on machines and in containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.machine.memory import memory_bytes

if TYPE_CHECKING:
    from pathlib import Path

MEGABYTE = 1 << 20


def limited(groups: Path, limits: dict[str, str], group: str) -> int:
    """What a process of a control group may have, where files hold limits."""
    for name, limit in limits.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(f"{limit}\n")
    (groups / "of-process").write_text(f"{group}\n")
    return memory_bytes(groups, groups / "of-process")


@pytest.mark.parametrize(
    ("limits", "group"),
    [
        ({"memory.max": str(64 * MEGABYTE)}, "0::/"),
        ({"a/b/memory.max": str(64 * MEGABYTE), "a/memory.max": "max"}, "0::/a/b"),
        ({"a/b/memory.max": "max", "a/memory.max": str(64 * MEGABYTE)}, "0::/a/b"),
        ({"memory/docker/x/memory.limit_in_bytes": str(64 * MEGABYTE)}, "7:cpu:/\n4:memory:/docker/x"),
        # A container does not see the group that it is in from outside.
        ({"memory/memory.limit_in_bytes": str(64 * MEGABYTE)}, "4:memory:/docker/x\n0::/"),
    ],
    ids=["version 2", "own limit", "limit above", "version 1", "inside a container"],
)
def test_a_container_may_have_less_than_the_machine(tmp_path: Path, limits: dict[str, str], group: str) -> None:
    assert limited(tmp_path, limits, group) == 64 * MEGABYTE


def test_without_a_limit_the_machine_is_the_limit(tmp_path: Path) -> None:
    machine = memory_bytes(tmp_path, tmp_path / "no-such-file")
    assert machine > 64 * MEGABYTE
    assert limited(tmp_path, {"memory.max": "max", "a/memory.max": str(1 << 62)}, "0::/a") == machine
