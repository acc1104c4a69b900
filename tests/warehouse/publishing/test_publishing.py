"""Runs write on a branch and are published whole; a publication that is cut short, taken back, or read as it was."""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from cli.jobs.dbt import run_dbt
from cli.machine.home import DBT_PROJECT
from cli.sql.query import QueryFailed, TwoStates, reading
from warehouse.publishing import journal, publication, records
from warehouse.publishing.branch import NothingUnpublished, discard, on_branch
from warehouse.publishing.journal import Journal, JournalFile, Move, Publication, moment
from warehouse.publishing.publication import MainHasMoved, NotPublished, Publisher
from warehouse.publishing.reading import NoSuchState, newest_snapshots, resolve_moment, snapshots_as_of
from warehouse.publishing.spark_catalog import SparkCatalog
from warehouse.publishing.tables import Table, tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

INPUT, MART = "raw.events", "marts.dim_users"
NAMES = (INPUT, MART)


class CutShort(Exception):
    """Stands for the death of the process."""


@pytest.fixture
def publisher(empty_warehouse: SparkSession, tmp_path: Path) -> Iterator[Publisher]:
    """Two tables whose one row was published by run `first`, made of one another."""
    spark = empty_warehouse
    for schema in ("raw", "marts", "ml"):
        spark.sql(f"create namespace if not exists {schema}")
    for name in NAMES:
        spark.sql(f"create table {name} (run string) using iceberg")
    publisher = Publisher(spark, Journal(JournalFile(tmp_path / "publication.json")))
    write(spark, "first")
    publisher.publish("first")
    yield publisher
    for schema in ("raw", "marts", "ml", "monitoring"):
        for row in spark.sql(f"show tables in {schema}").collect():
            spark.sql(f"drop table {schema}.{row.tableName} purge")


def write(spark: SparkSession, run_id: str) -> None:
    with on_branch(spark, run_id):
        for name in NAMES:
            spark.sql(f"insert overwrite {name} values ('{run_id}')")


def seen(spark: SparkSession) -> dict[str, list[str]]:
    """What a plain reader of `main` sees."""
    return {name: [run for (run,) in spark.sql(f"select run from {name}").collect()] for name in NAMES}


def read(publisher: Publisher, statement: str, as_of: str | None = None, run_id: str | None = None) -> list[str]:
    """What `sparkhouse sql` answers."""
    rows = reading(statement, as_of, run_id).rows(publisher.spark, publisher.journal)[1]
    return [str(value) for row in rows for value in row]


BOTH = f"select events.run, users.run from {INPUT} as events cross join {MART} as users"


def test_a_run_is_seen_by_nobody_until_it_is_published(publisher: Publisher) -> None:
    write(publisher.spark, "second")
    assert seen(publisher.spark) == {INPUT: ["first"], MART: ["first"]}
    assert read(publisher, BOTH, run_id="second") == ["second", "second"]

    publication = publisher.publish("second")

    assert publication is not None
    assert [move.table for move in publication.moves] == [INPUT, MART]
    assert seen(publisher.spark) == {INPUT: ["second"], MART: ["second"]}
    assert not any(table.branches for table in tables(publisher.spark))


def test_inputs_are_published_before_what_is_made_of_them(publisher: Publisher) -> None:
    spark = publisher.spark
    with on_branch(spark, "second"):
        spark.sql(f"insert overwrite {MART} values ('too early')")
        spark.sql(f"insert overwrite {INPUT} values ('second')")
        spark.sql(f"insert overwrite {MART} values ('second')")
    publication = publisher.publish("second")
    assert publication is not None
    assert [move.table for move in publication.moves] == [INPUT, MART]


