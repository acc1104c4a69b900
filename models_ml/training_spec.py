"""What is to be trained: the label, the algorithms, the split."""

from __future__ import annotations

from dataclasses import dataclass

from models_ml.algorithms import ALGORITHMS
from models_ml.errors import UnknownAlgorithm, UnknownLabel

DEFAULT_LABEL = "churned_in_time_bin"

# How many horizons past as_of a label looks: the embargo between training and test has to be as long.
HORIZONS_AHEAD = {
    "churned_in_time_bin": 1,
    "will_churn_in_next_bin": 2,
    "will_churn_soon": 2,
    "will_downgrade": 1,
    "will_upgrade": 1,
    "will_lapse": 1,
}


@dataclass(frozen=True)
class TrainingSpec:
    """One training: a binary label, the algorithms compared, the newest known snapshots held back for the test.

    Raises:
        UnknownLabel: the label is not a binary label.
        UnknownAlgorithm: an algorithm is not in `ALGORITHMS`.
    """

    label: str = DEFAULT_LABEL
    algorithms: tuple[str, ...] = tuple(ALGORITHMS)
    test_snapshots: int = 2
    folds: int = 3
    seed: int = 20181001

    def __post_init__(self) -> None:
        check_label(self.label)
        unknown = set(self.algorithms) - set(ALGORITHMS)
        if unknown or not self.algorithms:
            msg = f"cannot train {sorted(unknown)}: choose from {', '.join(ALGORITHMS)}"
            raise UnknownAlgorithm(msg)


def check_label(label: str) -> None:
    """Raise `UnknownLabel` unless the label is one of the binary labels of marts.fct_churn_labels."""
    if label not in HORIZONS_AHEAD:
        several = " has several classes, which no model here is trained for" if label == "next_outcome" else ""
        msg = f"label {label!r}{several or ' is unknown'}: choose one of {', '.join(HORIZONS_AHEAD)}"
        raise UnknownLabel(msg)
