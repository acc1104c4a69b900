"""Events of a few users who break every habit: sessions over days, rows without a level, songs without a length."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Record = dict[str, Any]

START, DAYS, USERS = datetime(2018, 10, 1, tzinfo=timezone.utc), 60, 12
PAGES = ("NextSong",) * 12 + ("Home", "Thumbs Up", "Thumbs Down", "Roll Advert", "Error", "Logout", "A New Page")
CHANGES = ("Submit Upgrade", "Submit Downgrade", "Cancellation Confirmation")
AGENT = (
    '"Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/36.0.1985.143 Safari/537.36"'
)


def events(seed: int) -> list[Record]:
    """All events, in order of time; the same seed gives the same."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    of_users = (record for number in range(USERS) for record in _of_user(chance, f"{number}"))
    return sorted(of_users, key=lambda record: (record["ts"], record["userId"]))


def _of_user(chance: random.Random, user_id: str) -> Iterator[Record]:
    """Some sessions, a fifth of which pause over night or for days; one may begin while another has paused."""
    moment = START + timedelta(days=chance.random() * DAYS / 2)
    session, titles = 0, [f"song {number}" for number in range(chance.randint(2, 9))]
    while moment < START + timedelta(days=DAYS):
        session += 1
        at = moment
        for item in range(chance.randint(1, 9)):
            at += timedelta(seconds=chance.choice([0, 30, 240, 3600, 3600 * 9] + [86400 * 2] * (chance.random() < 0.1)))
            if at < START + timedelta(days=DAYS):
                yield _record(chance, user_id, session, item, at, titles)
        moment += timedelta(days=chance.choice([0.1, 0.4, 1, 2, 5, 29 if chance.random() < 0.3 else 3]))


def _record(chance: random.Random, user_id: str, session: int, item: int, at: datetime, titles: list[str]) -> Record:
    page = chance.choice(CHANGES) if chance.random() < 0.04 else chance.choice(PAGES)
    is_song = page == "NextSong"
    return {
        "ts": int(at.timestamp() * 1000),
        "userId": user_id,
        "sessionId": int(user_id) * 100 + session,
        "itemInSession": item,
        "page": page,
        "level": chance.choice(["free", "paid", None]),
        "auth": "Cancelled" if page == CHANGES[-1] else "Logged In",
        "method": "PUT",
        "status": 200,
        "gender": chance.choice(["F", "M"]),
        "location": chance.choice(["Boston, MA", "San Francisco, CA", None]),
        "userAgent": AGENT,
        "registration": int((START - timedelta(days=int(user_id))).timestamp() * 1000),
        "artist": f"by {chance.choice(titles)}" if is_song and chance.random() < 0.9 else None,
        "song": chance.choice(titles) if is_song else None,
        "length": round(chance.uniform(60, 400), 5) if is_song and chance.random() < 0.8 else None,
    }


def deliveries(seed: int, folder: Path, pieces: int) -> list[Path]:
    """Write the events in so many files: most up to a date, then by date; some come late, and some twice."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    first = START + timedelta(days=DAYS * 0.6)
    ends = [first + timedelta(days=DAYS * 0.4 * number / (pieces - 1)) for number in range(pieces)]
    content: list[list[Record]] = [[] for _ in ends]
    for record in events(seed):
        at = datetime.fromtimestamp(record["ts"] / 1000, timezone.utc)
        due = min(next((number for number, end in enumerate(ends) if at < end), pieces - 1), pieces - 1)
        late = due if chance.random() < 0.95 else chance.randint(due, pieces - 1)
        content[late].append(record)
        if chance.random() < 0.03:
            content[chance.randint(late, pieces - 1)].append(record)
    paths = [folder / f"{number}.json" for number in range(pieces)]
    for path, records in zip(paths, content, strict=True):
        path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return paths
