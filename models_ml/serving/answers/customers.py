"""The list of customers: searched, filtered, sorted, and read a page at a time."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil, isfinite
from typing import TYPE_CHECKING

from models_ml.serving.answers import matching
from models_ml.serving.store import kept_by_store
from models_ml.serving.web.problems import Problem, said
from warehouse.contract.cells import defused_cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from models_ml.serving.answers.matching import Direction
    from models_ml.serving.store import Row, Store

    Values = dict[str, str | float | bool]

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
SORTS = (
    "user_id",
    "probability",
    "probability_change",
    "risk_decile",
    "level",
    "state",
    "device_family",
    "last_event_at",
)
ORDERS = ("asc", "desc")
# The condition that each field sets: a value, or the least or the most of a number with what it may be at most.
CHOICES = {"level": "level", "device": "device_family", "state": "state"}
BOUNDS = {
    "probability_from": ("probability_min", 1.0),
    "probability_to": ("probability_max", 1.0),
    "days_from": ("days_since_last_event_min", MOST_DAYS),
    "days_to": ("days_since_last_event_max", MOST_DAYS),
}
DECILES = tuple(f"{decile}" for decile in range(1, 11))
FILTERS = ("q", *CHOICES, "decile", *BOUNDS, "members")


@dataclass(frozen=True)
class Asked:
    """A list that was asked for: `given` are the filters that are set, as they were written; `values` what they ask."""

    given: Mapping[str, str]
    values: Mapping[str, str | float | bool]
    sort: str = "probability"
    order: Direction = "desc"
    page: int = 1
    size: int = PAGE_ROWS


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
    values = _search(asked, errors) | _choices(asked, errors) | _bounds(asked, errors)
    sort, order = asked.get("sort", "probability"), asked.get("order", "desc")
    if sort not in SORTS:
        errors["sort"] = f"{said(sort)} is no column to sort by: one of {', '.join(SORTS)}."
    if order not in ORDERS:
        errors["order"] = f"{said(order)} is no order: asc or desc."
    page, size = _whole("page", asked, 1, 10**9, errors), _whole("size", asked, PAGE_ROWS, MOST_ROWS, errors)
    if errors:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The list cannot be filtered so.", errors)
    filters = {name: asked[name] for name in FILTERS if name in asked}
    return Asked(filters, values, sort, "asc" if order == "asc" else "desc", page, size)


def listed(store: Store, asked: Asked) -> Listed:
    """Return a page of the customers that match. Raises Problem where there are not so many pages."""
    if "customers" not in store.tables:
        return Listed([], 0, 0, 1, 1)
    matched, customers = matching.count(store, asked.values), matching.count(store, {})
    pages = max(1, ceil(matched / asked.size))
    if asked.page > pages:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            f"There is no page {asked.page}: the list has {pages}.",
            {"page": f"a whole number from 1 to {pages}"},
        )
    rows = _rows(store, asked, asked.size, (asked.page - 1) * asked.size)
    return Listed(rows, matched, customers, asked.page, pages)


def lines_of_csv(store: Store, asked: Asked) -> Iterator[str]:
    """All customers that match, as lines of CSV, some at a time; no cell is a formula."""
    yield _line(COLUMNS)
    rows, offset = _rows(store, asked, CHUNK, 0), 0
    while rows:
        yield "".join(_line([row[name] for name in COLUMNS]) for row in rows)
        offset += CHUNK
        rows = _rows(store, asked, CHUNK, offset) if len(rows) == CHUNK else []


def choices(store: Store) -> dict[str, list[str]]:
    """The values that each list of the filters offers."""
    return {name: values_of(store, column) for name, column in CHOICES.items()}


@kept_by_store
def values_of(store: Store, column: str) -> list[str]:
    """The values that customers have in a column of ours."""
    if "customers" not in store.tables:
        return []
    rows = store.rows(f"select distinct {column} as value from customers where {column} is not null order by 1")  # noqa: S608
    return [str(row["value"]) for row in rows]


def _rows(store: Store, asked: Asked, limit: int, offset: int) -> list[Row]:
    return matching.rows(store, COLUMNS, asked.values, (asked.sort, asked.order), (limit, offset))


def _line(cells: Iterable[object]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(defused_cells(cells))
    return text.getvalue()


def _search(asked: Mapping[str, str], errors: dict[str, str]) -> Values:
    """A part of the id, the place or the state, in letters of either case."""
    if len(asked.get("q", "")) > MOST_LETTERS:
        errors["q"] = f"at most {MOST_LETTERS} letters"
    return {"search": asked["q"]} if "q" in asked else {}


def _choices(asked: Mapping[str, str], errors: dict[str, str]) -> Values:
    values: Values = {column: asked[name] for name, column in CHOICES.items() if name in asked}
    if "decile" in asked:
        if asked["decile"] in DECILES:
            values["decile"] = int(asked["decile"])
        else:
            errors["decile"] = "a whole number from 1, the highest risk, to 10"
    if "members" in asked:
        if asked["members"] != "1":
            errors["members"] = "1, or nothing"
        values["is_member"] = True
    return values


def _bounds(asked: Mapping[str, str], errors: dict[str, str]) -> Values:
    values: Values = {}
    for name, (condition, most) in BOUNDS.items():
        if name in asked:
            value = _number(asked[name])
            if value is None or not 0 <= value <= most:
                errors[name] = f"a number from 0 to {most:g}" if most > 1 else "a share from 0 to 1, as 0.25 for 25 %"
            else:
                values[condition] = value
    return values


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
