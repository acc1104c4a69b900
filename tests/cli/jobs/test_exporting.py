"""The file that the web app reads, of a warehouse that holds little, and as publications come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.jobs import building, exporting, landing, publishing
from cli.jobs.checks import CheckFailed
from cli.jobs.workspace import Workspace
from cli.runs.steps import Steps
from models_ml.serving.app import create_app
from models_ml.serving.store import NothingPublished, Stores
from models_ml.serving.web.settings import Settings
from warehouse.landing.simulator import SimulationSpec, simulate
from warehouse.publishing.journal import JOURNAL

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

MODELS_ONLY = ("--exclude-resource-type", "test")


@pytest.fixture
def workspace(empty_warehouse: SparkSession, home: Home) -> Workspace:
    for old in home.serving.glob("*"):
        old.unlink()
    return Workspace(empty_warehouse, home, Steps(quiet=True, run_id="export-run"))


def publish_and_stop(workspace: Workspace, log: Path) -> None:
    with publishing.on_branch(workspace):
        landing.ingest(workspace, [log])
        building.build(workspace, *MODELS_ONLY)
        publishing.publish(workspace)
    raise CheckFailed("poison")


def test_without_a_publication_there_is_nothing_to_write(workspace: Workspace) -> None:
    (workspace.home.path / JOURNAL).unlink(missing_ok=True)
    assert exporting.export(workspace) is None
    with pytest.raises(NothingPublished):
        Stores(workspace.home.serving).newest()
    client = create_app(Settings(workspace.home.serving, workspace.home.reports)).test_client()
    answer = client.get("/", base_url="http://localhost")
    assert (answer.status_code, "sparkhouse run" in answer.text) == (503, True)


def test_each_publication_is_written_once_also_where_the_gate_stops_what_follows(
    workspace: Workspace, tmp_path: Path
) -> None:
    simulate(SimulationSpec(users=12, days=16, ids="random", seed=4), tmp_path / "log.json")
    with pytest.raises(CheckFailed, match="poison"), exporting.followed(workspace):
        publish_and_stop(workspace, tmp_path / "log.json")
    store = Stores(workspace.home.serving).newest()
    assert store.publication.run_id == "export-run"
    assert store.model is None
    # Without a model there are no predictions to stand beside the customers: pages say so.
    assert "predictions" not in store.tables
    users = [row.user_id for row in workspace.spark.sql("select user_id from marts.dim_users order by 1").collect()]
    assert store.rows("select user_id, probability, reasons from customers order by 1") == [
        {"user_id": user, "probability": None, "reasons": None} for user in users
    ]
    client = create_app(Settings(workspace.home.serving, workspace.home.reports)).test_client()
    for page in ("/", "/customers", f"/customers/{users[0]}"):
        answer = client.get(page, base_url="http://localhost")
        assert (answer.status_code, "sparkhouse predict" in answer.text or page != "/") == (200, True)
    assert client.get("/api/v1/customers", base_url="http://localhost").get_json()["total"] == len(users) > 5
    days = workspace.spark.sql("select count(*) as n from marts.fct_service_days").collect()[0].n
    assert store.row("select count(*) as n from days") == {"n": days}
    assert exporting.export(workspace) is None
    publishing.roll_back(Workspace(workspace.spark, workspace.home, Steps(quiet=True, run_id="later")), "export-run")
    exporting.export(workspace)
    assert Stores(workspace.home.serving).newest().etag != store.etag
