"""Scores by the champion: of features that are sent, of users of the newest snapshot, of what somebody says of one."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Blueprint, request

from models_ml.serving.answers.api_scores import score_features, score_users
from models_ml.serving.answers.scoring_form import score_form
from models_ml.serving.api.answering import ROOT, answered, json_body
from models_ml.serving.api.parameters import asked
from models_ml.serving.web.problems import Problem, said
from models_ml.serving.web.state import require_scoring, store

if TYPE_CHECKING:
    from flask import Response

ONE_OF = 'Send either {"customers": [{feature: value}]} or {"user_ids": [id]}.'

blueprint = Blueprint("api_score", __name__, url_prefix=ROOT)


@blueprint.before_request
def refuse_where_read_only() -> None:
    """Raise Problem where this server scores nobody."""
    require_scoring(f"GET {ROOT}/customers has the published predictions.")


@blueprint.post("/score")
def score() -> Response:
    """Probabilities with intervals and reasons, in the order of what was sent."""
    asked(request.args)
    body = json_body()
    unknown = {said(name): "There is no such field." for name in body if name not in {"customers", "user_ids"}}
    if unknown or len(body) != 1:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, ONE_OF, unknown)
    if "customers" in body:
        return answered(score_features(store(), body["customers"]))
    return answered(score_users(store(), body["user_ids"]))


@blueprint.post("/score/described")
def score_described() -> Response:
    """The answer of the page "Score a customer": what is left out is as it is with others, and widens the interval."""
    asked(request.args)
    return answered(score_form(store(), json_body()))
