"""Short ways to Spark: names of Java are looked up once, rows reach Java without Python, functions go as they are."""

from __future__ import annotations

import math
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from py4j import protocol  # type: ignore[import-untyped]
from pyspark import RDD
from pyspark.rdd import PipelinedRDD
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cli.spark.quick_context import SOURCE

through_python = RDD._to_java_object_rdd  # noqa: SLF001
LOOK_UP = protocol.REFLECTION_COMMAND_NAME + protocol.REFL_GET_UNKNOWN_SUB_COMMAND_NAME


@pytest.fixture
def looked_up(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that Python asks the JVM for from now on."""
    asked: list[str] = []
    jvm: Any = spark._jvm  # noqa: SLF001 - PySpark shows it nowhere else
    client = jvm._gateway_client  # noqa: SLF001
    send = client.send_command

    def noted(command: str, *options: bool) -> str:
        if command.startswith(LOOK_UP):
            asked.append(command.removeprefix(LOOK_UP).split("\n")[0])
        answer: str = send(command, *options)
        return answer

    monkeypatch.setattr(client, "send_command", noted)
    return asked


def test_a_function_is_looked_up_once(looked_up: list[str]) -> None:
    F.col("a")
    looked_up.clear()
    assert str(F.col("b") + F.lit(1)) == "Column<'(b + 1)'>"
    assert looked_up == []


def test_each_part_of_a_name_is_looked_up_once(spark: SparkSession, looked_up: list[str]) -> None:
    jvm: Any = spark._jvm  # noqa: SLF001
    for _ in range(2):
        assert jvm.java.util.concurrent.TimeUnit.SECONDS.toMinutes(120) == 2
    assert len(looked_up) == len(set(looked_up))
    assert "java.util.concurrent.TimeUnit" in looked_up


def test_a_function_goes_to_tasks_without_a_look_at_its_class_file(spark: SparkSession) -> None:
    context: Any = spark.sparkContext._jsc.sc()  # noqa: SLF001
    function, is_tried = context.getConf(), True
    assert context.getClass().getName() == SOURCE.stem
    assert context.clean(function, is_tried).equals(function)
    assert spark.sparkContext.parallelize(range(10), 2).map(lambda number: number + 1).sum() == 55


VALUES = [
    (None, None, None, None, None, None, None, None, None, None, None),
    (
        2**62,
        math.inf,
        Decimal("-0.123456789"),
        "\x00 ü \U0001f600",
        b"\x00\xff",
        date(1582, 10, 4),
        datetime(2018, 10, 28, 1, 30, 0, 999_999, tzinfo=timezone.utc),
        True,
        [1, None],
        {"a": 1.5, "b": None},
        (1, "x"),
    ),
    (
        -1,
        -0.0,
        Decimal(0),
        "",
        b"",
        date(9999, 12, 31),
        datetime(1970, 1, 1, tzinfo=timezone.utc),
        False,
        [],
        {},
        (0, ""),
    ),
]
SCHEMA = (
    "a bigint, b double, c decimal(18,9), d string, e binary, f date, g timestamp, h boolean,"
    " i array<int>, j map<string,double>, k struct<x: int, y: string>"
)


@pytest.mark.parametrize("rows", [[], VALUES[:1], VALUES, VALUES * 1_000], ids=len)
def test_rows_of_python_are_the_same_in_java_with_and_without_a_process_of_python(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, rows: list[Any]
) -> None:
    def found() -> list[str]:
        return [repr(row) for row in spark.createDataFrame(rows, SCHEMA).collect()]

    without = found()
    monkeypatch.setattr(RDD, "_to_java_object_rdd", lambda self: through_python(self.map(lambda row: row)))
    assert without == found()
    assert len(without) == len(rows)


def test_rows_of_python_need_no_process_of_python(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PipelinedRDD, "_jrdd", property(lambda _: pytest.fail("a process of Python maps the rows")))
    assert spark.createDataFrame([(1,), (2,)], "a int").agg(F.sum("a")).first() == (3,)


def test_settings_of_a_session_are_applied_once_and_again_when_they_change(spark: SparkSession) -> None:
    name = "spark.sql.session.sparkhouse"

    def with_value(value: str) -> str | None:
        session = SparkSession.builder.config(name, value).getOrCreate()
        assert session is spark
        return session.conf.get(name)

    assert with_value("first") == "first"
    spark.conf.set(name, "by hand")
    assert with_value("first") == "by hand"
    assert with_value("second") == "second"
    assert with_value("first") == "first"
    spark.conf.unset(name)
