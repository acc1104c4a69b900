"""The charts of the model, on a few rows each."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from models_ml.evaluation.metrics import metrics
from models_ml.evaluation.reliability import wilson_interval
from models_ml.reports.charts import model, model_curves, model_trials
from models_ml.reports.drawing import NothingToShow

if TYPE_CHECKING:
    from collections.abc import Callable

    from models_ml.reports.drawing import Drawing

KEPT = {
    f"test_{name}{end}": value + step
    for name, value in {
        "auc": 0.7,
        "average_precision": 0.2,
        "f1": 0.25,
        "precision": 0.2,
        "recall": 0.4,
        "calibration_error": 0.02,
        **{f"capture_top_{k}": k / 50 for k in (5, 10, 20)},
        **{f"lift_top_{k}": 2.0 for k in (5, 10, 20)},
    }.items()
    for end, step in {"": 0.0, "_low": -0.01, "_high": 0.02}.items()
}
OF_MODELS = {
    f"test_{metric}.{name}": value
    for name, (precision, auc) in {
        "linear_svm": (0.2, 0.7),
        "decision_tree": (0.3, 0.65),
        "best_single_feature": (0.15, 0.6),
        "no_skill": (0.1, 0.5),
    }.items()
    for metric, value in {"average_precision": precision, "auc": auc}.items()
}
CHAMPION = {
    "model_version": "v2-cafe",
    "algorithm": "linear_svm",
    "train_rows": 500,
    "test_rows": 20,
    "test_users": 10,
    "test_positives": 2,
    "test_from": date(2018, 11, 5),
    "test_to": date(2018, 11, 12),
    "metrics": KEPT | OF_MODELS | {"cv_average_precision.linear_svm": 0.22},
}


def _champion(**changed: object) -> pd.DataFrame:
    return pd.DataFrame([CHAMPION | changed])


def _scores(counts: list[tuple[float, int, int]], users: int | None = None) -> pd.DataFrame:
    """Rows of probability, test rows, and those of them with the outcome."""
    rows = pd.DataFrame(counts, columns=["churn_probability", "row_count", "positive_count"])
    all_rows = int(rows.row_count.sum())
    kept = pd.Series([KEPT] * len(rows), dtype=object)
    return rows.assign(threshold=0.2, test_rows=all_rows, test_users=users or all_rows, metrics=kept)


SCORES = _scores([(0.02, 10, 0), (0.1, 6, 1), (0.4, 3, 1), (0.5, 1, 1)])
ONE_OUTCOME = _scores([(0.1, 5, 0), (0.2, 5, 0)])
CURVES = [
    model_curves.roc,
    model_curves.precision_recall,
    model_curves.gain,
    model_curves.lift,
    model_curves.threshold,
    model_curves.expected_value,
]


def _text(says: object) -> str:
    return pd.Series([str(says)]).str.replace(r"<[^>]*>", "", regex=True).iloc[0]


def test_the_metric_card_tells_each_metric_with_its_interval_and_beside_no_skill() -> None:
    drawing = model.metric_card(_champion())
    assert "v2-cafe, a linear SVM, was trained on 500 rows and tested on 20 later ones" in _text(drawing.says)
    assert "average precision is 0.200 (95 % interval 0.190 to 0.220), where guessing gets 0.100" in _text(drawing.says)
    assert drawing.table is not None
    auc = drawing.table.set_index("Metric").loc["AUC"].map(_text)
    assert [auc["On the test rows"], auc["95 % from"], auc["95 % to"], auc["No skill"]] == [
        "0.700",
        "0.690",
        "0.720",
        "0.500",
    ]
    assert _text(drawing.table.set_index("Metric").loc["Recall", "On the test rows"]) == "40.0%"


def test_metrics_that_a_version_does_not_have_are_not_in_its_card() -> None:
    table = model.metric_card(_champion(metrics={"test_auc": 0.7})).table
    assert table is not None
    assert list(table["Metric"]) == ["AUC"]


def test_models_stand_from_the_highest_average_precision_down_and_the_champion_has_its_interval() -> None:
    drawing = model.algorithms(_champion())
    assert drawing.figure is not None
    precision = drawing.figure.data[0]
    assert list(precision.y) == ["decision tree", "linear SVM", "best single feature", "no skill"]
    assert list(precision.x) == [0.3, 0.2, 0.15, 0.1]
    assert precision.error_x.array == pytest.approx([np.nan, 0.02, np.nan, np.nan], nan_ok=True)
    assert "The highest is that of decision tree, 0.300. Of the others no interval is kept" in _text(drawing.says)


def test_intervals_of_all_models_are_drawn_where_they_were_kept() -> None:
    ends = {
        f"test_{metric}{end}.{name}": CHAMPION["metrics"][f"test_{metric}.{name}"] + step  # type: ignore[index]
        for metric in ("auc", "average_precision")
        for name in ("decision_tree", "best_single_feature", "no_skill")
        for end, step in {"_low": -0.05, "_high": 0.05}.items()
    }
    drawing = model.algorithms(_champion(metrics=KEPT | OF_MODELS | ends))
    assert drawing.figure is not None
    assert drawing.figure.data[1].error_x.arrayminus == pytest.approx([0.05, 0.01, 0.05, 0.05])
    assert "no interval is kept" not in _text(drawing.says)


def test_a_champion_that_no_model_beats_is_said_to_be_so() -> None:
    best = KEPT | OF_MODELS | {"test_average_precision.linear_svm": 0.4}
    assert "No other model has a higher one." in _text(model.algorithms(_champion(metrics=best)).says)


def test_a_version_without_metrics_of_other_models_shows_no_comparison() -> None:
    with pytest.raises(NothingToShow, match="no metrics of other models"):
        model.algorithms(_champion(metrics=KEPT))


INPUTS = pd.DataFrame(
    {
        "feature": ["songs_28d", "level", "errors_7d"],
        "importance": [0.05, 0.02, -0.01],
        "importance_spread": [0.01, 0.015, 0.01],
        "input_values": [[0.0, 10.0, 2500.0], None, [0.0, 1.0]],
        "probabilities": [[0.09, 0.06, 0.03], None, [0.05, 0.06]],
    }
)


def test_importance_counts_the_inputs_whose_fall_is_beyond_the_shuffles() -> None:
    drawing = model.importance(INPUTS)
    assert drawing.figure is not None
    assert list(drawing.figure.data[0].x) == [-0.01, 0.02, 0.05]
    assert list(drawing.figure.data[0].error_x.array) == [0.01, 0.015, 0.01]
    assert "With songs_28d shuffled" in _text(drawing.says)
    assert "falls by 0.0500, the most of 3 inputs; of 1 it falls by more than twice" in _text(drawing.says)


def test_a_model_that_ranks_as_well_without_any_input_shows_no_importance() -> None:
    with pytest.raises(NothingToShow, match="No input is worth anything"):
        model.importance(INPUTS.assign(importance=0.0))


def test_effects_are_drawn_of_inputs_that_have_one_on_one_axis_of_probabilities() -> None:
    drawing = model.effects(INPUTS)
    assert drawing.figure is not None
    assert [list(trace.y) for trace in drawing.figure.data] == [[0.09, 0.06, 0.03], [0.05, 0.06]]
    assert drawing.figure.layout.yaxis.range == drawing.figure.layout.yaxis2.range == pytest.approx((0, 0.099))
    assert "Were songs_28d of all training rows at 0" in _text(drawing.says)
    assert "would be 9.0%, and 3.0% at 2,500; no other curve shown" in _text(drawing.says)
    assert drawing.table is not None
    assert len(drawing.table) == 5


def test_without_a_curve_of_any_input_there_are_no_effects() -> None:
    with pytest.raises(NothingToShow, match="there is no curve"):
        model.effects(INPUTS[INPUTS.feature == "level"])


def test_the_roc_curve_goes_from_none_to_all_and_tells_the_auc_that_was_measured() -> None:
    drawing = model_curves.roc(SCORES)
    assert drawing.figure is not None
    curve = drawing.figure.data[0]
    assert list(curve.x) == pytest.approx([0, 0, 2 / 17, 7 / 17, 1])
    assert list(curve.y) == pytest.approx([0, 1 / 3, 2 / 3, 1, 1])
    assert "AUC is 0.700 (95 % interval 0.690 to 0.720)" in _text(drawing.says)
    assert "33% of the churners are found" in _text(drawing.says)


def test_the_curves_agree_with_the_metrics_of_a_training() -> None:
    labels = np.repeat([0.0, 1.0, 0.0, 1.0, 0.0, 1.0], [10, 1, 5, 1, 2, 1])
    probabilities = np.repeat([0.02, 0.1, 0.1, 0.4, 0.4, 0.5], [10, 1, 5, 1, 2, 1])
    measured = metrics(labels, probabilities, threshold=0.4)
    table = model_curves.threshold(SCORES).table
    assert table is not None
    at = table[table["Threshold share"] == 0.4].iloc[0]
    assert (at["Precision share"], at["Recall share"], at["F1"]) == pytest.approx(
        (measured["precision"], measured["recall"], measured["f1"])
    )
    curve = model_curves.roc(SCORES).figure
    assert curve is not None
    assert np.trapezoid(curve.data[0].y, curve.data[0].x) == pytest.approx(measured["auc"])


def test_precision_is_drawn_with_its_interval_and_the_base_rate() -> None:
    drawing = model_curves.precision_recall(SCORES)
    assert drawing.figure is not None
    low, high, curve, base_rate = drawing.figure.data
    assert list(curve.x) == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert list(curve.y) == pytest.approx([1, 1, 2 / 4, 3 / 10])
    assert (low.y[2], high.y[2]) == pytest.approx(wilson_interval(2 / 4, 4))
    assert list(base_rate.y) == pytest.approx([0.15, 0.15])
    assert "guessing gets the base rate of the test rows, 0.150" in _text(drawing.says)


def test_intervals_count_a_user_once_however_many_rows_there_are() -> None:
    drawing = model_curves.precision_recall(SCORES.assign(test_users=10))
    assert drawing.figure is not None
    low, high = drawing.figure.data[:2]
    assert (low.y[2], high.y[2]) == pytest.approx(wilson_interval(2 / 4, 2))


def test_calibration_sets_what_was_foretold_against_what_came() -> None:
    drawing = model_curves.calibration(SCORES)
    assert drawing.figure is not None
    bins = drawing.figure.data[0]
    assert list(bins.x) == pytest.approx([0.02, 0.1, 0.4, 0.5])
    assert list(bins.y) == pytest.approx([0, 1 / 6, 1 / 3, 1])
    low, high = wilson_interval(1 / 3, 3)
    assert (bins.error_y.arrayminus[2], bins.error_y.array[2]) == pytest.approx((1 / 3 - low, high - 1 / 3))
    assert "observed rate is 2.0% (95 % interval 1.0% to 4.0%)" in _text(drawing.says)
    assert "Of the 1 test rows with the highest probabilities, 50.0%" in _text(drawing.says)


def test_calibration_is_drawn_where_all_have_the_same_outcome() -> None:
    drawing = model_curves.calibration(ONE_OUTCOME)
    assert drawing.figure is not None
    assert list(drawing.figure.data[0].y) == [0, 0]


def test_gain_and_lift_pass_by_what_the_training_measured() -> None:
    gain, lift = model_curves.gain(SCORES), model_curves.lift(SCORES)
    assert gain.figure is not None
    assert lift.figure is not None
    assert list(gain.figure.data[0].x) == pytest.approx([0, 0.05, 0.2, 0.5, 1])
    assert list(gain.figure.data[1].y) == pytest.approx([0.1, 0.2, 0.4])
    assert list(lift.figure.data[0].y) == pytest.approx([(1 / 3) / 0.05, (2 / 3) / 0.2, 2, 1])
    assert "holds 20% (95 % interval 19% to 22%) of the churners" in _text(gain.says)
    assert "2.00 (95 % interval 1.99 to 2.02) times the base rate" in _text(lift.says)


def test_lift_of_too_few_rows_is_not_shown() -> None:
    lift = model_curves.lift(_scores([(0.1, 99, 3), (0.9, 1, 1)])).figure
    assert lift is not None
    assert list(lift.data[0].x) == [1]


def test_the_expected_value_takes_the_cost_of_all_offers_off() -> None:
    drawing = model_curves.expected_value(SCORES)
    assert drawing.table is not None
    assert list(drawing.table["Value"]) == pytest.approx([18 - 5, 36 - 20, 54 - 50, 54 - 100])
    assert "it would pay above a probability of 27.8%" in _text(drawing.says)
    assert "Offers to the 4 of 20 test rows above it would have come to 16" in _text(drawing.says)


def test_where_no_probability_is_high_enough_no_offer_pays() -> None:
    drawing = model_curves.expected_value(_scores([(0.02, 500, 1), (0.1, 6, 1)]))
    assert "so by the champion no offer pays. Greater losses are below the chart." in _text(drawing.says)


@pytest.mark.parametrize("draw", CURVES)
def test_rows_of_one_outcome_have_no_curve(draw: Callable[[pd.DataFrame], Drawing]) -> None:
    with pytest.raises(NothingToShow, match="same outcome"):
        draw(ONE_OUTCOME)


BACKTEST = pd.DataFrame(
    {
        "as_of_date": [date(2018, 10, 22), date(2018, 10, 29), date(2018, 11, 5)],
        "row_count": [200, 200, 200],
        "positive_count": [20, 10, 0],
        "auc": [0.8, 0.5, None],
        "average_precision": [0.3, 0.05, None],
        "brier_skill": [0.05, 0.0, None],
        "lift_top_10": [3.0, 1.0, None],
        "mean_probability": [0.1, 0.06, 0.08],
        "observed_rate": [0.1, 0.05, 0.0],
    }
)


def test_the_backtest_counts_the_dates_whose_interval_is_above_chance() -> None:
    drawing = model_trials.backtest_ranking(BACKTEST)
    assert drawing.figure is not None
    assert list(drawing.figure.data[0].y) == [0.8, 0.5]
    assert "of 2 past snapshots with an AUC of 0.500 to 0.800, 0.650 on average; of 1 the" in _text(drawing.says)


def test_a_backtest_of_one_outcome_ranks_nothing() -> None:
    with pytest.raises(NothingToShow, match="nothing to rank"):
        model_trials.backtest_ranking(BACKTEST.tail(1))


def test_the_backtest_sets_what_was_foretold_against_the_interval_of_what_came() -> None:
    drawing = model_trials.backtest_rates(BACKTEST)
    assert drawing.figure is not None
    assert list(drawing.figure.data[0].y) == [0.1, 0.05, 0.0]
    assert drawing.figure.data[0].error_y.array[2] == pytest.approx(wilson_interval(0.0, 200)[1])
    assert "48.0 were expected to have the outcome, and 30 had it. On 2 of the dates" in _text(drawing.says)


def test_the_interval_of_an_auc_is_that_of_hanley_and_mcneil() -> None:
    low, high = model_trials.auc_interval(pd.Series([0.893]), pd.Series([51]), pd.Series([58]))
    assert (high - low).iloc[0] / 2 / 1.96 == pytest.approx(0.032, abs=0.001)


def test_ways_to_deal_with_imbalance_are_compared_by_the_folds() -> None:
    rows = pd.DataFrame(
        {
            "imbalance": ["none", "none", "smote", "smote"],
            "algorithm": ["decision_tree", "linear_svm"] * 2,
            "is_best": [False, True, True, False],
            "fold_average_precision": [0.1, 0.2, 0.15, 0.1],
            "average_precision": [0.3, 0.12, 0.18, 0.1],
            "auc": 0.6,
            "brier_skill": 0.01,
            "calibration_error": 0.02,
            "f1": 0.2,
            "compared_at": pd.Timestamp("2026-11-29 09:00"),
        }
    )
    drawing = model_trials.imbalance(rows)
    assert drawing.figure is not None
    assert [list(trace.marker.symbol) for trace in drawing.figure.data] == [
        ["circle-open", "star"],
        ["star", "circle-open"],
    ]
    assert "best on the folds is linear SVM with none" in _text(drawing.says)
    assert "0.200 there and 0.120 on the test rows, where the best of each way have 0.120 to 0.180" in _text(
        drawing.says
    )


VERSIONS = pd.DataFrame(
    {
        "model_version": ["v4", "v3", "v2", "v1"],
        "trained_at": [pd.Timestamp(2026, 11, day) for day in (29, 22, 15, 8)],
        "algorithm": "random_forest",
        "is_chosen": [False, True, False, True],
        "test_from": date(2018, 11, 5),
        "test_to": date(2018, 11, 12),
        "test_rows": 381,
        "metrics": [KEPT] * 4,
        "promotion_reason": "first version of its label",
    }
)


def test_of_the_versions_promoted_the_newest_is_champion() -> None:
    drawing = model_trials.versions(VERSIONS)
    assert drawing.table is not None
    assert list(drawing.table["Role"]) == ["not promoted", "champion", "not promoted", "champion before"]
    assert _text(drawing.table["AUC"].iloc[0]) == "0.700 [0.690, 0.720]"
    assert "4 versions were trained, and 2 made champion; v3 of 2026-11-22 is champion" in _text(drawing.says)


def test_versions_without_a_champion_are_said_to_have_none() -> None:
    drawing = model_trials.versions(VERSIONS.assign(is_chosen=False))
    assert "0 made champion; none is champion now" in _text(drawing.says)
