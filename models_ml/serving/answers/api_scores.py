"""Scores of customers whose features are sent, or who are in the newest snapshot."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from models_ml.serving.answers.champion import champion_of
from models_ml.serving.scoring import inputs_of, scores
from models_ml.serving.web.problems import Problem, said
from warehouse.contract.catalogue import features_by_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models_ml.portable.model import PortableModel
    from models_ml.serving.store import Row, Store
    from warehouse.contract.catalogue import Feature

MOST_CUSTOMERS = 1000
MOST_LETTERS = 200
# Where the catalogue sets no limit, one that no user comes near and no arithmetic runs over.
MOST_AMOUNT = 1e9
# Of a thousand wrong customers, so many faults help to find the reason.
MOST_ERRORS = 20


def score_features(store: Store, customers: object) -> dict[str, Any]:
    """Score rows of features by name; what a row does not say is unknown to the champion, and told in `missing`.

    Raises Problem: no champion yet, or rows that are wrong.
    """
    model = champion_of(store)
    rows = _checked(customers)
    read = inputs_of(model)
    found = [
        asdict(score) | {"missing": [name for name in read if row.get(name) is None]}
        for row, score in zip(rows, scores(model, rows), strict=True)
    ]
    return about(store, model) | {"scores": found}


def score_users(store: Store, user_ids: object) -> dict[str, Any]:
    """Score users by their features at the newest snapshot; who is not in it is told in `not_found`.

    Raises Problem: no champion yet, or ids that are wrong.
    """
    model = champion_of(store)
    wanted = _checked_ids(user_ids)
    rows = _newest_rows(store, wanted)
    known = [user_id for user_id in wanted if user_id in rows]
    found = scores(model, [json.loads(rows[user_id]["features"]) for user_id in known])
    return about(store, model) | {
        "scores": [
            {"user_id": user_id, "as_of_date": rows[user_id]["as_of_date"]} | asdict(score)
            for user_id, score in zip(known, found, strict=True)
        ],
        "not_found": [user_id for user_id in wanted if user_id not in rows],
    }


def about(store: Store, model: PortableModel) -> dict[str, Any]:
    """Return which champion answers, and to what question."""
    return {
        "model_version": store.publication.model_version,
        "label": model.label,
        "horizon_days": model.horizon_days,
        "threshold": model.threshold,
    }


def _newest_rows(store: Store, user_ids: Sequence[str]) -> dict[str, Row]:
    if "snapshots" not in store.tables:
        return {}
    rows = store.rows(
        "select user_id, as_of_date, features from snapshots "
        "where is_newest = 1 and user_id in (select value from json_each(?))",
        (json.dumps(user_ids),),
    )
    return {row["user_id"]: row for row in rows}


def _checked(customers: object) -> list[Mapping[str, Any]]:
    """The rows. Raises Problem with what is wrong of which."""
    rows = _list(customers, "customers", "a list of objects, each of features by name")
    errors: dict[str, str] = {}
    for place, row in enumerate(rows):
        if not isinstance(row, dict):
            errors[f"customers.{place}"] = "Has to be an object of features by name."
            continue
        errors |= {f"customers.{place}.{said(name)}": must for name, must in _faults(row).items()}
        if len(errors) > MOST_ERRORS:
            break
    _refuse(dict(list(errors.items())[:MOST_ERRORS]))
    return rows


def _checked_ids(user_ids: object) -> list[str]:
    """The ids, each once. Raises Problem with what is wrong of which."""
    texts = _list(user_ids, "user_ids", "a list of user ids, each a text")
    errors = {
        f"user_ids.{place}": f"Has to be a text of 1 to {MOST_LETTERS} letters."
        for place, text in enumerate(texts)
        if not isinstance(text, str) or not 0 < len(text) <= MOST_LETTERS
    }
    _refuse(dict(list(errors.items())[:MOST_ERRORS]))
    return list(dict.fromkeys(texts))


def _list(value: object, name: str, kind: str) -> list[Any]:
    if not isinstance(value, list) or not 0 < len(value) <= MOST_CUSTOMERS:
        _refuse({name: f"Has to be {kind}, 1 to {MOST_CUSTOMERS:,} of them."})
    return list(value) if isinstance(value, list) else []


def _refuse(errors: dict[str, str]) -> None:
    """Raise Problem where there are errors."""
    if errors:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Some of what was sent cannot be scored.", errors)


def _faults(row: Mapping[str, object]) -> dict[str, str]:
    faults = {}
    for name, value in row.items():
        feature = features_by_name().get(name)
        if feature is None:
            faults[name] = "There is no such feature: GET /api/v1/features lists them."
        elif value is not None and (must := _must(feature, value)):
            faults[name] = must
    return faults


def _must(feature: Feature, value: object) -> str | None:
    """What the value of a feature has to be, None where it is."""
    if feature.data_type == "boolean":
        return None if isinstance(value, bool) else "Has to be true, false or null."
    if feature.data_type == "string":
        return _must_text(feature, value)
    low, high = bounds(feature)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return "Has to be a number or null."
    return None if low <= value <= high else f"Has to be from {low:,.15g} to {high:,.15g}, or null."


def _must_text(feature: Feature, value: object) -> str | None:
    if not isinstance(value, str) or len(value) > MOST_LETTERS:
        return f"Has to be a text of at most {MOST_LETTERS} letters, or null."
    if feature.allowed and value not in feature.allowed:
        return f"Has to be one of {', '.join(feature.allowed)}, or null."
    return None


def bounds(feature: Feature) -> tuple[float, float]:
    """The range in which a number is taken."""
    low = -MOST_AMOUNT if feature.lowest is None else feature.lowest
    return low, MOST_AMOUNT if feature.highest is None else feature.highest
