"""The catalog of a warehouse as a session of Spark sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from warehouse.publishing import records
from warehouse.publishing.tables import find_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from warehouse.publishing.tables import Table


@dataclass(frozen=True)
class SparkCatalog:
    """Reads through Spark, whatever kind of catalog its settings name."""

    spark: SparkSession

    def find(self, name: str) -> Table | None:
        return find_table(self.spark, name)

    def publication_times(self) -> list[tuple[str, int, int]]:
        return records.publication_times(self.spark)

    def left_by(self, run_id: str) -> dict[str, int]:
        return records.left_by(self.spark, run_id)
