"""Customers that match: the one query behind the list that people read, its CSV, and the list of the API.

`asked` holds the value of each condition by its name; None, or a name that is no condition, lets all through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models_ml.serving.store import Row, Store

    Direction = Literal["asc", "desc"]

# Under each stands nobody of whom the column is not known.
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
    "is_member": "(cancelled_at is null) = :is_member",
}


def count(store: Store, asked: Mapping[str, Any]) -> int:
    """Return how many customers match."""
    if "customers" not in store.tables:
        return 0
    row = store.row(f"select count(*) as users from customers{_where(asked)}", _values(asked))  # noqa: S608 - conditions of ours
    return int(row["users"]) if row else 0


def rows(
    store: Store,
    columns: Sequence[str],
    asked: Mapping[str, Any],
    order: tuple[str, Direction],
    part: tuple[int, int],
) -> list[Row]:
    """Return some columns of the customers that match, in order of a column: so many of them, after so many others.

    Names of columns are ours, never a request's. Who has no value comes last either way, and equal ones stand by id.
    """
    if "customers" not in store.tables:
        return []
    chosen = f"select {', '.join(columns)} from customers{_where(asked)}"  # noqa: S608 - names of ours
    values = _values(asked) | dict(zip(("limit", "offset"), part, strict=True))
    return store.rows(f"{chosen} order by {_order(*order)} limit :limit offset :offset", values)


def _where(asked: Mapping[str, Any]) -> str:
    conditions = [condition for name, condition in CONDITIONS.items() if asked.get(name) is not None]
    return f" where {' and '.join(conditions)}" if conditions else ""


def _values(asked: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: asked[name] for name in CONDITIONS if asked.get(name) is not None}
    return values | ({"search": _pattern(values["search"])} if "search" in values else {})


def _pattern(text: str) -> str:
    """What holds a text, as LIKE takes it: its own signs are no signs."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _order(column: str, direction: Direction) -> str:
    # Ids are numbers in texts as a rule: the shorter is the smaller.
    keys = ("length(user_id)", "user_id") if column == "user_id" else (column,)
    return ", ".join([*(f"{key} {direction} nulls last" for key in keys), "length(user_id)", "user_id"])
