"""What a campaign changed: churn with and without an offer, once the outcomes are known."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from models_ml import tables
from models_ml.campaigns.arms import (
    CONTROL,
    TREATMENT,
    Arm,
    is_open,
    obstacle_to,
    reduction_interval,
    users_needed,
)
from models_ml.campaigns.tables import EFFECTS, TARGETS, find_campaign
from models_ml.evaluation.metrics import Interval
from warehouse.contract.tables import append_rows

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import Row, SparkSession


@dataclass(frozen=True)
class CampaignEffect:
    """One measurement of a campaign; the intervals are None as long as no effect can be told.

    `reduction` is the churn rate of control less that of treatment. `saved_users` takes it for all who got the offer.
    `value` and `spent` are money. `users_needed` is the size of each arm that the plan would have asked for.
    """

    campaign_id: str
    as_of: date
    label: str
    model_version: str
    treatment: Arm
    control: Arm
    spent: float
    users_needed: int
    reduction: Interval | None
    saved_users: Interval | None
    value: Interval | None
    verdict: str


def campaign_effect(spark: SparkSession, campaign_id: str | None) -> CampaignEffect:
    """Compare the arms of a campaign (the last drawn, unless one is named) in a row of monitoring.campaign_effects.

    Only rows of marts.fct_churn_labels whose label is known count. Until the horizon is over these are the users who
    left already: then no effect is told. A simulated log knows nothing of offers: its effect is zero but for chance.

    Raises:
        UnknownCampaign, MissingTable: nothing is written.
    """
    drawn = find_campaign(spark, campaign_id)
    treatment, control, churn_rate = _arms(spark, drawn)
    spent = treatment.users * drawn.offer_cost
    needed = users_needed(churn_rate, drawn.save_rate)
    obstacle = obstacle_to(treatment, control)
    reduction = None if obstacle else reduction_interval(control, treatment)
    saved = reduction and _scaled(reduction, treatment.users)
    effect = CampaignEffect(
        campaign_id=drawn.campaign_id,
        as_of=drawn.as_of_date,
        label=drawn.label,
        model_version=drawn.model_version,
        treatment=treatment,
        control=control,
        spent=spent,
        users_needed=needed,
        reduction=reduction,
        saved_users=saved,
        value=saved and _scaled(saved, drawn.customer_value, spent),
        verdict=obstacle
        or _verdict(treatment, control, f"{needed:,} users to show a save rate of {drawn.save_rate:g}"),
    )
    append_rows(spark, EFFECTS, [_row(effect)])
    return effect


def _scaled(interval: Interval, factor: float, less: float = 0.0) -> Interval:
    """Return the interval times a positive factor, less an amount."""
    return Interval(*(end * factor - less for end in astuple(interval)))


def _arms(spark: SparkSession, drawn: Row) -> tuple[Arm, Arm, float]:
    """Return treatment, control, and the mean probability that the list was drawn with."""
    labels = tables.table_state(spark, tables.LABELS).rows.select(
        "user_id", "as_of_date", F.col(drawn.label).alias("left")
    )
    listed = spark.table(TARGETS).where(F.col("campaign_id") == drawn.campaign_id)
    counted = listed.join(labels, ["user_id", "as_of_date"], "left").groupBy("arm")
    counts = counted.agg(
        F.count("*").alias("users"),
        F.count("left").alias("known"),
        F.count_if("left").alias("left"),
        F.sum("churn_probability").alias("expected"),
    ).collect()
    arms = {row.arm: Arm(row.users, row.known, row.left) for row in counts}
    churn_rate = sum(row.expected for row in counts) / sum(row.users for row in counts)
    return arms.get(TREATMENT, Arm()), arms.get(CONTROL, Arm()), churn_rate


def _verdict(treatment: Arm, control: Arm, needed: str) -> str:
    known = treatment.known + control.known
    unknown = treatment.users + control.users - known
    counted = f"{known:,} users" + (f" (of {unknown:,} more nothing is known)" if unknown else "")
    reduction = reduction_interval(control, treatment)
    estimate, low, high = (f"{100 * end:.1f}" for end in astuple(reduction))
    summary = f"churn was lower by {estimate} points with an offer (95 % interval {low} to {high})"
    if is_open(treatment, control):
        return f"no effect can be told from {counted}: {summary}; each arm needs {needed}"
    found = "the offers kept users" if reduction.low > 0 else "the offers drove users away"
    return f"{found}: among {counted} {summary}"


def _row(effect: CampaignEffect) -> dict[str, Any]:
    row = {name: value for name, value in vars(effect).items() if not isinstance(value, Arm | Interval)}
    row |= {"measured_at": datetime.now(timezone.utc), "as_of_date": effect.as_of}
    row |= {"users_needed_per_arm": effect.users_needed}
    for name, arm in ((TREATMENT, effect.treatment), (CONTROL, effect.control)):
        row |= {f"{name}_{count}": users for count, users in vars(arm).items()} | {f"{name}_churn_rate": arm.churn_rate}
    measured = {"churn_reduction": effect.reduction, "saved_users": effect.saved_users, "value": effect.value}
    for name, interval in measured.items():
        ends = astuple(interval) if interval else (None, None, None)
        row |= dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
    return row
