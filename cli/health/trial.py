"""What `sparkhouse doctor` vouches for, it tries: Spark starts, and a table can be written and read."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from cli.health.cluster import executor_findings
from cli.health.machine_checks import Finding
from cli.health.machine_faults import first_line_of, told_faults
from cli.spark.executors import Patience, watch_executors
from cli.spark.session import start_spark
from warehouse.contract.errors import SparkhouseError
from warehouse.contract.hadoop import remove_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

ROWS = 3
Result = TypeVar("Result")


class LostRows(SparkhouseError, RuntimeError):
    """A table does not hold what was written to it."""


def spark_findings(home: Home) -> Iterator[Finding]:
    """Start Spark, then write, read and remove a table in a schema of its own."""
    started = time.monotonic()
    spark, finding = _tried("Spark", start_spark, home)
    if spark is None:
        yield finding
        return
    yield Finding("Spark", ok=True, found=f"{spark.version}, up in {time.monotonic() - started:.0f} s")
    shares = home.executors
    patience = Patience(spark.sparkContext, shares) if shares else None
    if patience:
        watch_executors(spark.sparkContext, patience)
    finding = _tried("Writes and reads a table", lambda: write_and_read(spark, home), home)[1]
    if patience and patience.lost:
        yield Finding("Executors", ok=False, found="none", remedy=patience.lost)
        return
    yield finding
    if shares:
        found, finding = _tried("Executors", lambda: [*executor_findings(spark, home, shares)], home)
        yield from found or [finding]


def _tried(subject: str, attempt: Callable[[], Result], home: Home) -> tuple[Result | None, Finding]:
    try:
        return attempt(), Finding(subject, ok=True, found="yes")
    except Exception as error:  # noqa: BLE001 - whatever is wrong is what the doctor is asked for
        messages = told_faults(error, home)
        if isinstance(error, SparkhouseError) and not messages:
            return None, Finding(subject, ok=False, found="no", remedy=str(error))
        remedy = messages[0] if messages else "Run `make setup`."
        return None, Finding(subject, ok=False, found=first_line_of(error), remedy=remedy)


def write_and_read(spark: SparkSession, home: Home) -> None:
    """Write a table, read it, take it away again. Raises LostRows."""
    schema = f"doctor_{os.getpid()}"
    try:
        spark.sql(f"create namespace {schema}")
        spark.sql(f"create table {schema}.trial using iceberg as select id from range({ROWS})")  # noqa: S608 - ours
        if spark.table(f"{schema}.trial").count() != ROWS:
            raise LostRows(f"a table of {ROWS} rows was written and not read back")
    finally:
        with suppress(Exception):
            spark.sql(f"drop table if exists {schema}.trial purge")
            spark.sql(f"drop namespace if exists {schema}")
            remove_folder(spark.sparkContext, home.place_of(schema))
