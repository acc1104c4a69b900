"""monitoring.builds: what each complete build of the warehouse left, so that a past one can be read again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from models_ml.errors import IngestedLater, NoBuildYet
from models_ml.tables import snapshot_of
from warehouse.contract.moments import moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame, SparkSession

# Written when a run is published, and at the end of a build by bare dbt.
BUILDS = "monitoring.builds"


@dataclass(frozen=True)
class Build:
    """One complete build: when its last table was there, the newest line in it, the Iceberg snapshot of each table."""

    completed_at: datetime
    newest_ingested_at: datetime | None
    table_snapshot_ids: Mapping[str, int]

    def table(self, spark: SparkSession, name: str) -> DataFrame:
        """Return a table as the build left it, with the columns that it had then.

        Raises:
            SnapshotExpired: Iceberg no longer keeps that state.
        """
        return snapshot_of(spark, name, self.table_snapshot_ids.get(name, 0))


def build_known_at(spark: SparkSession, known_at: datetime) -> Build:
    """Return the last build that was complete at a moment (which has a time zone).

    Raises:
        NoBuildYet: there was none.
        IngestedLater: it holds lines that were ingested after the moment.
    """
    builds = _builds(spark)
    complete = [build for build in builds if build.completed_at <= known_at]
    if not complete:
        first = f"the first was complete at {_in_utc(builds[0].completed_at)}" if builds else "none is recorded"
        msg = f"no build was complete at {_in_utc(known_at)}, {first}: choose a later moment, or run `sparkhouse build`"
        raise NoBuildYet(msg)
    build = complete[-1]
    if build.newest_ingested_at and build.newest_ingested_at > known_at:
        msg = (
            f"the build of {_in_utc(build.completed_at)} holds lines ingested at {_in_utc(build.newest_ingested_at)}, "
            f"after {_in_utc(known_at)}: the clock was set back between ingest and build; choose a moment after both"
        )
        raise IngestedLater(msg)
    return build


def _in_utc(when: datetime) -> str:
    """A moment as people read it and as `--as-known-at` takes it: UTC, to the microsecond."""
    return when.astimezone(timezone.utc).isoformat()


def _builds(spark: SparkSession) -> list[Build]:
    """All builds, the oldest first."""
    if not spark.catalog.tableExists(BUILDS):
        return []
    micros = {name: F.unix_micros(name) for name in ("completed_at", "newest_ingested_at")}
    rows = spark.table(BUILDS).orderBy("completed_at", "build_id").withColumns(micros).collect()
    return [
        Build(
            moment(row.completed_at),
            None if row.newest_ingested_at is None else moment(row.newest_ingested_at),
            row.table_snapshot_ids,
        )
        for row in rows
    ]
