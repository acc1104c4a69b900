"""Commands in the tests' process, on the session that runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def drop_all_tables(session: SparkSession) -> None:
    for namespace in ("raw", "staging", "intermediate", "marts", "ml", "monitoring"):
        if session.catalog.databaseExists(namespace):
            for table in session.sql(f"show tables in {namespace}").collect():
                session.sql(f"drop table {namespace}.{table.tableName} purge")


def run_command(*arguments: str) -> int:
    """Run one command in this process, on the session that runs, and return its exit code."""
    from pyspark.sql import SparkSession

    from cli.app import main

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(sys, "argv", ["sparkhouse", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    session = SparkSession.getActiveSession()
    assert session is None or session.conf.get("spark.wap.branch", "") == ""
    return int(ended.value.code or 0)
