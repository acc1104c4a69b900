"""How large the JVM is made, and which of its compilers work: from the bytes of log that a command works through.

All of it is decided before Java starts, so nothing here asks Spark. Bytes are those of JSON lines, unpacked.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from cli.machine.home import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.machine.home import Home

# The bytes of a log to those of its rows in raw.events: 8.5 with 0.29 and 8.4 with 2.9 million events.
LOG_TO_TABLE = 8.5
# The quick compiler alone took less processor time for 132 and 359 MB of log: 79 and 132 s against 117 and 159 s of a
# build, 16 and 26 s against 27 and 36 s of an ingest. The lines meet at 0.9 and 1.2 GB; at 1.2 GB a build takes 0.88.
SLOW_COMPILER_FROM = 1_000_000_000
MEGABYTE, GIGABYTE = 1 << 20, 1 << 30
UNITS = {"k": 1 << 10, "m": MEGABYTE, "g": GIGABYTE, "t": 1 << 40}
LEAST_HEAP, MOST_HEAP, HEAP_TO_LOG = 2 * GIGABYTE, 8 * GIGABYTE, 4
# Of 1.3 GB of log, 504 MB go through the widest shuffle, that of the staged events.
SHUFFLED_TO_LOG = 0.4
# What the profile says for all sizes.
LEAST_PARTITIONS = 4
SHUFFLE_PARTITION = 128 * MEGABYTE
QUICK_COMPILER = "-XX:TieredStopAtLevel=1"


def held_bytes(home: Home) -> int:
    """Return about how many bytes of log a warehouse holds, by the files of raw.events; 0 where there are none."""
    if home.cluster:
        events = home.catalog.find("raw.events")
        return int(events.byte_count() * LOG_TO_TABLE) if events else 0
    sizes = 0
    for folder, _, names in os.walk(home.warehouse / "raw" / "events" / "data"):
        sizes += sum(_size(Path(folder) / name) for name in names if name.endswith(".parquet"))
    return int(sizes * LOG_TO_TABLE)


def _size(path: Path) -> int:
    """Return the bytes of a file, 0 of one that another command has just taken away."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def jvm_options(log_bytes: int, environment: Mapping[str, str]) -> str:
    """Return the option that leaves the slow compiler out, or none; SPARKHOUSE_JIT overrules the bytes."""
    chosen = environment.get("SPARKHOUSE_JIT", "").lower()
    is_quick = chosen == "c1" if chosen else log_bytes < SLOW_COMPILER_FROM
    return QUICK_COMPILER if is_quick else ""


def sized(log_bytes: int, memory_bytes: int, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of Spark that depend on the bytes of a log and of memory. Raises InvalidSetting."""
    return {
        "spark.driver.memory": f"{heap_bytes(log_bytes, memory_bytes, environment) // MEGABYTE}m",
        **_partitions(log_bytes, environment),
    }


def heap_bytes(log_bytes: int, memory_bytes: int, environment: Mapping[str, str]) -> int:
    """Return the memory of the JVM: 2 GB and four times the log, at most 8 GB and half of the machine's.

    SPARKHOUSE_DRIVER_MEMORY overrules that. Raises InvalidSetting where it is more than the machine has.
    """
    chosen = environment.get("SPARKHOUSE_DRIVER_MEMORY", "")
    if not chosen:
        return min(LEAST_HEAP + HEAP_TO_LOG * log_bytes, MOST_HEAP, memory_bytes // 2)
    asked = _bytes(chosen)
    if asked > memory_bytes:
        raise InvalidSetting(
            f"SPARKHOUSE_DRIVER_MEMORY is {chosen!r}, and this process may have {memory_bytes / GIGABYTE:.1f} GB of "
            "memory: set it lower, or unset it"
        )
    return asked


def _bytes(size: str) -> int:
    """Return the bytes of a size as Spark spells it, such as 4g or 512mb."""
    number = size.lower().removesuffix("b")
    return int(number[:-1]) * UNITS[number[-1]]


def _partitions(log_bytes: int, environment: Mapping[str, str]) -> dict[str, str]:
    """So many partitions that each holds 128 MB at most of the staged events; Spark joins small ones as it goes."""
    wanted = math.ceil(log_bytes * SHUFFLED_TO_LOG / SHUFFLE_PARTITION)
    if environment.get("SPARKHOUSE_SHUFFLE_PARTITIONS") or wanted <= LEAST_PARTITIONS:
        return {}
    return {"spark.sql.adaptive.coalescePartitions.initialPartitionNum": str(wanted)}
