"""Tables that a Hive metastore knows: the same commands, by another variable."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from cluster import hive_metastore, lacking, postgres, variables
from driver import Driver

from warehouse.landing.simulator import SimulationSpec, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.skipif(bool(lacking()), reason=lacking())]


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Driver]:
    conf = tmp_path / "spark.conf"
    # The metastore of this test has no tables for its locks, and waits for them for minutes.
    conf.write_text("spark.hadoop.iceberg.engine.hive.lock-enabled false\n")
    with postgres() as server, hive_metastore(tmp_path / "metastore") as address:
        more = {"SPARKHOUSE_CATALOG": address, "SPARKHOUSE_SPARK_CONF": str(conf)}
        yield Driver(tmp_path / "home", {**variables(server, None, tmp_path / "shared"), **more})


def test_a_log_is_taken_in_published_read_and_taken_back(driver: Driver, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    lines = simulate(SimulationSpec(5, 10), log).rows
    driver.command("ingest", "--quiet", str(log))
    counted = driver.command("sql", "select count(*) from raw.events", "--format", "csv")
    assert counted.split()[-1] == str(lines)
    listed = driver.command("tables", "--format", "csv")
    assert re.search(rf"raw.events,{lines},file:{tmp_path}/shared/", listed)
    (run,) = json.loads(driver.command("runs", "--format", "json"))
    assert run["status"] == "published"
    driver.command("rollback", "--quiet", run["run_id"])
    assert re.search(r"raw.events,0,", driver.command("tables", "--format", "csv"))
    assert re.search(r"Tables: .*raw.events", driver.command("doctor", "--quick"))
