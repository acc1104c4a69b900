"""Charts of features and of drift: each against its own past."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from drawings import drawn, table_in, text
from scipy.stats import chi2  # type: ignore[import-untyped]

from models_ml.reports.charts import drift as charts
from models_ml.reports.drawing import NothingToShow


def feature(on: int, name: str, mean: float, deviation: float = 2, nulls: int = 0) -> dict[str, object]:
    return {
        "as_of_date": date(2018, 11, on),
        "feature": name,
        "user_count": 100,
        "null_count": nulls,
        "mean": mean,
        "deviation": deviation,
        "lower_quartile": 1.0,
        "median": 2.0,
        "upper_quartile": 3.0,
    }


def test_a_change_is_told_in_standard_deviations() -> None:
    rows = [feature(12, "a", 4), feature(12, "b", 4), feature(19, "a", 4.1), feature(19, "b", 5, nulls=20)]
    drawing = charts.feature_changes(pd.DataFrame(rows))
    bars, names = drawn(drawing).data
    assert names.text == ("b", "a")
    assert list(bars.x) == pytest.approx([0.5, 0.05])
    assert "1 of 2 features moved by more than 0.1" in text(drawing)
    assert "b did so most of all: its mean went from 4.00 to 5.00" in text(drawing)
    assert "The share of nulls changed most in b, from 0.0% to 20.0%." in text(drawing)
    assert table_in(drawing).Feature.tolist() == ["b", "a"]


def test_of_many_features_the_chart_has_those_that_moved_most_and_the_table_all() -> None:
    rows = [feature(on, f"f{place}", 4 + place * (on == 19)) for on in (12, 19) for place in range(30)]
    drawing = charts.feature_changes(pd.DataFrame(rows))
    assert drawn(drawing).data[1].text == tuple(f"f{place}" for place in range(29, 14, -1))
    assert len(table_in(drawing)) == 30
    assert "the chart has the 15 that moved most" in text(drawing)
    assert "No share of nulls changed." in text(drawing)


def test_a_feature_without_scatter_has_no_change_to_tell() -> None:
    rows = [feature(on, name, 4, deviation) for on in (12, 19) for name, deviation in (("a", 2.0), ("b", 0.0))]
    drawing = charts.feature_changes(pd.DataFrame(rows))
    assert drawn(drawing).data[1].text == ("a",)
    assert len(table_in(drawing)) == 2


def test_of_many_snapshots_the_two_newest_are_compared() -> None:
    rows = [feature(on, name, mean) for on, mean in ((5, 90), (12, 4), (19, 5)) for name in ("a", "b")]
    assert "From 2018-11-12 (100 users) to 2018-11-19" in text(charts.feature_changes(pd.DataFrame(rows)))


def test_one_snapshot_has_nothing_to_be_compared_with() -> None:
    with pytest.raises(NothingToShow, match="one snapshot"):
        charts.feature_changes(pd.DataFrame([feature(12, "a", 4)]))


def test_features_without_values_have_no_change() -> None:
    rows = pd.DataFrame([feature(on, "a", np.nan, np.nan, nulls=100) for on in (12, 19)])
    with pytest.raises(NothingToShow, match="No user"):
        charts.feature_changes(rows)


def drift(on: int, name: str, psi: float, version: str = "v1", limit: float = 0.25) -> dict[str, object]:
    return {
        "as_of_date": date(2018, 11, on),
        "model_version": version,
        "feature": name,
        "psi": psi,
        "ks": 0.1,
        "bins": 10,
        "train_missing_share": 0.0,
        "scored_missing_share": 0.1,
        "train_rows": 1000,
        "scored_rows": 200,
        "psi_limit": limit,
    }


LIMIT = 0.25 + (1 / 1000 + 1 / 200) * chi2.ppf(0.999, 9)


def test_the_limit_of_an_input_is_much_drift_and_what_chance_adds() -> None:
    rows = [drift(12, "score", 9), drift(19, "a", 0.9), drift(19, "score", 0.1), drift(19, "b", LIMIT - 0.01)]
    drawing = charts.drift_by_input(pd.DataFrame(rows))
    bars, limits = drawn(drawing).data
    assert list(bars.y) == ["score", "b", "a"]
    assert list(limits.x) == pytest.approx([LIMIT] * 3)
    assert "1 of 2 inputs of v1 have moved" in text(drawing)
    assert "The score is within its limit: PSI 0.10" in text(drawing)
    assert table_in(drawing).set_index("Input").Beyond.to_dict() == {"a": True, "score": False, "b": False}


def test_a_limit_of_ones_own_counts() -> None:
    drawing = charts.drift_by_input(pd.DataFrame([drift(12, "a", LIMIT + 0.01, limit=0.5)]))
    assert list(drawn(drawing).data[1].x) == pytest.approx([LIMIT + 0.25])
    assert "0 of 1 inputs" in text(drawing)
    assert "a PSI of 0.50, the limit of the gate, and what chance adds" in text(drawing)


def test_what_the_gate_has_not_judged_has_the_usual_limit() -> None:
    drawing = charts.drift_by_input(pd.DataFrame([drift(12, "a", 0.1, limit=np.nan)]))
    assert list(drawn(drawing).data[1].x) == pytest.approx([LIMIT])
    assert "a PSI of 0.25, the usual mark, as the gate has not judged drift yet" in text(drawing)


def test_the_course_of_the_drift_is_in_limits() -> None:
    rows = [
        *(drift(12, name, psi) for name, psi in (("score", 0.1), ("a", 0.0), ("b", LIMIT / 2))),
        *(drift(19, name, psi, "v2") for name, psi in (("score", 2 * LIMIT), ("a", 2 * LIMIT), ("b", 0.1))),
    ]
    drawing = charts.drift_over_time(pd.DataFrame(rows))
    assert [trace.name for trace in drawn(drawing).data] == ["score", "a", "b"]
    assert list(drawn(drawing).data[1].y) == pytest.approx([0, 2])
    assert "50% of the inputs of the champion were beyond the limit of their drift; at 2018-11-12 it was 0%" in text(
        drawing
    )
    assert "The score is beyond its limit, too" in text(drawing)
    assert "new champion" in text(drawing)
    assert [shape.x0 for shape in drawn(drawing).layout.shapes if shape.yref == "paper"] == [date(2018, 11, 19)]


def test_the_course_of_one_champion_has_no_mark_of_another() -> None:
    drawing = charts.drift_over_time(pd.DataFrame([drift(on, "a", 0.1) for on in (12, 19)]))
    assert "new champion" not in text(drawing)
    assert "Of the score nothing was measured" in text(drawing)


def test_one_scored_snapshot_has_no_course() -> None:
    with pytest.raises(NothingToShow, match="One snapshot"):
        charts.drift_over_time(pd.DataFrame([drift(12, "score", 0.1)]))
