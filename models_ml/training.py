"""Training: compare the algorithms on the training snapshots, test them on later ones, publish the best."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.ml import PipelineModel

from models_ml import tables
from models_ml.algorithms import ALGORITHMS, parameters
from models_ml.evaluation import Candidate, Comparison, compare
from models_ml.features import KEYS, assembly
from models_ml.model_versions import by_algorithm, record_model_version
from models_ml.tracking import PublishedModel, Tracking
from models_ml.training_report import TrainingReport
from models_ml.training_set import TrainingSet, training_set

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from models_ml.features import FeatureColumns
    from models_ml.training_spec import TrainingSpec


@dataclass(frozen=True)
class FittedModels:
    """The columns of the feature vector and what was fitted on it."""

    columns: FeatureColumns
    comparison: Comparison

    @property
    def chosen(self) -> Candidate:
        return self.comparison.candidates[0]

    @property
    def pipeline(self) -> PipelineModel:
        return PipelineModel([*assembly(self.columns).stages, self.chosen.model])


def train(spark: SparkSession, spec: TrainingSpec, mlflow_dir: Path, features: Sequence[str]) -> TrainingReport:
    """Train, evaluate and publish one model version: an MLflow run, a registry version and a row of ml.model_versions.

    The model published is the one evaluated: fitted on the training snapshots only, so that its metrics are its own.

    `features` names the columns of the feature table that may train.

    Raises:
        MissingTable, MissingFeatures, TooFewSnapshots, TooFewUsers, OneClassOnly: nothing is written.
    """
    known, labels = tables.source_table(spark, tables.FEATURES), tables.source_table(spark, tables.LABELS)
    dataset = training_set(known.rows, labels.rows, spec, features)
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
        feature_names=tuple(fitted.columns.elements),
        left_out=dataset.left_out,
        table_snapshot_ids={tables.FEATURES: known.snapshot_id, tables.LABELS: labels.snapshot_id},
        seed=spec.seed,
    )
    record_model_version(spark, report)
    return report


def _fit(dataset: TrainingSet, spec: TrainingSpec) -> FittedModels:
    """Assemble once, then fit every algorithm on the output.

    The output is checkpointed, not cached: a cached table takes its plan into each of some five hundred small jobs,
    which doubled the time. Its rows are in one order, whatever files they came in: sums and samples depend on it.
    """
    try:
        assembled = assembly(dataset.columns).transform(dataset.rows)
        columns = (*KEYS, "label", dataset.weight.alias("weight"), "fold", "features")
        assembled = assembled.select(*columns).repartition(dataset.partitions, "user_id").sortWithinPartitions(*KEYS)
        comparison = compare(assembled.localCheckpoint(), spec)
    finally:
        dataset.rows.unpersist()
    return FittedModels(dataset.columns, comparison)


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
