"""Customers as the API lists and tells them: rows of the store, with flags and lists as JSON has them."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from models_ml.serving.answers import matching
from models_ml.serving.web.problems import Problem, said

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from models_ml.serving.answers.matching import Direction
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


def listed(store: Store, asked: Mapping[str, Any]) -> tuple[list[Row], int]:
    """Return the customers of a page, and how many match; a filter that is None lets all through."""
    order, skipped = _order(asked["sort"]), (asked["page"] - 1) * asked["limit"]
    rows = matching.rows(store, LISTED, asked, order, (asked["limit"], skipped))
    return [_typed(row) for row in rows], matching.count(store, asked)


def sorts() -> tuple[str, ...]:
    """What the list can be sorted by: a name, or a name after a minus for the highest first."""
    return tuple(f"{sign}{name}" for name in SORTS for sign in ("", "-"))


def customer(store: Store, user_id: str) -> Row | None:
    """Return who a customer is, with the newest prediction; None where there is no such customer."""
    if "customers" not in store.tables:
        return None
    row = store.row(f"select {_columns(LISTED)} from customers where user_id = ?", (user_id,))  # noqa: S608
    return _typed(row) if row else None


def nobody(user_id: str) -> Problem:
    """What to raise where there is no customer of an id."""
    return Problem(HTTPStatus.NOT_FOUND, f"There is no customer {said(user_id)} in this publication.")


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


def _order(sort: str) -> tuple[str, Direction]:
    """The column and the direction of a sort that is one of `sorts`."""
    return sort.removeprefix("-"), "desc" if sort.startswith("-") else "asc"


def _typed(row: Row) -> Row:
    """A row with flags as JSON has them, and reasons as a list."""
    flags = {name: None if row[name] is None else bool(row[name]) for name in row if name in FLAGS}
    reasons = {"reasons": json.loads(row["reasons"] or "[]")} if "reasons" in row else {}
    return row | flags | reasons
