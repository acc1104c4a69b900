"""What a training has to say: for the command line, and for ml.model_versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models_ml.evaluation import Evaluation
    from models_ml.time_split import TimeSplit
    from models_ml.tracking import PublishedModel
    from models_ml.training_set import Counts

# Churn in this log is close to memoryless: honest features do not rank it better than this.
SUSPICIOUS_AUC = 0.80


@dataclass(frozen=True)
class TrainingReport:
    """What was trained, on what, and how well: `metrics` by algorithm, the published one first, `no_skill` last."""

    label: str
    algorithm: str
    published: PublishedModel
    split: TimeSplit
    horizon_days: int
    train: Counts
    test: Counts
    evaluation: Evaluation
    metrics: dict[str, dict[str, float]]
    parameters: dict[str, str]
    feature_names: tuple[str, ...]
    left_out: tuple[str, ...]
    table_snapshot_ids: dict[str, int]
    seed: int

    @property
    def model_version(self) -> str:
        return self.published.model_version

    @property
    def leak_warning(self) -> str | None:
        """Say that the model is too good to be true, where it is."""
        auc = self.evaluation.metrics["test_auc"]
        if auc <= SUSPICIOUS_AUC:
            return None
        return f"test AUC {auc:.2f} is above {SUSPICIOUS_AUC:.2f}: check that no feature looks past as_of"
