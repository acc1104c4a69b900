"""The JVM is as large as its work: compilers, memory and partitions follow from the bytes of the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.machine.home import Home, InvalidSetting
from cli.spark.sizing import (
    GIGABYTE,
    LOG_TO_TABLE,
    MEGABYTE,
    QUICK_COMPILER,
    SLOW_COMPILER_FROM,
    heap_bytes,
    held_bytes,
    jvm_options,
    sized,
)

if TYPE_CHECKING:
    from pathlib import Path

PARTITIONS = "spark.sql.adaptive.coalescePartitions.initialPartitionNum"
LAPTOP = 16 * GIGABYTE


def test_a_warehouse_holds_as_much_log_as_the_files_of_its_events_tell(tmp_path: Path) -> None:
    assert held_bytes(Home(tmp_path)) == 0
    data = tmp_path / "warehouse" / "raw" / "events" / "data" / "day=1"
    data.mkdir(parents=True)
    for name in ("a.parquet", "b.parquet", ".a.parquet.crc"):
        (data / name).write_bytes(bytes(1_000))
    assert held_bytes(Home(tmp_path)) == 2_000 * LOG_TO_TABLE


@pytest.mark.parametrize(
    ("log_bytes", "chosen", "is_quick"),
    [
        (0, "", True),
        (SLOW_COMPILER_FROM - 1, "", True),
        (SLOW_COMPILER_FROM, "", False),
        (0, "c2", False),
        (SLOW_COMPILER_FROM, "C1", True),
    ],
)
def test_the_slow_compiler_works_for_large_logs_and_where_it_is_asked_for(
    log_bytes: int, chosen: str, *, is_quick: bool
) -> None:
    assert jvm_options(log_bytes, {"SPARKHOUSE_JIT": chosen}) == (QUICK_COMPILER if is_quick else "")


@pytest.mark.parametrize(
    ("log_bytes", "memory_bytes", "heap"),
    [
        (0, LAPTOP, 2 * GIGABYTE),
        (128 * MEGABYTE, LAPTOP, 2.5 * GIGABYTE),
        (12 * GIGABYTE, LAPTOP, 8 * GIGABYTE),
        (12 * GIGABYTE, 64 * GIGABYTE, 8 * GIGABYTE),
        (12 * GIGABYTE, 6 * GIGABYTE, 3 * GIGABYTE),
        (0, 2 * GIGABYTE, GIGABYTE),
    ],
)
def test_the_memory_follows_the_log_as_far_as_the_machine_carries_it(
    log_bytes: int, memory_bytes: int, heap: float
) -> None:
    assert heap_bytes(log_bytes, memory_bytes, {}) == heap


@pytest.mark.parametrize("chosen", ["3g", "3G", "3gb", "3072m", "3145728k"])
def test_memory_that_is_asked_for_is_taken(chosen: str) -> None:
    assert sized(0, LAPTOP, {"SPARKHOUSE_DRIVER_MEMORY": chosen})["spark.driver.memory"] == "3072m"


def test_more_memory_than_the_machine_has_is_refused_with_both_numbers() -> None:
    with pytest.raises(InvalidSetting, match=r"SPARKHOUSE_DRIVER_MEMORY is '1t', and .* may have 16\.0 GB"):
        sized(0, LAPTOP, {"SPARKHOUSE_DRIVER_MEMORY": "1t"})


@pytest.mark.parametrize(
    ("log_bytes", "chosen", "partitions"),
    [(0, "", None), (GIGABYTE, "", None), (12 * GIGABYTE, "", "39"), (12 * GIGABYTE, "8", None)],
)
def test_large_logs_are_shuffled_in_more_partitions_unless_a_number_is_asked_for(
    log_bytes: int, chosen: str, partitions: str | None
) -> None:
    assert sized(log_bytes, LAPTOP, {"SPARKHOUSE_SHUFFLE_PARTITIONS": chosen}).get(PARTITIONS) == partitions
