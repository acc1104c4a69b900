"""A second warehouse in schemas of its own, built from a log that ends at a snapshot."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timezone
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from cli.jobs.checks import raise_failed
from cli.jobs.dbt import run_dbt
from warehouse.contract.errors import SparkhouseError
from warehouse.contract.hadoop import remove_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, timedelta
    from pathlib import Path

    from pyspark.sql import DataFrame

    from cli.jobs.workspace import Workspace

PREFIX = "proof_"
EVENTS, SPINE = "raw.events", "intermediate.int_user_snapshots_spined"
FEATURES, LABELS = "marts.fct_user_features", "marts.fct_churn_labels"
UPGRADE, PROBE = "Submit Upgrade", "probe"
DAY = 86_400_000


class NobodyToUpgrade(SparkhouseError, RuntimeError):
    """Every user of the snapshot upgraded on the day before it."""


@contextmanager
def scratch_schemas(workspace: Workspace) -> Iterator[Path]:
    """Give a folder for dbt's artefacts; drop the scratch schemas before and after, however the block ends."""
    folder = workspace.home.path / "dbt" / "proof"
    folder.mkdir(parents=True, exist_ok=True)
    _drop_schemas(workspace)
    try:
        yield folder
    finally:
        _drop_schemas(workspace)


def _drop_schemas(workspace: Workspace) -> None:
    for (schema,) in workspace.spark.sql(f"show namespaces like '{PREFIX}*'").collect():
        for row in workspace.spark.sql(f"show tables in {schema}").collect():
            workspace.spark.sql(f"drop table {schema}.{row.tableName} purge")
        # What a killed proof had not finished is a folder without a table, which keeps a schema from being dropped.
        remove_folder(workspace.spark.sparkContext, workspace.home.place_of(schema))
        workspace.spark.sql(f"drop namespace if exists {schema}")


@dataclass(frozen=True)
class Scratch:
    """The scratch warehouse of a snapshot; `folder` takes dbt's artefacts, `project` is a dbt project, if not ours."""

    workspace: Workspace
    as_of: date
    folder: Path
    project: Path | None = None

    @property
    def instant(self) -> datetime:
        return datetime.combine(self.as_of, time(), timezone.utc)

    def cut_log(self) -> int:
        """Copy the log without the events from the snapshot on; return how many events are left.

        The spine keeps dates that it holds: it gets those of the published snapshots, those off the grid among them.
        """
        events = self.workspace.spark.table(EVENTS).where(F.col("ts") < _milliseconds(self.instant))
        dates = self._up_to_date(SPINE).withColumn("user_id", F.lit(None).cast("string")).distinct()
        for table, rows in ((EVENTS, events), (SPINE, dates)):
            self.workspace.spark.sql(f"create namespace if not exists {PREFIX}{table.partition('.')[0]}")
            rows.writeTo(PREFIX + table).using("iceberg").create()
        return self.workspace.count(PREFIX + EVENTS) or 0

    def build(self) -> None:
        """Build features and labels from the scratch log, and all that they read."""
        # However early the last event before the snapshot, the cut log is observed until there.
        variables = {"namespace_prefix": PREFIX, "observed_through": self.as_of.isoformat()}
        options = ["--vars", json.dumps(variables), "--target-path", str(self.folder), "--log-path", str(self.folder)]
        options += ["--project-dir", str(self.project)] if self.project else []
        select = ["--select", "+fct_user_features", "+fct_churn_labels"]
        outcome = run_dbt(["--log-level", "none", "run", *select, *options], on_start=self.workspace.steps.progress)
        if outcome.exit_code:
            raise_failed(outcome)

    def add_upgrade(self) -> str:
        """Log an upgrade at the snapshot for a user who had none on the day before it; return the user's id.

        It is a copy of the user's last event before the snapshot, and is marked by its hash. Raises NobodyToUpgrade.
        """
        table, midnight = self.workspace.spark.table(PREFIX + EVENTS), _milliseconds(self.instant)
        users = self.workspace.spark.table(FEATURES).where(F.col("as_of_date") == self.as_of).select("user_id")
        upgraded = table.where(F.col("page") == UPGRADE).where(F.col("ts") >= midnight - DAY)
        known = table.where("registration is not null").join(users, "user_id", "semi").join(upgraded, "user_id", "anti")
        newest = F.max_by(F.struct(*table.columns), F.struct("ts", "session_id", "item_in_session", "record_hash"))
        last = known.groupBy("user_id").agg(newest.alias("event")).select("event.*")
        # The free level is what one upgrades from; of its users, who came last.
        chosen = last.orderBy(F.col("level") == "paid", F.desc("ts"), "user_id").limit(1)
        upgrade = {"ts": midnight, "page": UPGRADE, "record_hash": PROBE, "song": None, "artist": None, "length": None}
        changed = {name: F.lit(value) for name, value in upgrade.items()}
        changed["item_in_session"] = F.col("item_in_session") + 1
        chosen.withColumns(changed).select(table.columns).writeTo(PREFIX + EVENTS).append()
        logged = self.workspace.spark.table(PREFIX + EVENTS).where(F.col("record_hash") == PROBE).collect()
        if not logged:
            raise NobodyToUpgrade(f"Every user of {self.as_of} upgraded on the day before: choose another.")
        return str(logged[0].user_id)

    def move_upgrade(self, shift: timedelta) -> None:
        """Move the upgrade to a time from the snapshot, a negative one for before it."""
        moment = _milliseconds(self.instant + shift)
        self.workspace.spark.sql(f"update {PREFIX}{EVENTS} set ts = {moment} where record_hash = '{PROBE}'")  # noqa: S608

    def published_features(self) -> DataFrame:
        """The published rows of the snapshots up to this one."""
        return self._up_to_date(FEATURES)

    def features(self) -> DataFrame:
        """The rows of the same snapshots, rebuilt."""
        dates = self.published_features().select("as_of_date").distinct()
        return self._up_to_date(PREFIX + FEATURES).join(dates, "as_of_date", "semi")

    def label(self, user_id: str, name: str) -> bool | None:
        """A label of the user at the snapshot, rebuilt."""
        row = (
            self._up_to_date(PREFIX + LABELS)
            .where(F.col("as_of_date") == self.as_of)
            .where(F.col("user_id") == user_id)
        )
        return next((label for (label,) in row.select(name).collect()), None)

    def _up_to_date(self, table: str) -> DataFrame:
        return self.workspace.spark.table(table).where(F.col("as_of_date") <= self.as_of)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
