"""monitoring.publications and .builds: what was published, taken back and built, when, and where each table stood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import Window
from pyspark.sql import functions as F

from warehouse.contract.moments import moment as at_micros
from warehouse.contract.tables import append_rows, create_or_widen
from warehouse.publishing.journal import moment
from warehouse.publishing.reading import PublishedMove
from warehouse.publishing.tables import SCHEMAS, tables

if TYPE_CHECKING:
    from datetime import datetime

    from pyspark.sql import DataFrame, SparkSession

    from warehouse.publishing.journal import Move, Publication

PUBLICATIONS, BUILDS = "monitoring.publications", "monitoring.builds"
# A state of the warehouse that holds both is one that a training set can be read from again.
OF_A_BUILD = frozenset({"marts.fct_user_features", "marts.fct_churn_labels"})
_EVENTS = "staging.stg_sparkify__events"
_BUILT_SCHEMAS = ("staging", "intermediate", "marts")


def record_publication(spark: SparkSession, publication: Publication) -> None:
    """Append a row per table, unless they are there already; a state with features and labels counts as a build.

    Of a build that made some models anew, these are all that moved.
    """
    create_or_widen(spark, PUBLICATIONS)
    started_at, published_at = moment(publication.started_at), moment(publication.finished_at or 0)
    is_it = (F.col("run_id") == publication.run_id) & (F.col("started_at") == F.lit(started_at))
    if not publication.moves or not spark.table(PUBLICATIONS).where(is_it).isEmpty():
        return
    if any(move.table.startswith(_BUILT_SCHEMAS) for move in publication.moves) and _holds_a_build(spark):
        record_build(spark, publication.run_id, published_at)
    shared = {
        "run_id": publication.run_id,
        "action": publication.action,
        "started_at": started_at,
        "published_at": published_at,
    }
    moves = enumerate(publication.moves)
    append_rows(spark, PUBLICATIONS, [shared | _row(move) | {"position": position} for position, move in moves])


def _holds_a_build(spark: SparkSession) -> bool:
    return all(spark.catalog.tableExists(name) for name in (_EVENTS, *OF_A_BUILD))


def _row(move: Move) -> dict[str, Any]:
    return {"table_name": move.table, "snapshot_id_before": move.before, "snapshot_id_after": move.after}


def record_build(spark: SparkSession, build_id: str, completed_at: datetime) -> None:
    """Append a row for a complete build of features and labels: where each table stands, and the newest line in it."""
    heads = {table.name: table.head() for table in tables(spark) if table.name.startswith(_BUILT_SCHEMAS)}
    newest = spark.table(_EVENTS).agg(F.unix_micros(F.max("ingested_at"))).collect()[0][0]
    build = {
        "build_id": build_id,
        "completed_at": completed_at,
        "newest_ingested_at": None if newest is None else at_micros(newest),
        "table_snapshot_ids": {name: head for name, head in heads.items() if head is not None},
    }
    append_rows(spark, BUILDS, [build])


def states_before(spark: SparkSession, run_id: str) -> list[tuple[str, int | None]]:
    """Return each table published since a run's first publication began, that included, and where it stood then.

    What is made of others comes first, so that a mart never stands on inputs that are older than it. Empty if the run
    published nothing.
    """
    published = _published(spark)
    if published is None:
        return []
    of_run = published.where(F.col("run_id") == run_id)
    begun = of_run.agg(F.min(F.unix_micros("started_at"))).collect()[0][0]
    if begun is None:
        return []
    oldest = Window.partitionBy("table_name").orderBy("started_at")
    rows = (
        published.where(F.unix_micros("started_at") >= F.lit(begun))
        .withColumn("number", F.row_number().over(oldest))
        .where("number = 1")
        .collect()
    )
    rows.sort(key=lambda row: (SCHEMAS.index(row.table_name.partition(".")[0]), row.position), reverse=True)
    return [(row.table_name, row.snapshot_id_before) for row in rows]


def published_runs(spark: SparkSession) -> list[str]:
    """Return the runs that published something, the newest first."""
    published = _published(spark)
    if published is None:
        return []
    newest = published.groupBy("run_id").agg(F.max("started_at").alias("at")).orderBy(F.desc("at"))
    return [row.run_id for row in newest.collect()]


def published_moves(spark: SparkSession) -> list[PublishedMove]:
    """Return what publications and rollbacks moved, in any order."""
    published = _published(spark)
    if published is None:
        return []
    times = (F.unix_millis("started_at"), F.unix_millis("published_at"))
    rows = published.select("run_id", *times, "position", "table_name", "snapshot_id_after").collect()
    return [PublishedMove(*row) for row in rows]


def snapshots_since(spark: SparkSession, since: datetime) -> dict[str, set[int]]:
    """Return, by table, the snapshots that publications since a moment moved from and to."""
    published = _published(spark)
    if published is None:
        return {}
    found: dict[str, set[int]] = {}
    for row in published.where(F.col("published_at") >= F.lit(since)).collect():
        found.setdefault(row.table_name, set()).update({row.snapshot_id_before, row.snapshot_id_after} - {None})
    return found


def _published(spark: SparkSession) -> DataFrame | None:
    return spark.table(PUBLICATIONS) if spark.catalog.tableExists(PUBLICATIONS) else None
