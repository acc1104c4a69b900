"""One Spark JVM for the whole test run, on a state folder of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from cli.home import Home

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The state folder of the test run; the environment points at it."""
    from cli.home import Home

    os.environ["SPARKHOUSE_HOME"] = str(tmp_path_factory.mktemp("home"))
    os.environ["SPARKHOUSE_MASTER"] = "local[2]"
    os.environ["SPARKHOUSE_DRIVER_MEMORY"] = "2g"
    return Home.from_environment()


@pytest.fixture(scope="session")
def spark(home: Home) -> Iterator[SparkSession]:  # noqa: ARG001 - the session reads the state folder from the environment
    from cli.session import start_spark

    session = start_spark()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real events and per-user tables, where they are to hand (`$SPARKHOUSE_SHARED`, default `../shared`)."""
    path = Path(os.environ.get("SPARKHOUSE_SHARED", REPOSITORY.parent / "shared"))
    if not path.is_dir():
        pytest.skip(f"no real data at {path}: set SPARKHOUSE_SHARED")
    return path
