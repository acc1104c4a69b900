"""Customer: one customer's risk, days, reasons and likes, and what would change the risk."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from flask import Blueprint, Response, make_response, render_template, request

from models_ml.serving.answers import customer as answers
from models_ml.serving.answers.similar import similar
from models_ml.serving.answers.what_if import LEVELS, has_level, levers, what_if
from models_ml.serving.web.problems import Problem, said
from models_ml.serving.web.security import CSRF_FIELD
from models_ml.serving.web.state import require_scoring, store

if TYPE_CHECKING:
    from models_ml.serving.answers.what_if import Lever, WhatIf
    from models_ml.serving.store import Row

LETTERS_KEPT = 30
BANDS = {
    "high": "high: the model calls this customer one who leaves",
    "middle": "middle: above the mean of all, below what the model calls",
    "low": "low: at or below the mean of all",
}

blueprint = Blueprint("customer", __name__)


@blueprint.get("/customers/<path:user_id>", merge_slashes=False)
def page(user_id: str) -> Response:
    """All of a customer. Raises Problem: there is nobody of that id."""
    return _page(user_id, {}, None, {}, HTTPStatus.OK)


@blueprint.post("/customers/<path:user_id>/what-if", merge_slashes=False)
def ask_what_if(user_id: str) -> Response:
    """The probability with some inputs changed: JSON for JSON, the page for its form."""
    if not request.is_json:
        return _of_form(user_id)
    try:
        require_scoring()
        answers.customer(store(), user_id)
        found = what_if(store(), user_id, _changes_of_json())
    except Problem as problem:
        return _json({"detail": problem.detail, "errors": problem.errors}, problem.status)
    return _json(asdict(found), HTTPStatus.OK)


def _of_form(user_id: str) -> Response:
    require_scoring()
    answers.customer(store(), user_id)
    given = {name: value for name, value in request.form.items() if name != CSRF_FIELD}
    moved = levers(store(), answers.newest_features(store(), user_id))
    try:
        found = what_if(store(), user_id, _changes_of_form(given, moved))
    except Problem as problem:
        if problem.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise
        return _page(user_id, given, None, problem.errors, problem.status)
    return _page(user_id, given, found, {}, HTTPStatus.OK)


def _page(
    user_id: str, given: dict[str, str], found: WhatIf | None, errors: dict[str, str], status: HTTPStatus
) -> Response:
    row = answers.customer(store(), user_id)
    of_user = answers.newest_features(store(), user_id)
    content = render_template(
        "customer.html",
        title=f"Customer {said(user_id)}",
        row=row,
        publication=store().publication,
        has_model=store().model is not None,
        has_snapshot=of_user is not None,
        risk=answers.risk(store(), row),
        bands=BANDS,
        inputs=answers.inputs(store(), of_user),
        alike=similar(store(), user_id, of_user),
        given={name: value[:LETTERS_KEPT] for name, value in given.items()},
        errors=errors,
        what_if=found,
        **_past(user_id, row),
        **_to_move(of_user, given),
    )
    return make_response(content, status)


def _past(user_id: str, row: Row) -> dict[str, Any]:
    """What a customer did, and what was foretold: for tables, the newest first, and for charts."""
    told, spells = answers.predictions(store(), user_id), answers.spells(store(), user_id)
    days = answers.days(store(), user_id)
    return {
        "predictions": told[::-1],
        "risk_chart": _text(answers.chart_of_risk(told)),
        "days": days[::-1],
        "days_chart": _text({"days": days, "spells": spells, "cancelled_at": row["cancelled_at"]}),
        "spells": spells,
        "events": answers.events(row, spells),
    }


def _to_move(of_user: dict[str, Any] | None, given: dict[str, str]) -> dict[str, Any]:
    """The fields of the form."""
    own_level = (of_user or {}).get("level")
    return {
        "levers": levers(store(), of_user),
        "levels": LEVELS if has_level(store(), of_user) else (),
        "own_level": own_level,
        "level": given.get("level", own_level),
    }


def _changes_of_json() -> dict[str, Any]:
    """The body. Raises Problem: it is no JSON object."""
    try:
        changes = orjson.loads(request.get_data())
    except orjson.JSONDecodeError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, 'Send a JSON object, as {"song_count_lifetime": 300}.') from error
    if not isinstance(changes, dict):
        raise Problem(HTTPStatus.BAD_REQUEST, 'Send a JSON object, as {"song_count_lifetime": 300}.')
    return changes


def _changes_of_form(given: dict[str, str], moved: list[Lever]) -> dict[str, Any]:
    """What differs from what the form showed; what is no number stays text, which is refused by its name."""
    shown = {lever.name: lever.shown for lever in moved}
    return {
        name: value if name == "level" else _number(value)
        for name, value in given.items()
        if value.strip() and value.strip() != shown.get(name)
    }


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _json(content: dict[str, Any], status: HTTPStatus) -> Response:
    answer = Response(orjson.dumps(content), status, mimetype="application/json")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _text(content: object) -> str:
    return orjson.dumps(content).decode()
