"""What other machines can do to a command: of an executor, by what Spark says of the task that was lost there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cli.health.java_signs import NO_MEMORY, NO_RIGHT, NO_ROOM
from cli.machine.cluster import CONF, EXECUTOR_PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterable

# Tasks of this process's own JVM are those of `executor driver`.
LOST = re.compile(r"\((?P<machine>[^\s()]+) executor \d+\): ")
GONE = "Master removed our application"
ALL_ENDED = (
    "The master has ended this session, because executors ended again and again as soon as they had begun: their own "
    "logs, in the work folders of the workers, say why. Repeat the command when that is mended."
)
REPEAT = "and repeat the command. What was published is untouched."
TWO_USERS = (
    " (`sparkhouse doctor` tries); where it is not this user, by a group of both, folders of that group (chmod 2775) "
    "and the umask 002,"
)
FORBIDDEN = re.compile("|".join(NO_RIGHT))


class Fault(NamedTuple):
    """What gives a fault away, and what to say of it; `{machine}` is where, `{what}` the first group of the sign."""

    sign: re.Pattern[str]
    message: str


FAULTS = (
    Fault(
        re.compile(r'Cannot run program "([^"]+)"'),
        f"{{machine}}, where executors work, cannot run {{what}}: install requirements.lock there in a Python of the "
        f"same version as here, let {EXECUTOR_PYTHON} name it {REPEAT}",
    ),
    Fault(
        re.compile(r"No module named '?([\w.]+)"),
        f"The Python of executors on {{machine}} has no {{what}}: install requirements.lock there (`sparkhouse doctor` "
        f"compares) {REPEAT}",
    ),
    Fault(
        re.compile("PYTHON_VERSION_MISMATCH|Python in worker has different version"),
        f"The Python of executors on {{machine}} has another version than this one: let {EXECUTOR_PYTHON} name one of "
        f"the same {REPEAT}",
    ),
    Fault(
        re.compile("|".join(NO_ROOM)),
        f"A disk on {{machine}}, where executors work, is full: free some space there, for their temporary files "
        f"(SPARK_LOCAL_DIRS of the worker) and in the shared folder, {REPEAT}",
    ),
    Fault(
        re.compile("|".join((*NO_MEMORY, "exited with code (?:52|137)", "[Cc]ontainer killed"))),
        f"Executors on {{machine}} have run out of memory: set spark.executor.memory higher in the file that {CONF} "
        f"names {REPEAT}",
    ),
    Fault(
        FORBIDDEN,
        f"Executors on {{machine}} may not read or write all that they have to: let their user read and write the "
        f"shared folder and the tables' place{TWO_USERS} {REPEAT}",
    ),
)
# What is not here either is for who looks after the tables.
MISSING = Fault(
    re.compile(r"(?:No such file or directory: '|NoSuchFileException: |FileNotFoundException: File file:)(/[^'\s]+)"),
    "{what} is here, and not on {machine}, where executors work: mount the shared folder, and that of the logs, at the "
    f"same path there (`sparkhouse doctor` tries) {REPEAT}",
)


def fault_of_cluster(text: str, places: Iterable[str]) -> str | None:
    """Return what to say of an error of Spark's that executors, or what all share, are to blame for; else None.

    `places` are where several machines read and write.
    """
    if GONE in text:
        return ALL_ENDED
    lost = LOST.search(text)
    if not lost:
        place = next((place for place in places if place in text), None) if FORBIDDEN.search(text) else None
        return (
            f"This user may not write all that it has to below {place}: let it{TWO_USERS} {REPEAT}" if place else None
        )
    for fault in (*FAULTS, MISSING):
        found = fault.sign.search(text, lost.end())
        if found and (fault is not MISSING or Path(found[1]).exists()):
            return fault.message.format(machine=lost["machine"], what=found[1] if found.re.groups else "")
    return None
