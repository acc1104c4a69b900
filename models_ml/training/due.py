"""Whether a training could learn anything that the newest version of a label has not learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from models_ml import tables
from models_ml.registry.model_versions import all_versions, catalogue_hash, champion_of, code_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyspark.sql import Row, SparkSession


def reason_to_train(spark: SparkSession, label: str, features: Sequence[str]) -> str | None:
    """Say why a model of the label is to be trained; None where the newest version has learnt all there is to learn.

    Raises MissingTable.
    """
    versions = [each for each in all_versions(spark) if each.label == label]
    if champion_of(versions) is None:
        return "there is no champion"
    newest = versions[0]
    if newest.catalogue_hash != catalogue_hash(features):
        return f"{newest.model_version} was trained of other columns"
    if newest.code_version != code_version():
        return f"{newest.model_version} was trained by another version of the code"
    return _news(_known(spark, label), newest)


def _news(known: Sequence[Row], version: Row) -> str | None:
    """What the labels tell that they did not tell the version."""
    if not known:
        return None
    newest = max(each.as_of_date for each in known)
    if newest > version.test_to:
        return f"the labels of {newest} are known now, those of {version.test_to} were the newest before"
    for part in ("train", "test"):
        first, last = version[f"{part}_from"], version[f"{part}_to"]
        then = (version[f"{part}_rows"], version[f"{part}_positives"])
        if _counted(each for each in known if first <= each.as_of_date <= last) != then:
            return f"the labels from {first} to {last} are not those that {version.model_version} was trained of"
    return None


def _known(spark: SparkSession, label: str) -> list[Row]:
    """One row per snapshot without a censored row, with its rows and those with the outcome."""
    counts = (
        tables.table_state(spark, tables.LABELS)
        .rows.groupBy("as_of_date")
        .agg(F.count("*").alias("rows"), F.count(label).alias("known"), F.count_if(label).alias("positives"))
    )
    return counts.where("known = rows").collect()


def _counted(snapshots: Iterable[Row]) -> tuple[int, int]:
    counts = list(snapshots)
    return sum(each.rows for each in counts), sum(each.positives for each in counts)
