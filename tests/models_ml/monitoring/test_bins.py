"""Bins in words: each says which values it holds, and no two of a distribution say the same."""

from __future__ import annotations

import numpy as np
import pytest

from models_ml.monitoring.bins import categorical_bins, written_apart
from models_ml.monitoring.drift import NumericProfile, TrainingProfile


def bins(*values: float) -> tuple[str, ...]:
    return NumericProfile.of(np.array(values, dtype=np.float64)).bins()


def test_the_bins_of_a_number_end_at_their_edges() -> None:
    assert bins(*range(1, 101))[:2] == ("up to 10", "above 10, up to 20")
    assert bins(*range(1, 101))[-2:] == ("above 90", "no value")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0] * 95 + [1] * 5, ("up to 0", "above 0", "no value")),
        ([0] * 5 + [1] * 95, ("below 1", "1 or more", "no value")),
        ([0.1, 0.2] + [3] * 50 + [7, 8], ("below 3", "3", "above 3", "no value")),
        ([-2] * 10 + [-1, 0] + [5_000.0] * 20, ("up to -2", "above -2, below 5,000", "5,000 or more", "no value")),
        ([7] * 10, ("any value", "no value")),
        ([np.nan] * 10, ("any value", "no value")),
    ],
)
def test_a_value_that_many_have_is_a_bin_of_its_own(values: list[float], words: tuple[str, ...]) -> None:
    assert bins(*values) == words


def test_each_bin_has_words_of_its_own() -> None:
    rng = np.random.default_rng(3)
    for values in (rng.poisson(0.5, 500), rng.poisson(40, 500), rng.normal(size=500), rng.normal(1e6, 0.01, 500)):
        profile = NumericProfile.of(values.astype(np.float64))
        assert len(profile.bins()) == len(profile.counts) == len(set(profile.bins()))


def test_numbers_are_written_as_short_as_tells_them_apart() -> None:
    assert written_apart([0.0, 0.5, 1234.5678, 12.0]) == ["0", "0.5", "1,235", "12"]
    assert written_apart([0.12341, 0.12349]) == ["0.1234", "0.1235"]
    assert written_apart([1e-9, 2.5e20, float("inf")]) == ["1e-09", "2.5e+20", "inf"]
    assert written_apart([0.1, np.nextafter(0.1, 1).item()]) == ["0.1", "0.10000000000000002"]


def test_a_level_that_is_named_as_a_bin_stands_in_quotes() -> None:
    assert categorical_bins(["paid", "others"]) == ("paid", "“others”", "others", "no value")


def test_a_distribution_has_the_bins_with_rows_on_either_side_and_all_rows() -> None:
    train = {"level": np.array(["free", "free", "paid", None], dtype=object)}
    (found,) = TrainingProfile.of(train).drift({"level": np.array(["free", "trial", "trial"], dtype=object)})
    assert found.distribution == (("free", 2, 1), ("paid", 1, 0), ("others", 0, 2), ("no value", 1, 0))
    assert found.bins == len(found.distribution)


def test_a_bin_that_nobody_is_in_on_either_side_is_left_out() -> None:
    train = {"songs": np.arange(1.0, 101.0)}
    (found,) = TrainingProfile.of(train).drift({"songs": np.array([5.0, 200.0])})
    assert len(found.distribution) == found.bins == 10
    assert found.distribution[0] == ("up to 10", 10, 1)
    assert found.distribution[1] == ("above 10, up to 20", 10, 0)
    assert found.distribution[-1] == ("above 90", 10, 1)
