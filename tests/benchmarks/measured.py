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
from typing import TYPE_CHECKING, NamedTuple

from cli.machine.environment import java_home

if TYPE_CHECKING:
    from collections.abc import Iterator

SPARKHOUSE = Path(sys.executable).with_name("sparkhouse")
PROC = Path("/proc")
PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")
SECONDS_BETWEEN_LOOKS = 0.25
# Linux's prctl: processes whose parent has ended become children of this one, which so hears of what they took.
SET_CHILD_SUBREAPER = 36


@dataclass
class Seen:
    """What was seen of processes and of a folder: the most bytes at once, the processor seconds of each process."""

    memory: int = 0
    disk: int = 0
    seconds: dict[tuple[int, str], float] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """Wall seconds, processor seconds of all processes, the most memory and disk in bytes, what was printed."""

    seconds: float
    cpu_seconds: float
    memory: int
    disk: int
    printed: str

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.cpu_seconds:.1f} CPU s, {self.memory / 1e9:.1f} GB"


def measured(*command: str | Path, home: Path, **settings: str) -> Measured:
    """Run a command on a state folder to its end, with settings of the environment. Linux alone tells what it took."""
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    java = str(java_home(os.environ.get("JAVA_HOME")))
    environment = {**os.environ, "SPARKHOUSE_HOME": str(home), "PYSPARK_PYTHON": sys.executable, "JAVA_HOME": java}
    before, started = _cpu_seconds(), time.perf_counter()
    with _watched(home) as seen:
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
    # Exact but for Spark's Python workers, whose seconds nobody inherits; or as it was last seen.
    cpu_seconds = max(_cpu_seconds() - before, sum(seen.seconds.values()))
    return Measured(seconds, cpu_seconds, seen.memory, seen.disk, done.stdout)


def simulated(folder: Path, *options: str) -> Path:
    """Return a new simulated log: a file, or with `--by-day` a folder."""
    log = folder / ("days" if "--by-day" in options else "log.json")
    measured(SPARKHOUSE, "simulate", "--quiet", *options, "--out", log, home=folder / "simulator")
    return log


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def _watched(folder: Path) -> Iterator[Seen]:
    """Look at the processes below this one, and at a folder, until the block ends."""
    seen, ended = Seen(), threading.Event()

    def look() -> None:
        while not ended.wait(SECONDS_BETWEEN_LOOKS):
            below = list(_processes_below(os.getpid()))
            seen.memory = max(seen.memory, sum(each.memory for each in below))
            seen.seconds |= {each.key: each.seconds for each in below}
            seen.disk = max(seen.disk, bytes_of(folder))

    watching = threading.Thread(target=look, daemon=True)
    watching.start()
    try:
        yield seen
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


class Process(NamedTuple):
    """A process: its number and start, its parent, resident bytes, and processor seconds of its own."""

    key: tuple[int, str]
    parent: int
    memory: int
    seconds: float


def _processes_below(root: int) -> Iterator[Process]:
    """Yield all processes that come from one. Source of the fields: proc_pid_stat(5)."""
    processes = list(_processes())
    below = {root}
    while new := {each.key[0] for each in processes if each.parent in below} - below:
        below |= new
    return (each for each in processes if each.key[0] in below - {root})


def _processes() -> Iterator[Process]:
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                seconds = (int(fields[11]) + int(fields[12])) / TICK
                yield Process((int(entry.name), fields[19]), int(fields[1]), int(fields[21]) * PAGE, seconds)
