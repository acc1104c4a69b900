"""The list of customers: searched, filtered, sorted, and read a page at a time."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from math import ceil, isfinite
from typing import TYPE_CHECKING

from models_ml.serving.web.problems import Problem, said
from warehouse.contract.cells import defused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from models_ml.serving.store import Row, Store

PAGE_ROWS, MOST_ROWS = 50, 500
# A search is for a part of an id, a place or a state.
MOST_LETTERS = 100
MOST_DAYS = 100_000.0
# Rows of the CSV that are in memory at a time.
CHUNK = 2_000
COLUMNS = (
    "user_id",
    "level",
    "state",
    "metro",
    "gender",
    "device_family",
    "registered_at",
    "first_event_at",
    "last_event_at",
    "days_since_last_event",
    "cancelled_at",
    "as_of_date",
    "model_version",
    "probability",
    "probability_low",
    "probability_high",
    "probability_change",
    "risk_decile",
    "risk_decile_before",
    "predicted_churn",
    "first_reason",
)
# Ids are numbers in texts as a rule: the shorter is the smaller.
SORTS = {
    "user_id": ("length(user_id)", "user_id"),
    "probability": ("probability",),
    "probability_change": ("probability_change",),
    "risk_decile": ("risk_decile",),
    "level": ("level",),
    "state": ("state",),
    "device_family": ("device_family",),
    "last_event_at": ("last_event_at",),
}
ORDERS = {"asc": "asc", "desc": "desc"}
# Filters by a value, and by the least and the most of a number: the column of each, and what a number may be.
CHOICES = {"level": "level", "device": "device_family", "state": "state"}
BOUNDS = {
    "probability_from": ("probability >= ?", 1.0),
    "probability_to": ("probability <= ?", 1.0),
    "days_from": ("days_since_last_event >= ?", MOST_DAYS),
    "days_to": ("days_since_last_event <= ?", MOST_DAYS),
}
DECILES = tuple(f"{decile}" for decile in range(1, 11))
FILTERS = ("q", *CHOICES, "decile", *BOUNDS, "members")
SEARCHED = ("user_id", "state", "metro")


@dataclass(frozen=True)
class Asked:
    """A list that was asked for: `given` are the filters that are set, as they were written."""

    given: Mapping[str, str]
    conditions: tuple[str, ...]
    values: tuple[str | float, ...]
    sort: str = "probability"
    order: str = "desc"
    page: int = 1
    size: int = PAGE_ROWS

    @property
    def where(self) -> str:
        """The condition in SQL, its values left open."""
        return f" where {' and '.join(self.conditions)}" if self.conditions else ""

    @property
    def order_by(self) -> str:
        """The order in SQL; who has no value comes last, and equal ones stand by id."""
        keys = [f"{key} {ORDERS[self.order]} nulls last" for key in SORTS[self.sort]]
        return f" order by {', '.join([*keys, 'length(user_id)', 'user_id'])}"


@dataclass(frozen=True)
class Listed:
    """A page of the list, of so many customers that match, of so many in all."""

    rows: list[Row]
    matching: int
    customers: int
    page: int
    pages: int


def read(given: Mapping[str, str]) -> Asked:
    """Read what was asked for; blank is not asked. Raises Problem: the fields that are wrong."""
    asked = {name: value.strip() for name, value in given.items() if value.strip()}
    errors: dict[str, str] = {}
    conditions = [*_search(asked, errors), *_choices(asked, errors), *_bounds(asked, errors)]
    sort, order = asked.get("sort", "probability"), asked.get("order", "desc")
    if sort not in SORTS:
        errors["sort"] = f"{said(sort)} is no column to sort by: one of {', '.join(SORTS)}."
    if order not in ORDERS:
        errors["order"] = f"{said(order)} is no order: asc or desc."
    page, size = _whole("page", asked, 1, 10**9, errors), _whole("size", asked, PAGE_ROWS, MOST_ROWS, errors)
    if errors:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The list cannot be filtered so.", errors)
    filters = {name: asked[name] for name in FILTERS if name in asked}
    values = tuple(value for _, values in conditions for value in values)
    return Asked(filters, tuple(text for text, _ in conditions), values, sort, order, page, size)


def listed(store: Store, asked: Asked) -> Listed:
    """Return a page of the customers that match. Raises Problem where there are not so many pages."""
    if "customers" not in store.tables:
        return Listed([], 0, 0, 1, 1)
    counts = store.row(
        f"select count(*) as matching, (select count(*) from customers) as customers from customers{asked.where}",  # noqa: S608 - conditions of ours
        asked.values,
    )
    matching, customers = (counts["matching"], counts["customers"]) if counts else (0, 0)
    pages = max(1, ceil(matching / asked.size))
    if asked.page > pages:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            f"There is no page {asked.page}: the list has {pages}.",
            {"page": f"a whole number from 1 to {pages}"},
        )
    rows = _rows(store, asked, asked.size, (asked.page - 1) * asked.size)
    return Listed(rows, matching, customers, asked.page, pages)


def lines_of_csv(store: Store, asked: Asked) -> Iterator[str]:
    """All customers that match, as lines of CSV, some at a time; no cell is a formula."""
    yield _line(COLUMNS)
    rows, offset = [*_some(store, asked, 0)], 0
    while rows:
        yield "".join(_line([row[name] for name in COLUMNS]) for row in rows)
        offset += CHUNK
        rows = [*_some(store, asked, offset)] if len(rows) == CHUNK else []


@lru_cache(maxsize=2)
def choices(store: Store) -> dict[str, list[str]]:
    """The values that each list of the filters offers."""
    if "customers" not in store.tables:
        return {name: [] for name in CHOICES}
    return {name: _distinct(store, column) for name, column in CHOICES.items()}


def _distinct(store: Store, column: str) -> list[str]:
    rows = store.rows(f"select distinct {column} as value from customers where {column} is not null order by 1")  # noqa: S608 - a column of ours
    return [str(row["value"]) for row in rows]


def _some(store: Store, asked: Asked, offset: int) -> list[Row]:
    return _rows(store, asked, CHUNK, offset) if "customers" in store.tables else []


def _rows(store: Store, asked: Asked, limit: int, offset: int) -> list[Row]:
    sql = f"select {', '.join(COLUMNS)} from customers{asked.where}{asked.order_by} limit ? offset ?"  # noqa: S608 - names of ours
    return store.rows(sql, (*asked.values, limit, offset))


def _line(cells: tuple[str, ...] | list[object]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerow([defused(cell) if isinstance(cell, str) else cell for cell in cells])
    return text.getvalue()


Condition = tuple[str, tuple[str | float, ...]]


def _search(asked: Mapping[str, str], errors: dict[str, str]) -> list[Condition]:
    """A part of the id, the place or the state, in letters of either case."""
    text = asked.get("q")
    if text is None:
        return []
    if len(text) > MOST_LETTERS:
        errors["q"] = f"at most {MOST_LETTERS} letters"
    pattern = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    likes = " or ".join(f"{column} like ? escape '\\'" for column in SEARCHED)
    return [(f"({likes})", (f"%{pattern}%",) * len(SEARCHED))]


def _choices(asked: Mapping[str, str], errors: dict[str, str]) -> list[Condition]:
    conditions: list[Condition] = [(f"{CHOICES[name]} = ?", (asked[name],)) for name in CHOICES if name in asked]
    if "decile" in asked:
        if asked["decile"] not in DECILES:
            errors["decile"] = "a whole number from 1, the highest risk, to 10"
        conditions.append(("risk_decile = cast(? as integer)", (asked["decile"],)))
    if "members" in asked:
        if asked["members"] != "1":
            errors["members"] = "1, or nothing"
        conditions.append(("cancelled_at is null", ()))
    return conditions


def _bounds(asked: Mapping[str, str], errors: dict[str, str]) -> list[Condition]:
    conditions: list[Condition] = []
    for name, (condition, most) in BOUNDS.items():
        if name in asked:
            value = _number(asked[name])
            if value is None or not 0 <= value <= most:
                errors[name] = f"a number from 0 to {most:g}" if most > 1 else "a share from 0 to 1, as 0.25 for 25 %"
            else:
                conditions.append((condition, (value,)))
    return conditions


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def _whole(name: str, asked: Mapping[str, str], otherwise: int, most: int, errors: dict[str, str]) -> int:
    text = asked.get(name, f"{otherwise}")
    if text.isascii() and text.isdigit() and len(text) <= len(f"{most}") and 1 <= int(text) <= most:
        return int(text)
    errors[name] = f"a whole number from 1 to {most:,}"
    return otherwise