def test_a_publication_is_on_record_with_the_snapshots_before_and_after(publisher: Publisher) -> None:
    write(publisher.spark, "second")
    publication = publisher.publish("second")
    assert publication is not None
    rows = publisher.spark.table(records.PUBLICATIONS).where("run_id = 'second'").orderBy("position").collect()
    assert [Move(row.table_name, row.snapshot_id_before, row.snapshot_id_after) for row in rows] == list(
        publication.moves
    )
    first = publisher.spark.table(records.PUBLICATIONS).where("run_id = 'first'").orderBy("position").collect()
    assert [row.snapshot_id_after for row in first] == [row.snapshot_id_before for row in rows]
    assert all(row.started_at <= row.published_at for row in rows)


def test_a_run_that_wrote_nothing_publishes_nothing(publisher: Publisher) -> None:
    with on_branch(publisher.spark, "second"):
        pass
    assert publisher.publish("second") is None


CUTS = ("the first table", "the second table", "the record", "the branches", "the journal")


def cut(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Let a publication die just before it does something."""

    def die(*_: object) -> None:
        raise CutShort

    fast_forward, write_journal = Table.fast_forward, Journal.write

    def forward_one(table: Table, branch: str) -> None:
        if table.name == MART:
            die()
        fast_forward(table, branch)

    def begin_only(journal: Journal, publication: Publication) -> None:
        if publication.finished_at:
            die()
        write_journal(journal, publication)

    targets = {
        "the first table": (Table, "fast_forward", die),
        "the second table": (Table, "fast_forward", forward_one),
        "the record": (records, "record_publication", die),
        "the branches": (Table, "drop_branch", die),
        "the journal": (Journal, "write", begin_only),
    }
    monkeypatch.setattr(*targets[place])


@pytest.mark.parametrize("place", CUTS)
def test_a_publication_that_was_cut_short_is_not_seen_in_part_and_is_finished_later(
    publisher: Publisher, place: str
) -> None:
    write(publisher.spark, "second")
    with pytest.MonkeyPatch.context() as monkeypatch, suppress(CutShort):
        cut(monkeypatch, place)
        publisher.publish("second")
    assert publisher.journal.unfinished
    assert read(publisher, BOTH) == ["first", "first"]

    finished = publisher.finish()

    assert finished is not None
    assert read(publisher, BOTH) == ["second", "second"]
    assert seen(publisher.spark) == {INPUT: ["second"], MART: ["second"]}
    assert publisher.spark.table(records.PUBLICATIONS).where("run_id = 'second'").count() == len(NAMES)
    assert not any(table.branches for table in tables(publisher.spark))
    assert publisher.finish() is None


def test_a_table_that_somebody_else_wrote_meanwhile_stops_the_publication(publisher: Publisher) -> None:
    write(publisher.spark, "second")
    publisher.spark.sql(f"insert overwrite {MART} values ('bare dbt')")
    with pytest.raises(MainHasMoved, match=r"marts\.dim_users was written by somebody else"):
        publisher.publish("second")
    assert seen(publisher.spark) == {INPUT: ["first"], MART: ["bare dbt"]}


def test_a_rollback_takes_back_all_that_was_published_since_and_can_be_taken_back(publisher: Publisher) -> None:
    write(publisher.spark, "second")
    publisher.publish("second")
    write(publisher.spark, "third")
    publisher.publish("third")

    back = publisher.roll_back("second", "back")

    assert [move.table for move in back.moves] == [MART, INPUT]
    assert seen(publisher.spark) == {INPUT: ["first"], MART: ["first"]}
    publisher.roll_back("back", "forth")
    assert seen(publisher.spark) == {INPUT: ["third"], MART: ["third"]}


def test_a_rollback_empties_a_table_that_had_no_rows_before(publisher: Publisher) -> None:
    publisher.roll_back("first", "back")
    assert seen(publisher.spark) == {INPUT: [], MART: []}
    write(publisher.spark, "second")
    publisher.publish("second")
    assert seen(publisher.spark) == {INPUT: ["second"], MART: ["second"]}


def test_a_rollback_of_a_run_that_published_nothing_could_not_run(publisher: Publisher) -> None:
    with pytest.raises(NotPublished, match="the newest are of first"):
        publisher.roll_back("second", "back")


def test_a_rollback_that_was_cut_short_is_finished(publisher: Publisher) -> None:
    write(publisher.spark, "second")
    publisher.publish("second")
    set_main = Table.set_main

    def mart_only(table: Table, snapshot_id: int) -> None:
        if table.name == INPUT:
            raise CutShort
        set_main(table, snapshot_id)

    with pytest.MonkeyPatch.context() as monkeypatch, suppress(CutShort):
        monkeypatch.setattr(Table, "set_main", mart_only)
        publisher.roll_back("second", "back")
    assert seen(publisher.spark) == {INPUT: ["second"], MART: ["first"]}
    assert read(publisher, BOTH) == ["second", "second"]
    publisher.finish()
    assert read(publisher, BOTH) == ["first", "first"]


def test_the_past_is_read_by_run_and_by_time(publisher: Publisher) -> None:
    write(publisher.spark, "second")
    second = publisher.publish("second")
    write(publisher.spark, "third")
    publisher.publish("third")
    assert second is not None
    assert second.finished_at is not None

    assert read(publisher, BOTH, as_of="second") == ["second", "second"]
    assert read(publisher, BOTH, as_of=moment(second.finished_at).isoformat()) == ["second", "second"]
    assert read(publisher, BOTH, as_of=moment(second.started_at - 1).isoformat()) == ["first", "first"]
    assert read(publisher, BOTH) == ["third", "third"]


def test_a_time_within_a_publication_is_the_state_before_it(publisher: Publisher) -> None:
    write(publisher.spark, "second")
    second = publisher.publish("second")
    assert second is not None
    moved = Table(INPUT, publisher.spark).changes[-1].at
    assert second.started_at <= moved
    when = resolve_moment(SparkCatalog(publisher.spark), moment(moved).isoformat())
    if moved < (second.finished_at or 0):
        heads = {move.table: move.before for move in second.moves}
        assert snapshots_as_of(SparkCatalog(publisher.spark), when, NAMES) == heads


def test_a_run_of_a_clock_that_was_ahead_is_not_taken_for_what_came_after_it(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = journal.now()
    for run_id, clock in (("ahead", now + 86_400_000), ("after", now)):
        for module in (journal, publication):
            monkeypatch.setattr(module, "now", lambda clock=clock: clock)
        write(publisher.spark, run_id)
        publisher.publish(run_id)
        assert read(publisher, BOTH, as_of=run_id) == [run_id, run_id]
    with pytest.raises(NoSuchState, match=f"by a clock that was ahead, and {', '.join(NAMES)} changed"):
        resolve_moment(SparkCatalog(publisher.spark), "ahead")


@pytest.mark.parametrize(
    ("as_of", "message"),
    [("2001-01-01", "no published state as of 2001-01-01"), ("nobody", "neither a run that published")],
)
def test_a_state_that_never_was_is_named(publisher: Publisher, as_of: str, message: str) -> None:
    with pytest.raises(NoSuchState, match=message):
        read(publisher, BOTH, as_of=as_of)


def test_a_run_that_left_nothing_cannot_be_looked_at_nor_discarded(publisher: Publisher, home: Home) -> None:
    with pytest.raises(NothingUnpublished, match="run first has left nothing unpublished"):
        read(publisher, BOTH, run_id="first")
    with pytest.raises(NothingUnpublished, match="no run has"):
        discard(publisher.spark, "first", home.warehouse)
    with pytest.raises(TwoStates):
        reading(BOTH, "first", "first")


def test_what_a_run_left_is_discarded_with_the_tables_that_it_made(publisher: Publisher, home: Home) -> None:
    write(publisher.spark, "second")
    with on_branch(publisher.spark, "second"):
        publisher.spark.sql("create table ml.churn_predictions (run string) using iceberg")
        publisher.spark.sql("insert into ml.churn_predictions values ('second')")
    assert sorted(discard(publisher.spark, "second", home.warehouse)) == [MART, "ml.churn_predictions", INPUT]
    assert not publisher.spark.catalog.tableExists("ml.churn_predictions")
    assert seen(publisher.spark) == {INPUT: ["first"], MART: ["first"]}


def test_a_table_with_nothing_published_yet_is_empty_and_one_that_is_not_there_is_named(publisher: Publisher) -> None:
    with on_branch(publisher.spark, "second"):
        publisher.spark.sql("create table ml.churn_predictions (run string) using iceberg")
        publisher.spark.sql("insert into ml.churn_predictions values ('second')")
    assert read(publisher, "select run from ml.churn_predictions") == []
    with pytest.raises(QueryFailed, match="no_such_table"):
        read(publisher, "select run from ml.no_such_table")


def test_a_reader_who_looks_while_tables_move_looks_again(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(publisher.spark, "second")
    head, moved = Table.head, list[bool]()

    def publishing_meanwhile(table: Table, branch: str = "main") -> int | None:
        if table.name == MART and not moved:
            moved.append(True)
            publisher.publish("second")
        return head(table, branch)

    monkeypatch.setattr(Table, "head", publishing_meanwhile)
    found = newest_snapshots(SparkCatalog(publisher.spark), publisher.journal, NAMES)
    assert moved
    assert found == {name: head(Table(name, publisher.spark)) for name in NAMES}


# dbt on a branch: with the project's own materialization, and with the one that it must not be.

REPLACING = """{% materialization table, adapter='spark' -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- call statement('main') -%}
        create or replace table {{ target_relation }} using iceberg as {{ sql }}
    {%- endcall -%}
    {{- return({'relations': [target_relation]}) -}}
{%- endmaterialization %}
"""


def users_before_and_after_a_build(spark: SparkSession, project: Path, target: Path) -> tuple[list[str], list[str]]:
    """What a reader of marts.dim_users sees before and after dbt has built it anew on a branch."""
    select = "select run from marts.dim_users"
    before = [run for (run,) in spark.sql(select).collect()]
    options = ["--project-dir", str(project), "--target-path", str(target), "--log-path", str(target)]
    with on_branch(spark, "second"):
        outcome = run_dbt(["--log-level", "none", "run", "--select", "dim_users", *options])
    assert [node.status for node in outcome.nodes if node.kind == "model"] == ["success"], outcome
    return before, [run for (run,) in spark.sql(select).collect()]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The dbt project with a model in the place of dim_users that is made of nothing."""
    copy = tmp_path / "warehouse"
    shutil.copytree(DBT_PROJECT, copy)
    for path in (copy / "models").rglob("*"):
        if path.is_file():
            path.unlink()
    shutil.rmtree(copy / "tests")
    model = copy / "models" / "marts" / "dim_users.sql"
    model.write_text("{{ config(contract={'enforced': false}) }} select 'second' as run")
    return copy


def test_a_build_on_a_branch_leaves_what_readers_see_as_it_is(
    publisher: Publisher, project: Path, tmp_path: Path
) -> None:
    assert users_before_and_after_a_build(publisher.spark, project, tmp_path / "target") == (["first"], ["first"])
    publisher.publish("second")
    assert seen(publisher.spark)[MART] == ["second"]


def test_a_materialization_that_replaces_tables_would_be_found_out(
    publisher: Publisher, project: Path, tmp_path: Path
) -> None:
    (project / "macros" / "materializations" / "materialization_table_spark.sql").write_text(REPLACING)
    before, after = users_before_and_after_a_build(publisher.spark, project, tmp_path / "target")
    assert before == ["first"]
    assert after == []


def test_moments_are_utc() -> None:
    assert moment(0) == datetime(1970, 1, 1, tzinfo=timezone.utc)
    assert moment(1500) - moment(0) == timedelta(milliseconds=1500)
