"""The report of tables that hold little: pages say what is missing and how to get it, and every chart bears it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cli.jobs import building, landing, reporting
from cli.jobs.checks import CheckFailed
from cli.jobs.workspace import Workspace
from cli.runs.steps import Steps
from models_ml.reports.pages import PAGES
from warehouse.landing.simulator import SimulationSpec, simulate

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

MODELS_ONLY = ("--exclude-resource-type", "test")


@pytest.fixture
def workspace(empty_warehouse: SparkSession, home: Home) -> Workspace:
    return Workspace(empty_warehouse, home, Steps(quiet=True))


def pages(index: Path) -> dict[str, str]:
    newest = max(index.parent.glob("pages-*"))
    return {"overview": index.read_text()} | {path.stem: path.read_text() for path in newest.glob("*.html")}


def test_a_report_without_a_log_says_on_every_page_how_to_get_one(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    written = pages(reporting.report(workspace))
    assert set(written) == {page.name for page in PAGES}
    for page in PAGES:
        assert written[page.name].count('class="missing"') == len(page.panels) + len(page.numbers)
        assert "<code>sparkhouse " in written[page.name]
    assert "could not be drawn" not in capfd.readouterr().err


@pytest.mark.parametrize(("users", "days", "seed"), [(1, 1, 3), (1, 9, 2), (12, 16, 4)])
def test_charts_bear_one_user_one_day_and_a_log_too_short_for_a_model(
    workspace: Workspace, users: int, days: int, seed: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    simulate(SimulationSpec(users=users, days=days, ids="random", seed=seed), tmp_path / "log.json")
    landing.ingest(workspace, [tmp_path / "log.json"])
    building.build(workspace, *MODELS_ONLY)
    written = pages(reporting.report(workspace))
    assert "could not be drawn" not in capfd.readouterr().err
    assert "data-figure" in written["service"]
    assert "<code>sparkhouse train</code>" in written["model"]


def test_what_stopped_a_run_stands_in_a_report_of_its_own(workspace: Workspace) -> None:
    before = reporting.report(workspace).read_text()
    with pytest.raises(CheckFailed, match="poison"), reporting.what_stopped(workspace):
        raise CheckFailed("poison")
    after = (workspace.home.reports / "index.html").read_text()
    assert re.findall(r"pages-\d+T\d+", after) != re.findall(r"pages-\d+T\d+", before)
