"""Customers: the list with its search, filters, sorting and pages, and all that match as CSV."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, make_response, render_template, request, url_for

from models_ml.serving.answers.customers import (
    DECILES,
    FILTERS,
    MOST_LETTERS,
    PAGE_ROWS,
    Asked,
    choices,
    lines_of_csv,
    listed,
    read,
)
from models_ml.serving.web.problems import Problem
from models_ml.serving.web.state import store

if TYPE_CHECKING:
    from models_ml.serving.answers.customers import Listed

TITLES = {
    "q": "Search",
    "level": "Level",
    "device": "Device",
    "state": "State",
    "decile": "Decile",
    "probability_from": "Probability from",
    "probability_to": "Probability to",
    "days_from": "Days silent from",
    "days_to": "Days silent to",
    "members": "Members only",
    "sort": "Sorted by",
    "order": "Order",
    "page": "Page",
    "size": "Rows of a page",
}
# The heads of the table by the column that each sorts by, with the order of its first click.
HEADS = {
    "user_id": ("Customer", "asc", False),
    "probability": ("Risk", "desc", True),
    "probability_change": ("Change", "desc", True),
    "risk_decile": ("Decile", "asc", True),
    "level": ("Level", "asc", False),
    "state": ("State", "asc", False),
    "device_family": ("Device", "asc", False),
    "last_event_at": ("Last event", "desc", False),
}
OTHER = {"asc": "desc", "desc": "asc"}

blueprint = Blueprint("customers", __name__)


@blueprint.get("/customers")
def page() -> Response:
    """The list, or what is wrong with the filters, each beside its field."""
    try:
        asked = read(request.args)
    except Problem as problem:
        return _list(Asked({}, {}), None, problem.errors, problem.status)
    return _list(asked, listed(store(), asked), {}, HTTPStatus.OK)


@blueprint.get("/customers.csv")
def download() -> Response:
    """All customers that match, with all columns. Raises Problem: the filters that are wrong."""
    asked = read(request.args)
    answer = Response(lines_of_csv(store(), asked), mimetype="text/csv")
    answer.headers["Content-Disposition"] = "attachment; filename=customers.csv"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _list(asked: Asked, found: Listed | None, errors: dict[str, str], status: HTTPStatus) -> Response:
    content = render_template(
        "customers.html",
        title="Customers",
        titles=TITLES,
        values={name: request.args.get(name, "")[:MOST_LETTERS] for name in FILTERS},
        choices=choices(store()) | {"decile": DECILES},
        errors={name: must for name, must in errors.items() if name in FILTERS},
        others={name: must for name, must in errors.items() if name not in FILTERS},
        asked=asked,
        found=found,
        heads=[(name, title, is_number, _sorted_by(asked, name)) for name, (title, _, is_number) in HEADS.items()],
        pages=_pages(asked, found),
        download=url_for("customers.download", **_kept(asked)),
        has_customers="customers" in store().tables,
    )
    return make_response(content, status)


def _kept(asked: Asked, **other: str | int) -> dict[str, Any]:
    """The parameters of a list, some of them changed; those that are as usual are not said."""
    usual = {"sort": "probability", "order": "desc", "page": "1", "size": f"{PAGE_ROWS}"}
    now = {"sort": asked.sort, "order": asked.order, "size": f"{asked.size}"} | {
        name: f"{value}" for name, value in other.items()
    }
    return dict(asked.given) | {name: value for name, value in now.items() if usual.get(name) != value}


def _sorted_by(asked: Asked, name: str) -> str:
    """The address of the list by a column: the other way round where it is sorted so already."""
    order = OTHER[asked.order] if asked.sort == name else HEADS[name][1]
    return url_for("customers.page", **_kept(asked, sort=name, order=order))


def _pages(asked: Asked, found: Listed | None) -> dict[str, str]:
    """The addresses of other pages by what they are called."""
    if found is None:
        return {}
    wanted = {"First": 1, "Before": found.page - 1, "Next": found.page + 1, "Last": found.pages}
    return {
        title: url_for("customers.page", **_kept(asked, page=number))
        for title, number in wanted.items()
        if 1 <= number <= found.pages and number != found.page
    }
