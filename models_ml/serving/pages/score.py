"""Score a customer: a form of what somebody can say of one, and the champion's answer to it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Blueprint, make_response, render_template, request

from models_ml.serving.answers.scoring_fields import FIELDS, NAMES, choices
from models_ml.serving.answers.scoring_form import score_form
from models_ml.serving.web.problems import Problem
from models_ml.serving.web.security import CSRF_FIELD
from models_ml.serving.web.state import require_scoring, store

if TYPE_CHECKING:
    from flask import Response

    from models_ml.serving.answers.scoring_form import FormScore

# Longer answers are no answers; of these the form gives back the beginning.
LETTERS_KEPT = 100

blueprint = Blueprint("score", __name__)


@blueprint.before_request
def refuse_where_read_only() -> None:
    """Without scoring there is no page of it. Raises Problem."""
    require_scoring("The published predictions stand on the page Customers.")


@blueprint.route("/score", methods=["GET", "POST"])
def page() -> Response:
    """The form: empty, or as it was filled in, with the answer or with what is wrong beside each field."""
    if request.method != "POST":
        return _form({}, {}, None, HTTPStatus.OK)
    given = {name: value for name, value in request.form.items() if name != CSRF_FIELD}
    try:
        scored = score_form(store(), given)
    except Problem as problem:
        if problem.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise
        return _form(given, problem.errors, None, problem.status)
    return _form(given, {}, scored, HTTPStatus.OK)


def _form(given: dict[str, str], errors: dict[str, str], scored: FormScore | None, status: HTTPStatus) -> Response:
    content = render_template(
        "score.html",
        title="Score a customer",
        fields=FIELDS,
        titles={field.name: field.title for field in FIELDS},
        choices=choices(store()),
        values={name: given.get(name, "")[:LETTERS_KEPT] for name in NAMES},
        errors={name: must for name, must in errors.items() if name in NAMES},
        others=[must for name, must in errors.items() if name not in NAMES][:1],
        scored=scored,
        has_model=store().model is not None,
    )
    return make_response(content, status)
