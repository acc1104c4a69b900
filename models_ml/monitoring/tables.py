"""The tables that models are watched by: how far their features have moved, and how their predictions came out."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from models_ml.monitoring.drift import SCORE
from models_ml.tables import LABELS, MODEL_VERSIONS, PREDICTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pyspark.sql import SparkSession

    from models_ml.monitoring.drift import Drift

FEATURE_DRIFT = "monitoring.feature_drift"
OUTCOMES = "monitoring.prediction_outcomes"
PERFORMANCE = "monitoring.model_performance"

# Not on the branch of a run: `monitoring` is written to directly. A partition is what one call replaces, whole files in
# one commit.
_PROPERTIES = "tblproperties ('write.wap.enabled' = 'false', 'write.distribution-mode' = 'none')"

_FEATURE_DRIFT_DDL = f"""
create table if not exists {FEATURE_DRIFT} (
    label string not null comment 'Outcome predicted, a column of {LABELS}',
    model_version string not null comment 'Model that scored, see {MODEL_VERSIONS}',
    as_of_date date not null comment 'Snapshot scored',
    feature string not null comment 'Column of the feature table; {SCORE}: the probability that the model gave',
    kind string not null comment 'numeric or categorical',
    is_used boolean not null comment 'The model reads the feature; true of {SCORE}',
    psi double not null comment 'Population stability index of the scored against the training rows',
    ks double comment 'Kolmogorov-Smirnov distance of the two, exact to 0.01; NULL of strings, and without values',
    bins int not null comment 'Bins of the index with rows: by chance it is about (bins - 1) * the sum of 1 / rows',
    train_missing_share double not null comment 'Share of the training rows without a value, 0 to 1',
    scored_missing_share double not null comment 'Share of the scored rows without a value, 0 to 1',
    train_rows bigint not null comment 'Training rows (user and snapshot)',
    scored_rows bigint not null comment 'Scored rows (users)',
    measured_at timestamp not null comment 'When it was measured'
)
using iceberg
partitioned by (label, model_version, as_of_date)
comment 'One row per label, model version, snapshot date scored and feature'
{_PROPERTIES}
"""

_OUTCOMES_DDL = f"""
create table if not exists {OUTCOMES} (
    label string not null comment 'Outcome predicted, a column of {LABELS}',
    model_version string not null comment 'Model that scored, see {MODEL_VERSIONS}',
    origin string not null comment 'published: a row of {PREDICTIONS}; backtest: scored afterwards, as of then',
    as_of_date date not null comment 'Snapshot scored',
    user_id string not null comment 'User scored',
    churn_probability double not null comment 'Probability of the outcome that was given, 0 to 1',
    predicted_churn boolean not null comment 'Whether the outcome was predicted',
    outcome boolean not null comment 'Whether it came true',
    outcome_known_at date not null comment 'Date from which on it was known of all users: the end of the horizon',
    recorded_at timestamp not null comment 'When the row was written'
)
using iceberg
partitioned by (origin, label, model_version)
comment 'One row per label, model version, origin, snapshot date and user'
{_PROPERTIES}
"""

_PERFORMANCE_DDL = f"""
create table if not exists {PERFORMANCE} (
    label string not null comment 'Outcome predicted, a column of {LABELS}',
    model_version string not null comment 'Model that scored, see {MODEL_VERSIONS}',
    origin string not null comment 'published or backtest, see {OUTCOMES}',
    as_of_date date not null comment 'Snapshot scored',
    rows bigint not null comment 'Users whose outcome is known',
    positives bigint not null comment 'Of these, users with the outcome',
    auc double comment 'Area under the ROC curve; NULL where all outcomes agree',
    average_precision double comment 'Mean precision over the recalls; NULL where all outcomes agree',
    brier double not null comment 'Mean squared distance of probability and outcome',
    brier_skill double comment '1 - brier / brier of saying observed_rate; NULL where all outcomes agree',
    mean_probability double not null comment 'Mean of the probabilities',
    observed_rate double not null comment 'positives / rows',
    calibration_error double not null comment 'Mean distance of probability and rate over ten bins of equal rows',
    lift_top_10 double comment 'Rate of the tenth most at risk / observed_rate; NULL where all outcomes agree',
    recorded_at timestamp not null comment 'When the row was written'
)
using iceberg
partitioned by (origin, label, model_version)
comment 'One row per label, model version, origin and snapshot date'
{_PROPERTIES}
"""


def create_monitoring_tables(spark: SparkSession) -> None:
    """Create the namespace `monitoring` and the tables of the models in it where they are missing."""
    spark.sql("create namespace if not exists monitoring")
    for ddl in (_FEATURE_DRIFT_DDL, _OUTCOMES_DDL, _PERFORMANCE_DDL):
        spark.sql(ddl)


def record_drift(spark: SparkSession, label: str, model_version: str, as_of: date, drifts: Sequence[Drift]) -> None:
    """Write what was measured of a scored snapshot in place of what was measured before, in one commit."""
    create_monitoring_tables(spark)
    schema = spark.table(FEATURE_DRIFT).schema
    shared = {
        "label": label,
        "model_version": model_version,
        "as_of_date": as_of,
        "measured_at": datetime.now(timezone.utc),
    }
    rows = [vars(drift) | shared for drift in drifts]
    frame = spark.createDataFrame([tuple(row[name] for name in schema.names) for row in rows], schema)
    of_model = (F.col("label") == label) & (F.col("model_version") == model_version)
    frame.coalesce(1).writeTo(FEATURE_DRIFT).overwrite(of_model & (F.col("as_of_date") == F.lit(as_of)))
