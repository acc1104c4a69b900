"""What a suite is, what it is built from, and the tables that suites read."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException
from pyspark.sql import functions as F

from expectations.report import MissingTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from great_expectations.expectations.expectation import Expectation
    from pyspark.sql import Column, DataFrame, SparkSession

    from expectations.catalogue import FeatureEntry
    from expectations.limits import Limits

EVENTS = "staging.stg_sparkify__events"
FEATURES, LABELS = "marts.fct_user_features", "marts.fct_churn_labels"
SPINE = "intermediate.int_user_snapshots_spined"
SNAPSHOT_KEY = ("user_id", "as_of_date")
EXAMPLES = 5
BUILD = "sparkhouse build"
COMMANDS = MappingProxyType({"raw": "sparkhouse ingest", "staging": BUILD, "marts": BUILD, "ml": "sparkhouse predict"})


@dataclass(frozen=True)
class Audit:
    """What suites are built from: the session and the run that asks, the catalogue, and the limits in force."""

    spark: SparkSession
    run_id: str
    catalogue: Sequence[FeatureEntry]
    limits: Limits


@dataclass(frozen=True)
class Suite:
    """The rules of one table. `rows` has the columns that the rules name, and the `keys` that examples are shown by.

    `rows` that several metrics read may be persisted: the gate releases them.
    """

    name: str
    table: str
    keys: tuple[str, ...]
    rows: DataFrame
    expectations: tuple[Expectation, ...]


def read(spark: SparkSession, name: str) -> DataFrame:
    """Return a table; raises MissingTable."""
    try:
        return spark.table(name)
    except AnalysisException as error:
        if error.getErrorClass() != "TABLE_OR_VIEW_NOT_FOUND":
            raise
        raise MissingTable(name, COMMANDS[name.partition(".")[0]]) from error


def has_snapshots(spark: SparkSession) -> bool:
    """Whether there are snapshots to have features and labels: the first deliveries of a log reach none yet."""
    return not spark.catalog.tableExists(SPINE) or not spark.table(SPINE).isEmpty()


def key_text(keys: Sequence[str]) -> Column:
    """The key of a row, as people read it: `user_id=7 as_of_date=2018-11-19`."""
    return F.concat_ws(" ", *(F.concat(F.lit(f"{name}="), F.col(name).cast("string")) for name in keys))
