"""What a training makes before anything is written: every algorithm at its best point, and what each is worth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from pyspark.ml import PipelineModel

from models_ml.computed_once import computed_once
from models_ml.dataset.matrix import Matrix, collected
from models_ml.dataset.vectors import KEYS, assembly, feature_sets, input_column
from models_ml.evaluation.evaluation import Evaluation, baselines, evaluate
from models_ml.evaluation.partial_dependence import partial_dependence
from models_ml.evaluation.permutation import permutation_importance
from models_ml.evaluation.reliability import reliability
from models_ml.evaluation.score_counts import score_counts
from models_ml.monitoring.drift import SCORE, TrainingProfile
from models_ml.portable.model import PortableModel
from models_ml.reports.metric_card import MetricCard, Sample
from models_ml.spec.grids import algorithms
from models_ml.training.search import FittedModel, TrainingRows, fit_best, search
from warehouse.contract.labels import label_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models_ml.dataset.training_set import Counts, TrainingSet
    from models_ml.evaluation.partial_dependence import Effect
    from models_ml.evaluation.permutation import Importance
    from models_ml.evaluation.reliability import ReliabilityBin
    from models_ml.evaluation.score_counts import ScoreCount
    from models_ml.portable.arrays import Floats
    from models_ml.spec.training_spec import TrainingSpec

# Honest features do not rank a memoryless label better than this.
SUSPICIOUS_AUC = 0.80
# Of so many inputs the effect is kept.
EFFECTS = 12


@dataclass(frozen=True, eq=False)
class TrainedModels:
    """Every algorithm at its best point, best on the folds first; evaluations of each, then of the baselines."""

    dataset: TrainingSet
    spec: TrainingSpec
    train: Matrix
    test: Matrix
    fitted: tuple[FittedModel, ...]
    evaluations: Mapping[str, Evaluation]

    @property
    def best(self) -> FittedModel:
        return self.fitted[0]

    @property
    def algorithm(self) -> str:
        return self.best.chosen.algorithm.name

    @property
    def evaluation(self) -> Evaluation:
        return self.evaluations[self.algorithm]

    @property
    def indices(self) -> list[int]:
        """The elements that the best model sees."""
        return feature_sets(list(self.dataset.encoder.elements))[self.best.chosen.point.features]

    @property
    def seen(self) -> Floats:
        """These elements of the test rows."""
        return self.test.elements[:, self.indices]

    @property
    def pipeline(self) -> PipelineModel:
        """The best model as MLlib has it, from the columns of the feature table to its scores."""
        return PipelineModel([*assembly(self.dataset.encoder).stages, *self.best.model.stages])

    @cached_property
    def portable(self) -> PortableModel:
        """The best model as one JSON has it."""
        profile = self.dataset.profile
        return PortableModel(
            label=self.spec.label,
            horizon_days=self.dataset.horizon_days,
            algorithm=self.algorithm,
            encoder=self.dataset.encoder,
            indices=tuple(self.indices),
            scorer=self.best.scorer,
            band=self.evaluation.band(self.train),
            threshold=self.evaluation.threshold,
            usual={name: float(np.nanmedian(profile[name])) for name in self.dataset.encoder.numbers},
        )

    @property
    def training_profile(self) -> TrainingProfile:
        """How columns, elements and score of the best model are distributed on the training rows."""
        columns = self.portable.monitored(self.dataset.profile)
        return TrainingProfile.of(columns | {SCORE: self.evaluation.held_out}, self.portable.element_names)

    @cached_property
    def importances(self) -> tuple[Importance, ...]:
        """What the columns are worth to the best model, on the test rows."""
        groups = self.dataset.encoder.groups(self.indices)
        return permutation_importance(self.best.scorer, self.seen, self.test.labels, groups, self.spec.seed)

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What the best model makes of the numeric inputs that are worth most, on training rows."""
        ranked = sorted(self.importances, key=lambda each: -each.drop)[:EFFECTS]
        names = [each.element for each in ranked]
        return tuple(partial_dependence(self.portable, self.dataset.profile, names, self.spec.seed))

    @property
    def test_scores(self) -> tuple[ScoreCount, ...]:
        """What the best model says of the test rows, and what came of them."""
        return score_counts(self.evaluation.scored.probabilities, self.test.labels)

    @property
    def folds(self) -> dict[str, float]:
        """The mean average precision of each algorithm over the folds."""
        return {each.chosen.algorithm.name: each.chosen.average_precision for each in self.fitted}

    @property
    def metrics(self) -> dict[str, float]:
        """What is kept as numbers: metric, metric_low and metric_high of the best model, and the same .model of all."""
        own = {
            f"test_{name}{end}": value
            for name, interval in self.evaluation.metrics.items()
            for end, value in (("", interval.value), ("_low", interval.low), ("_high", interval.high))
        }
        compared = {
            f"test_{name}{end}.{model}": value
            for model, evaluation in self.evaluations.items()
            for name, interval in evaluation.metrics.items()
            for end, value in (("", interval.value), ("_low", interval.low), ("_high", interval.high))
        }
        on_folds = {f"cv_average_precision.{name}": value for name, value in self.folds.items()}
        within = sum(bin_.low <= bin_.mean_prediction <= bin_.high for bin_ in self.reliability)
        return (
            own
            | compared
            | on_folds
            | {
                "cv_average_precision": self.folds[self.algorithm],
                "test_bins": float(len(self.reliability)),
                "test_bins_within": float(within),
            }
        )

    @cached_property
    def reliability(self) -> tuple[ReliabilityBin, ...]:
        """Prediction and observed rate in up to ten bins of the test rows."""
        return reliability(self.test.users, self.test.labels, self.evaluation.scored.probabilities)

    @property
    def parameters(self) -> dict[str, str]:
        """What was set and what was found, as algorithm.parameter, and how the rows were split."""
        chosen = {
            f"{each.chosen.algorithm.name}.{name}": str(value)
            for each in self.fitted
            for name, value in {
                "features": each.chosen.point.features,
                **algorithms()[each.chosen.algorithm.name].settings,
                **dict(each.chosen.point.parameters),
            }.items()
        }
        asked = ("label", "folds", "test_snapshots", "imbalance", "components", "seed")
        return chosen | {name: str(getattr(self.spec, name)) for name in asked}

    def card(self, model_version: str) -> MetricCard:
        """Return the metric card."""
        evaluation, split = self.evaluation, self.dataset.split
        own = {name: value for name, value in self.parameters.items() if name.startswith(f"{self.algorithm}.")}
        auc = evaluation.metrics["auc"].value
        is_suspicious = auc > SUSPICIOUS_AUC and label_named(self.spec.label).is_memoryless
        leak = f"test AUC {auc:.2f} is above {SUSPICIOUS_AUC:.2f}: check that no feature looks past as_of"
        return MetricCard(
            label=self.spec.label,
            model_version=model_version,
            algorithm=self.algorithm,
            parameters={name.split(".", 1)[1]: value for name, value in own.items()},
            split=str(split),
            train=_sample(self.dataset.train, len(split.train)),
            test=_sample(self.dataset.test, len(split.test)),
            models={name: each.metrics for name, each in self.evaluations.items()},
            threshold=evaluation.threshold,
            calibration=evaluation.calibration.method,
            reliability=self.reliability,
            importances=self.importances,
            warnings=(leak,) if is_suspicious else (),
        )


