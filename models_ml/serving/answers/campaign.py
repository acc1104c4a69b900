"""Campaigns: the plan that a budget pays for, drawn as `sparkhouse campaign` draws it, and what past ones changed."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from io import StringIO
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from models_ml.campaigns.arms import (
    CONTROL,
    TREATMENT,
    Arm,
    is_open,
    obstacle_to,
    reduction_interval,
    users_needed,
)
from models_ml.campaigns.spec import MONEY, CampaignSpec, InvalidCampaign, id_of
from models_ml.errors import UnknownLabel
from models_ml.serving.store import kept_by_store
from models_ml.serving.web.problems import Problem, said
from warehouse.contract.cells import defused_cells

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models_ml.evaluation.metrics import Interval
    from models_ml.serving.store import Row, Store

FIELDS = (*MONEY, "name")
AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
NO_PREDICTION = "Nobody is scored yet, so there is nobody to plan for: `sparkhouse predict` scores the newest snapshot."
# Those of the file that `sparkhouse campaign` writes.
COLUMNS = (
    *("campaign_id", "rank", "user_id", "arm", "as_of_date", "label", "model_version", "churn_probability", "reasons"),
    *(*MONEY, "expected_value", "expected_value_low", "expected_value_high"),
)
# Budgets at which the curve is told in its table.
POINTS_TOLD = 10


@dataclass(frozen=True)
class Target:
    """One user of the list, the best first; values are money, their ends None where the prediction has no interval."""

    rank: int
    user_id: str
    arm: str
    probability: float
    reasons: tuple[str, ...]
    expected_value: float
    expected_value_low: float | None
    expected_value_high: float | None


@dataclass(frozen=True)
class Point:
    """What so many offers cost, and what they are expected to bring net of that: money."""

    offers: int
    spent: float
    gain: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Plan:
    """Whom an offer pays for within a budget. `targets` is empty where it pays for nobody.

    `chosen` are the offers of the list; its ends add up those of all offers, as if all probabilities were wrong the
    same way: a wide interval. `curve` goes on to all whom an offer pays for. `control_cost` is the expected value of
    offers that control does not get, `users_needed` the size of each arm that shows the assumed save rate with 80 %
    power. `stands` tells that a campaign of this id was drawn: its list is the one that counts.
    """

    campaign_id: str
    settings: dict[str, Any]
    as_of_date: str
    label: str
    model_version: str
    targets: tuple[Target, ...]
    control_users: int
    chosen: Point
    expected_saved: float
    control_cost: float
    users_needed: int | None
    curve: tuple[Point, ...]
    break_even: float
    highest_probability: float
    scored_users: int
    stands: bool
    command: str


@dataclass(frozen=True)
class PastCampaign:
    """A campaign that was drawn; `reduction` is None, and `obstacle` says why, as long as no effect can be told.

    `reduction` is the churn rate of control less that of treatment, with its 95 % interval (Newcombe). Where it
    `is_open`, chance alone may be behind it.
    """

    campaign_id: str
    as_of_date: str
    model_version: str
    created_at: str
    treatment: Arm
    control: Arm
    spent: float
    expected_value: float
    expected_value_low: float | None
    expected_value_high: float | None
    reduction: Interval | None
    is_open: bool
    obstacle: str | None


def defaults() -> dict[str, str]:
    """What the command line takes where nothing is said, by field."""
    return {name: _written(getattr(CampaignSpec, name)) for name in MONEY} | {"name": ""}


def plan(store: Store, given: Mapping[str, object]) -> Plan:
    """Return the list that `sparkhouse campaign` would draw from the newest predictions.

    Raises Problem: nobody is scored, the label does not mean leaving, or fields are wrong.
    """
    spec = _spec(store, given)
    scored = _scored(store)
    if not scored:
        raise Problem(HTTPStatus.CONFLICT, NO_PREDICTION)
    settings = {name: scored[0][name] for name in ("as_of_date", "model_version")} | {"label": spec.label}
    campaign_id = spec.name or id_of(settings | spec.money())
    ranked = _ranked(scored, spec, campaign_id)
    return Plan(
        campaign_id=campaign_id,
        settings=spec.money(),
        **settings,
        **_totals(_listed(ranked, spec.most_offers), ranked, spec),
        break_even=spec.break_even,
        highest_probability=max(row["probability"] for row in scored),
        scored_users=len(scored),
        stands=campaign_id in {each.campaign_id for each in past(store)},
        command=_command(spec, settings),
    )


def past(store: Store) -> list[PastCampaign]:
    """Return the campaigns that were drawn, the newest first, with their effect where it is known."""
    if "campaigns" not in store.tables:
        return []
    return [_past(row) for row in store.rows("select * from campaigns order by created_at desc, campaign_id")]


def _spec(store: Store, given: Mapping[str, object]) -> CampaignSpec:
    texts = {name: str(value).strip() for name, value in given.items() if value is not None and str(value).strip()}
    errors = {name: "There is no such field." for name in texts if name not in FIELDS}
    amounts = {name: texts[name] for name in MONEY if name in texts}
    errors |= {
        name: "Has to be a number, such as 0.3 or 100: digits, and a point for fractions."
        for name, text in amounts.items()
        if not AMOUNT.fullmatch(text)
    }
    if errors:
        raise _wrong(errors)
    try:
        numbers: dict[str, Any] = {name: float(text) for name, text in amounts.items()}
        return CampaignSpec(store.publication.label, **numbers, name=texts.get("name"))
    except InvalidCampaign as wrong:
        raise _wrong({name: said(f"{must[0].upper()}{must[1:]}.") for name, must in wrong.faults.items()}) from wrong
    except UnknownLabel as wrong:
        raise Problem(HTTPStatus.CONFLICT, f"No campaign can be planned: {wrong}.") from wrong


def _wrong(errors: dict[str, str]) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "No campaign can be planned with these settings.", errors)


@kept_by_store
def _scored(store: Store) -> list[Row]:
    """The predictions of the newest snapshot, by the version that scored it last."""
    if "predictions" not in store.tables:
        return []
    newest = store.row(
        "select as_of_date, model_version from predictions group by as_of_date, model_version "
        "order by as_of_date desc, max(scored_at) desc, model_version limit 1"
    )
    return store.rows(
        "select user_id, as_of_date, model_version, probability, probability_low, probability_high, reasons "
        "from predictions where as_of_date = :as_of_date and model_version = :model_version",
        newest or {"as_of_date": None, "model_version": None},
    )


def _ranked(scored: Sequence[Row], spec: CampaignSpec, campaign_id: str) -> list[Target]:
    """All whom an offer pays for, the best first, each in the arm that the id of the campaign draws."""
    valued = [(spec.expected_value(row["probability"]), _digits(campaign_id, row["user_id"]), row) for row in scored]
    eligible = sorted((each for each in valued if each[0] > 0), key=lambda each: (-each[0], each[1][13:]))
    return [
        Target(
            rank=rank,
            user_id=row["user_id"],
            arm=CONTROL if int(digits[:13], 16) / 16**13 < spec.holdout else TREATMENT,
            probability=row["probability"],
            reasons=tuple(json.loads(row["reasons"] or "[]")),
            expected_value=value,
            expected_value_low=_valued(spec, row["probability_low"]),
            expected_value_high=_valued(spec, row["probability_high"]),
        )
        for rank, (value, digits, row) in enumerate(eligible, start=1)
    ]


def _digits(campaign_id: str, user_id: str) -> str:
    return sha256(f"{campaign_id} {user_id}".encode()).hexdigest()


def _valued(spec: CampaignSpec, probability: float | None) -> float | None:
    return None if probability is None else spec.expected_value(probability)


def _listed(ranked: Sequence[Target], most_offers: int) -> tuple[Target, ...]:
    """Down to the last offer that the budget pays."""
    offers = accumulate((target.arm == TREATMENT for target in ranked), initial=0)
    return tuple(target for target, before in zip(ranked, offers, strict=False) if before < most_offers)


def _totals(targets: tuple[Target, ...], ranked: Sequence[Target], spec: CampaignSpec) -> dict[str, Any]:
    """What the list comes to, by field of Plan."""
    offered = [target for target in targets if target.arm == TREATMENT]
    held_out = [target for target in targets if target.arm == CONTROL]
    curve = _curve(ranked, spec)
    mean = sum(target.probability for target in targets) / len(targets) if targets else None
    return {
        "targets": targets,
        "control_users": len(held_out),
        "chosen": curve[len(offered)],
        "expected_saved": sum(target.probability for target in offered) * spec.save_rate,
        "control_cost": sum(target.expected_value for target in held_out),
        "users_needed": users_needed(mean, spec.save_rate) if mean else None,
        "curve": curve,
    }


def _curve(ranked: Sequence[Target], spec: CampaignSpec) -> tuple[Point, ...]:
    """Cost and gain of the best offers: of none, of one, and so on to all that pay."""
    offered = [target for target in ranked if target.arm == TREATMENT]
    gains = accumulate((target.expected_value for target in offered), initial=0.0)
    lows = _sums([target.expected_value_low for target in offered])
    highs = _sums([target.expected_value_high for target in offered])
    return tuple(
        Point(offers, offers * spec.offer_cost, gain, low, high)
        for offers, (gain, low, high) in enumerate(zip(gains, lows, highs, strict=True))
    )


def _sums(values: Sequence[float | None]) -> list[float | None]:
    """The sums of the first values, of none, one and so on; None from the first that is not known."""
    sums: list[float | None] = [0.0]
    for value in values:
        before = sums[-1]
        sums.append(None if value is None or before is None else before + value)
    return sums


def list_as_csv(plan: Plan) -> str:
    """The list as `sparkhouse campaign` writes it, byte by byte: cells that a spreadsheet would run are defused."""
    of_plan = {name: getattr(plan, name) for name in ("campaign_id", "as_of_date", "label", "model_version")}
    text = StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    for target in plan.targets:
        row = of_plan | plan.settings | vars(target) | {"reasons": "; ".join(target.reasons)}
        row["churn_probability"] = row.pop("probability")
        lines.writerow(defused_cells(row[name] for name in COLUMNS))
    return text.getvalue()


def told(curve: Sequence[Point], chosen: Point) -> list[Point]:
    """Some points of a curve, evenly, and the chosen one: for a table."""
    last = len(curve) - 1
    places = {round(last * step / POINTS_TOLD) for step in range(POINTS_TOLD + 1)} | {chosen.offers}
    return [curve[place] for place in sorted(places)]


def _command(spec: CampaignSpec, settings: Mapping[str, Any]) -> str:
    """What draws this list, whatever is scored until then."""
    money = [f"--{name.replace('_', '-')} {_written(value)}" for name, value in spec.money().items()]
    name = [f"--name {spec.name}"] if spec.name else []
    of = [f"--label {spec.label}", f"--as-of {settings['as_of_date']}", f"--model-version {settings['model_version']}"]
    return " ".join(["sparkhouse campaign", *money, *of, *name])


def _written(value: float) -> str:
    """A number in digits that are read as the same number."""
    return f"{value:.9f}".rstrip("0").rstrip(".")


def _past(row: Row) -> PastCampaign:
    treatment, control = (
        Arm(row[f"{arm}_users"], row[f"{arm}_known"], row[f"{arm}_left"]) for arm in (TREATMENT, CONTROL)
    )
    obstacle = obstacle_to(treatment, control)
    kept = ("campaign_id", "as_of_date", "model_version", "created_at")
    values = ("expected_value", "expected_value_low", "expected_value_high")
    return PastCampaign(
        **{name: row[name] for name in (*kept, *values)},
        treatment=treatment,
        control=control,
        spent=treatment.users * row["offer_cost"],
        reduction=None if obstacle else reduction_interval(control, treatment),
        is_open=obstacle is None and is_open(treatment, control),
        obstacle=obstacle,
    )
