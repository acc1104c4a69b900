"""What `sparkhouse doctor` vouches for, it tries: Spark starts, and a table can be written and read."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from cli.health.cluster import executor_findings
from cli.health.machine_checks import Finding
from cli.health.machine_faults import told_faults
from cli.spark.session import start_spark
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

ROWS = 3


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
    yield _tried("Writes and reads a table", lambda: write_and_read(spark, home), home)[1]
    if home.cluster and home.cluster.has_executors:
        yield from executor_findings(spark, home, home.cluster)


def _tried(subject: str, attempt: Callable[[], SparkSession | None], home: Home) -> tuple[SparkSession | None, Finding]:
    try:
        return attempt(), Finding(subject, ok=True, found="yes")
    except Exception as error:  # noqa: BLE001 - whatever is wrong is what the doctor is asked for
        first_line = str(error).strip().partition("\n")[0]
        messages = told_faults(error, home)
        return None, Finding(
            subject, ok=False, found=first_line, remedy=messages[0] if messages else "Run `make setup`."
        )


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
        shutil.rmtree(home.warehouse / schema, ignore_errors=True)
