"""One customer: who it is, the risk now and over time, the days with sessions, and what the champion goes by."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from itertools import pairwise
from typing import TYPE_CHECKING

from models_ml.serving.answers.champion import band
from models_ml.serving.scoring import inputs_of
from models_ml.serving.store import kept_by_store
from models_ml.serving.web.problems import Problem, said
from warehouse.contract.catalogue import features_by_name

if TYPE_CHECKING:
    from typing import Any

    from models_ml.serving.answers.champion import Band
    from models_ml.serving.store import Row, Store

# The middle half of all customers lies between these of the five quantiles that are kept, the median amid them.
LOWER, MIDDLE, UPPER = 1, 2, 3
DAYS = """
select
    substr(started_at, 1, 10) as day,
    count(*) as sessions,
    sum(song_count) as songs,
    sum(advert_count) as adverts,
    sum(thumbs_up_count) as thumbs_up,
    sum(thumbs_down_count) as thumbs_down,
    sum(paid_event_count) as paid_events,
    sum(event_count) as events,
    max(has_cancellation) as has_cancellation
from sessions
where user_id = ?
group by 1
order by 1
"""
PREDICTIONS = """
select as_of_date, model_version, probability, probability_low, probability_high, risk_decile, predicted_churn, reasons,
    scored_at, outcome
from predictions
where user_id = ?
order by as_of_date, scored_at, model_version
"""


@dataclass(frozen=True)
class Risk:
    """The risk of a customer as of a date, by a model version; `band` is high where the model calls the customer.

    `mean` is that of all who were scored at that date: above it is middle.
    """

    as_of_date: str
    model_version: str
    probability: float
    low: float
    high: float
    change: float | None
    decile: int
    decile_before: int | None
    band: Band
    mean: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Input:
    """A feature that has a say in the champion's scores: this customer's value, and what is usual.

    `usual` is the median of the rows that the champion was trained on; `lower`, `middle`, `upper` are the quartiles of
    all customers at the newest snapshot; None where there is none.
    """

    name: str
    meaning: str
    unit: str
    value: str | float | None
    usual: float | None
    lower: float | None
    middle: float | None
    upper: float | None


def customer(store: Store, user_id: str) -> Row:
    """Return the row of a customer. Raises Problem: there is nobody of that id."""
    row = None
    if "customers" in store.tables:
        row = store.row("select * from customers where user_id = ?", (user_id,))
    if row is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            f"There is no customer {said(user_id)} in this publication: search the page Customers.",
            {"user_id": "the id of a customer of the log"},
        )
    return row


def risk(store: Store, row: Row) -> Risk | None:
    """Return the risk at the newest snapshot; None where the customer was not scored then."""
    if row["probability"] is None:
        return None
    mean = (store.row("select avg(probability) as mean from customers") or {})["mean"]
    return Risk(
        as_of_date=row["as_of_date"],
        model_version=row["model_version"],
        probability=row["probability"],
        low=row["probability_low"],
        high=row["probability_high"],
        change=row["probability_change"],
        decile=row["risk_decile"],
        decile_before=row["risk_decile_before"],
        band=band(row["probability"], mean, is_called=bool(row["predicted_churn"])),
        mean=mean,
        reasons=tuple(json.loads(row["reasons"] or "[]")),
    )


def predictions(store: Store, user_id: str) -> list[Row]:
    """Return all predictions of a customer, the oldest first; `outcome` is None where it is not known."""
    rows = store.rows(PREDICTIONS, (user_id,)) if "predictions" in store.tables else []
    return [row | {"reasons": json.loads(row["reasons"] or "[]")} for row in rows]


def days(store: Store, user_id: str) -> list[Row]:
    """Return the days on which sessions began, with what was done in these, the oldest first."""
    return store.rows(DAYS, (user_id,)) if "sessions" in store.tables else []


def spells(store: Store, user_id: str) -> list[Row]:
    """Return the times on a level, the oldest first; the end of the last is None."""
    if "spells" not in store.tables:
        return []
    return store.rows(
        "select level, started_at, ended_at from spells where user_id = ? order by started_at", (user_id,)
    )


def events(row: Row, of_levels: list[Row]) -> list[tuple[str, str]]:
    """Return the notable moments of a customer, in order: each with what happened."""
    known = [
        (row["registered_at"], "registered"),
        (row["first_event_at"], "first event in the log"),
        (row["last_event_at"], "last event in the log"),
        (row["cancelled_at"], "cancelled"),
    ]
    changes = [
        (now["started_at"], f"from {before['level']} to {now['level']}")
        for before, now in pairwise(of_levels)
        if before["level"] != now["level"]
    ]
    return sorted((moment, what) for moment, what in [*known, *changes] if moment)


def newest_features(store: Store, user_id: str) -> dict[str, Any] | None:
    """Return the features of a customer at the newest snapshot; None where it has none of that customer."""
    if "snapshots" not in store.tables:
        return None
    row = store.row("select features from snapshots where user_id = ? and is_newest = 1", (user_id,))
    return json.loads(row["features"]) if row else None


def inputs(store: Store, of_user: dict[str, Any] | None) -> list[Input]:
    """Return what the champion goes by, with this customer's values; none without a champion or a snapshot."""
    if store.model is None or of_user is None:
        return []
    usual, quartiles = store.model.usual, _quartiles(store)
    return [
        Input(
            name,
            *_meaning(name),
            of_user.get(name),
            usual.get(name),
            *quartiles.get(name, (None, None, None)),
        )
        for name in inputs_of(store.model)
    ]


def chart_of_risk(told: list[Row]) -> list[Row]:
    """Return what the chart of the risk draws: a point a prediction, with the outcome where it is known."""
    names = ("as_of_date", "model_version", "probability", "probability_low", "probability_high", "outcome")
    return [{name: row[name] for name in names} for row in told]


@kept_by_store
def _quartiles(store: Store) -> dict[str, tuple[float | None, float | None, float | None]]:
    """The quartiles of each feature at the newest snapshot."""
    if "population" not in store.tables:
        return {}
    rows = store.rows("select feature, quantiles from population where quantiles is not null")
    found = {row["feature"]: json.loads(row["quantiles"]) for row in rows}
    return {name: (each[LOWER], each[MIDDLE], each[UPPER]) for name, each in found.items() if each}


def _meaning(name: str) -> tuple[str, str]:
    """What a feature is, by the catalogue, and its unit."""
    feature = features_by_name().get(name)
    return (feature.description, feature.unit) if feature else (name.replace("_", " "), "")
