"""What the user says of how a log is to be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from warehouse.landing.reader.mapping_file import shipped_mappings
from warehouse.landing.reader.reader import LineReader

if TYPE_CHECKING:
    from datetime import datetime

    from warehouse.landing.reader.mapping import LogMapping

# How far events may lie ahead of the time of ingest: clocks differ, and some logs are written in local time.
AHEAD = timedelta(days=1)


@dataclass(frozen=True)
class Rules:
    """How to read a log, and what to keep of it.

    Names become pseudonyms, or with `pseudonymise` off nothing. `mapping` takes the place of the dialects that ship.
    With `keep_refused_text`, more than the shape is kept of text that is no JSON object.
    """

    pseudonymise: bool = True
    mapping: LogMapping | None = None
    keep_refused_text: bool = False

    def reader(self, now: datetime, salt: str | None) -> LineReader:
        """Return the reader of lines at a moment, with the salt of the pseudonyms."""
        mappings = (self.mapping,) if self.mapping else shipped_mappings()
        latest = int((now + AHEAD).timestamp() * 1000)
        return LineReader(mappings, latest, salt if self.pseudonymise else None, self.keep_refused_text)
