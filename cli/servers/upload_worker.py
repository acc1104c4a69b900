"""The process that reads one uploaded log: the ingest's reader on its lines, the warehouse's formulas on its events.

It is started for one upload and ends with it, so that a bad file can take neither the app's time nor its memory.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime, timedelta, timezone
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from models_ml.serving.uploads.events import BEFORE_ALL, MILLISECONDS_A_DAY, Event, Log, Profile, stretch_of, stretches
from models_ml.serving.uploads.features import features
from models_ml.serving.uploads.reading import ReadUpload, Refused, UnreadableUpload
from warehouse.contract.cells import visible
from warehouse.landing.formats.content import Form, content_of
from warehouse.landing.formats.lines_of_text import lines_of
from warehouse.landing.plain_text import NoLogInside, PlainText, Text, head_of
from warehouse.landing.reader.fields import FIELDS
from warehouse.landing.reader.reader import Event as Accepted
from warehouse.landing.reader.rules import Rules
from warehouse.landing.room import NoRoomToStage, Room, UnpacksTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models_ml.serving.uploads.events import Stretch

MOST_UNPACKED, MOST_TIMES_PACKED, HARMLESS_BYTES = 500_000_000, 100, 1_000_000
MOST_MEMORY = 3 << 30
MOST_REASONS, FIRST_LINES, MOST_LEFT_OUT = 50, 5, 20
# The app holds the features of all of them at a time.
MOST_USERS = 50_000
MOST_LETTERS = 200
BLANKS = b" \t\n\x0b\f\r"
HASH_BYTES = 16
EPOCH = date(1970, 1, 1)
_USER, _TS, _SESSION, _PAGE, _LEVEL, _ITEM = (
    list(FIELDS).index(name) for name in ("userId", "ts", "sessionId", "page", "level", "itemInSession")
)
_PROFILE = tuple(list(FIELDS).index(name) for name in ("registration", "gender", "location", "userAgent"))


class UploadRoom(Room):
    """The room of an upload: less than that of a log of one's own."""

    def __init__(self, upload: Path) -> None:
        packed = upload.stat().st_size
        super().__init__(upload, packed, upload.parent)
        self._limit = min(MOST_UNPACKED, max(HARMLESS_BYTES, MOST_TIMES_PACKED * packed))


class Reading:
    """The lines of a log as they are read, counted."""

    def __init__(self) -> None:
        self.log = Log()
        self.lines = self.accepted = self.blank = self.of_users = 0
        self.reasons, self.first_lines = Counter[str](), dict[str, list[int]]()

    def read(self, path: Path) -> None:
        """Take in all lines; no personal name, not even a pseudonym, is kept of any."""
        reader = Rules(pseudonymise=False).reader(datetime.now(timezone.utc), None)
        for line in _numbered(path):
            self.lines += 1
            if not line.strip(BLANKS):
                self.blank += 1
            elif isinstance(found := reader.read(line), Accepted):
                self._accept(found)
            else:
                for reason in found.reasons:
                    self._refuse(reason)

    def refusals(self) -> tuple[Refused, ...]:
        """The reasons, the most frequent first; a line can have several."""
        most = self.reasons.most_common(MOST_REASONS)
        return tuple(Refused(reason, count, tuple(self.first_lines[reason])) for reason, count in most)

    def _accept(self, found: Accepted) -> None:
        self.accepted += 1
        values = found.values
        user_id, registered_at = values[_USER], values[_PROFILE[0]]
        # Guests have no registration: staging leaves them out.
        if not user_id or registered_at is None:
            return
        self.of_users += 1
        item = BEFORE_ALL if values[_ITEM] is None else values[_ITEM]
        event_id = bytes.fromhex(found.record_hash)[:HASH_BYTES]
        event = Event(values[_TS], values[_SESSION], item, event_id, values[_PAGE], values[_LEVEL])
        self.log.add(user_id, event, Profile(*(values[place] for place in _PROFILE)))

    def _refuse(self, reason: str) -> None:
        self.reasons[reason] += 1
        first = self.first_lines.setdefault(reason, [])
        if len(first) < FIRST_LINES:
            first.append(self.lines)


def read_upload(upload: Path, as_of: str | None, wanted: frozenset[str]) -> ReadUpload:
    """Read a file of any form that ingest takes; its folder is that of the work. Raises UnreadableUpload."""
    if content_of(head_of(upload)).form is Form.EMPTY:
        raise UnreadableUpload(HTTPStatus.UNPROCESSABLE_ENTITY, "The file is empty: choose a log with events.")
    scratch = upload.parent / "scratch"
    scratch.mkdir()
    maker = PlainText(scratch, UploadRoom(upload), {})
    reading = Reading()
    reading.read(maker.of(Text(upload)).path)
    left_out = tuple((_shown(name), _shown(what)) for name, what in maker.left_out[:MOST_LEFT_OUT])
    return _answer(reading, as_of, wanted, left_out)


