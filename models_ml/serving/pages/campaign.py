"""Campaign: whom an offer pays for within a budget, what that is expected to bring, and what past campaigns did."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, make_response, render_template, request

from models_ml.serving.answers.campaign import FIELDS, defaults, list_as_csv, past, plan, told
from models_ml.serving.web.problems import Problem
from models_ml.serving.web.state import store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models_ml.serving.answers.campaign import Plan, Point

# Of a long list the page shows the beginning; the file has all of it.
MOST_SHOWN = 100
MOST_DRAWN = 200
LETTERS_KEPT = 100
TITLES = {
    "budget": ("Budget", "For all offers, in any money."),
    "offer_cost": ("Cost of an offer", "In the same money."),
    "save_rate": ("Save rate", "Share of leavers whom an offer keeps; 0.3 is 30 %."),
    "customer_value": ("Value of a customer", "What one who stays is worth, in the same money."),
    "holdout": ("Hold-out share", "Share of the list without an offer, to compare with; 0.1 is 10 %."),
    "name": ("Name", "May stay blank: then the settings make one."),
}

blueprint = Blueprint("campaign", __name__)


@blueprint.get("/campaign")
def page() -> Response:
    """The form, and the plan of its settings: those of the command line where nothing is said."""
    given = {name: value for name, value in request.args.items() if value.strip()}
    planned, errors, obstacle = _planned(given)
    content = render_template(
        "campaign.html",
        title="Campaign",
        fields=TITLES,
        titles={name: title for name, (title, _) in TITLES.items()},
        values={name: value[:LETTERS_KEPT] for name, value in (defaults() | given).items() if name in FIELDS},
        errors={name: must for name, must in errors.items() if name in FIELDS},
        others=[must for name, must in errors.items() if name not in FIELDS][:1],
        plan=planned,
        obstacle=obstacle,
        shown=planned.targets[:MOST_SHOWN] if planned else (),
        told=told(planned.curve, planned.chosen) if planned else (),
        drawing=_drawing(planned) if planned and planned.targets else None,
        given=given,
        campaigns=past(store()),
    )
    return make_response(content, HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK)


@blueprint.get("/campaign/list.csv")
def download() -> Response:
    """The list of a plan as the command line writes it."""
    planned = plan(store(), request.args)
    answer = Response(list_as_csv(planned), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{planned.campaign_id}.csv"'
    return answer


def _planned(given: dict[str, str]) -> tuple[Plan | None, dict[str, str], str | None]:
    """The plan; without one, the fields that are wrong, or what stands in the way of any."""
    try:
        return plan(store(), given), {}, None
    except Problem as problem:
        return None, problem.errors, None if problem.errors else problem.detail


def _drawing(planned: Plan) -> dict[str, Any]:
    """The curve of gain against budget as paths in a square of 100, y downwards, with the ends of its axes."""
    step = max(1, len(planned.curve) // MOST_DRAWN)
    points = [*planned.curve[:-1:step], planned.curve[-1]]
    lows, highs = [_end(point, "low") for point in points], [_end(point, "high") for point in points]
    right, bottom, top = points[-1].spent, min(0.0, *lows), max(0.0, *highs)
    height = (top - bottom) or 1.0

    def path(ends: Sequence[float], along: Sequence[Point]) -> str:
        places = [
            (100 * at.spent / (right or 1.0), 100 * (top - end) / height) for at, end in zip(along, ends, strict=True)
        ]
        return " ".join(f"{x:.2f},{y:.2f}" for x, y in places)

    return {
        "gain": f"M {path([point.gain for point in points], points)}",
        "between": f"M {path(highs, points)} L {path(lows[::-1], points[::-1])} Z",
        "zero": 100 * top / height,
        "chosen": 100 * planned.chosen.spent / (right or 1.0),
        "right": right,
        "bottom": bottom,
        "top": top,
    }


def _end(point: Point, end: str) -> float:
    """An end of the interval; the gain itself where it has none."""
    value: float | None = getattr(point, end)
    return point.gain if value is None else value
