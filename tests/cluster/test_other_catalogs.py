"""Tables that another catalog than the database knows: the same commands, by another variable."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from cluster import hive_metastore, lacking, postgres, variables
from driver import Driver
from rest_catalog import TOKEN, rest_catalog

from warehouse.landing.simulator import SimulationSpec, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cluster import Postgres

pytestmark = [pytest.mark.cluster, pytest.mark.skipif(bool(lacking()), reason=lacking())]


@contextmanager
def hive(_: Postgres, folder: Path) -> Iterator[tuple[str, str]]:
    with hive_metastore(folder / "metastore") as address:
        # The metastore of this test has no tables for its locks, and waits for them for minutes.
        yield address, "spark.hadoop.iceberg.engine.hive.lock-enabled false"


@contextmanager
def rest(server: Postgres, folder: Path) -> Iterator[tuple[str, str]]:
    with rest_catalog(server, str(folder / "shared")) as (address, asked):
        yield address, f"spark.sql.catalog.spark_catalog.token {TOKEN}"
    assert "POST /v1/namespaces/raw/tables/events" in asked


@pytest.fixture(params=[hive, rest])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Driver]:
    conf = tmp_path / "spark.conf"
    with postgres() as server, request.param(server, tmp_path) as (address, setting):
        conf.write_text(f"{setting}\n")
        more = {"SPARKHOUSE_CATALOG": address, "SPARKHOUSE_SPARK_CONF": str(conf)}
        yield Driver(tmp_path / "home", {**variables(server, None, tmp_path / "shared"), **more})


def test_a_log_is_taken_in_published_read_and_taken_back(driver: Driver, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    lines = simulate(SimulationSpec(5, 10), log).rows
    driver.command("ingest", "--quiet", str(log))
    counted = driver.command("sql", "select count(*) from raw.events", "--format", "csv")
    assert counted.split()[-1] == str(lines)
    listed = driver.command("tables", "--format", "csv")
    assert re.search(rf"raw.events,{lines},(file:)?{tmp_path}/shared/", listed)
    (run,) = json.loads(driver.command("runs", "--format", "json"))
    assert run["status"] == "published"
    driver.command("rollback", "--quiet", run["run_id"])
    assert re.search(r"raw.events,0,", driver.command("tables", "--format", "csv"))
    assert re.search(r"Tables: .*raw.events", driver.command("doctor", "--quick"))
