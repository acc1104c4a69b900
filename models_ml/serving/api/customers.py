"""Customers: the list, and one of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Blueprint, request

from models_ml.serving.answers.api_customers import customer, listed, nobody, predictions, sessions, sorts
from models_ml.serving.api.answering import ROOT, answered, page_of
from models_ml.serving.api.parameters import MOST_LETTERS, PAGING, Parameter, asked
from models_ml.serving.web.problems import Problem
from models_ml.serving.web.state import store

if TYPE_CHECKING:
    from flask import Response

MOST_DAYS = 36_525
DAYS = "days from the last event of the customer to the last of the log"
FILTERS = (
    Parameter("search", "text", "Part of the user id, the state or the metropolitan area; case does not matter."),
    Parameter("level", "choice", "The level in force.", allowed=("free", "paid")),
    Parameter("device_family", "text", "The device, such as Windows."),
    Parameter("state", "text", "The state, such as CA."),
    Parameter("decile", "whole", "Tenth of the newest snapshot by risk; 1 is the highest.", 1, 10),
    Parameter("probability_min", "number", "Lowest probability of the newest prediction."),
    Parameter("probability_max", "number", "Highest probability of the newest prediction."),
    Parameter("days_since_last_event_min", "number", f"Fewest {DAYS}.", 0, MOST_DAYS),
    Parameter("days_since_last_event_max", "number", f"Most {DAYS}.", 0, MOST_DAYS),
)
SORT = Parameter(
    "sort",
    "choice",
    "What the list is sorted by; a minus before it sorts the highest first. Customers without a value come last.",
    allowed=sorts(),
    default="-probability",
)
LIST = (*FILTERS, SORT, *PAGING)

blueprint = Blueprint("api_customers", __name__, url_prefix=ROOT)


@blueprint.get("/customers")
def list_customers() -> Response:
    """One page of the customers that match, each with the newest prediction."""
    values = asked(request.args, LIST)
    return answered(page_of(*listed(store(), values), values))


@blueprint.get("/customers/<path:user_id>")
def one_customer(user_id: str) -> Response:
    """Who a customer is, all predictions, and a page of the sessions."""
    if len(user_id) > MOST_LETTERS:
        must = f"Has to be a text of 1 to {MOST_LETTERS} letters."
        raise Problem(HTTPStatus.BAD_REQUEST, "No user id is so long.", {"user_id": must})
    values = asked(request.args, PAGING)
    found = customer(store(), user_id)
    if found is None:
        raise nobody(user_id)
    of_page = sessions(store(), user_id, values["page"], values["limit"])
    content = {
        "customer": found,
        "predictions": predictions(store(), user_id),
        "sessions": page_of(*of_page, values),
    }
    return answered(content)
