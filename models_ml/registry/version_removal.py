"""Model versions on the shelf: what there is, how large it is, and how one is taken away for good."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from models_ml import tables
from models_ml.campaigns.tables import TARGETS
from models_ml.errors import ModelJobError, UnknownModelVersion
from models_ml.registry.mlflow_location import ARTIFACTS
from models_ml.registry.model_versions import all_versions, champion_of
from models_ml.registry.tracking import Tracking
from warehouse.contract.moments import moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from pyspark.sql import Row, SparkSession

_RUN_ID = re.compile(r"[0-9a-f]{32}")
_KEPT = ("model_version", "label", "algorithm", "mlflow_run_id", "registered_model", "registry_version")


class ChampionInUse(ModelJobError):
    """The version scores where none is named: to take it away changes what predictions come from."""


@dataclass(frozen=True)
class StoredVersion:
    """A row of ml.model_versions in short; `size_bytes` is that of its files, None where they are not in the folder."""

    model_version: str
    label: str
    algorithm: str
    trained_at: datetime
    is_champion: bool
    test_auc: float | None
    test_average_precision: float | None
    mlflow_run_id: str
    registered_model: str
    registry_version: str
    size_bytes: int | None


@dataclass(frozen=True)
class Removal:
    """Versions whose rows are gone, and what people should know."""

    removed: tuple[StoredVersion, ...]
    notes: tuple[str, ...]


def stored_versions(spark: SparkSession, mlflow_dir: Path) -> list[StoredVersion]:
    """Return all model versions, the newest first."""
    versions = all_versions(spark)
    champions = {label: champion_of([each for each in versions if each.label == label]) for label in _labels(versions)}
    return [
        StoredVersion(
            trained_at=moment(each.trained_micros),
            is_champion=each == champions[each.label],
            test_auc=(each.metrics or {}).get("test_auc"),
            test_average_precision=(each.metrics or {}).get("test_average_precision"),
            size_bytes=_size(_folder(each.mlflow_run_id, mlflow_dir)),
            **{name: each[name] or "" for name in _KEPT},
        )
        for each in versions
    ]


def remove_versions(spark: SparkSession, mlflow_dir: Path, wanted: Sequence[str], *, force: bool) -> Removal:
    """Delete the rows of versions from ml.model_versions; predictions and campaigns that name them stay.

    Where the champion goes, by `force`, the version that was made champion before it is champion again.

    Raises:
        UnknownModelVersion, ChampionInUse: nothing is deleted.
    """
    versions = stored_versions(spark, mlflow_dir)
    unknown = sorted(set(wanted) - {each.model_version for each in versions})
    if unknown:
        existing = ", ".join(f"{each.model_version} ({each.label})" for each in versions) or "none"
        raise UnknownModelVersion(f"there is no model version {', '.join(unknown)}: there are {existing}")
    removed = tuple(each for each in versions if each.model_version in wanted)
    lost = [each for each in removed if each.is_champion]
    if lost and not force:
        named = ", ".join(f"{each.model_version} is the champion of {each.label}" for each in lost)
        raise ChampionInUse(f"{named}: train one that takes its place first, or take it away all the same with --force")
    names = ", ".join(f"'{each.model_version}'" for each in removed)
    for table in (tables.MODEL_VERSIONS, tables.TEST_SCORES, tables.FEATURE_EFFECTS):
        if spark.catalog.tableExists(table):
            spark.sql(f"delete from {table} where model_version in ({names})")  # noqa: S608 - names of its rows
    labels = sorted(each.label for each in lost)
    champions = [each for each in stored_versions(spark, mlflow_dir) if each.is_champion]
    return Removal(removed, (*_naming(spark, removed), *_succession(labels, champions)))


def remove_stored(removal: Removal, mlflow_dir: Path) -> None:
    """Take the removed versions out of MLflow: registry version, run and files.

    On a tracking server the run is marked as deleted, and its files stay until `mlflow gc`.
    """
    from mlflow.exceptions import MlflowException

    client = Tracking.open(mlflow_dir).client
    for each in removal.removed:
        # What is gone already, or was never there, is no fault.
        with suppress(MlflowException):
            client.delete_model_version(each.registered_model, each.registry_version)
        with suppress(MlflowException):
            client.delete_run(each.mlflow_run_id)
        folder = _folder(each.mlflow_run_id, mlflow_dir)
        if folder:
            shutil.rmtree(folder)


def _labels(versions: Sequence[Row]) -> set[str]:
    return {each.label for each in versions}


def _succession(labels: Sequence[str], champions: Sequence[StoredVersion]) -> list[str]:
    """Who is champion of the labels that lost theirs."""
    again = {each.label: each.model_version for each in champions}
    return [
        f"{again[label]} is champion of {label} again"
        if label in again
        else f"{label} has no champion any more: run sparkhouse train --label {label} before the next prediction"
        for label in labels
    ]


def _naming(spark: SparkSession, removed: Sequence[StoredVersion]) -> list[str]:
    """What still names the versions."""
    is_one = F.col("model_version").isin([each.model_version for each in removed])
    existing = [table for table in (tables.PREDICTIONS, TARGETS) if spark.catalog.tableExists(table)]
    return [
        f"{row.rows:,} rows of {table} name {row.model_version}: they stay"
        for table in existing
        for row in spark.table(table).where(is_one).groupBy("model_version").agg(F.count("*").alias("rows")).collect()
    ]


def _folder(run_id: str, mlflow_dir: Path) -> Path | None:
    """The folder of an MLflow run's files; nothing else than one of a run, below the MLflow folder, is ever one."""
    if not _RUN_ID.fullmatch(run_id):
        return None
    folder = mlflow_dir.resolve() / ARTIFACTS / run_id
    return folder if folder.is_dir() and not folder.is_symlink() else None


def _size(folder: Path | None) -> int | None:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) if folder else None
