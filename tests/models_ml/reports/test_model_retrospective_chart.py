"""The notebooks' way to evaluate, beside the champion's test on later snapshots."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from models_ml.experiments.retrospective import texts
from models_ml.reports.charts import model_retrospective
from models_ml.reports.charts.model_retrospective import LEAKING, ONE_DATE, WHOLE_LIVES, honest_and_retrospective
from models_ml.reports.drawing import NothingToShow

if TYPE_CHECKING:
    from models_ml.reports.drawing import Drawing

MEASURED = pd.Timestamp("2026-11-29 09:00")
UNKNOWN = dict.fromkeys(("auc_low", "auc_high", "average_precision_low", "average_precision_high"), np.nan)
OTHERS = {"weighted_f1": 0.8, "f1": 0.2, "accuracy": 0.9, "measured_at": MEASURED}
CHAMPION = {
    "variant": "the champion, on later snapshots",
    "model": "linear_svm",
    "is_champion": True,
    "row_count": 400,
    "churner_count": 20,
    "auc": 0.7,
    "auc_low": 0.65,
    "auc_high": 0.75,
    "average_precision": 0.2,
    "average_precision_low": 0.1,
    "average_precision_high": 0.3,
} | OTHERS


def of_variant(variant: str, auc: float, churners: int = 40) -> list[dict[str, object]]:
    """The best model, another, a column that is better than both, and nobody churns."""
    values = {"random_forest": auc, "logistic_regression": auc - 0.1, "span_days alone": auc + 0.05}
    shared = {"variant": variant, "is_champion": False, "row_count": 200, "churner_count": churners}
    return [
        {**shared, "model": model, "auc": value, "average_precision": 0.4, **UNKNOWN, **OTHERS}
        for model, value in {**values, "nobody churns": 0.5}.items()
    ]


ALL = [*of_variant(ONE_DATE, 0.71), *of_variant(LEAKING, 0.94), *of_variant(WHOLE_LIVES, 0.9), CHAMPION]


def text(drawing: Drawing) -> str:
    return re.sub(r"<[^>]*>", "", str(drawing.says))


def test_the_names_are_those_of_the_evaluation() -> None:
    assert (LEAKING, WHOLE_LIVES, ONE_DATE) == (texts.LEAKING, texts.WITHOUT_CANCEL, texts.AS_OF_ONE_DATE)
    assert (model_retrospective.NOBODY, model_retrospective.ALONE) == (texts.NOBODY, texts.ALONE)


def test_the_best_of_the_models_stands_beside_the_champion_and_is_told_apart_beyond_chance_alone() -> None:
    says = text(honest_and_retrospective(pd.DataFrame(ALL)))
    assert "the champion has an AUC of 0.700 (95 % interval 0.650 to 0.750)" in says
    assert "0.940 with columns that count the pages of cancelling, 0.240 higher; 0.900 without these" in says
    assert "at the cancellation, 0.200 higher; 0.710 as of one date for all, no difference beyond chance." in says


def test_a_champion_may_be_the_better_one() -> None:
    rows = pd.DataFrame([*of_variant(WHOLE_LIVES, 0.52), CHAMPION])
    assert "at the cancellation, 0.180 lower" in text(honest_and_retrospective(rows))


def test_a_variant_that_too_few_churned_for_is_said_to_have_no_number() -> None:
    drawing = honest_and_retrospective(pd.DataFrame(ALL[4:]))
    assert "as of one date for all, none: too few churned." in text(drawing)
    assert drawing.figure is not None
    assert len(drawing.figure.layout.yaxis.ticktext) == 3


def test_variants_stand_from_that_which_knows_most_to_the_champion_each_kind_of_model_in_its_colour() -> None:
    drawn = honest_and_retrospective(pd.DataFrame(ALL)).figure
    assert drawn is not None
    of_auc = {trace.name: trace for trace in drawn.data if trace.xaxis == "x"}
    assert set(of_auc) == {"logistic regression", "random forest", "best column alone", "champion"}
    assert list(of_auc["random forest"].x) == [0.94, 0.9, 0.71]
    assert [round(height) for height in of_auc["random forest"].y] == [0, 1, 2]
    assert (list(of_auc["champion"].x), list(of_auc["champion"].y)) == ([0.7], [3])
    assert list(of_auc["best column alone"].customdata) == ["span days alone"] * 3
    assert of_auc["random forest"].error_x.arrayminus[1] == pytest.approx(0.0657, abs=0.0001)
    band = drawn.layout.shapes[1]
    assert (band.x0, band.x1) == (0.65, 0.75)


def test_average_precision_stands_beside_that_of_guessing() -> None:
    drawn = honest_and_retrospective(pd.DataFrame([*of_variant(LEAKING, 0.9, churners=50), CHAMPION])).figure
    assert drawn is not None
    guessing = next(trace for trace in drawn.data if trace.name == "guessing")
    assert (list(guessing.x), list(guessing.y)) == ([0.25, 0.05], [0, 1])
    assert guessing.xaxis == "x2"


def test_the_table_has_all_models_that_of_nobody_churns_too() -> None:
    table = honest_and_retrospective(pd.DataFrame(ALL)).table
    assert table is not None
    assert len(table) == len(ALL)
    assert table["Model"].tolist().count("nobody churns") == 3
    assert table["Share churned"].tolist()[-1] == 0.05


def test_without_a_champion_or_an_evaluation_it_is_said_what_is_missing() -> None:
    with pytest.raises(NothingToShow, match="no champion"):
        honest_and_retrospective(pd.DataFrame(ALL[:-1]))
    with pytest.raises(NothingToShow, match="evaluate --protocol retrospective"):
        honest_and_retrospective(pd.DataFrame([CHAMPION]))
