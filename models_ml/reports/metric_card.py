"""The metric card of a model version: what it was trained on, how good it is and how sure that is, what it goes by."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from models_ml.reports.metric_texts import METRIC_TEXTS, READING_AUC
from models_ml.reports.templating import environment

if TYPE_CHECKING:
    from models_ml.evaluation.metrics import Interval
    from models_ml.evaluation.permutation import Importance
    from models_ml.evaluation.reliability import ReliabilityBin

TOP_IMPORTANCES = 20
AXIS_ENDS = (0.05, 0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True)
class Sample:
    """How much was trained or tested on: rows are (user, snapshot), positives are rows."""

    rows: int
    users: int
    positives: int
    snapshots: int


@dataclass(frozen=True)
class MetricCard:
    """All there is to say of a model version.

    `models` holds the metrics on the test rows by model: the chosen one first, then the other algorithms, then the
    baselines best_single_feature and no_skill. `reliability` is of the chosen one on the test rows.
    """

    label: str
    model_version: str
    algorithm: str
    parameters: dict[str, str]
    split: str
    train: Sample
    test: Sample
    models: dict[str, dict[str, Interval]]
    threshold: float
    calibration: str
    reliability: tuple[ReliabilityBin, ...]
    importances: tuple[Importance, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2, allow_nan=False)

    def to_html(self) -> str:
        """Return one page that needs no other file."""
        ranked = sorted(self.importances, key=lambda importance: -importance.drop)[:TOP_IMPORTANCES]
        return (
            environment()
            .get_template("metric_card.html")
            .render(
                card=self,
                texts=METRIC_TEXTS,
                importances=ranked,
                longest_bar=max([importance.drop for importance in ranked], default=0),
                axis_end=self._axis_end(),
                reading_auc=READING_AUC,
            )
        )

    def _axis_end(self) -> float:
        highest = max(max(one.high, one.mean_prediction) for one in self.reliability)
        return next((end for end in AXIS_ENDS if end >= highest), 1.0)
