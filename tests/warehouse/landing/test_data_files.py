"""Data files that Python writes are rows of the table as any others."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from object_store import object_store
from pyarrow.fs import FileSelector

from warehouse.contract.tables import BRANCH_OF_SESSION
from warehouse.landing import data_files
from warehouse.landing.data_files import DataFile, DataFileDiffers, DataFolder, append_files, data_folder
from warehouse.landing.file_systems import file_system_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

TABLE = "raw.numbers"
MOMENT = datetime(2018, 10, 1, 0, 0, 0, 123456, tzinfo=timezone.utc)
COLUMNS = "id bigint not null, name string, size double, status int, reasons array<string>, at timestamp"


@pytest.fixture
def table(spark: SparkSession) -> Iterator[SparkSession]:
    spark.sql("create namespace if not exists raw")
    spark.sql(f"create or replace table {TABLE} ({COLUMNS}) using iceberg tblproperties ('write.wap.enabled' = 'true')")
    yield spark
    spark.sql(f"drop table {TABLE} purge")


def rows(first: int, count: int) -> pa.Table:
    ids = list(range(first, first + count))
    return pa.table(
        {
            "reasons": pa.array([["a", None], [], None][each % 3] for each in ids),
            "id": ids,
            "name": [None if each % 2 else f"Ünï {each}" for each in ids],
            "at": pa.array([MOMENT] * count, pa.timestamp("us", tz="UTC")),
            "size": [each / 2 for each in ids],
        }
    )


def written(spark: SparkSession, *parts: pa.Table) -> DataFile:
    folder = data_folder(spark, TABLE)
    with folder.writer("0") as writer:
        for part in parts:
            writer.write(part)
    assert writer.file is not None
    return writer.file


def test_rows_are_read_as_they_were_written(table: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_files, "_ROWS_OF_A_GROUP", 4)
    append_files(table, TABLE, [written(table, rows(0, 3), rows(3, 5)), written(table, rows(8, 1))])
    found: list[Any] = table.table(TABLE).orderBy("id").collect()
    assert [tuple(row)[:3] for row in found] == [(n, None if n % 2 else f"Ünï {n}", n / 2) for n in range(9)]
    assert [row.reasons for row in found[:3]] == [["a", None], [], None]
    assert {row.status for row in found} == {None}, "a column that the rows lack"
    assert table.table(TABLE).where("at = timestamp'2018-10-01 00:00:00.123456Z'").count() == 9
    assert table.sql(f"select count(*) from {TABLE}.snapshots").collect()[0][0] == 1, "one commit"


def test_iceberg_knows_the_bounds_of_what_was_written(table: SparkSession) -> None:
    append_files(table, TABLE, [written(table, rows(5, 10))])
    bounds = table.sql(f"select readable_metrics.id.lower_bound, readable_metrics.id.upper_bound from {TABLE}.files")
    assert [tuple(row) for row in bounds.collect()] == [(5, 14)]


def test_a_session_on_a_branch_writes_there(table: SparkSession) -> None:
    append_files(table, TABLE, [written(table, rows(0, 1))])
    table.conf.set(BRANCH_OF_SESSION, "run_1")
    try:
        append_files(table, TABLE, [written(table, rows(1, 1))])
        assert table.table(TABLE).count() == 2
    finally:
        table.conf.unset(BRANCH_OF_SESSION)
    assert table.table(TABLE).count() == 1
    assert table.sql(f"select * from {TABLE} version as of 'run_1'").count() == 2


def test_a_column_that_came_later_has_its_own_number(table: SparkSession) -> None:
    append_files(table, TABLE, [written(table, rows(0, 1))])
    table.sql(f"alter table {TABLE} drop column size")
    table.sql(f"alter table {TABLE} add column size double")
    append_files(table, TABLE, [written(table, rows(1, 1))])
    assert [row.size for row in table.table(TABLE).orderBy("id").collect()] == [None, 0.5]


def test_without_a_row_there_is_no_file_and_no_commit(table: SparkSession) -> None:
    with data_folder(table, TABLE).writer("0") as writer:
        writer.write(rows(0, 0))
    assert (writer.file, Path(writer.path).exists()) == (None, False)
    append_files(table, TABLE, [])
    assert table.sql(f"select * from {TABLE}.snapshots").count() == 0


def test_files_in_an_object_store_are_written_and_taken_away_by_arrow(monkeypatch: pytest.MonkeyPatch) -> None:
    with object_store() as store:
        for name, value in store.variables.items():
            monkeypatch.setenv(name, value)
        store.put("bucket/t/data/two-0.parquet", b"")
        folder = DataFolder("s3a://bucket/t/data", rows(0, 3).schema, "one 1%")
        with folder.writer("0") as writer:
            writer.write(rows(0, 3))
        assert writer.file == DataFile("s3a://bucket/t/data/one 1%-0.parquet", 3), "as Iceberg is told of it"
        files, path = file_system_of(writer.file.path)
        assert pq.read_table(path, filesystem=files).num_rows == 3
        folder.remove_files()
        left = files.get_file_info(FileSelector("bucket/t/data"))
        assert [found.base_name for found in left] == ["two-0.parquet"]


def test_a_file_with_other_rows_than_were_written_is_refused(table: SparkSession) -> None:
    file = written(table, rows(0, 3))
    with pytest.raises(DataFileDiffers, match="has 3 rows, and 4 were written"):
        append_files(table, TABLE, [replace(file, row_count=4)])
    assert table.table(TABLE).count() == 0


def test_files_that_no_table_knows_are_taken_away(table: SparkSession) -> None:
    file = written(table, rows(0, 3))
    append_files(table, TABLE, [file])
    folder = data_folder(table, TABLE)
    with folder.writer("0") as writer:
        writer.write(rows(0, 3))
    folder.remove_files()
    assert [str(path) for path in Path(file.path).parent.iterdir() if path.suffix == ".parquet"] == [file.path]
