"""How well a single column ranks a label, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from expectations.measures.single_column_auc import CONFIDENCE_99, Ranking, lower_bound, rankings

if TYPE_CHECKING:
    from collections.abc import Sequence

NAN = float("nan")


def ranking(values: Sequence[float | str | None], outcomes: Sequence[float]) -> Ranking:
    """Rank one label by one column, each row a user."""
    users = [str(number) for number in range(len(values))]
    rows = pd.DataFrame({"user_id": users, "as_of_date": "2018-10-08", "feature": values, "label": outcomes})
    (found,) = rankings(rows, ["feature"], ["label"])
    return found


def test_a_number_ranks_by_its_value_and_ties_count_half() -> None:
    rng = np.random.default_rng(7)
    values, outcomes = rng.integers(0, 9, 500).astype(float), rng.integers(0, 2, 500)
    expected = roc_auc_score(outcomes, values)
    found = ranking(list(values), list(outcomes))
    assert found.auc == pytest.approx(max(expected, 1 - expected))
    assert found.ranked_by == "value"
    assert (found.row_count, found.positive_count) == (500, outcomes.sum())


def test_a_column_that_ranks_backwards_ranks_as_well() -> None:
    assert ranking([3, 2, 1, 0], [0, 0, 1, 1]).auc == 1


@pytest.mark.parametrize(
    ("values", "outcomes", "ranked_by", "auc"),
    [
        # The rows where it is known are ranked without fault, and to be known says nothing.
        ([1, 2, NAN, NAN], [0, 1, 0, 1], "value", 1),
        # It is NULL for just those with the label.
        ([5, 5, NAN, NAN], [0, 0, 1, 1], "value, NULL lowest", 1),
        # Of four pairs, the known ranks one, the NULLs above it two.
        ([1, 2, 0, NAN], [0, 1, 0, 1], "value", 1),
    ],
)
def test_null_has_no_rank_of_its_own(values: list[float], outcomes: list[float], ranked_by: str, auc: float) -> None:
    found = ranking(values, outcomes)
    assert (found.ranked_by, found.auc) == (ranked_by, auc)


def test_nulls_on_their_side_rank_no_worse_than_null_or_not_alone() -> None:
    rng = np.random.default_rng(3)
    outcomes = rng.integers(0, 2, 400)
    values = np.where(rng.random(400) < 0.2 + 0.5 * outcomes, NAN, rng.random(400) + 0.2 * outcomes)
    found = ranking(list(values), list(outcomes))
    assert found.ranked_by == "value, NULL highest"
    assert found.auc == pytest.approx(roc_auc_score(outcomes, np.nan_to_num(values, nan=9)))
    assert (found.auc or 0) > roc_auc_score(outcomes, np.isnan(values))


def test_a_string_ranks_by_one_of_its_levels() -> None:
    found = ranking(["free", "free", "paid", "paid", None, "paid"], [0, 0, 0, 1, 1, 1])
    # Free: of nobody with the label, of two in three without it.
    assert found.ranked_by == "is free"
    assert found.auc == pytest.approx((1 + 2 / 3) / 2)
    assert ranking([None, None, "a", "b"], [1, 1, 0, 0]).ranked_by == "is NULL"


def test_a_label_counts_on_dates_on_which_it_is_known_of_every_user() -> None:
    rows = pd.DataFrame(
        {
            "user_id": ["1", "2", "3"] * 2,
            "as_of_date": ["2018-10-08"] * 3 + ["2018-10-15"] * 3,
            "feature": [1.0, 2.0, 3.0] * 2,
            "label": [0, 1, 0, NAN, NAN, 1],
        }
    )
    (found,) = rankings(rows, ["feature"], ["label"])
    assert (found.row_count, found.positive_count, found.auc) == (3, 1, 0.5)


def test_users_are_ranked_against_those_of_their_own_date() -> None:
    """Of a service that is shut, all users lapse: what tells the date tells that, and looks into no future."""
    rng = np.random.default_rng(5)
    dates = np.repeat([1, 2, 3], 200)
    outcomes = (rng.random(600) < np.repeat([0.05, 0.95, 1], 200)).astype(float)
    values = {"date": dates * 7.0, "noise": rng.random(600), "telling": outcomes + rng.random(600)}
    lacking = {"lacking": np.where(rng.random(600) < 0.3, NAN, values["telling"])}
    texts = {"text": np.where(dates == 1, "first", "later"), "told": np.where(outcomes == 1, "yes", "no")}
    rows = pd.DataFrame({"user_id": range(600), "as_of_date": dates, "label": outcomes, **values, **lacking, **texts})
    found = {each.feature: each for each in rankings(rows, [*values, *lacking, *texts], ["label"])}
    assert (found["date"].auc, found["text"].auc, found["told"].auc, found["telling"].auc) == (0.5, 0.5, 1, 1)
    assert (found["noise"].auc or 1) < 0.65
    assert found["lacking"].ranked_by == "value"
    # The third date has one side only: none of its rows is in a pair.
    assert (found["date"].row_count, found["date"].positive_count) == (400, outcomes[:400].sum())


def test_pairs_of_all_dates_count_alike() -> None:
    rows = pd.DataFrame({"as_of_date": [1, 1, 2, 2, 2], "feature": [1.0, 2, 9, 8, 8], "label": [0, 1, 0, 1, 1]})
    (found,) = rankings(rows.assign(user_id=rows.index), ["feature"], ["label"])
    # One pair of the first date is in order, two of the second are not.
    assert found.auc == pytest.approx(2 / 3)


@pytest.mark.parametrize("outcomes", [[0, 0], [1, 1], [NAN, NAN]])
def test_a_label_with_one_side_only_ranks_nothing(outcomes: list[float]) -> None:
    assert ranking([1, 2], outcomes).auc is None


def test_the_standard_error_is_that_of_the_published_example() -> None:
    # Hanley and McNeil 1982: 51 abnormal and 58 normal images, an area of 0.893, a standard error of 0.032.
    assert (0.893 - lower_bound(0.893, 51, 58)) / CONFIDENCE_99 == pytest.approx(0.032, abs=0.001)


def test_rows_of_the_same_few_users_are_too_little_to_judge_by() -> None:
    outcomes = [1.0] * 40 + [0.0] * 40
    rows = pd.DataFrame({"user_id": range(80), "as_of_date": 1, "feature": outcomes, "label": outcomes})
    (judged,) = rankings(rows, ["feature"], ["label"])
    assert (judged.auc, judged.lower_bound, judged.positive_user_count) == (1, 1, 40)
    (unsure,) = rankings(rows.assign(user_id=rows.index % 19), ["feature"], ["label"])
    assert (unsure.auc, unsure.lower_bound, unsure.positive_user_count) == (1, None, 19)


def test_columns_without_a_bearing_on_the_label_stay_below_the_alarm() -> None:
    rng = np.random.default_rng(11)
    noise = pd.DataFrame(rng.random((400, 300))).add_prefix("feature_")
    rows = noise.assign(user_id=np.arange(400) % 200, as_of_date=1, label=np.arange(400) % 200 < 20)
    found = rankings(rows, list(noise.columns), ["label"])
    assert all(ranking.lower_bound is not None for ranking in found)
    assert max(ranking.lower_bound or 0 for ranking in found) < 0.7
