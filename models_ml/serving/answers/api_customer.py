"""A customer beside others who were alike, and beside what could be, as the API tells it."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from models_ml.serving.answers import api_customers
from models_ml.serving.answers.api_scores import MOST_LETTERS, about
from models_ml.serving.answers.champion import champion_of
from models_ml.serving.answers.customer import newest_features
from models_ml.serving.answers.similar import similar
from models_ml.serving.answers.what_if import LEVELS, has_level, levers, what_if
from models_ml.serving.web.problems import Problem, said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models_ml.serving.store import Store

TOLD = ("name", "title", "value", "moves")
MUST = {
    "user_id": f"Has to be a text of 1 to {MOST_LETTERS} letters.",
    "changes": 'Has to be an object of inputs by name, such as {"song_count_lifetime": 300}.',
}


def alike(store: Store, user_id: str) -> dict[str, Any]:
    """Return the customers who were most alike at a past date, and what became of them.

    Raises Problem: no champion, nobody of that id, or nothing to compare.
    """
    model = champion_of(store)
    _require_customer(store, user_id)
    found = similar(store, user_id, newest_features(store, user_id))
    if found is None:
        raise Problem(
            HTTPStatus.CONFLICT,
            f"There is nothing to compare {said(user_id)} with: that needs this customer in the newest snapshot, and "
            f"past snapshots whose horizon of {model.horizon_days} days is over.",
        )
    return about(store, model) | {"user_id": user_id} | asdict(found)


def changed(store: Store, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the score of a customer as it is, and with some inputs changed; and what can be changed.

    Raises Problem: no champion, a body that is wrong, nobody of that id, or changes that are wrong.
    """
    model = champion_of(store)
    user_id, changes = _checked(body)
    _require_customer(store, user_id)
    try:
        found = what_if(store, user_id, changes)
    except Problem as problem:
        raise Problem(problem.status, problem.detail, _named(problem.errors)) from problem
    of_user = newest_features(store, user_id)
    return {
        **about(store, model),
        "user_id": user_id,
        **asdict(found),
        "inputs": [{name: getattr(lever, name) for name in TOLD} for lever in levers(store, of_user)],
        "levels": LEVELS if has_level(store, of_user) else (),
    }


def _checked(body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The user's id and the changes. Raises Problem with all that is wrong."""
    user_id, changes = body.get("user_id"), body.get("changes")
    errors = {said(name): "There is no such field." for name in body if name not in MUST}
    if not isinstance(user_id, str) or not 0 < len(user_id) <= MOST_LETTERS:
        errors["user_id"] = MUST["user_id"]
    if not isinstance(changes, dict):
        errors["changes"] = MUST["changes"]
    if errors or not isinstance(user_id, str) or not isinstance(changes, dict):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, 'Send {"user_id": id, "changes": {input: value}}.', errors)
    return user_id, changes


def _require_customer(store: Store, user_id: str) -> None:
    if api_customers.customer(store, user_id) is None:
        raise api_customers.nobody(user_id)


def _named(errors: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with which change, as sentences."""
    return {f"changes.{name}": f"{must[0].upper()}{must[1:]}." for name, must in errors.items()}
