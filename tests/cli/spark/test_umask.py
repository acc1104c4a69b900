"""What Spark writes has the modes that the user's umask asks for."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cli.spark.local_files import CLASS

if TYPE_CHECKING:
    from pathlib import Path

WRITE_A_TABLE = """
from cli.machine.home import Home
from cli.spark.session import start_spark

Home.from_environment()
spark = start_spark()
spark.sql("create table default.numbers as select * from range(1)")
print(spark.conf.get("spark.test.own"))
files = spark._jvm.org.apache.hadoop.fs.FileSystem.get(spark._jsc.hadoopConfiguration())
print(files.getClass().getName())
"""
MODES = (0o600, 0o751, 0o640, 0o1700)
SET_MODES = """
import stat, sys
from pathlib import Path
hadoop = spark._jvm.org.apache.hadoop.fs
for mode in {modes}:
    files.setPermission(hadoop.Path(sys.argv[1]), hadoop.permission.FsPermission(f"{{mode:o}}"))
    print(stat.S_IMODE(Path(sys.argv[1]).stat().st_mode))
"""


@pytest.mark.java
def test_a_private_umask_keeps_tables_private(tmp_path: Path) -> None:
    settings = {"SPARKHOUSE_HOME": str(tmp_path / "home"), "SPARKHOUSE_MASTER": "local[1]"}
    settings |= {"SPARKHOUSE_DRIVER_MEMORY": "1g", "SPARK_SUBMIT_OPTS": "-Dspark.test.own=kept"}
    (folder := tmp_path / "a folder").mkdir()
    command = [sys.executable, "-c", WRITE_A_TABLE + SET_MODES.format(modes=MODES), str(folder)]
    environment = {**os.environ, **settings}
    ended = subprocess.run(
        command, env=environment, umask=0o077, capture_output=True, text=True, check=True, timeout=300
    )
    assert ended.stdout.split() == ["kept", CLASS, *map(str, MODES)]
    written = [path for path in (tmp_path / "home").rglob("*") if "tmp" not in path.relative_to(tmp_path).parts]
    assert [path for path in written if path.suffix == ".parquet"]
    open_to_others = [path for path in written if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert open_to_others == []
