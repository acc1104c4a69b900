"""What the reader of uploaded logs hands to the app, and how it refuses: the app itself reads no log.

The rules of a log belong to the warehouse's landing, which this package does not import, and a log of 500 MB would hold
up all other requests: so whoever starts the app hands in a `ReadLog`, which works in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from http import HTTPStatus

# Writes what was uploaded to a file that does not exist yet.
SaveTo = Callable[[Path], object]
Features = dict[str, Any]


class UnreadableUpload(Exception):
    """An upload that gives no answer: the status, and in words what is wrong and what to do."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Refused:
    """A reason why lines were refused, how many, and the numbers of the first of them, from 1."""

    reason: str
    count: int
    first_lines: tuple[int, ...]


@dataclass(frozen=True)
class ReadUpload:
    """What a log says: `lines = accepted + refused + blank`, and the features of its members at the start of a date.

    `of_users` counts the accepted lines that have a user and a registration, `repeated` those of them that stood there
    before. `left_out` are files of an archive that are no log: name and what they are. `gone` users had cancelled by
    the date or came later. `users` maps a user's id to features by name.
    """

    lines: int
    accepted: int
    refused: int
    blank: int
    of_users: int
    repeated: int
    reasons: tuple[Refused, ...]
    left_out: tuple[tuple[str, str], ...]
    as_of_date: str
    observed_from: str
    gone: int
    users: dict[str, Features]


# Reads an upload, saved by the first argument; a date of ISO or None for the log's end; the features that are wanted.
# Raises UnreadableUpload; keeps nothing.
ReadLog = Callable[[SaveTo, str | None, tuple[str, ...]], ReadUpload]
