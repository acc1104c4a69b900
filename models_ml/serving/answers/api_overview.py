"""The numbers of the first page as the API tells them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from models_ml.serving.answers import overview

if TYPE_CHECKING:
    from pathlib import Path

    from models_ml.serving.store import Row, Store

FINDING = ("severity", "rule", "table_name", "message")
RUN = ("status", "started_at", "seconds")


def numbers(store: Store, reports: Path) -> dict[str, Any]:
    """Return what the first page shows of a publication, and of the last run; None is what there is none of."""
    days = overview.days(store)
    return {
        "customers": _customers(overview.customers(store)),
        "days": asdict(days) if days else None,
        "audit": _audit(overview.audit(store)),
        "last_run": _run(overview.last_run(reports / overview.RUN)),
    }


def _customers(row: Row | None) -> Row | None:
    return row and row | {"event_age_days": overview.event_age_days(row["newest_event_at"])}


def _audit(found: overview.Audit | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return asdict(found) | {"broken": [{name: row[name] for name in FINDING} for row in found.broken]}


def _run(record: dict[str, Any] | None) -> dict[str, Any] | None:
    return record and {name: record[name] for name in RUN} | {"steps": len(record["steps"])}
