"""Score a customer who is not in the log, by what somebody can say of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models_ml.serving.answers.champion import band, champion_of
from models_ml.serving.answers.scoring_fields import FIELDS, choices, read
from models_ml.serving.answers.stand_ins import others, stand_ins
from models_ml.serving.scoring import filled_score, inputs_of
from warehouse.contract.catalogue import features_by_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models_ml.portable.model import PortableModel
    from models_ml.serving.answers.champion import Band
    from models_ml.serving.answers.scoring_fields import Said
    from models_ml.serving.store import Store


@dataclass(frozen=True)
class FormScore:
    """The champion's answer about somebody of whom only some things are known.

    `low` and `high` hold 95 % of what the calibration and what was not said leave open; `widened_by` is how much of
    that is for what was not said. `blank` are fields that the champion reads and that were left blank, `not_asked`
    features that it reads and no field asks for, `not_read` fields that were filled in and have no say.
    `stand_ins` users of the newest snapshot stood in; 0 where there is none, and medians of the training rows did.
    `mean_probability` is that of the `scored_users`, of whom `higher_users` have a higher probability; None where
    nobody was scored.
    """

    probability: float
    low: float
    high: float
    is_predicted: bool
    band: Band
    reasons: tuple[str, ...]
    widened_by: float
    blank: tuple[str, ...]
    not_asked: dict[str, str]
    not_read: tuple[str, ...]
    stand_ins: int
    threshold: float
    mean_probability: float | None
    scored_users: int
    higher_users: int
    model_version: str
    label: str
    horizon_days: int


def score_form(store: Store, given: Mapping[str, object]) -> FormScore:
    """Score what was filled in, by field. Raises Problem: no champion yet, or fields that are wrong."""
    model = champion_of(store)
    said, newest = read(given, choices(store)), _newest_date(store)
    rows = stand_ins(others(store, model), said, newest)
    blank, not_asked = _blank(model, said), _not_asked(model)
    filled = filled_score(model, rows, (*blank, *not_asked))
    mean, users, higher = _population(store, filled.score.probability)
    return FormScore(
        **vars(filled.score),
        band=band(filled.score.probability, mean, is_called=filled.score.is_predicted),
        widened_by=filled.widened_by,
        blank=blank,
        not_asked=not_asked,
        not_read=_not_read(model, said),
        stand_ins=len(rows["level"]) if newest else 0,
        threshold=model.threshold,
        mean_probability=mean,
        scored_users=users,
        higher_users=higher,
        model_version=str(store.publication.model_version),
        label=model.label,
        horizon_days=model.horizon_days,
    )


def _population(store: Store, probability: float) -> tuple[float | None, int, int]:
    """The mean probability of the newest snapshot, how many were scored, and how many of them are higher."""
    if "customers" not in store.tables:
        return None, 0, 0
    row = store.row(
        "select avg(probability) as mean, count(probability) as users, "
        "coalesce(sum(probability > ?), 0) as higher from customers",
        (probability,),
    )
    return (row["mean"], row["users"], row["higher"]) if row else (None, 0, 0)


def _newest_date(store: Store) -> str | None:
    """The date of the newest snapshot; None where there is none."""
    if "snapshots" not in store.tables:
        return None
    row = store.row("select max(as_of_date) as newest from snapshots where is_newest = 1")
    return row["newest"] if row else None


def _blank(model: PortableModel, said: Said) -> tuple[str, ...]:
    read_by_model = set(inputs_of(model))
    return tuple(
        field.name for field in FIELDS if field.name not in said and read_by_model.intersection(field.features)
    )


def _not_asked(model: PortableModel) -> dict[str, str]:
    asked = {name for field in FIELDS for name in field.features}
    known = features_by_name()
    return {name: known[name].description if name in known else name for name in inputs_of(model) if name not in asked}


def _not_read(model: PortableModel, said: Said) -> tuple[str, ...]:
    read_by_model = set(inputs_of(model))
    return tuple(
        field.name for field in FIELDS if field.name in said and not read_by_model.intersection(field.features)
    )
