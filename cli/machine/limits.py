"""What a shell, a service or a container lets one process have (`ulimit`), where that is too little for Spark."""

from __future__ import annotations

import resource
from contextlib import suppress

ENOUGH_FILES = 65_536
# What a run of a small log needs; Java reserves much more address space than it uses.
LEAST = {
    "open files (ulimit -n)": (resource.RLIMIT_NOFILE, 1_024),
    "address space (ulimit -v)": (resource.RLIMIT_AS, 8 << 30),
    "the size of a file (ulimit -f)": (resource.RLIMIT_FSIZE, 1 << 30),
}


def raise_open_files() -> None:
    """Take as many open files as the machine allows this process: some systems begin with 256."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(ENOUGH_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # macOS takes no more than a limit of its own, whatever it says.
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def narrow() -> list[str]:
    """Name the limits that are too narrow, and the remedy; none on most machines."""
    return [
        f"this process may have {found:,} for {name}: raise it to {least:,} or more, or take it away"
        for name, (limit, least) in LEAST.items()
        if (found := resource.getrlimit(limit)[0]) != resource.RLIM_INFINITY and found < least
    ]
