"""What is to be trained: the label, the algorithms, the split."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date

from models_ml.errors import UnknownAlgorithm, UnknownLabel, UnknownMethod
from models_ml.spec.grids import algorithms
from warehouse.contract.labels import default_label, label_names

# The label of several classes.
OUTCOME = "next_outcome"

# What is done about the few who leave: nothing, weights of the rows, or fewer, repeated or new rows.
NONE, WEIGHTS, UNDER, OVER, SMOTE = "none", "weights", "under", "over", "smote"
METHODS = (NONE, WEIGHTS, UNDER, OVER, SMOTE)


@dataclass(frozen=True)
class TrainingSpec:
    """One training: a binary label, the algorithms compared, the newest known snapshots held back for the test.

    `test_from` holds back the snapshots from a date on instead, of which `test_snapshots` are then the first ones.
    `components` is how many principal components the algorithms see instead of the elements; None for none.

    Raises:
        UnknownLabel: the label is not a binary label.
        UnknownAlgorithm: an algorithm is not in grids.yml.
        UnknownMethod: there is no such way to deal with imbalance.
    """

    label: str = default_label()
    algorithms: tuple[str, ...] = tuple(algorithms())
    test_snapshots: int = 2
    test_from: date | None = None
    folds: int = 3
    seed: int = 20181001
    imbalance: str = WEIGHTS
    components: int | None = None

    def __post_init__(self) -> None:
        check_label(self.label)
        unknown = set(self.algorithms) - set(algorithms())
        if unknown or not self.algorithms:
            msg = f"cannot train {sorted(unknown)}: choose from {', '.join(algorithms())}"
            raise UnknownAlgorithm(msg)
        if self.imbalance not in METHODS:
            msg = f"imbalance {self.imbalance!r} is unknown: choose from {', '.join(METHODS)}"
            raise UnknownMethod(msg)

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> TrainingSpec:
        saved = json.loads(text)
        test_from = saved["test_from"] and date.fromisoformat(saved["test_from"])
        return cls(**saved | {"algorithms": tuple(saved["algorithms"]), "test_from": test_from})


def check_label(label: str) -> None:
    """Raise `UnknownLabel` unless the label is one of the binary labels of marts.fct_churn_labels."""
    if label not in label_names():
        several = " has several classes, of which no model version is kept" if label == OUTCOME else ""
        msg = f"label {label!r}{several or ' is unknown'}: choose one of {', '.join(label_names())}"
        raise UnknownLabel(msg)
