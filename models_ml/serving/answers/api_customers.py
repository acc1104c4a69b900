"""Customers as the API lists and tells them: rows of the store, with flags and lists as JSON has them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from models_ml.serving.store import Row, Store

LISTED = (
    *("user_id", "level", "state", "metro", "gender", "device_family", "registered_at", "first_event_at"),
    *("last_event_at", "cancelled_at", "is_churned", "days_since_last_event", "as_of_date", "model_version"),
    *("probability", "probability_low", "probability_high", "probability_change", "risk_decile"),
    *("risk_decile_before", "predicted_churn", "reasons"),
)
PREDICTED = (
    *("as_of_date", "model_version", "probability", "probability_low", "probability_high", "risk_decile"),
    *("predicted_churn", "reasons", "scored_at", "outcome"),
)
SESSION = (
    *("session_id", "started_at", "ended_at", "event_count", "paid_event_count", "song_count", "thumbs_up_count"),
    *("thumbs_down_count", "advert_count", "has_cancellation"),
)
FLAGS = frozenset({"is_churned", "predicted_churn", "outcome", "has_cancellation"})
# What the list is sorted by, by name; a user id breaks ties.
SORTS = ("user_id", "probability", "probability_change", "risk_decile", "days_since_last_event", "registered_at")
# Each filter is a condition of its own, under which nobody stands of whom the column is not known.
CONDITIONS = {
    "search": "(user_id like :search escape '\\' or state like :search escape '\\' or metro like :search escape '\\')",
    "level": "level = :level",
    "device_family": "device_family = :device_family",
    "state": "state = :state",
    "decile": "risk_decile = :decile",
    "probability_min": "probability >= :probability_min",
    "probability_max": "probability <= :probability_max",
    "days_since_last_event_min": "days_since_last_event >= :days_since_last_event_min",
    "days_since_last_event_max": "days_since_last_event <= :days_since_last_event_max",
}


def listed(store: Store, asked: Mapping[str, Any]) -> tuple[list[Row], int]:
    """Return the customers of a page, and how many match; a filter that is None lets all through."""
    if "customers" not in store.tables:
        return [], 0
    values = {name: value for name, value in asked.items() if value is not None}
    conditions = [condition for name, condition in CONDITIONS.items() if name in values]
    if "search" in values:
        values["search"] = _pattern(values["search"])
    # No name of a column comes out of the request, only those of this module.
    matching = f"from customers where {' and '.join(conditions) or '1'}"
    total = store.row(f"select count(*) as users {matching}", values)
    rows = store.rows(
        f"select {_columns(LISTED)} {matching} order by {_order(values['sort'])} limit :limit offset :skipped",
        values | {"skipped": (values["page"] - 1) * values["limit"]},
    )
    return [_typed(row) for row in rows], total["users"] if total else 0


def sorts() -> tuple[str, ...]:
    """What the list can be sorted by: a name, or a name after a minus for the highest first."""
    return tuple(f"{sign}{name}" for name in SORTS for sign in ("", "-"))


def customer(store: Store, user_id: str) -> Row | None:
    """Return who a customer is, with the newest prediction; None where there is no such customer."""
    if "customers" not in store.tables:
        return None
    row = store.row(f"select {_columns(LISTED)} from customers where user_id = ?", (user_id,))  # noqa: S608
    return _typed(row) if row else None


def predictions(store: Store, user_id: str) -> list[Row]:
    """Return all predictions of a customer, the newest first, each with its outcome; None is not known yet."""
    if "predictions" not in store.tables:
        return []
    rows = store.rows(
        f"select {_columns(PREDICTED)} from predictions where user_id = ? "  # noqa: S608 - names of this module
        "order by as_of_date desc, scored_at desc, model_version",
        (user_id,),
    )
    return [_typed(row) for row in rows]


def sessions(store: Store, user_id: str, page: int, limit: int) -> tuple[list[Row], int]:
    """Return the sessions of a page, the newest first, and how many there are."""
    if "sessions" not in store.tables:
        return [], 0
    total = store.row("select count(*) as sessions from sessions where user_id = ?", (user_id,))
    rows = store.rows(
        f"select {_columns(SESSION)} from sessions where user_id = ? "  # noqa: S608 - names of this module
        "order by started_at desc, session_id desc limit ? offset ?",
        (user_id, limit, (page - 1) * limit),
    )
    return [_typed(row) for row in rows], total["sessions"] if total else 0


def _columns(names: Iterable[str]) -> str:
    return ", ".join(names)


def _order(sort: str) -> str:
    """The order of a sort that is one of `sorts`; who has no value comes last either way."""
    name, direction = sort.removeprefix("-"), "desc" if sort.startswith("-") else "asc"
    # Ids are numbers in texts as a rule: the shorter is the smaller.
    first = (
        f"length(user_id) {direction}, user_id {direction}" if name == "user_id" else f"{name} {direction} nulls last"
    )
    return f"{first}, length(user_id), user_id"


def _pattern(text: str) -> str:
    """What holds a text, as LIKE takes it: its own signs are no signs."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _typed(row: Row) -> Row:
    """A row with flags as JSON has them, and reasons as a list."""
    flags = {name: None if row[name] is None else bool(row[name]) for name in row if name in FLAGS}
    reasons = {"reasons": json.loads(row["reasons"] or "[]")} if "reasons" in row else {}
    return row | flags | reasons
