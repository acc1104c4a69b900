"""The journal of the newest publication: one small file, replaced as a whole, that tells where each table stands.

It is written before the first table moves and once more when the last one has. So a publication that was cut short can
be finished from it, and a reader who finds the same words before and after looking at several tables has seen one
state of all of them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from warehouse.publishing.files import replace_file

if TYPE_CHECKING:
    from pathlib import Path

PUBLISH, ROLLBACK = "publish", "rollback"


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
        """The same, finished now."""
        return replace(self, finished_at=now())


@dataclass(frozen=True)
class Journal:
    """The file of the newest publication."""

    path: Path

    def read(self) -> Publication | None:
        """Return the newest publication, None before the first."""
        try:
            told = json.loads(self.path.read_text())
        except FileNotFoundError:
            return None
        return Publication(**{**told, "moves": tuple(Move(**move) for move in told["moves"])})

    @property
    def unfinished(self) -> Publication | None:
        """The newest publication if it has not been finished: it is under way, or was cut short."""
        newest = self.read()
        return newest if newest and newest.finished_at is None else None

    def write(self, publication: Publication) -> None:
        """Replace the file, on disk before this returns."""
        replace_file(self.path, json.dumps(asdict(publication), indent=2).encode())


def now() -> int:
    """Milliseconds since 1970 UTC, as Iceberg counts them."""
    return int(datetime.now(timezone.utc).timestamp() * 1000)


def moment(milliseconds: int) -> datetime:
    """The moment of a count of milliseconds since 1970 UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)


def utc_moment(text: str) -> datetime:
    """Return the moment that an ISO 8601 text names, in UTC where it names no zone; raises ValueError."""
    named = datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith("Z") else text)
    return named.astimezone(timezone.utc) if named.tzinfo else named.replace(tzinfo=timezone.utc)
