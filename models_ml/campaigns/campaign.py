"""A retention campaign: whom an offer pays for, within a budget, beside a control group that shows what it changed."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

from pyspark.sql import Window
from pyspark.sql import functions as F

from models_ml.campaigns.arms import CONTROL, TREATMENT, users_needed
from models_ml.campaigns.spec import MONEY, id_of
from models_ml.campaigns.tables import TARGETS, append_targets, standing_campaign
from models_ml.dataset.training_file import appearing
from models_ml.errors import ModelJobError, UnwritableFile
from models_ml.tables import PREDICTIONS
from warehouse.contract.cells import defused_cells
from warehouse.contract.moments import moment

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import Column, DataFrame, Row, SparkSession

    from models_ml.campaigns.spec import CampaignSpec

# The order of the file, in which nothing tells of the moment of the draw: its bytes are those of the list.
_COLUMNS = (
    *("campaign_id", "rank", "user_id", "arm", "as_of_date", "label", "model_version", "churn_probability", "reasons"),
    *(*MONEY, "expected_value", "expected_value_low", "expected_value_high", "created_at"),
)
# Predictions of an earlier version of the table lack these.
_OPTIONAL = {"churn_probability_low": "double", "churn_probability_high": "double", "reasons": "array<string>"}


class NoPrediction(ModelJobError):
    """Nobody was scored for the label, date and model version asked for."""


class NobodyWorthAnOffer(ModelJobError):
    """An offer costs more than it is expected to bring, whoever gets it."""


@dataclass(frozen=True)
class CampaignReport:
    """What was drawn, or stands since it was; values are money.

    The ends of the expected value are None where predictions have no interval. They add up the ends of all offers, as
    if all probabilities were wrong the same way: a wide interval. `control_cost` is the expected value of the offers
    that control does not get. `users_needed` is the size of each arm that shows the assumed save rate with 80 % power.
    """

    campaign_id: str
    as_of: date
    label: str
    model_version: str
    path: Path
    offers: int
    control: int
    expected_saved: float
    expected_value: float
    expected_value_low: float | None
    expected_value_high: float | None
    spent: float
    control_cost: float
    users_needed: int
    drawn_at: datetime
    stands: bool


def campaign(spark: SparkSession, spec: CampaignSpec, out: Path) -> CampaignReport:
    """Draw the list, append it to ml.campaign_targets, write it to a CSV file, best user first.

    A list that was drawn stands: under the same name or settings it is returned as it is, whatever has been scored
    since, and its file has the same bytes. `out` is the file, or a folder in which it becomes `<campaign_id>.csv`; it
    appears when the table is written.

    Raises:
        NoPrediction, OtherSettings, UnwritableFile, NobodyWorthAnOffer: nothing is written.
    """
    if not (spec.name or spec.as_of):
        spec = replace(spec, as_of=_scored(spark, spec).as_of_date)
    standing = standing_campaign(spark, spec)
    return _standing(spark, spec, standing, out) if standing else _drawn(spark, spec, out)


def _standing(spark: SparkSession, spec: CampaignSpec, drawn: Row, out: Path) -> CampaignReport:
    """The list as it was drawn. Its file in the folder stays as it is: people may have made notes in it."""
    path = _path(out, drawn.campaign_id)
    rows = spark.table(TARGETS).where(F.col("campaign_id") == drawn.campaign_id).select(*_COLUMNS)
    if path == out or not path.exists():
        with appearing(path) as partial:
            _write(rows, partial)
    return _report(rows, spec, path, moment(drawn.drawn_at), stands=True)


def _drawn(spark: SparkSession, spec: CampaignSpec, out: Path) -> CampaignReport:
    scored, drawn_at = _scored(spark, spec), datetime.now(timezone.utc)
    settings = {"as_of_date": scored.as_of_date, "label": spec.label, "model_version": scored.model_version}
    settings |= spec.money()
    campaign_id = spec.name or id_of(settings)
    path = _path(out, campaign_id)
    predictions = _predictions(spark, settings)
    drawn = _targets(predictions, spec, campaign_id).withColumn("created_at", F.lit(drawn_at))
    rows = drawn.select(*_COLUMNS).persist()
    try:
        if rows.isEmpty():
            raise NobodyWorthAnOffer(_nobody(predictions, spec, scored))
        report = _report(rows, spec, path, drawn_at, stands=False)
        with appearing(path) as partial:
            _write(rows, partial)
            append_targets(rows)
    finally:
        rows.unpersist()
    return report


def _scored(spark: SparkSession, spec: CampaignSpec) -> Row:
    """Date and model version of the predictions to use."""
    rows = []
    if spark.catalog.tableExists(PREDICTIONS):
        of_label = spark.table(PREDICTIONS).where(F.col("label") == spec.label)
        last = of_label.groupBy("as_of_date", "model_version").agg(F.max("scored_at").alias("scored_at"))
        rows = last.orderBy(F.desc("as_of_date"), F.desc("scored_at"), "model_version").collect()
    of_version = [row for row in rows if spec.model_version in {None, row.model_version}]
    found = [row for row in of_version if spec.as_of in {None, row.as_of_date}]
    if found:
        return found[0]
    asked = " ".join(str(part) for part in (spec.label, spec.as_of, spec.model_version) if part)
    existing = ", ".join(f"{row.as_of_date} {row.model_version}" for row in rows) or "none"
    msg = f"no prediction of {asked}; of {spec.label} there are {existing}: run sparkhouse predict --label {spec.label}"
    raise NoPrediction(msg)


def _path(out: Path, campaign_id: str) -> Path:
    path = out / f"{campaign_id}.csv" if out.is_dir() else out
    if not os.access(path.parent, os.W_OK):
        raise UnwritableFile(f"there is no folder {path.parent} that can be written to: make it first")
    return path


def _predictions(spark: SparkSession, settings: dict[str, Any]) -> DataFrame:
    """The predictions and, as constants, the settings of the campaign."""
    rows = spark.table(PREDICTIONS)
    for name in ("as_of_date", "label", "model_version"):
        rows = rows.where(F.col(name) == F.lit(settings[name]))
    missing = {name: F.lit(None).cast(kind) for name, kind in _OPTIONAL.items() if name not in rows.columns}
    money = {name: F.lit(value) for name, value in settings.items() if name not in rows.columns}
    keys = ("user_id", "as_of_date", "label", "model_version", "churn_probability")
    return rows.withColumns(missing | money).select(*keys, *_OPTIONAL, *money)


def _targets(predictions: DataFrame, spec: CampaignSpec, campaign_id: str) -> DataFrame:
    """Rows of ml.campaign_targets, down to the last offer that the budget pays.

    Control: the first 13 hex digits of sha2("<campaign id> <user id>"), over 16^13, are below the holdout. The other
    digits break ties: were it the same ones, control would come first among equals.
    """
    digits = F.sha2(F.concat_ws(" ", F.lit(campaign_id), "user_id"), 256)
    share = F.conv(F.substring(digits, 1, 13), 16, 10).cast("double") / 2**52
    best_first = Window.partitionBy("as_of_date").orderBy(F.desc("expected_value"), F.substring(digits, 14, 51))
    before = best_first.rowsBetween(Window.unboundedPreceding, -1)
    ends = ("", "_low", "_high")
    valued = {f"expected_value{end}": spec.expected_value(F.col(f"churn_probability{end}")) for end in ends}
    eligible = predictions.withColumns(valued).where("expected_value > 0")
    ranked = eligible.withColumns(
        {
            "campaign_id": F.lit(campaign_id),
            "arm": F.when(share < spec.holdout, CONTROL).otherwise(TREATMENT),
            "rank": F.row_number().over(best_first),
        }
    )
    offers_before = F.count_if(F.col("arm") == TREATMENT).over(before)
    listed = ranked.withColumn("offers_before", offers_before).where(F.col("offers_before") < spec.most_offers)
    return listed.drop("offers_before", "churn_probability_low", "churn_probability_high")


def _nobody(predictions: DataFrame, spec: CampaignSpec, scored: Row) -> str:
    highest = predictions.agg(F.max("churn_probability")).collect()[0][0]
    return (
        f"nobody of {scored.as_of_date} is worth an offer: it pays above a probability of {spec.break_even:.3f} "
        f"(offer cost {spec.offer_cost:g} / (save rate {spec.save_rate:g} * customer value {spec.customer_value:g})), "
        f"the highest of {spec.label} is {highest:.3f}: a cheaper offer is needed, or one that keeps more users"
    )


def _report(rows: DataFrame, spec: CampaignSpec, path: Path, drawn_at: datetime, *, stands: bool) -> CampaignReport:
    offered, held_out = (F.col("arm") == arm for arm in (TREATMENT, CONTROL))

    def total(of: Column, column: str) -> Column:
        return F.coalesce(F.sum(F.when(of, F.col(column))), F.lit(0.0))

    def total_end(column: str) -> Column:
        return F.when(F.count_if(offered & F.col(column).isNull()) == 0, total(offered, column))

    totals = rows.agg(
        *(F.first(name).alias(name) for name in ("campaign_id", "label", "model_version")),
        F.first("as_of_date").alias("as_of"),
        F.count_if(offered).alias("offers"),
        F.count_if(held_out).alias("control"),
        (total(offered, "churn_probability") * spec.save_rate).alias("expected_saved"),
        total(offered, "expected_value").alias("expected_value"),
        total_end("expected_value_low").alias("expected_value_low"),
        total_end("expected_value_high").alias("expected_value_high"),
        (F.count_if(offered) * F.lit(float(spec.offer_cost))).alias("spent"),
        total(held_out, "expected_value").alias("control_cost"),
        F.avg("churn_probability").alias("churn_rate"),
    ).collect()[0]
    fields: dict[str, Any] = totals.asDict()
    needed = users_needed(fields.pop("churn_rate"), spec.save_rate)
    return CampaignReport(**fields, path=path, users_needed=needed, drawn_at=drawn_at, stands=stands)


def _write(rows: DataFrame, path: Path) -> None:
    """One line per user; the reasons in one field. Without the moment of the draw: the bytes are those of the rows."""
    first = ("campaign_id", "rank", "user_id", "arm")
    columns = [*first, *(name for name in rows.columns if name not in {*first, "created_at"})]
    listed = rows.orderBy("rank").withColumn("reasons", F.concat_ws("; ", "reasons")).select(*columns)
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(columns)
        # People open it in a spreadsheet.
        lines.writerows(map(defused_cells, listed.toLocalIterator()))
