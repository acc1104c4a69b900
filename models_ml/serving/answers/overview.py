"""The newest publication in numbers: customers, who is called, the last days, and what the audit found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

import orjson

if TYPE_CHECKING:
    from pathlib import Path

    from models_ml.serving.store import Row, Store

Gate = Literal["passed", "warned", "stopped"]
WEEK = 7
# What the last whole run writes beside the report.
RUN = "run.json"
CUSTOMERS = """
select
    count(*) as customers,
    sum(cancelled_at is null) as members,
    count(probability) as scored,
    coalesce(sum(predicted_churn), 0) as called,
    coalesce(sum(probability), 0.0) as expected,
    max(as_of_date) as as_of_date,
    max(model_version) as model_version,
    max(last_event_at) as newest_event_at
from customers
"""


@dataclass(frozen=True)
class Audit:
    """What the last audit found: so many expectations; those that are broken and not accepted, the worst first."""

    gate: Gate
    expectations: int
    accepted: int
    validated_at: str
    broken: list[Row]


@dataclass(frozen=True)
class Days:
    """The days of the log: the newest, and songs, users and cancellations of each of the last weeks."""

    first: str
    last: str
    days: int
    active_users: int
    songs: int
    songs_before: int | None
    cancellations: int
    cancellations_before: int | None


def customers(store: Store) -> Row | None:
    """Return how many there are, are members, were scored and are called; None where there are none."""
    row = store.row(CUSTOMERS) if "customers" in store.tables else None
    return row if row and row["customers"] else None


def event_age_days(newest_event_at: str | None, now: datetime | None = None) -> int | None:
    """Return the whole days from the newest event to now; None where there is none."""
    if newest_event_at is None:
        return None
    moment = datetime.fromisoformat(newest_event_at.replace("Z", "+00:00"))
    return ((now or datetime.now(timezone.utc)) - moment).days


def audit(store: Store) -> Audit | None:
    """Return the last audit; None where there was none."""
    found = store.rows("select * from findings") if "findings" in store.tables else []
    if not found:
        return None
    broken = [row for row in found if not row["success"] and not row["is_accepted"]]
    broken.sort(key=lambda row: (row["severity"], row["rule"], row["table_name"] or ""))
    severities = {row["severity"] for row in broken}
    gate: Gate = "stopped" if "stop" in severities else "warned" if severities else "passed"
    accepted = sum(1 for row in found if not row["success"] and row["is_accepted"])
    return Audit(gate, len(found), accepted, max(row["validated_at"] for row in found), broken)


def days(store: Store) -> Days | None:
    """Return the last week of the log beside the week before; None where there is no day."""
    rows = store.rows("select * from days order by event_date") if "days" in store.tables else []
    if not rows:
        return None
    week, before = rows[-WEEK:], rows[-2 * WEEK : -WEEK]
    full = len(before) == WEEK
    return Days(
        first=rows[0]["event_date"],
        last=rows[-1]["event_date"],
        days=len(rows),
        active_users=rows[-1]["active_user_count_7d"],
        songs=_sum(week, "song_count"),
        songs_before=_sum(before, "song_count") if full else None,
        cancellations=_sum(week, "cancellation_count"),
        cancellations_before=_sum(before, "cancellation_count") if full else None,
    )


def last_run(path: Path) -> dict[str, Any] | None:
    """Return what the last `sparkhouse run` wrote of itself, however it ended; None where there is none, or half."""
    try:
        record = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    is_whole = isinstance(record, dict) and record.keys() >= {"status", "started_at", "seconds", "steps"}
    return record if is_whole else None


def _sum(rows: list[Row], name: str) -> int:
    return sum(row[name] or 0 for row in rows)
