"""The tables that Python writes stand in dbt's sources, and are created and widened from there."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import pytest

from expectations.report import RuleResult
from warehouse.contract.dbt_yaml import MODELS, loaded
from warehouse.contract.tables import append_rows, completed, create_or_widen, source_table
from warehouse.landing.reader.columns import EVENT_COLUMNS, REFUSAL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

TARGETS, COMPARISONS = "ml.campaign_targets", "monitoring.imbalance_comparisons"
LISTED = [
    f"{source['name']}.{table['name']}"
    for path in sorted(MODELS.rglob("*__sources.yml"))
    for source in loaded(path)["sources"]
    for table in source["tables"]
]


@pytest.fixture
def warehouse(spark: SparkSession) -> Iterator[SparkSession]:
    spark.sql(f"drop table if exists {COMPARISONS}")
    yield spark
    spark.sql(f"drop table if exists {COMPARISONS}")


@pytest.mark.parametrize("name", LISTED)
def test_every_table_is_created_as_it_is_described(spark: SparkSession, name: str) -> None:
    spark.sql(f"drop table if exists {name}")
    create_or_widen(spark, name)
    table = source_table(name)
    described = spark.sql(f"describe table {name}").collect()
    columns = {row.col_name: (row.data_type, row.comment) for row in described[: len(table.columns)]}
    assert columns == {each.name: (each.data_type, each.description) for each in table.columns}
    assert all(each.description.endswith(".") for each in table.columns)
    required = {field.name for field in spark.table(name).schema if not field.nullable}
    assert required == {each.name for each in table.columns if each.is_required}
    spark.sql(f"drop table {name}")


def test_a_row_without_one_of_the_columns_is_refused(warehouse: SparkSession) -> None:
    with pytest.raises(KeyError, match="algorithm"):
        append_rows(warehouse, COMPARISONS, [{"run_id": "1", "label": "x", "imbalance": "none"}])


def test_what_the_reader_and_the_gate_give_are_columns_of_their_tables() -> None:
    assert source_table("raw.events").kinds.items() >= EVENT_COLUMNS.items()
    assert source_table("raw.rejected_events").kinds.items() >= REFUSAL_COLUMNS.items()
    results = set(source_table("monitoring.validation_results").kinds)
    assert results == {"run_id", "validated_at", *(field.name for field in fields(RuleResult))}


def test_a_table_of_an_earlier_version_is_read_whole_and_widened_by_who_writes(warehouse: SparkSession) -> None:
    warehouse.sql("create namespace if not exists monitoring")
    warehouse.sql(f"create table {COMPARISONS} (run_id string not null, label string not null, gone int) using iceberg")
    warehouse.sql(f"insert into {COMPARISONS} values ('1', 'x', 7)")
    (row,) = completed(warehouse.table(COMPARISONS), COMPARISONS).collect()
    assert (row.run_id, row.gone, row.is_best, row.auc) == ("1", 7, None, None)
    assert warehouse.table(COMPARISONS).columns == ["run_id", "label", "gone"], "who reads changes no table"
    nothing = dict.fromkeys(source_table(COMPARISONS).kinds)
    append_rows(warehouse, COMPARISONS, [nothing | {"run_id": "2", "label": "x", "is_best": True, "auc": 0.5}])
    rows = warehouse.table(COMPARISONS).orderBy("run_id").collect()
    assert [(row.run_id, row.gone, row.is_best, row.auc) for row in rows] == [
        ("1", 7, None, None),
        ("2", None, True, 0.5),
    ]
    comments = {row.col_name: row.comment for row in warehouse.sql(f"describe table {COMPARISONS}").collect()}
    assert comments["is_best"] == "Best on the folds, of the algorithms of its way."