def _answer(
    reading: Reading, as_of: str | None, wanted: frozenset[str], left_out: tuple[tuple[str, str], ...]
) -> ReadUpload:
    users = reading.log.users
    if len(users) > MOST_USERS:
        raise UnreadableUpload(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The log has {len(users):,} users, and {MOST_USERS:,} at most are scored: send a part of it.",
        )
    found = stretches(users.values())
    if not found:
        raise UnreadableUpload(HTTPStatus.UNPROCESSABLE_ENTITY, _nobody(reading))
    day = found[-1].closing_day + 1 if as_of is None else (date.fromisoformat(as_of) - EPOCH).days
    stretch = _require_observed(found, day)
    members = {user_id: user for user_id, user in users.items() if user.is_member(day * MILLISECONDS_A_DAY)}
    return ReadUpload(
        lines=reading.lines,
        accepted=reading.accepted,
        refused=reading.lines - reading.accepted - reading.blank,
        blank=reading.blank,
        of_users=reading.of_users,
        repeated=reading.of_users - reading.log.distinct,
        reasons=reading.refusals(),
        left_out=left_out,
        as_of_date=_iso(day),
        observed_from=_iso(stretch.first_day),
        gone=len(users) - len(members),
        users={
            user_id: {
                name: value for name, value in features(user, day, stretch.observed_from).items() if name in wanted
            }
            for user_id, user in members.items()
        },
    )


def _require_observed(found: list[Stretch], day: int) -> Stretch:
    stretch = stretch_of(found, day)
    if stretch is None:
        spans = " and ".join(f"from {_iso(each.first_day + 1)} to {_iso(each.closing_day + 1)}" for each in found[:3])
        raise UnreadableUpload(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"The log is observed for risk at the start of dates {spans}: give one of them, or leave the date out.",
        )
    return stretch


def _nobody(reading: Reading) -> str:
    """Why there is nobody to score, in words."""
    if not reading.accepted:
        said = ", ".join(f"{each.reason} ({each.count:,})" for each in reading.refusals()[:3]) or "all are blank"
        return f"None of the {reading.lines:,} lines is an event of a log: {said}."
    return (
        f"{reading.accepted:,} lines are events, and none is of a user with a registration on a page that counts: "
        "there is nobody to score."
    )


def _numbered(path: Path) -> Iterator[bytes]:
    """The lines without their ends and without a byte order mark, as ingest reads them."""
    with path.open("rb") as file:
        for line in lines_of(file):
            yield line.removesuffix(b"\n").removeprefix(b"\xef\xbb\xbf")


def _shown(text: str) -> str:
    """A name out of an archive as an answer holds it."""
    return visible(text.encode("utf-8", "replace").decode())[:MOST_LETTERS]


def _iso(day: int) -> str:
    return (EPOCH + timedelta(days=day)).isoformat()


def _bounded() -> None:
    """Let others go first, and end where memory would run out for all; not every system has these."""
    with suppress(ImportError, AttributeError, OSError, ValueError):
        import resource

        os.nice(5)
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def _outcome(upload: Path, as_of: str | None, wanted: frozenset[str]) -> dict[str, Any]:
    """The answer, or the refusal with its status."""
    try:
        return asdict(read_upload(upload, as_of, wanted))
    except UnreadableUpload as refusal:
        return {"status": int(refusal.status), "message": str(refusal)}
    except NoLogInside as other:
        return _refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"This is {_shown(str(other))}: upload a log of events.")
    except UnpacksTooLarge:
        return _refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The file unpacks to more than {MOST_TIMES_PACKED} times its size, or to more than "
            f"{MOST_UNPACKED // 1_000_000} MB: ingest it with `sparkhouse ingest`, or send a part of it.",
        )
    except NoRoomToStage:
        return _refusal(HTTPStatus.INSUFFICIENT_STORAGE, "The server's disk is nearly full: make room, then try again.")
    except MemoryError:
        return _refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "The log has more events than there is memory for: ingest it with `sparkhouse ingest`, or send a part.",
        )


def _refusal(status: HTTPStatus, message: str) -> dict[str, Any]:
    return {"status": int(status), "message": message}


def main(upload: str, as_of: str, *wanted: str) -> None:
    """Print the outcome as JSON."""
    _bounded()
    sys.stdout.buffer.write(orjson.dumps(_outcome(Path(upload), as_of or None, frozenset(wanted))))


if __name__ == "__main__":
    main(*sys.argv[1:])
