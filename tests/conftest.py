"""One Spark JVM for the whole test run, on a state folder of its own."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from commands import drop_all_tables, run_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for test in items:
        if "spark" in getattr(test, "fixturenames", ()):
            test.add_marker("java")


@pytest.fixture(autouse=True)
def _java_is_announced(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make test` has what is marked `java` in one process, so that one JVM works at a time, and all else beside it."""
    if not request.node.get_closest_marker("java"):
        refused = "a test that starts Java uses the fixture `spark` or is marked `java`"
        monkeypatch.setattr("cli.spark.session.launch", lambda *_: pytest.fail(refused))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The state folder of the test run; the environment points at it."""
    from cli.machine.home import Home

    os.environ["SPARKHOUSE_HOME"] = str(tmp_path_factory.mktemp("home"))
    os.environ["SPARKHOUSE_MASTER"] = "local[2]"
    os.environ["SPARKHOUSE_DRIVER_MEMORY"] = "2g"
    os.environ["SPARKHOUSE_SHUFFLE_PARTITIONS"] = "1"
    return Home.from_environment()


# What suits one long-lived JVM on a handful of rows: compilers that pay off after minutes, no code written for a query
# that is used once, no statistics of each stage. The commands that tests start in processes of their own have the
# product's settings.
OF_TESTS = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.ui.explainMode": "simple",
}


def parse_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let dbt parse the project anew for another namespace only: it reads all other vars when it runs models."""
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import ManifestLoader

    check = ManifestLoader.build_manifest_state_check

    def check_namespace(loader: ManifestLoader) -> object:
        config = loader.root_project
        chosen = config.cli_vars
        config.cli_vars = {name: value for name, value in chosen.items() if name == "namespace_prefix"}
        try:
            return check(loader)  # type: ignore[no-untyped-call]
        finally:
            config.cli_vars = chosen

    monkeypatch.setattr(ManifestLoader, "build_manifest_state_check", check_namespace)
    # Nobody in this process reads the copy of what was parsed that dbt writes twice in each command, for half a second.
    monkeypatch.setattr(Manifest, "write", lambda *_, **__: None)


def refit_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each model that a test trains, learn with fewer refits how sure its probabilities are: a second less each."""
    from models_ml.evaluation.calibration_band import calibration_band

    monkeypatch.setattr("models_ml.evaluation.evaluation.calibration_band", partial(calibration_band, replicates=40))


@pytest.fixture(scope="session")
def spark(home: Home) -> Iterator[SparkSession]:  # noqa: ARG001 - the session reads the state folder from the environment
    from cli.spark.session import start_spark
    from cli.spark.sizing import SLOW_COMPILER_FROM

    with pytest.MonkeyPatch.context() as monkeypatch:
        parse_once(monkeypatch)
        refit_seldom(monkeypatch)
        session = start_spark(SLOW_COMPILER_FROM)
        for name, value in OF_TESTS.items():
            session.conf.set(name, value)
        yield session
        session.stop()


@pytest.fixture(scope="session")
def shared_or_none() -> Path | None:
    """Real events and per-user tables, where they are to hand (`$SPARKHOUSE_SHARED`, default `../shared`)."""
    path = Path(os.environ.get("SPARKHOUSE_SHARED", REPOSITORY.parent / "shared"))
    return path if path.is_dir() else None


@pytest.fixture(scope="session")
def shared(shared_or_none: Path | None) -> Path:
    """The same, for tests that are about nothing else: skipped where there is no real data."""
    if shared_or_none is None:
        pytest.skip("no real data: set SPARKHOUSE_SHARED")
    return shared_or_none


@pytest.fixture(scope="module")
def empty_warehouse(spark: SparkSession) -> Iterator[SparkSession]:
    """The session on a warehouse without tables, for a module that fills it its own way."""
    drop_all_tables(spark)
    yield spark
    drop_all_tables(spark)


@pytest.fixture(scope="module")
def planted_marts(empty_warehouse: SparkSession) -> SparkSession:
    """The session on features and labels of `planted`, and no other table."""
    from planted import plant

    plant(empty_warehouse)
    return empty_warehouse


@pytest.fixture(scope="session")
def mlflow_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One MLflow store for all tests that train: to create one takes seconds. Versions of a label count on."""
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture
def sparkhouse() -> Callable[..., int]:
    """`run_command`, for tests that run several."""
    return run_command
