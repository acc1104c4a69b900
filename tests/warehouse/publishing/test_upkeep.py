"""Upkeep: what readers see and what is needed stays, what nobody needs goes, and the bytes are those on disk."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from commands import drop_all_tables

from cli.machine.home import Home
from cli.runs.server_record import LOCK, only_server
from cli.runs.upkeep import tidy
from warehouse.publishing.branch import on_branch
from warehouse.publishing.journal import Journal, JournalFile
from warehouse.publishing.publication import Publisher
from warehouse.publishing.tables import Table
from warehouse.publishing.upkeep import Upkeep, maintain, needed_snapshots, total

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pyspark.sql import SparkSession

NOTHING: dict[str, set[int]] = {}
NO_TIME = timedelta(0)
WEEK = timedelta(days=7)


@pytest.fixture
def spark_and_folder(spark: SparkSession, home: Home) -> Iterator[tuple[SparkSession, Path]]:
    drop_all_tables(spark)
    for schema in ("marts", "ml", "monitoring"):
        spark.sql(f"create namespace if not exists {schema}")
    yield spark, home.warehouse
    drop_all_tables(spark)


def create(spark: SparkSession, name: str, files: int, partitions: str = "") -> None:
    """A table of numbers from 0 on, each in a file of its own, written in one commit."""
    spark.sql(
        f"create table {name} (number int, day string) using iceberg {partitions} "
        "tblproperties ('write.distribution-mode' = 'none')"
    )
    numbers = spark.range(0, files, 1, files)
    numbers.selectExpr("cast(id as int) as number", "if(id < 8, 'day 0', 'day 1') as day").writeTo(name).append()


def append(spark: SparkSession, name: str, *numbers: int) -> None:
    for number in numbers:
        spark.sql(f"insert into {name} values ({number}, 'day 2')")


def rows(spark: SparkSession, name: str, snapshot_id: int | None = None) -> list[int]:
    at = f"version as of {snapshot_id}" if snapshot_id else ""
    return sorted(row.number for row in spark.sql(f"select number from {name} {at}").collect())


def make_older(table: Path, days: int) -> None:
    """Put all that a table did some days back."""
    newest = max(table.glob("metadata/v*.metadata.json"), key=lambda path: int(path.name[1:].split(".")[0]))

    def shifted(node: dict[str, Any]) -> dict[str, Any]:
        times = node.keys() & {"timestamp-ms", "last-updated-ms"}
        return node | {name: node[name] - days * 86_400_000 for name in times}

    newest.write_text(json.dumps(json.loads(newest.read_text(), object_hook=shifted)))
    newest.with_name(f".{newest.name}.crc").unlink(missing_ok=True)


def write_old(path: Path, days: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"nobody knows me")
    age(path, days)
    return path


def age(path: Path, days: float) -> None:
    os.utime(path, (time.time() - days * 86_400,) * 2)


def on_disk(folder: Path) -> tuple[int, int]:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def a_week_ago() -> datetime:
    return datetime.now(timezone.utc) - WEEK


def only(upkeeps: list[Upkeep]) -> Upkeep:
    (upkeep,) = upkeeps
    return upkeep


def publish(spark: SparkSession, publisher: Publisher, run_id: str, number: int) -> None:
    with on_branch(spark, run_id):
        spark.sql(f"insert overwrite marts.t values ({number}, '')")
    publisher.publish(run_id)


def test_small_files_of_a_partition_become_one_and_no_row_changes(
    spark_and_folder: tuple[SparkSession, Path],
) -> None:
    spark, warehouse = spark_and_folder
    create(spark, "marts.t", 9, "partitioned by (day)")
    before = on_disk(warehouse / "marts" / "t")

    upkeep = only(maintain(spark, warehouse, NOTHING, NO_TIME))

    assert rows(spark, "marts.t") == list(range(9))
    files = spark.sql("select partition.day, record_count from marts.t.files order by day").collect()
    assert [tuple(row) for row in files] == [("day 0", 8), ("day 1", 1)]
    assert upkeep.compacted_files == 8
    assert (upkeep.files_before, upkeep.bytes_before) == before
    assert (upkeep.files_after, upkeep.bytes_after) == on_disk(warehouse / "marts" / "t")
    assert upkeep.files_after < upkeep.files_before


def test_the_same_upkeep_again_changes_nothing(spark_and_folder: tuple[SparkSession, Path]) -> None:
    spark, warehouse = spark_and_folder
    create(spark, "monitoring.t", 8)
    maintain(spark, warehouse, NOTHING, NO_TIME)
    before, head = on_disk(warehouse), Table("monitoring.t", spark).head()

    upkeep = total(maintain(spark, warehouse, NOTHING, NO_TIME))

    assert on_disk(warehouse) == before
    assert Table("monitoring.t", spark).head() == head
    assert upkeep == Upkeep("all", upkeep.bytes_before, upkeep.bytes_before, upkeep.files_before, upkeep.files_before)


def test_what_is_needed_or_was_seen_since_stays_readable_and_the_rest_goes(
    spark_and_folder: tuple[SparkSession, Path],
) -> None:
    spark, warehouse = spark_and_folder
    create(spark, "marts.t", 1)
    append(spark, "marts.t", 1, 2, 3, 4)
    table = Table("marts.t", spark)
    first, second, third, fourth, fifth = (change.snapshot_id for change in table.changes)
    # Older than the five days after which Iceberg would expire snapshots of its own accord.
    make_older(warehouse / "marts" / "t", days=20)
    assert only(maintain(spark, warehouse, NOTHING, timedelta(days=30))).expired_snapshots == 0
    spark.sql("insert overwrite marts.t values (9, '')")

    upkeep = only(maintain(spark, warehouse, {"marts.t": {second}}, WEEK))

    assert upkeep.expired_snapshots == 3
    assert table.snapshot_ids == {second, fifth, table.head()}
    assert rows(spark, "marts.t", second) == [0, 1]
    assert rows(spark, "marts.t", fifth) == [0, 1, 2, 3, 4]
    assert rows(spark, "marts.t") == [9]
    for expired in (first, third, fourth):
        with pytest.raises(Exception, match=f"Cannot find snapshot with ID {expired}"):
            rows(spark, "marts.t", expired)


def test_files_that_nobody_knows_go_when_they_are_a_day_old(spark_and_folder: tuple[SparkSession, Path]) -> None:
    spark, warehouse = spark_and_folder
    folder = warehouse / "marts" / "t"
    create(spark, "marts.t", 2)
    old = [write_old(folder / "data" / name, 2) for name in ("orphan.parquet", ".gone.parquet.crc")]
    old.append(write_old(folder / "metadata" / "killed.metadata.json", 2))
    young = write_old(folder / "data" / "young.parquet", 0.9)
    for path in folder.rglob("*0*"):
        age(path, 2)

    upkeep = only(maintain(spark, warehouse, NOTHING, WEEK))

    assert upkeep.orphan_files == 3
    assert not [path for path in old if path.exists()]
    assert young.exists()
    assert rows(spark, "marts.t") == [0, 1]


def test_the_folder_of_a_table_that_was_never_created_goes_when_it_is_a_day_old(
    spark_and_folder: tuple[SparkSession, Path],
) -> None:
    spark, warehouse = spark_and_folder
    old, young, damaged = (warehouse / "marts" / name for name in ("old", "young", "damaged"))
    for folder in (old, young, damaged):
        write_old(folder / "data" / "part.parquet", 2)
    write_old(damaged / "metadata" / "version-hint.text", 2)
    for folder in (old, damaged):
        for path in (*folder.rglob("*"), folder):
            age(path, 2)

    assert maintain(spark, warehouse, NOTHING, WEEK) == [Upkeep("marts.old", 15, 0, 1, 0, orphan_files=1)]
    assert not old.exists()
    assert young.exists()
    assert damaged.exists()


def test_a_table_keeps_few_metadata_files(spark_and_folder: tuple[SparkSession, Path]) -> None:
    spark, warehouse = spark_and_folder
    create(spark, "marts.t", 1)
    for number in range(30):
        Table("marts.t", spark)._iceberg().updateProperties().set("number", str(number)).commit()  # noqa: SLF001

    maintain(spark, warehouse, NOTHING, WEEK)

    assert len(list((warehouse / "marts" / "t" / "metadata").glob("v*.metadata.json"))) == 21
    assert rows(spark, "marts.t") == [0]


def test_what_a_failed_run_left_on_its_branch_can_still_be_published(
    spark_and_folder: tuple[SparkSession, Path], tmp_path: Path
) -> None:
    spark, warehouse = spark_and_folder
    create(spark, "marts.t", 8)
    append(spark, "marts.t", 8, 9)
    with on_branch(spark, "failed"):
        append(spark, "marts.t", 10, 11, 12)
    make_older(warehouse / "marts" / "t", days=20)

    upkeep = only(maintain(spark, warehouse, NOTHING, WEEK))

    assert (upkeep.compacted_files, upkeep.expired_snapshots) == (0, 2)
    Publisher(spark, Journal(JournalFile(tmp_path / "publication.json"))).publish("failed")
    assert rows(spark, "marts.t") == list(range(13))
    assert maintain(spark, warehouse, NOTHING, WEEK)[0].compacted_files == 13
    assert rows(spark, "marts.t") == list(range(13))


def test_a_publication_of_the_last_days_can_be_rolled_back(
    spark_and_folder: tuple[SparkSession, Path], tmp_path: Path
) -> None:
    spark, warehouse = spark_and_folder
    publisher = Publisher(spark, Journal(JournalFile(tmp_path / "publication.json")))
    create(spark, "marts.t", 1)
    table = Table("marts.t", spark)
    for run_id, number in (("oldest", 1), ("older", 2)):
        publish(spark, publisher, run_id, number)
    make_older(warehouse / "marts" / "t", days=20)
    spark.sql("update monitoring.publications set published_at = published_at - interval 20 days")
    publish(spark, publisher, "newer", 3)
    publish(spark, publisher, "newest", 4)
    of_model = table.changes[1].snapshot_id

    needed = needed_snapshots(spark, a_week_ago())
    assert needed == {"marts.t": {change.snapshot_id for change in table.changes[2:]}}
    needed["marts.t"].add(of_model)
    assert total(maintain(spark, warehouse, needed, WEEK)).expired_snapshots == 1

    publisher.roll_back("newer", "rollback")
    assert rows(spark, "marts.t") == [2]
    assert rows(spark, "marts.t", of_model) == [1]
    publish(spark, publisher, "next", 5)
    assert rows(spark, "marts.t") == [5]
    publisher.roll_back("rollback", "rollback of the rollback")
    assert rows(spark, "marts.t") == [4]


def test_models_of_any_age_and_builds_of_the_last_days_need_their_snapshots(
    spark_and_folder: tuple[SparkSession, Path],
) -> None:
    spark, _ = spark_and_folder
    ids = "table_snapshot_ids map<string, bigint>"
    spark.sql(f"create table ml.model_versions (trained_at timestamp, {ids}) using iceberg")
    spark.sql(f"create table monitoring.builds (completed_at timestamp, {ids}) using iceberg")
    spark.sql("insert into ml.model_versions values (timestamp '2001-01-01', map('marts.a', 1, 'marts.b', 2))")
    spark.sql(
        "insert into monitoring.builds values (timestamp '2001-01-01', map('marts.a', 3)), "
        "(current_timestamp, map('marts.a', 4, 'marts.c', 5))"
    )
    needed: Mapping[str, set[int]] = needed_snapshots(spark, a_week_ago())
    assert needed == {"marts.a": {1, 4}, "marts.b": {2}, "marts.c": {5}}


def test_without_tables_there_is_nothing_to_do() -> None:
    assert total([]) == Upkeep("all", 0, 0, 0, 0)


def test_what_a_killed_process_left_goes_and_what_is_young_or_told_of_runs_stays(tmp_path: Path) -> None:
    home = Home(tmp_path)
    old = write_old(home.tmp / "blockmgr-1" / "0a" / "shuffle_0", days=2)
    age(old.parent, 2)
    age(old.parents[1], 2)
    young = write_old(home.tmp / "blockmgr-2" / "shuffle_0", days=0)
    ancient, record = write_old(home.runs / "1.json", days=400), write_old(home.runs / "2.json", days=30)
    model = write_old(home.mlflow / "mlflow.db", days=400)

    tidied = {each.table: (each.files_before, each.files_after) for each in tidy(home)}

    assert tidied == {"tmp/": (2, 1), "runs/": (2, 1), "mlflow/": (1, 1), "reports/": (0, 0)}
    assert [path.exists() for path in (old, young, ancient, record, model)] == [False, True, False, True, True]


def test_what_a_running_sql_server_may_have_made_stays_however_long_it_has_had_nothing_to_do(tmp_path: Path) -> None:
    home = Home(tmp_path)
    before, since = (write_old(home.tmp / f"blockmgr-{days}" / "shuffle_0", days) for days in (4, 2))
    for path, days in ((before, 4), (since, 2)):
        age(path.parent, days)
    with only_server(home.path):
        age(home.path / LOCK, 3)
        tidy(home)
        assert [path.exists() for path in (before, since)] == [False, True]
    tidy(home)
    assert not since.exists()
