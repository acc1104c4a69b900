"""The tables that the model job reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models_ml.errors import MissingTable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FEATURES = "marts.fct_user_features"
LABELS = "marts.fct_churn_labels"
PREDICTIONS = "ml.churn_predictions"
MODEL_VERSIONS = "ml.model_versions"

# One partition is what one prediction writes, so scoring again replaces whole files in one commit.
_PREDICTIONS_DDL = f"""
create table if not exists {PREDICTIONS} (
    user_id string not null comment 'User scored',
    as_of_date date not null comment 'Snapshot scored: only events before midnight UTC of this date were used',
    label string not null comment 'Outcome predicted, a column of {LABELS}',
    model_version string not null comment 'Model that scored, see {MODEL_VERSIONS}',
    churn_probability double not null comment 'Calibrated probability of the outcome, 0 to 1',
    risk_decile int not null comment 'Tenth of the snapshot by probability: 1 = most at risk',
    predicted_churn boolean not null comment 'Probability at or above the threshold of the model version',
    scored_at timestamp not null comment 'When the row was written'
)
using iceberg
partitioned by (as_of_date, label, model_version)
comment 'One row per user, snapshot date, label and model version'
tblproperties ('write.distribution-mode' = 'none')
"""

_MODEL_VERSIONS_DDL = f"""
create table if not exists {MODEL_VERSIONS} (
    model_version string not null comment 'Registry version and start of the MLflow run id; unique',
    label string not null comment 'Outcome predicted',
    algorithm string not null comment 'Algorithm with the best cross-validated average precision',
    is_chosen boolean not null comment 'May be used where no version is named',
    trained_at timestamp not null comment 'When the training ended',
    horizon_days int comment 'Days after as_of that the label looks at, per bin',
    train_from date comment 'First training snapshot',
    train_to date comment 'Last training snapshot',
    test_from date comment 'First test snapshot',
    test_to date comment 'Last test snapshot',
    train_rows bigint comment 'Training rows (user and snapshot)',
    train_users bigint comment 'Distinct users among the training rows',
    train_positives bigint comment 'Training rows with the outcome',
    test_rows bigint comment 'Test rows (user and snapshot)',
    test_users bigint comment 'Distinct users among the test rows',
    test_positives bigint comment 'Test rows with the outcome',
    threshold double comment 'Probability at or above which the outcome is predicted',
    calibration_slope double comment 'Platt scaling: probability = 1 / (1 + exp(-(slope * score + intercept)))',
    calibration_intercept double comment 'Platt scaling, see calibration_slope',
    metrics map<string, double> comment 'Metrics of the version; as metric.algorithm of all compared, and of no_skill',
    parameters map<string, string> comment 'As algorithm.parameter those of all algorithms compared',
    feature_names array<string> comment 'Elements of the feature vector, in order',
    mlflow_run_id string comment 'MLflow run that trained the version',
    registered_model string comment 'Name in the MLflow model registry',
    registry_version string comment 'Version in the MLflow model registry',
    model_uri string comment 'Where the fitted pipeline is stored',
    table_snapshot_ids map<string, bigint> comment 'Iceberg snapshot of each table that the training read',
    spark_version string comment 'Spark that trained and stored the pipeline',
    seed bigint comment 'Seed of the folds and of the trees'
)
using iceberg
comment 'One row per model version'
"""


@dataclass(frozen=True)
class SourceTable:
    """A table and the Iceberg snapshot that its readers see."""

    rows: DataFrame
    snapshot_id: int


def create_ml_tables(spark: SparkSession) -> None:
    """Create the namespace `ml` and its tables where they are missing."""
    spark.sql("create namespace if not exists ml")
    spark.sql(_PREDICTIONS_DDL)
    spark.sql(_MODEL_VERSIONS_DDL)


def source_table(spark: SparkSession, name: str) -> SourceTable:
    """Return the table as the session sees it, on the branch that `spark.wap.branch` names if it has one.

    Raises:
        MissingTable: the warehouse was not built.
    """
    if not spark.catalog.tableExists(name):
        msg = f"table {name} is missing: run `sparkhouse build` first"
        raise MissingTable(msg)
    refs = {row["name"]: row.snapshot_id for row in spark.table(f"{name}.refs").collect()}
    branch = spark.conf.get("spark.wap.branch", "main")
    return SourceTable(spark.table(name), refs.get(branch or "main", refs.get("main", 0)))
