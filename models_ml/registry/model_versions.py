"""ml.model_versions: one row per model version, written by a training, read by a prediction."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from models_ml import tables
from models_ml.errors import NoModelYet, UnknownModelVersion
from warehouse.contract.labels import labels
from warehouse.contract.tables import append_rows, completed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from pyspark.sql import Row, SparkSession

    from models_ml.registry.training_report import TrainingReport

CODE = Path(__file__).parents[1]
# What a training computes with: rooms of this package, and libraries.
ROOMS = ("dataset", "evaluation", "portable", "spec", "training")
LIBRARIES = ("imbalanced-learn", "numpy", "pyspark", "scikit-learn", "scipy")
COUNTED = ("rows", "users", "positives")


def record_model_version(spark: SparkSession, report: TrainingReport) -> None:
    """Append the row of a training; if it was promoted, predictions use it from then on."""
    row = _row(report) | {"trained_at": datetime.now(timezone.utc), "spark_version": spark.version}
    append_rows(spark, tables.MODEL_VERSIONS, [row])
    version = {"model_version": report.model_version, "label": report.label}
    append_rows(spark, tables.TEST_SCORES, [version | each._asdict() for each in report.test_scores])
    append_rows(spark, tables.FEATURE_EFFECTS, [version | each for each in _effects(report)])


def _effects(report: TrainingReport) -> Iterator[dict[str, Any]]:
    """The rows of all inputs: what each is worth, and, of those worth most, what the model makes of it."""
    curves = {effect.feature: list(zip(effect.at, effect.probability, strict=True)) for effect in report.effects}
    for each in report.card.importances:
        yield {
            "feature": each.element,
            "importance": each.drop,
            "importance_spread": each.spread,
            "effect": curves.get(each.element),
        }


def champion(spark: SparkSession, label: str) -> Row | None:
    """Return the row of the version that was made champion last; None where there is none."""
    return champion_of([each for each in all_versions(spark) if each.label == label])


def earlier_tries(spark: SparkSession, label: str, test: Sequence[date]) -> int:
    """Return how many versions of a label have been compared with a champion on some of these test snapshots.

    Since there was no champion last: another log may have been on the same dates before. Of versions that were trained
    before tries were counted each is taken for one.
    """
    newest_first = [each for each in all_versions(spark) if each.label == label]
    compared = takewhile(lambda each: each.tries != 0, newest_first)
    return sum(each.test_from is None or (each.test_from <= test[-1] and test[0] <= each.test_to) for each in compared)


def find_model_version(spark: SparkSession, label: str, wanted: str | None) -> Row:
    """Return the row of the wanted version of a label, else of its champion.

    Raises:
        NoModelYet, UnknownModelVersion: the message lists what there is.
    """
    versions = all_versions(spark)
    of_label = [each for each in versions if each.label == label]
    if not of_label:
        others = ", ".join(sorted({each.label for each in versions}))
        only = f", only for {others}" if others else ""
        msg = f"no model for {label} has been trained yet{only}: run sparkhouse train --label {label}"
        raise NoModelYet(msg)
    found = champion_of(of_label) if wanted is None else _named(of_label, wanted)
    if found is None:
        existing = ", ".join(each.model_version for each in of_label)
        lacking = "champion" if wanted is None else f"model version {wanted}"
        msg = f"label {label} has no {lacking}: name one of {existing}"
        raise UnknownModelVersion(msg)
    return found


def model_version_row(spark: SparkSession, wanted: str) -> Row:
    """Return the row of a version, of whatever label.

    Raises:
        NoModelYet, UnknownModelVersion: the message lists what there is.
    """
    versions = all_versions(spark)
    if not versions:
        raise NoModelYet("no model has been trained yet: run sparkhouse train")
    found = _named(versions, wanted)
    if found is None:
        existing = ", ".join(f"{each.model_version} ({each.label})" for each in versions)
        raise UnknownModelVersion(f"there is no model version {wanted}: name one of {existing}")
    return found


def retire_champions(spark: SparkSession) -> None:
    """Leave no version champion: what they were trained on is no longer the log."""
    if spark.catalog.tableExists(tables.MODEL_VERSIONS):
        spark.sql(f"update {tables.MODEL_VERSIONS} set is_chosen = false where is_chosen")  # noqa: S608 - our own table


def code_version() -> str:
    """Return the version of the package, and a hash of the code, settings, horizons and libraries that train."""
    files = sorted(path for room in ROOMS for path in (CODE / room).rglob("*") if path.suffix in {".py", ".yml"})
    horizons = [f"{label.name}: {label.horizons_ahead}\n" for label in labels()]
    parts = [path.relative_to(CODE).as_posix().encode() + path.read_bytes() for path in files]
    libraries = [f"{name}=={version(name)}\n" for name in LIBRARIES]
    content = b"".join([*parts, *(line.encode() for line in (*horizons, *libraries))])
    return f"{version('sparkhouse')}+{hashlib.sha256(content).hexdigest()[:12]}"


def catalogue_hash(names: Sequence[str]) -> str:
    """Return a hash of the columns that might train, in any order."""
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:12]


def all_versions(spark: SparkSession) -> list[Row]:
    """Return all versions, the newest first, each with `trained_micros`, the microseconds from 1970 to trained_at."""
    if not spark.catalog.tableExists(tables.MODEL_VERSIONS):
        return []
    versions = completed(spark.table(tables.MODEL_VERSIONS), tables.MODEL_VERSIONS)
    rows = versions.withColumn("trained_micros", F.unix_micros("trained_at"))
    return rows.orderBy(F.desc("trained_at")).drop("feature_names", "trained_at").collect()


def champion_of(versions: Sequence[Row]) -> Row | None:
    """Return, of the versions of one label, the newest first, the one that was made champion last."""
    return next((each for each in versions if each.is_chosen), None)


def _named(versions: list[Row], wanted: str) -> Row | None:
    return next((each for each in versions if each.model_version == wanted), None)


def _row(report: TrainingReport) -> dict[str, Any]:
    split, parts = report.split, {"train": report.card.train, "test": report.card.test}
    return {
        "model_version": report.model_version,
        "label": report.label,
        "algorithm": report.algorithm,
        "is_chosen": report.promotion.promoted,
        "promotion_reason": report.promotion.reason,
        "tries": report.promotion.tries,
        "horizon_days": report.horizon_days,
        "train_from": split.train[0],
        "train_to": split.train[-1],
        "test_from": split.test[0],
        "test_to": split.test[-1],
        **{f"{part}_{name}": getattr(of, name) for part, of in parts.items() for name in COUNTED},
        "threshold": report.card.threshold,
        "calibration": report.card.calibration,
        "metrics": report.metrics,
        "parameters": report.parameters,
        "spec": report.spec.to_json(),
        "code_version": code_version(),
        "candidate_names": list(report.candidate_names),
        "catalogue_hash": catalogue_hash(report.candidate_names),
        "feature_names": list(report.feature_names),
        **vars(report.published),
        "table_snapshot_ids": report.table_snapshot_ids,
        "seed": report.spec.seed,
    }
