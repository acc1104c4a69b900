"""What is kept of each build by dbt, beside the tables: how its tests did, and what the features are made from."""

from __future__ import annotations

from datetime import datetime, timezone
from hashlib import sha256
from typing import TYPE_CHECKING

from cli.jobs.dbt import TESTS
from warehouse.contract.catalogue import MODEL, NO_FEATURES
from warehouse.contract.tables import append_rows, create_or_widen, in_columns, source_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pyspark.sql import SparkSession

    from cli.jobs.dbt import DbtNode, DbtOutcome
    from cli.jobs.workspace import Workspace
    from cli.sql.lineage import Lineage

TEST_RESULTS, LINEAGE = "monitoring.dbt_test_results", "monitoring.feature_lineage"
KINDS = dict(zip(TESTS, ("data_test", "unit_test"), strict=True))
FEATURES = f"marts.{MODEL}"
KEYS = ("user_id", "as_of_date")
# The property of the table of lineage that tells of which SQL it was read, and by which rules: raise their number when
# they change.
READ_OF, RULES = "sparkhouse.read-of", 1


def record(workspace: Workspace, outcome: DbtOutcome, *, is_whole: bool = True) -> None:
    """Keep what a command of dbt's tells of tests and features, on no branch: what stopped a run is to be seen, too.

    Of an increment, `is_whole` false, the SQL reads the tables that it adds to; what these are made of is known.
    """
    tests = list(test_rows(outcome.nodes, workspace.steps.run_id, datetime.now(timezone.utc)))
    if tests:
        append_rows(workspace.spark, TEST_RESULTS, tests)
    if is_whole and not outcome.exit_code:
        record_lineage(workspace, outcome)


def test_rows(nodes: tuple[DbtNode, ...], run_id: str, ran_at: datetime) -> Iterator[dict[str, Any]]:
    """Yield a row of monitoring.dbt_test_results for each test among what dbt ran."""
    for node in nodes:
        if node.kind in KINDS:
            yield {
                "run_id": run_id,
                "test_name": node.name,
                "kind": KINDS[node.kind],
                "model": node.tested,
                "column_name": node.column_name,
                "status": node.status,
                "failure_count": node.failure_count,
                "seconds": node.seconds,
                "sql": node.sql,
                "description": node.description,
                "ran_at": ran_at,
            }


def built_models(nodes: tuple[DbtNode, ...]) -> dict[str, str]:
    """Return the compiled SQL of the models that were built, by schema and name of their tables."""
    models = [node for node in nodes if node.kind == "model" and node.status == "success"]
    return {node.relation: node.sql for node in models if node.relation and node.sql}


def lineage_rows(found: Lineage) -> Iterator[dict[str, Any]]:
    """Yield a row of monitoring.feature_lineage for each raw column of each feature."""
    for each in found.origins:
        if each.column not in NO_FEATURES:
            yield {
                "feature": each.column,
                "raw_table": each.raw_table,
                "raw_column": each.raw_column,
                "via": list(each.via),
            }


def record_lineage(workspace: Workspace, outcome: DbtOutcome) -> None:
    """Keep what the features are made from, unless they were not built, or that was read of the same SQL before."""
    from cli.sql.lineage import lineage

    models = built_models(outcome.nodes)
    raw = {table.name: tuple(table.kinds) for table in source_tables()}
    read_of = sha256(repr((RULES, sorted(models.items()), sorted(raw.items()))).encode()).hexdigest()
    if FEATURES not in models or _last_read(workspace.spark) == read_of:
        return
    found = lineage(FEATURES, models, raw, KEYS)
    if found.unknown:
        workspace.steps.tell(f"{LINEAGE} stays as it was: {', '.join(found.unknown)} was not built here")
        return
    for model, why in found.unread.items():
        workspace.steps.tell(f"Warning: it cannot be told what the columns of {model} are made from: {why}")
    _replace(workspace.spark, found, read_of)


def _last_read(spark: SparkSession) -> str | None:
    """Of which SQL the lineage that is kept was read."""
    if not spark.catalog.tableExists(LINEAGE):
        return None
    properties = {row.key: row.value for row in spark.sql(f"show tblproperties {LINEAGE}").collect()}
    return properties.get(READ_OF)


def _replace(spark: SparkSession, found: Lineage, read_of: str) -> None:
    from pyspark.sql import functions as F

    create_or_widen(spark, LINEAGE)
    in_columns(spark, LINEAGE, lineage_rows(found)).coalesce(1).writeTo(LINEAGE).overwrite(F.lit(True))  # noqa: FBT003
    spark.sql(f"alter table {LINEAGE} set tblproperties ('{READ_OF}' = '{read_of}')")
