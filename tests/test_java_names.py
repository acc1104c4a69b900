"""Names of Java's packages and classes are looked up once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from py4j import protocol  # type: ignore[import-untyped]
from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

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
