"""A command from its start to the end of all processes that it has started: what it took, and what it printed."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cli.machine.environment import java_home

if TYPE_CHECKING:
    from collections.abc import Iterator

SPARKHOUSE = Path(sys.executable).with_name("sparkhouse")
PROC = Path("/proc")
PAGE = os.sysconf("SC_PAGE_SIZE")
SECONDS_BETWEEN_LOOKS = 0.5
# Linux's prctl: processes whose parent has ended become children of this one, which so hears of what they took.
SET_CHILD_SUBREAPER = 36


@dataclass
class Peak:
    """The most that was seen at once, in bytes."""

    memory: int = 0
    disk: int = 0


@dataclass(frozen=True)
class Measured:
    """Wall seconds, processor seconds of all processes, the peak of their memory and of a folder, what was printed."""

    seconds: float
    cpu_seconds: float
    peak: Peak = field(compare=False)
    printed: str = ""

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.cpu_seconds:.1f} CPU s, {self.peak.memory / 1e9:.1f} GB"


def measured(*command: str | Path, home: Path, **settings: str) -> Measured:
    """Run a command on a state folder to its end, with settings of the environment. Linux alone tells what it took."""
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    java = str(java_home(os.environ.get("JAVA_HOME")))
    environment = {**os.environ, "SPARKHOUSE_HOME": str(home), "PYSPARK_PYTHON": sys.executable, "JAVA_HOME": java}
    before, started = _cpu_seconds(), time.perf_counter()
    with _peak_of(home) as peak:
        # Steps are told on the error stream, results on the output stream: both are read.
        done = subprocess.run(
            [str(part) for part in command],
            check=False,
            env=environment | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        seconds = time.perf_counter() - started
        with suppress(ChildProcessError):
            while True:
                os.wait()
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout}")
    return Measured(seconds, _cpu_seconds() - before, peak, done.stdout)


def simulated(folder: Path, *options: str) -> Path:
    """Return a new simulated log: a file, or with `--by-day` a folder."""
    log = folder / ("days" if "--by-day" in options else "log.json")
    measured(SPARKHOUSE, "simulate", "--quiet", *options, "--out", log, home=folder / "simulator")
    return log


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def _peak_of(folder: Path) -> Iterator[Peak]:
    """Look at the processes below this one, and at a folder, until the block ends."""
    peak, ended = Peak(), threading.Event()

    def look() -> None:
        while not ended.wait(SECONDS_BETWEEN_LOOKS):
            peak.memory = max(peak.memory, _memory_below(os.getpid()))
            peak.disk = max(peak.disk, bytes_of(folder))

    watching = threading.Thread(target=look, daemon=True)
    watching.start()
    try:
        yield peak
    finally:
        ended.set()
        watching.join()


def bytes_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(place) / name).stat(follow_symlinks=False).st_size
    return total


def _memory_below(root: int) -> int:
    """Return the resident memory of all processes below one, pages that several share counted for each."""
    parents, sizes = {}, {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)], sizes[int(entry.name)] = int(fields[1]), int(fields[21]) * PAGE
    below, found = {root}, 0
    while new := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= new
        found += sum(sizes[pid] for pid in new)
    return found
