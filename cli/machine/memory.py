"""How much memory this process may have: the machine's, or what a container or a service leaves of it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUPS = Path("/sys/fs/cgroup")
GROUP_OF_PROCESS = Path("/proc/self/cgroup")


def memory_bytes(groups: Path = GROUPS, group_of_process: Path = GROUP_OF_PROCESS) -> int:
    """Return the bytes of memory that this process and all others of its group may have together."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([machine, *_limits(groups, group_of_process)])


def _limits(groups: Path, group_of_process: Path) -> Iterator[int]:
    """The limits of the process's group and of those it lies in, of both versions of Linux's control groups."""
    for line in _text(group_of_process).splitlines():
        number, controllers, group = line.split(":", 2)
        folder = groups / "memory" if "memory" in controllers.split(",") else groups
        name = "memory.limit_in_bytes" if number != "0" else "memory.max"
        own = folder / group.lstrip("/")
        for path in (own, *own.parents):
            if path.is_relative_to(folder) and (limit := _text(path / name).strip()).isdecimal():
                yield int(limit)


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_text()
    return ""
