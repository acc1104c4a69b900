"""C, the whole way: a log that comes as exports of any dialect, packing, name and folder gives the same tables."""

from __future__ import annotations

import json
import math
import random
from typing import TYPE_CHECKING, Any

import pytest
from commands import drop_all_tables
from exports import FORMS, PACKINGS

from cli.jobs import landing
from cli.jobs.dbt import run_dbt
from cli.jobs.workspace import Workspace
from cli.runs.steps import Steps
from warehouse.landing.simulator import SimulationSpec, simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

    Record = dict[str, Any]
    Tables = dict[str, list[str]]

WHOLE_NUMBERS = ("ts", "sessionId", "status", "itemInSession", "registration")
# What depends on the file, and not on the event.
OF_THE_FILE = {"source_file", "line_number", "ingested_at"}
SCHEMAS = ("staging", "intermediate", "marts")
NAMES = ("{}.json", "part-000{}", "a b [{}]*?.txt", "ümläut\n{}.log", "{}.gz", "2018-10-{}T00:00:00.json", "{}.csv")


def of_a_database(record: Record) -> Record:
    return {key.lower(): value for key, value in record.items()}


def of_a_data_frame(record: Record) -> Record:
    return record | {key: math.nan if record[key] is None else float(record[key]) for key in WHOLE_NUMBERS}


def of_texts(record: Record) -> Record:
    return {key: value if value is None else str(value) for key, value in record.items()}


def of_eventsim(record: Record) -> Record:
    changed = {key: value for key, value in record.items() if key not in {"length", "location"}}
    city, _, state = (record["location"] or "").rpartition(", ")
    return changed | {"duration": record["length"], "city": city or None, "state": state or None}


def of_capitals(record: Record) -> Record:
    return {key[0].upper() + key[1:]: value for key, value in record.items()}


DIALECTS: dict[str, Callable[[Record], Record]] = {
    "as it is": dict,
    "of a database": of_a_database,
    "of a data frame": of_a_data_frame,
    "of texts": of_texts,
    "of eventsim": of_eventsim,
    "of capitals": of_capitals,
}


def write_exports(chosen: random.Random, records: Sequence[Record], number: int, folder: Path) -> None:
    """Write records as one file in one folder, or, as Hive does, as one a level, which stands in the folder's name."""
    dialect, form, packing = (chosen.choice(sorted(each)) for each in (DIALECTS, FORMS, PACKINGS))
    by_level: Mapping[str, Sequence[Record]] = {chosen.choice(["", "deep/er"]): records}
    if chosen.random() < 0.3:
        levels = {record["level"] for record in records}
        by_level = {
            f"level={level}": [
                {key: value for key, value in record.items() if key != "level"}
                for record in records
                if record["level"] == level
            ]
            for level in levels
        }
    for below, own in by_level.items():
        path = folder / below / chosen.choice(NAMES).format(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PACKINGS[packing](FORMS[form]([DIALECTS[dialect](record) for record in own])))


def content(spark: SparkSession, table: str) -> list[str]:
    """The rows of a table as texts that differ wherever a bit of a value does."""
    rows = spark.table(table).drop(*OF_THE_FILE).collect()
    return sorted(repr(row.asDict()) for row in rows)


def built(workspace: Workspace, logs: Path) -> Tables:
    """Ingest what lies in a folder into an empty warehouse, build it, and return its tables."""
    spark = workspace.spark
    drop_all_tables(spark)
    landing.ingest(workspace, [logs])
    outcome = run_dbt(["--log-level", "none", "run", "--select", "+fct_user_features", "+fct_churn_labels"])
    assert not outcome.of("error")
    tables = {"raw.events": content(spark, "raw.events")}
    for schema in SCHEMAS:
        for row in spark.sql(f"show tables in {schema}").collect():
            tables[f"{schema}.{row.tableName}"] = content(spark, f"{schema}.{row.tableName}")
    return tables


@pytest.mark.parametrize("seed", [1])
def test_a_log_that_went_through_all_kinds_of_exports_gives_the_same_tables(
    empty_warehouse: SparkSession, home: Home, tmp_path: Path, seed: int
) -> None:
    chosen = random.Random(seed)  # noqa: S311 - the same draw each time
    days = simulate(SimulationSpec(users=12, days=21, ids="random", seed=seed), tmp_path / "plain", by_day=True).paths
    keys = {key: None for day in days for line in day.read_text().splitlines() for key in json.loads(line)}
    for number, day in enumerate(sorted(days)):
        records = [{**keys, **json.loads(line)} for line in day.read_text().splitlines()]
        write_exports(chosen, records, number, tmp_path / "exports")
    workspace = Workspace(empty_warehouse, home, Steps(quiet=True))
    plain, exported = (built(workspace, tmp_path / name) for name in ("plain", "exports"))
    assert len(plain) > 10
    assert plain.keys() == exported.keys()
    assert {table: rows for table, rows in exported.items() if rows != plain[table]} == {}