def trained_models(dataset: TrainingSet, spec: TrainingSpec) -> TrainedModels:
    """Assemble once, search on the folds of the training rows, fit the best, and evaluate on the test rows.

    The assembled rows are checkpointed, not cached: a cached table takes its plan into each of some hundred small jobs,
    which doubled the time. They are in one order, whatever files they came in: sums and samples depend on it.
    """
    sets = feature_sets(list(dataset.encoder.elements))
    assembled = assembly(dataset.encoder).transform(dataset.rows)
    assembled = assembled.select(*KEYS, "label", "fold", *map(input_column, sets))
    assembled = computed_once(assembled.repartition(dataset.partitions, "user_id").sortWithinPartitions(*KEYS))
    rows = collected(assembled)
    train, test = rows.where(rows.folds < spec.folds), rows.where(rows.folds == spec.folds)
    training = TrainingRows(assembled.where(f"fold < {spec.folds}"), train, sets)
    fitted = fit_best(training, search(training, spec), spec)
    measured = {
        each.chosen.algorithm.name: evaluate(
            each.chosen.held_out, each.scorer.score(test.elements[:, sets[each.chosen.point.features]]), train, test
        )
        for each in fitted
    }
    return TrainedModels(dataset, spec, train, test, tuple(fitted), measured | baselines(train, test))


def _sample(counts: Counts, snapshots: int) -> Sample:
    return Sample(counts.rows, counts.users, counts.positives, snapshots)
