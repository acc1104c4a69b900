"""What a suite is, and the tables that suites read."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pyspark.errors import AnalysisException
from pyspark.sql import functions as F

from expectations.report import MissingTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from great_expectations.expectations.expectation import Expectation
    from pyspark.sql import Column, DataFrame, SparkSession

    from expectations.report import RuleResult

FEATURES, LABELS = "marts.fct_user_features", "marts.fct_churn_labels"
SPINE = "intermediate.int_user_snapshots_spined"
# What a drift that is too large, or a model that no longer does as tested, does to the gate.
OnDrift = Literal["warn", "stop"]
SNAPSHOT_KEY = ("user_id", "as_of_date")
EXAMPLES = 5
BUILD = "sparkhouse build"
COMMANDS = MappingProxyType({"raw": "sparkhouse ingest", "staging": BUILD, "marts": BUILD, "ml": "sparkhouse predict"})


@dataclass(frozen=True)
class Record:
    """Rows of a table of their own, by column name, which a suite leaves behind."""

    table: str
    rows: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Suite:
    """The rules of one table. `rows` has the columns that the rules name, and the `keys` that examples are shown by.

    A suite of many columns has too many rules to put each to Great Expectations, which takes 30 ms for one. Its `rows`
    are what was found of each column, its rules are about their totals, and `findings` tell the columns one by one.
    """

    name: str
    table: str
    keys: tuple[str, ...]
    rows: DataFrame
    expectations: tuple[Expectation, ...]
    findings: tuple[RuleResult, ...] = ()
    record: Record | None = None


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
