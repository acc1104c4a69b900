"""What was published, the features, the model, and how its predictions and campaigns turned out."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import Blueprint, request

from models_ml.serving.answers import campaign, model
from models_ml.serving.answers.api_features import described
from models_ml.serving.answers.api_overview import numbers
from models_ml.serving.api.answering import ROOT, answered, slice_of, tag_of
from models_ml.serving.api.parameters import PAGING, Parameter, asked
from models_ml.serving.web.state import settings, store

if TYPE_CHECKING:
    from flask import Response

MOST_MONEY = 999_999_999_999
PLAN = (
    Parameter("budget", "number", "Money for all offers.", 0, MOST_MONEY),
    Parameter("offer_cost", "number", "Money that an offer costs.", 0, MOST_MONEY),
    Parameter("save_rate", "number", "Share of leavers whom an offer keeps."),
    Parameter("customer_value", "number", "Money that a customer who stays is worth.", 0, MOST_MONEY),
    Parameter("holdout", "number", "Share of the list without an offer, to compare with."),
    Parameter("name", "text", "The id of the campaign; the settings make one where it is not said."),
)

blueprint = Blueprint("api_reference", __name__, url_prefix=ROOT)


@blueprint.get("/publication")
def publication() -> Response:
    """The state that all answers are of, until there is another."""
    asked(request.args)
    return answered(_publication())


@blueprint.get("/overview")
def overview() -> Response:
    """Today's numbers; the last run may be later than the publication, so what is said makes the tag."""
    asked(request.args)
    content = {"publication": _publication()} | numbers(store(), settings().reports)
    return answered(content, tag_of(content))


@blueprint.get("/features")
def features() -> Response:
    """A page of the catalogue of features."""
    values = asked(request.args, PAGING)
    return answered(slice_of(described(store()), values))


@blueprint.get("/model")
def card() -> Response:
    """The champion's card, and that of the challenger."""
    asked(request.args)
    return answered({"champion": model.champion(store()), "challenger": model.challenger(store())})


@blueprint.get("/model/versions")
def versions() -> Response:
    """A page of all versions, the newest first."""
    values = asked(request.args, PAGING)
    return answered(slice_of(model.versions(store()), values))


@blueprint.get("/campaigns")
def campaigns() -> Response:
    """A page of the campaigns that were drawn, with their effect where it is known."""
    values = asked(request.args, PAGING)
    return answered(slice_of(campaign.past(store()), values))


@blueprint.get("/campaigns/plan")
def plan() -> Response:
    """Whom an offer would pay for; the settings that are not said are those of `sparkhouse campaign`."""
    given = asked(request.args, PLAN)
    texts = {name: f"{value:.9f}" if isinstance(value, float) else value for name, value in given.items()}
    return answered(campaign.plan(store(), texts))


@blueprint.get("/outcomes")
def outcomes() -> Response:
    """A page of what was foretold against what came true, by snapshot."""
    values = asked(request.args, PAGING)
    items = [asdict(each) | {"agrees": each.agrees} for each in model.came_true(store())]
    return answered(slice_of(items, values))


@blueprint.get("/drift")
def drift() -> Response:
    """A page of how far the newest snapshot is from what the champion was trained on, by input."""
    values = asked(request.args, PAGING)
    items = [asdict(each) | {"is_beyond": each.is_beyond} for each in model.drift(store())]
    return answered(slice_of(items, values))


def _publication() -> dict[str, Any]:
    kept = {name: value for name, value in asdict(store().publication).items() if name != "model"}
    return kept | {"is_read_only": settings().read_only}
