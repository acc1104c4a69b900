"""What a training has to say: for the command line, for ml.model_versions and for its metric card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models_ml.dataset.time_split import TimeSplit
    from models_ml.evaluation.partial_dependence import Effect
    from models_ml.evaluation.score_counts import ScoreCount
    from models_ml.registry.promotion import Promotion
    from models_ml.registry.tracking import PublishedModel
    from models_ml.reports.metric_card import MetricCard
    from models_ml.spec.training_spec import TrainingSpec


@dataclass(frozen=True)
class TrainingReport:
    """What was trained, on what, and how well.

    `folds` is the mean average precision of each algorithm over the folds, the chosen one first; `metrics` is what is
    kept as numbers: of the version with the ends of the intervals, and of all models compared. `effects` are those of
    the inputs that are worth most.
    """

    spec: TrainingSpec
    published: PublishedModel
    promotion: Promotion
    split: TimeSplit
    horizon_days: int
    card: MetricCard
    folds: dict[str, float]
    metrics: dict[str, float]
    parameters: dict[str, str]
    feature_names: tuple[str, ...]
    candidate_names: tuple[str, ...]
    left_out: tuple[str, ...]
    table_snapshot_ids: dict[str, int]
    test_scores: tuple[ScoreCount, ...]
    effects: tuple[Effect, ...]

    @property
    def label(self) -> str:
        return self.spec.label

    @property
    def algorithm(self) -> str:
        return self.card.algorithm

    @property
    def model_version(self) -> str:
        return self.published.model_version
