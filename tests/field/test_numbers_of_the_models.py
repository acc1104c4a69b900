"""Numbers that models and campaigns give, as people met them: one test a case, named for what the person did."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import TYPE_CHECKING

import numpy as np
import pytest
from planted import LABEL, LINEAR, MONDAYS, NAMES, USERS

from models_ml.campaigns.campaign import campaign
from models_ml.campaigns.spec import CampaignSpec
from models_ml.dataset.mixture import shrunk_rate
from models_ml.evaluation.reliability import reliability
from models_ml.scoring.prediction import predict
from models_ml.spec.training_spec import TrainingSpec
from models_ml.training.job import train

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

OFFERS = CampaignSpec(LABEL, budget=15, offer_cost=5, save_rate=0.3, customer_value=60, holdout=0)
SCORED = (
    "user_id string, as_of_date date, label string, model_version string, churn_probability double, scored_at timestamp"
)


def test_somebody_who_read_a_bin_in_which_nobody_left_as_surely_safe() -> None:
    """Thirty users on four snapshots each: 120 rows said 'at most 3 %', where thirty users tell 'at most 11 %'."""
    users = np.repeat(np.arange(30), 4)
    [only] = reliability(users, np.zeros(120), np.full(120, 0.08))
    assert only.low == pytest.approx(0.0, abs=1e-12)
    assert only.low <= only.mean_prediction <= only.high


def test_somebody_whose_log_holds_only_users_that_have_had_a_session() -> None:
    random = np.random.default_rng(21)
    days = random.uniform(1.0, 56.0, 4_000)
    sessions = random.poisson(random.gamma(1.5, 1 / 6.15, 4_000) * days).astype(float)
    seen = {"sessions": sessions[sessions > 0], "days": days[sessions > 0]}
    of_all = shrunk_rate("pace", "sessions", "days", seen, zero_truncated=True)
    assert of_all.prior_count / of_all.prior_exposure == pytest.approx(1.5 / 6.15, rel=0.03)


def scored_by(spark: SparkSession, version: str, probability: dict[str, float]) -> None:
    rows = [
        (user, date(2018, 11, 5), LABEL, version, each, datetime.now(timezone.utc))
        for user, each in probability.items()
    ]
    spark.sql("create namespace if not exists ml")
    spark.createDataFrame(rows, SCORED).writeTo("ml.churn_predictions").using("iceberg").createOrReplace()


def listed(spark: SparkSession) -> set[str]:
    return {row.user_id for row in spark.table("ml.campaign_targets").collect()}


def test_somebody_who_drew_a_campaign_again_after_the_users_were_scored_again(
    empty_warehouse: SparkSession, tmp_path: Path
) -> None:
    spark = empty_warehouse
    scored_by(spark, "v1", {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.1, "e": 0.1})
    spark.conf.set("spark.wap.branch", "run_failed")
    try:
        unpublished = campaign(spark, OFFERS, tmp_path / "unpublished.csv")
    finally:
        spark.conf.unset("spark.wap.branch")
    assert not unpublished.stands
    first = campaign(spark, OFFERS, tmp_path / "first.csv")
    assert not first.stands, "what was never published does not stand"
    scored_by(spark, "v2", {"a": 0.1, "b": 0.1, "c": 0.1, "d": 0.9, "e": 0.9})
    again = campaign(spark, OFFERS, tmp_path / "again.csv")
    assert (again.stands, again.campaign_id, again.drawn_at) == (True, first.campaign_id, first.drawn_at)
    assert again.path.read_bytes() == first.path.read_bytes()
    assert listed(spark) == {"a", "b", "c"}
    spark.sql("drop table ml.churn_predictions purge")


@pytest.mark.parametrize("horizon", [7, 28])
def test_somebody_who_asks_who_leaves_within_another_time_than_two_weeks(
    planted_marts: SparkSession, mlflow_dir: Path, horizon: int
) -> None:
    planted_marts.sql(f"update marts.fct_churn_labels set horizon_days = {horizon}")
    report = train(planted_marts, TrainingSpec(algorithms=LINEAR), mlflow_dir, NAMES)
    assert report.horizon_days == horizon
    assert (report.split.test[0] - report.split.train[-1]).days >= horizon
    predicted = predict(planted_marts, LABEL, MONDAYS[5], None, mlflow_dir)
    assert (predicted.model_version, predicted.users) == (report.model_version, USERS)
    if horizon != 7:
        assert report.promotion.reason.endswith(
            f"cannot score any more: it looks 7 days ahead, the labels now {horizon}"
        )
