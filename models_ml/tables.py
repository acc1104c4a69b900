"""The tables that the model job reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from models_ml.errors import MissingTable, SnapshotExpired

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
    churn_probability_low double comment 'Lower end of the 95 % interval of the calibration',
    churn_probability_high double comment 'Upper end of the 95 % interval of the calibration',
    reasons array<string> comment 'What the score rests on most, in words, the weightiest first',
    risk_decile int not null comment 'Tenth of the snapshot by probability: 1 = most at risk',
    predicted_churn boolean not null comment 'Probability at or above the threshold of the model version',
    scored_at timestamp not null comment 'When the row was written'
)
using iceberg
partitioned by (as_of_date, label, model_version)
comment 'One row per user, snapshot date, label and model version'
tblproperties ('write.distribution-mode' = 'none')
"""

MODEL_VERSIONS_DDL = f"""
create table if not exists {MODEL_VERSIONS} (
    model_version string not null comment 'Registry version and start of the MLflow run id; unique',
    label string not null comment 'Outcome predicted',
    algorithm string not null comment 'Algorithm with the best cross-validated average precision',
    is_chosen boolean not null comment 'Was made champion: the newest such version scores where none is named',
    promotion_reason string comment 'Why it was made champion, or was not',
    tries int comment 'Which challenger on these test rows it was; 0 where there was no champion to compare it with',
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
    calibration string comment 'How scores became probabilities: platt or isotonic',
    metrics map<string, double> comment 'Ends of 95 % intervals as _low and _high; as metric.model those of all models',
    parameters map<string, string> comment 'As algorithm.parameter those of all algorithms at their best points',
    spec string comment 'What was asked for, as JSON: enough to train it again',
    code_version string comment 'Version of the package, and a hash of the code that trained',
    candidate_names array<string> comment 'Columns of the feature table that might train',
    catalogue_hash string comment 'Hash of these names',
    feature_names array<string> comment 'Elements of the feature vector, in order',
    mlflow_run_id string comment 'MLflow run that trained the version',
    registered_model string comment 'Name in the MLflow model registry',
    registry_version string comment 'Version in the MLflow model registry',
    model_uri string comment 'Where the fitted pipeline is stored',
    portable_uri string comment 'Where the same model is stored as one JSON, to score without Spark',
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
    for name, statement in ((PREDICTIONS, _PREDICTIONS_DDL), (MODEL_VERSIONS, MODEL_VERSIONS_DDL)):
        create_or_widen(spark, name, statement)


def create_or_widen(spark: SparkSession, name: str, statement: str) -> None:
    """Create a table where it is missing; one of an earlier version of ours gets the columns that it lacks."""
    spark.sql(statement)
    existing = set(spark.table(name).columns)
    for line in statement.splitlines():
        column = line.strip().rstrip(",").replace(" not null", "")
        if line.startswith("    ") and column.split(" ")[0] not in existing:
            spark.sql(f"alter table {name} add column {column}")


def source_table(spark: SparkSession, name: str, snapshot_id: int | None = None) -> SourceTable:
    """Return a table as it was at a snapshot, or as the session sees it, on the branch that `spark.wap.branch` names.

    Raises:
        MissingTable: the warehouse was not built.
        SnapshotExpired: Iceberg no longer keeps that state.
    """
    if not spark.catalog.tableExists(name):
        msg = f"table {name} is missing: run `sparkhouse build` first"
        raise MissingTable(msg)
    if snapshot_id is not None:
        return SourceTable(snapshot_of(spark, name, snapshot_id), snapshot_id)
    refs = {row["name"]: row.snapshot_id for row in spark.table(f"{name}.refs").collect()}
    branch = spark.conf.get("spark.wap.branch", "main")
    return SourceTable(spark.table(name), refs.get(branch or "main", refs.get("main", 0)))


def snapshot_of(spark: SparkSession, name: str, snapshot_id: int) -> DataFrame:
    """Return the rows and columns of a table at an Iceberg snapshot.

    Raises:
        SnapshotExpired: Iceberg no longer keeps it.
    """
    kept = (
        spark.catalog.tableExists(name)
        and not spark.table(f"{name}.snapshots").where(F.col("snapshot_id") == F.lit(snapshot_id)).isEmpty()
    )
    if not kept:
        msg = (
            f"{name} at snapshot {snapshot_id} has been expired: it cannot be read again; "
            "choose a later moment or version, and expire fewer snapshots"
        )
        raise SnapshotExpired(msg)
    # The reader's option `snapshot-id` would give the rows of then under the columns of now.
    return spark.sql(f"select * from {name} version as of {snapshot_id}")  # noqa: S608 - our own table and its id
