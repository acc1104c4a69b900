"""`import sparkhouse`: what is published, without Java; and what DuckDB and Polars read by the paths that it tells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from importlib.metadata import files
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pytest
from commands import drop_all_tables
from readmes import READMES

import sparkhouse
from cli.sql.query import reading
from warehouse.publishing.branch import on_branch
from warehouse.publishing.journal import JOURNAL, moment
from warehouse.publishing.location import StateElsewhere
from warehouse.publishing.publication import Publisher
from warehouse.publishing.reading import NoSuchState

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from pyspark.sql import SparkSession

    from cli.machine.home import Home

EVENTS, USERS, EMPTY = "raw.events", "marts.dim_users", "marts.fct_sessions"
# One value of each kind that a table of ours holds, and none of it in the second row.
KINDS = {
    "text": ("string", "'Björk'", "Björk"),
    "count": ("bigint", "9007199254740993", 9007199254740993),
    "small": ("int", "-1", -1),
    "share": ("double", "0.1d", 0.1),
    "seconds": ("decimal(18,6)", "12.345678", Decimal("12.345678")),
    "is_paid": ("boolean", "true", True),
    "day": ("date", "date'1969-12-31'", date(1969, 12, 31)),
    "at": (
        "timestamp",
        "timestamp'2018-11-04 05:30:00.000001'",
        datetime(2018, 11, 4, 5, 30, 0, 1, tzinfo=timezone.utc),
    ),
    "counts": ("array<bigint>", "array(1L, null)", [1, None]),
    "heads": ("map<string,bigint>", "map('a', 1L)", [("a", 1)]),
    "pair": ("struct<a:int,b:string>", "named_struct('a', 1, 'b', 'x')", {"a": 1, "b": "x"}),
}


@pytest.fixture(autouse=True)
def _polars_plans_without_a_package_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")


@pytest.fixture
def publisher(empty_warehouse: SparkSession, home: Home) -> Iterator[Publisher]:
    """Two tables that a run published, each with its name in it, and a table that nothing was ever written to."""
    spark = empty_warehouse
    drop_all_tables(spark)
    for name in (EVENTS, USERS, EMPTY):
        spark.sql(f"create table {name} (run string) using iceberg")
    publisher = Publisher(spark, home.journal)
    write(spark, "first")
    publisher.publish("first")
    yield publisher
    drop_all_tables(spark)
    (home.path / JOURNAL).unlink(missing_ok=True)


def write(spark: SparkSession, run_id: str) -> None:
    with on_branch(spark, run_id):
        for name in (EVENTS, USERS):
            spark.sql(f"insert overwrite {name} values ('{run_id}')")


def runs(as_of: str | datetime | None = None) -> list[str]:
    """The run that each table is of."""
    return [sparkhouse.read(name, as_of=as_of).column("run")[0].as_py() for name in (EVENTS, USERS)]


class CutShort(Exception):
    """Stands for the death of the process."""


def die(*_: object) -> None:
    raise CutShort


@pytest.fixture
def kinds(empty_warehouse: SparkSession) -> Iterator[str]:
    columns = ", ".join(f"{name} {kind}" for name, (kind, _, _) in KINDS.items())
    values = ", ".join(value for _, value, _ in KINDS.values())
    empty_warehouse.sql(f"create table ml.kinds ({columns}) using iceberg")
    empty_warehouse.sql(f"insert into ml.kinds values ({values})")
    empty_warehouse.sql(f"insert into ml.kinds values ({', '.join(['null'] * len(KINDS))})")
    yield "ml.kinds"
    empty_warehouse.sql("drop table ml.kinds purge")


def test_values_of_all_kinds_are_those_that_were_written(kinds: str) -> None:
    rows = sparkhouse.read(kinds).to_pylist()
    assert sorted(rows, key=lambda row: row["count"] is None) == [
        {name: value for name, (_, _, value) in KINDS.items()},
        dict.fromkeys(KINDS),
    ]


def test_columns_and_rows_are_chosen(kinds: str) -> None:
    chosen = sparkhouse.read(kinds, columns=["count", "text"], where="count > 1 and is_paid = true")
    assert chosen.to_pylist() == [{"text": "Björk", "count": 9007199254740993}]
    assert sparkhouse.read(kinds, where="text = 'Sjón'").num_rows == 0


def test_it_comes_as_pandas_and_as_polars(kinds: str) -> None:
    frame = sparkhouse.read(kinds, columns=["at", "share"], where="small = -1", to="pandas")
    assert frame["at"].tolist() == [KINDS["at"][2]]
    assert isinstance(sparkhouse.read(kinds, to="polars"), pl.DataFrame)


@pytest.mark.parametrize("asked", [{"where": "nothing_here = 1"}, {"where": "count >"}, {"columns": ["nothing_here"]}])
def test_what_does_not_fit_the_table_is_told_with_its_name(kinds: str, asked: dict[str, str]) -> None:
    with pytest.raises(sparkhouse.SparkhouseError, match=r"ml\.kinds cannot be read so: "):
        sparkhouse.read(kinds, **asked)  # type: ignore[call-overload]


@pytest.mark.usefixtures("publisher")
def test_an_unknown_table_is_named_with_the_way_to_find_one() -> None:
    with pytest.raises(sparkhouse.NoSuchTable, match=r"no table marts\.nothing_here in .*: `sparkhouse tables`"):
        sparkhouse.read("marts.nothing_here")


def test_without_a_state_folder_there_is_no_table(tmp_path: Path) -> None:
    assert sparkhouse.tables(home=tmp_path / "none") == []
    with pytest.raises(sparkhouse.NoSuchTable):
        sparkhouse.read(USERS, home=tmp_path / "none")


def test_what_a_run_has_not_published_is_not_seen(publisher: Publisher) -> None:
    with on_branch(publisher.spark, "second"):
        publisher.spark.sql(f"alter table {USERS} add column later string")
        publisher.spark.sql(f"insert overwrite {USERS} values ('second', 'x')")
    assert runs() == ["first", "first"]
    assert sparkhouse.read(USERS).column_names == ["run"]
    assert {table.name: table.row_count for table in sparkhouse.tables()}[USERS] == 1


def test_a_table_that_nothing_was_published_of_has_its_columns_and_no_row(publisher: Publisher) -> None:
    write(publisher.spark, "second")
    assert sparkhouse.read(EMPTY).to_pylist() == []
    assert sparkhouse.read(EMPTY).column_names == ["run"]


def test_the_past_is_read_by_run_and_by_moment(publisher: Publisher) -> None:
    first = publisher.journal.read()
    assert first
    write(publisher.spark, "second")
    publisher.publish("second")
    assert runs() == ["second", "second"]
    then = moment(first.finished_at or 0)
    for as_of in ("first", then, then.replace(tzinfo=None), then.astimezone(timezone(timedelta(hours=-4)))):
        assert runs(as_of) == ["first", "first"]
    before = then - timedelta(days=1)
    for as_of in (before, "no-such-run"):
        with pytest.raises(NoSuchState):
            runs(as_of)


def test_it_sees_of_the_past_what_a_query_sees(publisher: Publisher) -> None:
    write(publisher.spark, "second")
    publisher.publish("second")
    for as_of in ("first", "second"):
        _, rows = reading(f"select run from {USERS}", as_of).rows(publisher.spark, publisher.journal)
        assert [run for (run,) in rows] == sparkhouse.read(USERS, as_of=as_of).column("run").to_pylist()


def test_while_a_publication_is_under_way_all_tables_are_those_before_it(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(publisher.spark, "second")
    monkeypatch.setattr("warehouse.publishing.journal.Publication.finished", die)
    with pytest.raises(CutShort):
        publisher.publish("second")
    assert publisher.spark.table(EVENTS).collect()[0].run == "second"
    assert runs() == ["first", "first"]
    told = {table.name: table for table in sparkhouse.tables()}[EVENTS]
    assert pl.scan_iceberg(str(told.path)).collect()["run"].to_list() == ["first"]


@pytest.mark.parametrize("block", [block for each in READMES for block in each.of_kind("python")])
def test_what_the_readme_shows_runs(
    block: str, empty_warehouse: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    empty_warehouse.sql("create table ml.churn_predictions (user_id string, risk_decile int) using iceberg")
    empty_warehouse.sql("insert into ml.churn_predictions values ('1', 1), ('2', 2)")
    names: dict[str, pd.DataFrame] = {}
    exec(block, names)  # noqa: S102 - of our own README
    assert names["risks"]["user_id"].tolist() == ["1"]
    assert "ml.churn_predictions 2 /" in capsys.readouterr().out


def test_duckdb_and_polars_read_the_path_that_is_told(kinds: str) -> None:
    path = str({table.name: table.path for table in sparkhouse.tables()}[kinds])
    values = {"text": ["Björk", None], "count": [9007199254740993, None]}
    by_polars = pl.scan_iceberg(path).select("text", "count").sort("count", nulls_last=True).collect()
    assert by_polars.to_dict(as_series=False) == values
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as database:
        for extension in ("avro", "iceberg"):
            (found,) = [
                each for each in files(f"duckdb-extension-{extension}") or [] if each.suffix == ".duckdb_extension"
            ]
            database.execute(f"load '{found.locate()}'")
        by_duckdb = database.sql(f"select text, count from iceberg_scan('{path}') order by count nulls last")
        assert by_duckdb.fetchall() == list(zip(*values.values(), strict=True))


@pytest.mark.usefixtures("publisher")
def test_a_copied_state_folder_and_damaged_metadata_are_told(home: Home, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(home.warehouse, copy / "warehouse")
    with pytest.raises(StateElsewhere, match="doctor --relocate"):
        sparkhouse.read(USERS, home=copy)
    newest = {table.name: table.path for table in sparkhouse.tables()}[USERS]
    whole = Path(newest).read_bytes()
    Path(newest).write_bytes(whole[:100])
    try:
        with pytest.raises(sparkhouse.SparkhouseError, match=r"doctor --mend"):
            sparkhouse.read(USERS)
    finally:
        Path(newest).write_bytes(whole)


@pytest.mark.usefixtures("publisher")
def test_it_starts_no_java_and_leaves_the_process_as_it_is(home: Home) -> None:
    program = (
        "import os, sys, time; before, clock = dict(os.environ), time.tzname; import sparkhouse; "
        f"assert sparkhouse.read('{USERS}').num_rows == 1 and sparkhouse.tables(); "
        "assert dict(os.environ) == before and time.tzname == clock; "
        "assert not {'pyspark', 'py4j', 'dbt', 'mlflow'} & set(sys.modules)"
    )
    environment = {**os.environ, "SPARKHOUSE_HOME": str(home.path), "TZ": "America/New_York"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment, cwd="/")
