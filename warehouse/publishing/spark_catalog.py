"""The catalog of a warehouse as a session of Spark sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from warehouse.publishing import records
from warehouse.publishing.tables import find_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from warehouse.publishing.reading import PublishedMove
    from warehouse.publishing.tables import Table


@dataclass(frozen=True)
class SparkCatalog:
    """Reads through Spark, whatever kind of catalog its settings name."""

    spark: SparkSession

    def find(self, name: str) -> Table | None:
        return find_table(self.spark, name)

    def moves(self) -> list[PublishedMove]:
        return records.published_moves(self.spark)
