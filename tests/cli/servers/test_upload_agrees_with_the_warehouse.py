"""An uploaded log has the features that the warehouse computes of the same log: to the last digit, all that it has."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from cli.machine.home import DBT_PROJECT, PROFILES
from cli.servers.upload_reader import UploadReader
from models_ml.serving.uploads.features import COUNTED, WINDOWS

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pyspark.sql import SparkSession

COUNTS = tuple(f"{name}_{window}" for name in COUNTED for window in (*(f"{days}d" for days in WINDOWS), "lifetime"))
OTHERS = (
    *("level", "gender", "state", "device_family", "has_downgraded", "days_since_registration", "days_observed"),
    *("days_since_first_event", "days_since_last_event", "days_since_last_song", "days_since_last_advert"),
    *("days_since_last_thumbs_up", "days_since_last_thumbs_down", "days_since_last_downgrade_page"),
    *("days_since_last_error", "days_since_last_upgrade", "days_since_last_downgrade"),
)


def muddled(log: Path, lines: list[str]) -> None:
    """Write lines as worse logs have them: without some levels and items, some twice, in no order, some who return."""
    chance = random.Random(5)  # noqa: S311 - no secret
    events = [json.loads(line) for line in lines]
    for event in events:
        if chance.random() < 0.2:
            event["level"] = None
        if chance.random() < 0.1:
            event["itemInSession"] = None
        if chance.random() < 0.01:
            event["page"] = chance.choice(["Cancellation Confirmation", "Cancel", "Submit Downgrade", "A new page"])
    events += chance.sample(events, 50)
    chance.shuffle(events)
    log.write_text("".join(json.dumps(event) + "\n" for event in events))


@pytest.fixture(scope="module")
def log(empty_warehouse: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of which the warehouse has built the features."""
    from dbt.cli.main import dbtRunner

    from warehouse.landing.finding import find_logs
    from warehouse.landing.ingest import ingest
    from warehouse.landing.simulator import SimulationSpec, simulate

    folder = tmp_path_factory.mktemp("log")
    log = folder / "events.json"
    simulate(SimulationSpec(users=40, days=50, seed=3), log)
    muddled(log, log.read_text().splitlines())
    ingest(empty_warehouse, find_logs([log]), folder / "staging", "salt")
    options = ["--quiet", "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(PROFILES)]
    done = dbtRunner().invoke(["run", *options, "--select", "+fct_user_features"])
    assert done.success, done.exception or done.result
    return log


def test_an_upload_has_the_features_of_the_warehouse(empty_warehouse: SparkSession, log: Path, tmp_path: Path) -> None:
    features = empty_warehouse.table("marts.fct_user_features")
    names = tuple(name for name in (*COUNTS, *OTHERS) if name in features.columns)
    rows = [row.asDict() for row in features.select("user_id", "as_of_date", *names).collect()]
    dates = sorted({row["as_of_date"] for row in rows})
    assert len(names) > 90
    assert len(dates) > 4
    for as_of in dates:
        assert of_upload(log, tmp_path, as_of, names) == {
            row["user_id"]: {name: row[name] for name in names} for row in rows if row["as_of_date"] == as_of
        }


def of_upload(log: Path, folder: Path, as_of: date, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    content = log.read_bytes()
    return UploadReader(folder)(lambda path: path.write_bytes(content), as_of.isoformat(), names).users
