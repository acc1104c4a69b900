"""What the machine can do to a command, recognised in whatever error it comes out as, and what people do about it."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.home import Home

NEW_LINE = "\n"
UNTOUCHED = "What was published is untouched and can still be read."


@dataclass(frozen=True)
class Fault:
    """A fault of the machine: texts that give it away, and what to say; `{home}` stands for the state folder."""

    signs: tuple[str, ...]
    message: str


# In this order: a full disk breaks files, too, and a JVM that ran out of memory is gone afterwards.
FAULTS = (
    Fault(
        ("No space left on device", "ENOSPC", "Disk quota exceeded"),
        f"The disk that holds {{home}} is full: free some space and repeat the command. {UNTOUCHED}",
    ),
    Fault(
        ("Read-only file system", "Permission denied", "Mkdirs failed to create"),
        "{home} cannot be written to: make it writable, or point SPARKHOUSE_HOME at a folder that is. " + UNTOUCHED,
    ),
    Fault(
        (
            "OutOfMemoryError",
            "Java heap space",
            "GC overhead limit exceeded",
            "Unable to acquire",
            "INVALID_DRIVER_MEMORY",
        ),
        "Spark has run out of memory: set SPARKHOUSE_DRIVER_MEMORY higher (such as 8g) and repeat the command. "
        + UNTOUCHED,
    ),
    Fault(
        ("Java gateway process exited", "JAVA_GATEWAY_EXITED"),
        "Spark could not start: SPARKHOUSE_DRIVER_MEMORY may ask for more than the machine has; "
        "`sparkhouse doctor` says what else is wrong.",
    ),
    Fault(
        (
            "Answer from Java side is empty",
            "Error while sending or receiving",
            "An error occurred while trying to connect",
        ),
        "Spark has ended in the middle of the command, as if it had been killed; where memory is short, set "
        f"SPARKHOUSE_DRIVER_MEMORY lower. Repeat the command. {UNTOUCHED}",
    ),
)


def told_faults(error: BaseException, home: Home) -> list[str]:
    """Return what to say of an error that the machine or a damaged file is to blame for; nothing of any other."""
    from warehouse.publishing.spare_metadata import damage_told

    fault = recognised(error, str(home.path))
    if fault:
        return [fault, f"({str(error).strip().partition(NEW_LINE)[0]})"]
    text = "".join(traceback.format_exception(error))
    return [damage.message for damage in damage_told(text, home.warehouse, home.spares)]


def recognised(error: BaseException, home: str) -> str | None:
    """Return what to say of an error that the machine is to blame for; None of any other."""
    texts = [f"{type(each).__name__}: {each}" for each in _chain(error)]
    for fault in FAULTS:
        if any(sign in text for sign in fault.signs for text in texts):
            return fault.message.format(home=home)
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
