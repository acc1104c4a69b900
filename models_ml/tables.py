"""The tables that the model job reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from models_ml.errors import MissingTable, SnapshotExpired
from warehouse.contract.tables import BRANCH_OF_SESSION

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FEATURES = "marts.fct_user_features"
LABELS = "marts.fct_churn_labels"
PREDICTIONS = "ml.churn_predictions"
MODEL_VERSIONS = "ml.model_versions"
TEST_SCORES = "ml.test_scores"
FEATURE_EFFECTS = "ml.feature_effects"


@dataclass(frozen=True)
class TableState:
    """A table and the Iceberg snapshot that its readers see."""

    rows: DataFrame
    snapshot_id: int


def table_state(spark: SparkSession, name: str, snapshot_id: int | None = None) -> TableState:
    """Return a table as it was at a snapshot, or as the session sees it, on the branch that `spark.wap.branch` names.

    Raises:
        MissingTable: the warehouse was not built.
        SnapshotExpired: Iceberg no longer keeps that state.
    """
    if not spark.catalog.tableExists(name):
        msg = f"table {name} is missing: run `sparkhouse build` first"
        raise MissingTable(msg)
    if snapshot_id is not None:
        return TableState(snapshot_of(spark, name, snapshot_id), snapshot_id)
    refs = {row["name"]: row.snapshot_id for row in spark.table(f"{name}.refs").collect()}
    branch = spark.conf.get(BRANCH_OF_SESSION, "main")
    return TableState(spark.table(name), refs.get(branch or "main", refs.get("main", 0)))


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
