"""Training: from the published features to a model version that is tested, explained, stored and compared."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from pyspark.errors import AnalysisException
from pyspark.sql import functions as F

from models_ml import tables
from models_ml.dataset.arrow import columns_of, ordered_table
from models_ml.dataset.training_set import training_set
from models_ml.dataset.vectors import KEYS
from models_ml.errors import ModelJobError
from models_ml.evaluation.weighted_metrics import Scored
from models_ml.portable.model import PortableModel
from models_ml.registry.model_versions import champion, earlier_tries, record_model_version
from models_ml.registry.promotion import AUTO, Champion, decide
from models_ml.registry.tracking import CARD, PORTABLE, PROFILE, PublishedModel, Tracking, load_text
from models_ml.registry.training_report import TrainingReport
from models_ml.training.trained_models import TrainedModels, trained_models

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from models_ml.reports.metric_card import MetricCard
    from models_ml.spec.training_spec import TrainingSpec


def train(
    spark: SparkSession, spec: TrainingSpec, mlflow_dir: Path, features: Sequence[str], promote: str = AUTO
) -> TrainingReport:
    """Train, evaluate and publish one model version: an MLflow run, a registry version and a row of ml.model_versions.

    The model published is the one evaluated: fitted on the training snapshots only, so that its metrics are its own.
    MLflow's aliases follow once the row is published (see registry.aliases).

    `features` names the columns of the feature table that may train, `promote` one of AUTO, NEVER and FORCE.

    Raises:
        MissingTable, MissingFeatures, TooFewSnapshots, TooFewUsers, OneClassOnly: nothing is written.
    """
    known, labels = (tables.table_state(spark, name) for name in (tables.FEATURES, tables.LABELS))
    dataset = training_set(known.rows, labels.rows, spec, features)
    with ThreadPoolExecutor(1) as background:
        opening = background.submit(Tracking.open, mlflow_dir)
        try:
            models = trained_models(dataset, spec)
            existing = champion_on_test(spark, models, known.rows, mlflow_dir)
            promotion = decide(models.evaluation.scored, existing, models.test, promote)
        finally:
            dataset.rows.unpersist()
        published = _publish(opening.result(), models)
    report = TrainingReport(
        spec=spec,
        published=published.model,
        promotion=promotion,
        split=dataset.split,
        horizon_days=dataset.horizon_days,
        card=published.card,
        folds=models.folds,
        metrics=models.metrics,
        parameters=models.parameters,
        feature_names=models.portable.element_names,
        candidate_names=tuple(features),
        left_out=dataset.left_out,
        table_snapshot_ids={tables.FEATURES: known.snapshot_id, tables.LABELS: labels.snapshot_id},
        test_scores=models.test_scores,
        effects=models.effects,
    )
    record_model_version(spark, report)
    return report


def champion_on_test(
    spark: SparkSession, models: TrainedModels, features: DataFrame, mlflow_dir: Path
) -> Champion | None:
    """Return what the champion of the label says of the test rows; None where there is no champion.

    It reads the feature table, which may still have a column that the catalogue has dropped.
    """
    row = champion(spark, models.spec.label)
    if row is None:
        return None
    if row.horizon_days not in {None, models.dataset.horizon_days}:
        asked = f"it looks {row.horizon_days} days ahead, the labels now {models.dataset.horizon_days}"
        return Champion(row.model_version, None, asked)
    try:
        model = PortableModel.from_json(load_text(row.portable_uri, mlflow_dir))
        keys = models.dataset.rows.where(F.col("fold") == models.spec.folds).select(*KEYS)
        of_test = features.select(*KEYS, *model.encoder.inputs).join(keys, list(KEYS))
    except (ModelJobError, AnalysisException, KeyError, TypeError) as error:  # the last two: a layout of before
        return Champion(row.model_version, None, str(error).splitlines()[0])
    scores = model.score(columns_of(ordered_table(of_test, KEYS)))
    tries = earlier_tries(spark, models.spec.label, models.dataset.split.test)
    return Champion(row.model_version, Scored(model.probability(scores), model.threshold, scores), earlier_tries=tries)


class Published(NamedTuple):
    """Where a version is stored, and its card."""

    model: PublishedModel
    card: MetricCard


def _publish(tracking: Tracking, models: TrainedModels) -> Published:
    """Store the version in MLflow: the MLlib pipeline, the same as one JSON, its card and its training distribution."""
    published = tracking.publish(models.spec.label, models.pipeline, models.parameters, models.metrics)
    card = models.card(published.model_version)
    texts = {
        PORTABLE: models.portable.to_json(),
        PROFILE: models.training_profile.to_json(),
        CARD: card.to_html(),
        CARD.replace(".html", ".json"): card.to_json(),
    }
    tracking.attach(published, texts)
    return Published(published, card)
