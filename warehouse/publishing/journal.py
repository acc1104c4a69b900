"""The journal of the newest publication: a few words, replaced as a whole, that tell where each table stands.

It is written before the first table moves and once more when the last one has. So a publication that was cut short can
be finished from it, and a reader who finds the same words before and after looking at several tables has seen one
state of all of them.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Protocol

from warehouse.contract.files import replace_file

if TYPE_CHECKING:
    from pathlib import Path

PUBLISH, ROLLBACK = "publish", "rollback"
# Its place in the state folder.
JOURNAL = "publication.json"
_DAMAGES = (OSError, ValueError, LookupError, TypeError, AttributeError)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_ISO_8601 = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"([T ](?P<minute>\d\d:\d\d)(:(?P<second>\d\d)([.,](?P<fraction>\d+))?)?"
    r" ?(Z|UTC|(?P<hours>[+-]\d\d)(:?(?P<minutes>\d\d))?)?)?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True)
class Move:
    """A table whose `main` moves from one snapshot to another; None stands for a table without rows on `main` yet."""

    table: str
    before: int | None
    after: int | None


@dataclass(frozen=True)
class Publication:
    """The tables of one publication in the order in which they move, and when; times are milliseconds since 1970 UTC.

    `action` is PUBLISH, or ROLLBACK for the way back. `finished_at` is None until the last table has moved.
    """

    run_id: str
    action: str
    moves: tuple[Move, ...]
    started_at: int
    finished_at: int | None = None

    def finished(self) -> Publication:
        """The same, finished now, or when it began if the clock was put back since."""
        return replace(self, finished_at=max(now(), self.started_at))


class Words(Protocol):
    """Where the words of a journal stand."""

    @property
    def place(self) -> str:
        """Which place that is, in words."""

    def read(self) -> str | None:
        """Return what stands there, None if nothing does; raises OSError, or ValueError of what is no text."""

    def replace(self, words: str) -> None:
        """Put other words there, as a whole, durable before this returns."""

    def set_aside(self) -> str:
        """Take damaged words out of the way; return where they are."""


@dataclass(frozen=True)
class JournalFile:
    """A journal's words in a file, for the processes of one machine."""

    path: Path

    @property
    def place(self) -> str:
        return str(self.path)

    def read(self) -> str | None:
        try:
            return self.path.read_text()
        except FileNotFoundError:
            return None

    def replace(self, words: str) -> None:
        replace_file(self.path, words.encode())

    def set_aside(self) -> str:
        return str(self.path.replace(self.path.with_name(f"{self.path.name}.damaged")))


@dataclass(frozen=True)
class Journal:
    """The journal of the newest publication, wherever its words stand."""

    words: Words

    def read(self) -> Publication | None:
        """Return the newest publication, None before the first, and where the words are damaged."""
        try:
            return self._parsed()
        except _DAMAGES:
            return None

    @property
    def is_damaged(self) -> bool:
        """Whether there are words, and they cannot be understood."""
        try:
            self._parsed()
        except _DAMAGES:
            return True
        return False

    @property
    def needs_finishing(self) -> bool:
        """Whether a publication was, or may have been, cut short."""
        return self.unfinished is not None or self.is_damaged

    def _parsed(self) -> Publication | None:
        words = self.words.read()
        if words is None:
            return None
        parsed = json.loads(words)
        return Publication(**{**parsed, "moves": tuple(Move(**move) for move in parsed["moves"])})

    @property
    def unfinished(self) -> Publication | None:
        """The newest publication if it has not been finished: it is under way, or was cut short."""
        newest = self.read()
        return newest if newest and newest.finished_at is None else None

    def write(self, publication: Publication) -> None:
        """Put the words of a publication in the place of those before, durable before this returns."""
        self.words.replace(json.dumps(asdict(publication), indent=2))


def now() -> int:
    """Milliseconds since 1970 UTC, as Iceberg counts them."""
    return int(datetime.now(timezone.utc).timestamp() * 1000)


def moment(count: int) -> datetime:
    """The moment of a count of milliseconds since 1970 UTC."""
    return _EPOCH + timedelta(milliseconds=count)


def milliseconds(at: datetime) -> int:
    """The count of whole milliseconds since 1970 UTC at a moment with a zone, exactly: the way back from `moment`."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def utc_moment(text: str) -> datetime:
    """Return the moment that a date or an ISO 8601 text names, in UTC where it names no zone; raises ValueError.

    All that `sparkhouse sql` and other programs print of a moment is read, by every version of Python alike: `T` or a
    space, fractions of any length (down to microseconds), `Z`, `UTC`, `+00`, `+0000`, `+00:00`.
    """
    named = _ISO_8601.fullmatch(text.strip())
    if not named:
        raise ValueError(f"{text!r} is no date or time such as 2018-10-01T05:30:00+00:00")
    clock = f"{named['minute'] or '00:00'}:{named['second'] or '00'}.{(named['fraction'] or '')[:6]:0<6}"
    zone = f"{named['hours']}:{named['minutes'] or '00'}" if named["hours"] else "+00:00"
    try:
        return datetime.fromisoformat(f"{named['day']}T{clock}{zone}").astimezone(timezone.utc)
    except OverflowError as error:
        raise ValueError(f"{text!r} lies outside of the years 1 to 9999") from error
