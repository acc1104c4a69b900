"""What a query takes: cold beside pyspark alone, by a server, within the shell; and the memory of one with many rows.

    python tests/benchmarks/sql_answers.py [ROWS]

On an empty state folder, each a process of its own but within the shell, where the door of the server is asked as the
shell asks it. `pyspark` starts a session at Spark's default options, and collects.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measured import SPARKHOUSE, measured

from cli.runs.server_record import running_server
from cli.servers.sql_server.door import Question, ask

ONE = "select 1"
PYSPARK = f"from pyspark.sql import SparkSession; SparkSession.builder.getOrCreate().sql('{ONE}').collect()"
TIMES = 20
HEAP = "512m"


def main(row_count: int) -> None:
    """Print each, and the ratio of the cold one to pyspark."""
    with tempfile.TemporaryDirectory() as folder:
        home, file = Path(folder) / "home", Path(folder) / "rows.parquet"
        alone = measured(sys.executable, "-c", PYSPARK, home=home)
        cold = measured(SPARKHOUSE, "sql", ONE, home=home)
        print(f"pyspark alone: {alone}\nsparkhouse sql, cold: {cold}")
        print(f"cold over pyspark alone: {cold.seconds / alone.seconds:.2f} of wall time", flush=True)
        rows = f"select id, uuid() as text, id / 7 as share, current_timestamp() as at from range({row_count})"
        to_file = ("sql", rows, "--format", "parquet", "--out", file)
        many = measured(SPARKHOUSE, *to_file, home=home, SPARKHOUSE_DRIVER_MEMORY=HEAP)
        print(f"{row_count:,} rows to Parquet, {HEAP} of heap: {many}, {file.stat().st_size / 1e6:,.0f} MB", flush=True)
        # From here on nothing is measured that waits for all processes to end: the server stays.
        _run(home, "sql-server", "start", "--port", "0")
        try:
            _run(home, "sql", ONE)
            print(f"sparkhouse sql, by a server: {statistics.median(_run(home, 'sql', ONE) for _ in range(5)):.2f} s")
            print(f"within the shell: {statistics.median(_asked(home) for _ in range(TIMES)):.3f} s")
        finally:
            _run(home, "sql-server", "stop")


def _run(home: Path, *arguments: str) -> float:
    """The seconds that a command takes."""
    started = time.perf_counter()
    environment = {**os.environ, "SPARKHOUSE_HOME": str(home)}
    subprocess.run([SPARKHOUSE, *arguments], check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def _asked(home: Path) -> float:
    server = running_server(home)
    assert server  # it was started
    started = time.perf_counter()
    list(ask(server, Question(ONE))[1])
    return time.perf_counter() - started


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 26_000_000)
