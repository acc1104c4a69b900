"""Training: compare the algorithms on the training snapshots, test them on later ones, publish the best."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.ml import PipelineModel
from pyspark.sql import functions as F

from models_ml import tables
from models_ml.algorithms import ALGORITHMS, parameters
from models_ml.evaluation import Candidate, Comparison, compare
from models_ml.features import KEYS, assembly, feature_names
from models_ml.model_versions import by_algorithm, record_model_version
from models_ml.tracking import PublishedModel, Tracking
from models_ml.training_report import TrainingReport
from models_ml.training_set import TrainingSet, training_set

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from models_ml.training_spec import TrainingSpec


@dataclass(frozen=True)
class FittedModels:
    """The feature assembly and what was fitted on its output."""

    assembly: PipelineModel
    feature_names: tuple[str, ...]
    comparison: Comparison

    @property
    def chosen(self) -> Candidate:
        return self.comparison.candidates[0]

    @property
    def pipeline(self) -> PipelineModel:
        return PipelineModel([*self.assembly.stages, self.chosen.model])


def train(spark: SparkSession, spec: TrainingSpec, mlflow_dir: Path) -> TrainingReport:
    """Train, evaluate and publish one model version: an MLflow run, a registry version and a row of ml.model_versions.

    The model published is the one evaluated: fitted on the training snapshots only, so that its metrics are its own.

    Raises:
        MissingTable, TooFewSnapshots, TooFewUsers, OneClassOnly: nothing is written.
    """
    features, labels = tables.source_table(spark, tables.FEATURES), tables.source_table(spark, tables.LABELS)
    dataset = training_set(features.rows, labels.rows, spec)
    with ThreadPoolExecutor(1) as background:
        tracking = background.submit(Tracking.open, mlflow_dir)
        fitted = _fit(dataset, spec)
        published = _publish(tracking.result(), fitted, spec)
    report = TrainingReport(
        label=spec.label,
        algorithm=fitted.chosen.algorithm,
        published=published,
        split=dataset.split,
        horizon_days=dataset.horizon_days,
        train=dataset.train,
        test=dataset.test,
        evaluation=fitted.chosen.evaluation,
        metrics=fitted.comparison.metrics,
        parameters=_parameters(spec),
        feature_names=fitted.feature_names,
        left_out=dataset.left_out,
        table_snapshot_ids={tables.FEATURES: features.snapshot_id, tables.LABELS: labels.snapshot_id},
        seed=spec.seed,
    )
    record_model_version(spark, report)
    return report


def _fit(dataset: TrainingSet, spec: TrainingSpec) -> FittedModels:
    """Fit the assembly once, on the training rows of all folds, then every algorithm on its output.

    The output is checkpointed, not cached: a cached table takes its plan into each of some five hundred small jobs,
    which doubled the time.
    """
    try:
        fitted_assembly = assembly(dataset.columns).fit(dataset.rows.where(F.col("fold") < spec.folds))
        columns = (*KEYS, "label", dataset.weight.alias("weight"), "fold", "features")
        assembled = fitted_assembly.transform(dataset.rows).select(*columns).coalesce(dataset.partitions)
        comparison = compare(assembled.localCheckpoint(), spec)
    finally:
        dataset.rows.unpersist()
    return FittedModels(fitted_assembly, tuple(feature_names(assembled)), comparison)


def _publish(tracking: Tracking, fitted: FittedModels, spec: TrainingSpec) -> PublishedModel:
    metrics = fitted.chosen.evaluation.metrics | by_algorithm(fitted.comparison.metrics)
    return tracking.publish(spec.label, fitted.pipeline, _parameters(spec), metrics)


def _parameters(spec: TrainingSpec) -> dict[str, str]:
    """Return the parameters of each algorithm as algorithm.parameter, and those of the split."""
    chosen = {
        f"{name}.{key}": value
        for name in spec.algorithms
        for key, value in parameters(ALGORITHMS[name](spec.seed)).items()
    }
    return chosen | {"label": spec.label, "folds": str(spec.folds), "test_snapshots": str(spec.test_snapshots)}
