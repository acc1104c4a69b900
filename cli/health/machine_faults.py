"""What the machine can do to a command, recognised in whatever error it comes out as, and what people do about it.

Python's errors are known by their type, errno and path, a JVM that has ended by its exit code and by what it printed.
An error of Java comes through dbt or py4j as a text, and often without a type that tells it apart: only there are texts
searched, never in errors of Python's files or of our own.
"""

from __future__ import annotations

import errno
import os
import re
import traceback
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cli.health import java_signs
from cli.health.cluster_faults import fault_of_cluster
from cli.jobs.checks import CheckFailed
from cli.jobs.dbt import DbtFailed
from cli.runs.spares import reported_damages
from cli.spark.jvm import SparkDidNotStart, newest
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.machine.cluster import Cluster
    from cli.machine.home import Home
    from cli.spark.jvm import Jvm

NEW_LINE = "\n"
# What py4j puts before the words of Java.
FROM_PYTHON = re.compile(r"^An error occurred while calling .*\n: ")
CLOSED_PROGRAM = re.compile(r'Cannot run program "([^"]+)".*Permission denied')
UNTOUCHED = "What was published is untouched and can still be read."
FULL = f"The disk that holds {{place}} is full: free some space and repeat the command. {UNTOUCHED}"
FORBIDDEN = (
    f"{{place}} cannot be written to: make it writable, or point SPARKHOUSE_HOME at a folder that is. {UNTOUCHED}"
)
CLOSED = f"{{place}} may not be read: let the user of this command read it (chmod, chown). {UNTOUCHED}"
MEMORY = (
    "Spark has run out of memory: set SPARKHOUSE_DRIVER_MEMORY higher (such as 8g) and repeat the command. " + UNTOUCHED
)
KILLED_FOR_MEMORY = (
    "The system has killed Spark because the machine's memory was short: set SPARKHOUSE_DRIVER_MEMORY lower, or end "
    f"other programs, and repeat the command. {UNTOUCHED}"
)
KILLED = f"Spark has been killed in the middle of the command (signal 9). Repeat the command. {UNTOUCHED}"
ENDED = (
    f"Spark has ended in the middle of the command, as if it had been killed{{why}}. Repeat the command. {UNTOUCHED}"
)
NOT_RUN = (
    "This user may not run {place}: set Sparkhouse up with a Python that lies where the user can reach it (make "
    f"PYTHON=/usr/bin/python3 setup), or let the user run it. {UNTOUCHED}"
)
NO_LOOPBACK = (
    "This machine has no loopback interface, over which Python and Spark talk: bring it up (`ip link set lo up`) and "
    "repeat the command."
)

NO_NETWORK = {errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN}
NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
NO_RIGHT = {errno.EROFS, errno.EACCES, errno.EPERM}
# Errors of ours that pass on what Spark or dbt said.
PASSING_ON = (CheckFailed, DbtFailed)


@dataclass(frozen=True)
class Fault:
    """A fault of the machine: texts of Java that give it away, and what to say; `{place}` is the state folder."""

    signs: tuple[str, ...]
    message: str


# In this order: a full disk breaks files, too, and a JVM that ran out of memory is gone afterwards.
FAULTS = (
    Fault(java_signs.NO_ROOM, FULL),
    Fault(java_signs.NO_RIGHT, FORBIDDEN),
    Fault((*java_signs.NO_MEMORY, "INVALID_DRIVER_MEMORY"), MEMORY),
    Fault(
        ("Java gateway process exited", "JAVA_GATEWAY_EXITED"), "Spark could not start: `sparkhouse doctor` says why."
    ),
    Fault(
        (
            "Answer from Java side is empty",
            "Error while sending or receiving",
            "An error occurred while trying to connect",
        ),
        ENDED.format(why=""),
    ),
)


def told_faults(error: BaseException, home: Home) -> list[str]:
    """Return what to say of an error that the machine or a damaged file is to blame for; nothing of any other."""
    jvm = newest()
    fault = _of_cluster(error, home.cluster) or recognised(error, str(home.path), jvm)
    if fault:
        first_line = first_line_of(error)
        # That nobody answers any more says nothing of why.
        told_all = not first_line or first_line in fault or (jvm is not None and jvm.code is not None)
        return [fault] if told_all else [fault, f"({first_line})"]
    text = "".join(traceback.format_exception(error))
    return reported_damages(home, text)


def _of_cluster(error: BaseException, cluster: Cluster | None) -> str | None:
    if not cluster:
        return None
    texts = (str(each) for each in _chain(error) if _may_come_of_java(each))
    return next(filter(None, (fault_of_cluster(text, cluster.places) for text in texts)), None)


def first_line_of(error: BaseException) -> str:
    """Return the first line of an error; of one that came from Java, what Java said."""
    return FROM_PYTHON.sub("", str(error).strip()).partition(NEW_LINE)[0]


def recognised(error: BaseException, home: str, jvm: Jvm | None = None) -> str | None:
    """Return what to say of an error that the machine is to blame for; None of any other."""
    if isinstance(error, SparkDidNotStart):
        return str(error)
    chain = list(_chain(error))
    for each in chain:
        if isinstance(each, OSError) and (said := _of_file(each, home)):
            return said
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return _of_java([f"{type(each).__name__}: {each}" for each in chain if _may_come_of_java(each)], home, jvm)


def _may_come_of_java(error: BaseException) -> bool:
    return isinstance(error, PASSING_ON) or not isinstance(error, (OSError, SparkhouseError))


def _of_file(error: OSError, home: str) -> str | None:
    """What to say of a file of the state folder that could not be read or written, of a full disk, or of no network.

    A file of the user's that cannot be read is no fault of the machine.
    """
    if error.errno in NO_NETWORK:
        return NO_LOOPBACK
    place = str(error.filename or home)
    if error.errno in NO_ROOM:
        return FULL.format(place=place)
    if error.errno in NO_RIGHT and (Path(place).is_relative_to(home) or Path(home).is_relative_to(place)):
        return CLOSED.format(place=place) if _is_closed(place) else FORBIDDEN.format(place=home)
    return None


def _is_closed(place: str) -> bool:
    """Whether a file or folder, or the folder that it lies in, is there and closed to this process."""
    may = partial(os.access, effective_ids=os.access in os.supports_effective_ids)
    needed = ((Path(place), os.R_OK), (Path(place).parent, os.X_OK))
    return any(may(path, os.F_OK) and not may(path, right) for path, right in needed)


def _of_java(texts: list[str], home: str, jvm: Jvm | None) -> str | None:
    """What to say of a JVM that has ended, or of an error that it told as a text."""
    is_silent = any(sign in text for sign in FAULTS[-1].signs for text in texts)
    has_ended = jvm is not None and (jvm.ends() if is_silent else jvm.code is not None)
    if jvm and has_ended:
        texts = [jvm.printed, *texts]
    for text in texts:
        if closed := CLOSED_PROGRAM.search(text):
            return NOT_RUN.format(place=closed[1])
    for fault in FAULTS[:-1]:
        if any(sign in text for sign in fault.signs for text in texts):
            return fault.message.format(place=home)
    if jvm and has_ended:
        return _of_death(jvm)
    return FAULTS[-1].message if is_silent else None


def _of_death(jvm: Jvm) -> str:
    if jvm.lacked_memory:
        return MEMORY
    if jvm.was_killed_for_memory:
        return KILLED_FOR_MEMORY
    if jvm.was_killed:
        return KILLED
    return ENDED.format(why=f" (exit code {jvm.code}{': ' if jvm.last_words else ''}{jvm.last_words})")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
