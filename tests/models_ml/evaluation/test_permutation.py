"""Permutation importance: what is used drops, what is not stays, groups go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from models_ml.evaluation.permutation import permutation_importance
from models_ml.evaluation.weighted_metrics import average_precision
from models_ml.portable.linear import LinearScorer

if TYPE_CHECKING:
    from models_ml.portable.arrays import Floats

ROWS = 2_000


def scorer(*coefficients: float, spread: Floats | None = None) -> LinearScorer:
    return LinearScorer(np.array(coefficients), 0.0, np.zeros(len(coefficients)), spread)


def drawn(elements: int, rows: int = ROWS) -> tuple[Floats, Floats]:
    """Independent normals, and labels that go by the first two, the first twice as much."""
    random = np.random.default_rng(3)
    values = random.normal(size=(rows, elements))
    labels = (2 * values[:, 0] + values[:, 1] + random.normal(size=rows) > 2).astype(float)
    return values, labels


@pytest.mark.parametrize("scores", [[0.1, 0.9, 0.4, 0.6], [0.5, 0.5, 0.5, 0.5], [0.2, 0.7, 0.7, 0.1]])
def test_average_precision_is_that_of_scikit_learn_also_with_ties(scores: list[float]) -> None:
    labels = np.array([0.0, 1.0, 0.0, 1.0])
    assert average_precision(labels, np.array(scores)) == pytest.approx(average_precision_score(labels, scores))


def test_what_the_model_goes_by_drops_most() -> None:
    elements, labels = drawn(3)
    groups = {"first": [0], "second": [1], "noise": [2]}
    first, second, noise = permutation_importance(scorer(2.0, 1.0, 0.01), elements, labels, groups, seed=1)
    assert [first.element, second.element, noise.element] == list(groups)
    assert first.drop > second.drop + 0.1 > 0.1
    assert noise.drop == pytest.approx(0, abs=0.005)
    assert 0 < second.spread < second.drop


def test_shuffling_all_elements_leaves_guessing() -> None:
    elements, labels = drawn(2)
    model = scorer(2.0, 1.0)
    (everything,) = permutation_importance(model, elements, labels, {"all": [0, 1]}, seed=1)
    left = average_precision(labels, model.score(elements)) - everything.drop
    assert left == pytest.approx(labels.mean(), abs=0.03)


def test_elements_of_a_group_are_shuffled_together() -> None:
    """A value split over two elements cancels out only where both move as one."""
    elements, labels = drawn(2)
    split = np.column_stack([elements[:, 0] + 50 * elements[:, 1], -50 * elements[:, 1]])
    (whole,) = permutation_importance(scorer(1.0), elements[:, :1], labels, {"whole": [0]}, seed=1)
    (together,) = permutation_importance(scorer(1.0, 1.0), split, labels, {"both": [0, 1]}, seed=1)
    assert together.drop == pytest.approx(whole.drop, abs=1e-6)


def test_own_importance_is_summed_and_nothing_is_shuffled_where_it_is_none() -> None:
    elements, labels = drawn(4)
    groups = {"used": [0, 1], "unused": [2, 3]}
    used, unused = permutation_importance(scorer(2.0, 1.0, 0.0, 0.0, spread=np.ones(4)), elements, labels, groups, 1)
    assert used.own == pytest.approx(1.0)
    assert (unused.own, unused.drop, unused.spread) == (0.0, 0.0, 0.0)
    (unknown,) = permutation_importance(scorer(2.0, 1.0, 0.0, 0.0), elements, labels, {"used": [0, 1]}, 1)
    assert unknown.own is None
    assert unknown.drop == used.drop


def test_rows_stay_as_they_are_and_one_seed_gives_one_answer() -> None:
    elements, labels = drawn(2)
    before = elements.copy()
    groups = {"first": [0], "second": [1]}
    once, again, other = (
        permutation_importance(scorer(2.0, 1.0), elements, labels, groups, seed) for seed in (1, 1, 2)
    )
    assert once == again != other
    assert (elements == before).all()
    alone = permutation_importance(scorer(2.0, 1.0), elements, labels, {"second": [1]}, 1)
    assert alone == once[1:]
