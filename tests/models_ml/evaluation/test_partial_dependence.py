"""What a model makes of one input, the others as they are; how often each probability was said, and rightly."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from models_ml.evaluation.partial_dependence import POINTS, ROWS, partial_dependence
from models_ml.evaluation.score_counts import ScoreCount, score_counts

if TYPE_CHECKING:
    from models_ml.portable.arrays import Floats
    from models_ml.portable.model import PortableModel


def model_of_sums() -> PortableModel:
    """A model whose probability is songs / 100 + adverts / 1,000."""

    def score(columns: dict[str, Floats]) -> Floats:
        assert len(columns["songs"]) <= ROWS
        return columns["songs"] / 100 + columns["adverts"] / 1_000

    encoder = SimpleNamespace(numbers={"songs", "adverts", "constant"})
    return cast("PortableModel", SimpleNamespace(encoder=encoder, score=score, probability=lambda scores: scores))


@pytest.fixture
def columns() -> dict[str, Floats]:
    random = np.random.default_rng(1)
    return {
        "songs": random.uniform(0, 50, 3_000),
        "adverts": random.uniform(0, 100, 3_000),
        "constant": np.ones(3_000),
        "level": np.array(["free", "paid"] * 1_500, dtype=object),
    }


def test_the_effect_is_that_of_the_input_with_the_others_as_they_are(columns: dict[str, Floats]) -> None:
    [songs] = partial_dependence(model_of_sums(), columns, ["songs"], seed=1)
    assert len(songs.at) == POINTS
    assert list(songs.at) == sorted(songs.at)
    assert np.diff(songs.probability) == pytest.approx(np.diff(songs.at) / 100)
    assert songs.probability[0] == pytest.approx(songs.at[0] / 100 + columns["adverts"].mean() / 1_000, abs=0.003)


def test_an_input_of_one_value_and_one_that_is_no_number_have_no_effect(columns: dict[str, Floats]) -> None:
    assert list(partial_dependence(model_of_sums(), columns, ["constant", "level"], seed=1)) == []


def test_the_values_are_those_of_rows_that_know_them(columns: dict[str, Floats]) -> None:
    columns["songs"][::2] = np.nan
    [songs] = partial_dependence(model_of_sums(), columns, ["songs"], seed=1)
    assert np.isfinite(songs.at).all()
    assert np.isfinite(songs.probability).all()


def test_rows_and_outcomes_are_counted_by_probability_to_three_digits() -> None:
    counted = score_counts(np.array([0.1234, 0.1226, 0.9, 0.1234]), np.array([1.0, 0.0, 1.0, 1.0]))
    assert counted == (ScoreCount(0.123, 3, 2), ScoreCount(0.9, 1, 1))
