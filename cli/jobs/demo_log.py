"""The log that `run` simulates where people have none of their own: it is never pooled with theirs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.runs.relocation import former_homes
from warehouse.contract.errors import SparkhouseError

if TYPE_CHECKING:
    from collections.abc import Collection

    from pyspark.sql import SparkSession

    from cli.machine.home import Home


class LogsPooled(SparkhouseError, ValueError):
    """A simulated log and a log of the user's own would lie in the same tables."""


@dataclass(frozen=True)
class DemoLog:
    """The simulated log of a state folder, wherever that was when the log was taken in."""

    spark: SparkSession
    home: Home

    @property
    def is_held(self) -> bool:
        """Whether the tables hold it: the file may have gone with a run that was stopped before it published."""
        return self._any("source_file in ({})")

    @property
    def is_beside_events(self) -> bool:
        """Whether the tables hold events of other files."""
        return self._any("source_file not in ({}) and accepted_count > 0")

    def require_apart(self, paths: Collection[Path]) -> None:
        """Raise LogsPooled where the simulated log would come to logs of the user's own."""
        if self.home.simulated_log not in paths:
            return
        if len(paths) > 1:
            raise LogsPooled(f"{self.home.simulated_log} is simulated: name your own logs alone")
        if self.is_beside_events:
            raise LogsPooled(
                f"{self.home.simulated_log} is simulated, and {self.home.path} holds logs of your own: "
                "let SPARKHOUSE_HOME name another folder for it"
            )

    def retire(self) -> None:
        """Take it out again, with what was predicted from it."""
        from models_ml.registry.model_versions import retire_champions
        from warehouse.landing.raw_tables import TOUCHED_DATES

        files = f"raw.ingested_files where source_file in ({self._markers})"
        of_it = f"select ingested_at from {files} union all select replayed_at from {files}"  # noqa: S608 - our tables
        self.spark.sql(f"delete from {TOUCHED_DATES} where ingested_at in ({of_it})", self._files)  # noqa: S608
        for table in ("raw.events", "raw.rejected_events", "raw.ingested_files"):
            of_it = f"source_file in ({self._markers})"
            self.spark.sql(f"delete from {table} where {of_it}", self._files)  # noqa: S608 - our tables
        for table in ("ml.churn_predictions", "ml.campaign_targets"):
            if self.spark.catalog.tableExists(table):
                self.spark.sql(f"delete from {table}")  # noqa: S608 - our tables
        retire_champions(self.spark)
        self.home.simulated_log.unlink(missing_ok=True)

    def _any(self, condition: str) -> bool:
        """Whether a file was taken in of which something holds; `{}` stands for the files that were this log."""
        if not self.spark.catalog.tableExists("raw.ingested_files"):
            return False
        query = f"select 1 from raw.ingested_files where {condition.format(self._markers)}"  # noqa: S608 - our table
        return not self.spark.sql(query, self._files).isEmpty()

    @property
    def _files(self) -> dict[str, str]:
        from warehouse.landing.logs import named

        log = self.home.simulated_log
        places = [log]
        if log.is_relative_to(self.home.path):
            places += [Path(home) / log.relative_to(self.home.path) for home in former_homes(self.home)]
        return {f"file_{number}": named(place) for number, place in enumerate(places)}

    @property
    def _markers(self) -> str:
        return ", ".join(f":{name}" for name in self._files)
