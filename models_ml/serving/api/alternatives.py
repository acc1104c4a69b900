"""A customer beside others, and beside what could be.

An id of a user can hold any letter, a slash too: it is a parameter or a field here, so that no id is taken for a path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, request

from models_ml.serving.answers.api_customer import alike, changed
from models_ml.serving.api.answering import ROOT, answered, json_body
from models_ml.serving.api.parameters import Parameter, asked
from models_ml.serving.web.state import require_scoring, store

if TYPE_CHECKING:
    from flask import Response

OF_USER = (Parameter("user_id", "text", "As the log has it.", is_required=True),)

blueprint = Blueprint("api_alternatives", __name__, url_prefix=ROOT)


@blueprint.get("/similar")
def similar() -> Response:
    """Customers who were most alike at a past date, and what became of them."""
    return answered(alike(store(), asked(request.args, OF_USER)["user_id"]))


@blueprint.post("/what-if")
def what_if() -> Response:
    """The score as it is, and as it would be with some inputs changed."""
    require_scoring(f"GET {ROOT}/customers has the published predictions.")
    asked(request.args)
    return answered(changed(store(), json_body()))
