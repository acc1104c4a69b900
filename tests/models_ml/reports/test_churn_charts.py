"""The charts of churn, on rows made by hand."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter
from lifelines.statistics import multivariate_logrank_test
from scipy.stats import chi2, chi2_contingency  # type: ignore[import-untyped]

from models_ml.reports.charts import churn, churn_differences, churn_habits, churn_survival
from models_ml.reports.drawing import Drawing, NothingToShow
from models_ml.reports.panels import statement
from warehouse.contract.labels import label_names

FIRST, SECOND, THIRD = date(2018, 10, 8), date(2018, 10, 15), date(2018, 10, 22)


def test_a_snapshot_that_is_not_over_counts_in_no_share() -> None:
    drawing = churn.outcomes(_labels([(FIRST, 100, 100, 10), (SECOND, 100, 5, 5)]))
    assert "10.0%" in str(drawing.says)
    cancelled, stayed, unknown = _figure(drawing).data
    assert list(cancelled.y) == [10, 5]
    assert list(stayed.y) == [90, 0]
    assert list(unknown.y) == [0, 95]
    assert drawing.table is not None
    assert drawing.table["Share"].tolist()[0] == 0.1
    assert np.isnan(drawing.table["Share"].tolist()[1])


def test_without_a_snapshot_that_is_over_there_is_no_share() -> None:
    rows = _labels([(FIRST, 100, 5, 5)])
    for draw in (churn.outcomes, churn.label_shares):
        with pytest.raises(NothingToShow):
            draw(rows)


def test_each_label_has_its_own_small_chart_with_an_interval_around_its_share() -> None:
    upgrades = _labels([(FIRST, 100, 100, 30)]).assign(label="will_upgrade", is_default=False)
    drawing = churn.label_shares(pd.concat([_labels([(FIRST, 100, 100, 10)]), upgrades], ignore_index=True))
    high, low, share = _figure(drawing).data[:3]
    assert low.y[0] < share.y[0] == 0.1 < high.y[0]
    assert [each.text for each in _figure(drawing).layout.annotations] == ["Cancels in the horizon", "Upgrades"]
    assert "upgrades <data" in str(drawing.says)


def test_a_label_of_ones_own_is_drawn_below_those_that_we_have_words_for() -> None:
    own = _labels([(FIRST, 100, 100, 30)]).assign(label="buys_a_ticket", is_default=False)
    drawing = churn.label_shares(pd.concat([own, _labels([(FIRST, 100, 100, 10)])], ignore_index=True))
    assert [each.text for each in _figure(drawing).layout.annotations] == ["Cancels in the horizon", "Buys a ticket"]
    assert "buys a ticket <data" in str(drawing.says)


def test_the_query_of_outcomes_counts_every_label_of_the_catalogue() -> None:
    sql = statement("churn/label_outcomes", "will_lapse")
    assert re.findall(r"struct\('(\w+)', count\(\1\), count_if\(\1\)\)", sql) == label_names()
    assert "label = 'will_lapse' as is_default" in sql


def test_the_triangle_counts_months_from_the_registration_and_marks_cohorts_from_before_the_log() -> None:
    drawing = churn.retention(_cohorts([(date(2018, 9, 1), 100, 80), (date(2018, 10, 1), 40, 38)]))
    grid = _figure(drawing).data[0]
    assert list(grid.x) == [1, 2]
    assert list(grid.y) == ["Sep 2018", "Oct 2018"]
    assert np.asarray(grid.z)[0, 1] == 80
    assert np.asarray(grid.z)[1, 0] == 95
    assert _figure(drawing).layout.shapes[0].y0 == 0.5
    assert "1 cohorts, above the line," in str(drawing.says)


def test_a_cohort_of_a_few_users_is_left_out_of_the_triangle_and_stands_in_the_table() -> None:
    drawing = churn.retention(_cohorts([(date(2018, 9, 1), 100, 80), (date(2018, 10, 1), 2, 2)]))
    assert list(_figure(drawing).data[0].y) == ["Sep 2018"]
    assert not _figure(drawing).layout.shapes
    assert "All cohorts shown" in str(drawing.says)
    assert drawing.table is not None
    assert len(drawing.table) == 2
    with pytest.raises(NothingToShow):
        churn.retention(_cohorts([(date(2018, 9, 1), 3, 3)]))


def test_a_small_p_value_is_not_told_to_be_nought() -> None:
    assert "fewer than" in str(churn.chance(1e-9))
    assert "4.4%" in str(churn.chance(0.0441))


def test_violins_show_both_groups_of_each_measure() -> None:
    drawing = churn_differences.leavers_and_stayers(_pairs(20))
    violins = _figure(drawing).data
    assert len(violins) == 2 * len(churn_differences.MEASURES)
    assert list(violins[0].x) == [10.0 + place for place in range(20)]
    assert violins[0].span == (0, violins[1].span[1])
    assert 'more than <data value="19.5"' in str(drawing.says)


def test_a_ratio_is_shown_for_100_songs() -> None:
    table = churn_differences.leavers_and_stayers(_pairs(20)).table
    assert table is not None
    assert table.set_index("Measure")["Median, left"]["Adverts/100 songs"] == pytest.approx(2)


def test_the_share_of_pairs_leaves_out_those_that_do_not_differ() -> None:
    rows = _pairs(20)
    rows.loc[rows.place < 5, "song_count_28d"] = 7
    drawing = churn_differences.pairs_apart(rows)
    assert drawing.table is not None
    songs = drawing.table.set_index("Measure").loc["Songs"]
    assert songs["Pairs that differ"] == 15
    assert songs["Share leaver had more"] == 1
    assert songs["Share at least"] == pytest.approx(0.796, abs=1e-3)
    assert "Friends added" not in list(_figure(drawing).data[0].y)


def test_a_few_pairs_show_nothing_and_pairs_that_are_alike_do_not_either() -> None:
    with pytest.raises(NothingToShow, match="fewer than 10 pairs"):
        churn_differences.leavers_and_stayers(_pairs(3))
    alike = _pairs(20).assign(**{each.column: 1.0 for each in churn_differences.MEASURES})
    with pytest.raises(NothingToShow, match="no pair"):
        churn_differences.pairs_apart(alike)


def test_the_heatmap_has_the_rank_correlation_of_each_measure_with_leaving() -> None:
    drawing = churn_differences.correlations(_correlated())
    grid = _figure(drawing).data[0]
    assert grid.y[0] == "Leaves (1)"
    assert np.asarray(grid.z)[0, 3] == pytest.approx(
        _correlated()[["has_left", "song_count_28d"]].corr("spearman").iat[0, 1]
    )
    assert "“Songs”" in str(drawing.says)


def test_outcomes_that_are_all_alike_go_together_with_nothing() -> None:
    with pytest.raises(NothingToShow):
        churn_differences.correlations(_correlated().assign(has_left=0))


def test_only_snapshots_a_horizon_apart_count_so_that_a_cancellation_counts_once() -> None:
    drawing = churn_habits.adverts_hazard(_bins([FIRST, SECOND, THIRD]))
    assert drawing.table is not None
    assert drawing.table["Users and snapshots"].sum() == 2 * 2 * 60
    assert "10.0%" in str(drawing.says)
    assert [trace.name for trace in _figure(drawing).data] == ["free", "paid"]
    assert list(_figure(drawing).data[0].x) == ["0", "10+"]
    assert list(_figure(drawing).data[0].y) == pytest.approx([0.05, 0.2])


def test_a_snapshot_that_is_not_over_has_no_hazard() -> None:
    with pytest.raises(NothingToShow, match="horizon"):
        churn_habits.thumbs_down_hazard(_bins([FIRST], known_share=0.5))


def test_without_a_cancellation_there_is_no_hazard() -> None:
    with pytest.raises(NothingToShow, match="cancelled"):
        churn_habits.adverts_hazard(_bins([FIRST]).assign(left_count=0))


def test_the_trend_of_two_bins_of_one_level_is_the_chi_square_of_their_table() -> None:
    rows = pd.DataFrame({"level": "free", "up_to": [0, 1], "user_count": [50, 40], "left_count": [5, 10]})
    expected = chi2_contingency([[5, 45], [10, 30]], correction=False).statistic * 89 / 90
    is_rising, p = churn_habits.trend(rows)
    assert is_rising
    assert chi2.isf(p, 1) == pytest.approx(expected)


def test_the_day_before_compares_shares_of_the_views() -> None:
    drawing = churn_habits.day_before(_pages())
    assert drawing.table is not None
    adverts = drawing.table.set_index("Page").loc["Roll Advert"]
    assert adverts["Share of views, left"] == 0.2
    assert adverts["Share of views, stayed"] == 0.05
    assert str(drawing.says).startswith("Roll Advert")
    dots = _figure(drawing).data[1]
    assert list(dots.y) == ["Roll Advert", "NextSong"]
    assert "Help" in set(drawing.table["Page"])


def test_the_difference_is_told_in_percentage_points() -> None:
    drawing = churn_habits.day_before_difference(_pages())
    bars = _figure(drawing).data[0]
    assert dict(zip(bars.y, bars.x, strict=True))["Roll Advert"] == pytest.approx(15)
    assert "15.0" in str(drawing.says)
    assert drawing.table is not None
    assert "points" not in drawing.table.columns


def test_without_views_of_a_group_nothing_is_compared() -> None:
    with pytest.raises(NothingToShow):
        churn_habits.day_before(_pages().assign(view_count=0))


def test_the_survival_curve_starts_at_one_and_is_that_of_lifelines_on_whole_lives() -> None:
    lives = _lives(300, "free")
    at_risk, cancelled = churn_survival.risk_sets(_movements(lives))
    days = pd.DataFrame({"at_risk": at_risk["free"], "cancelled": cancelled["free"]})
    days = days[days.cancelled > 0].reset_index()
    curve = churn_survival.product_limit(days)
    # In lifelines nobody is at risk on the day of entry, here everybody is.
    whole = KaplanMeierFitter().fit(lives.ends, lives.is_cancelled, entry=lives.enters - 0.5)
    expected = whole.survival_function_at_times(curve.tenure_day).to_numpy()
    limits = whole.confidence_interval_.loc[curve.tenure_day].to_numpy()
    assert curve.survival.to_numpy() == pytest.approx(expected)
    assert curve[["lower", "upper"]].to_numpy() == pytest.approx(limits, nan_ok=True)
    line = _lines(churn_survival.survival_by_level(_rows(lives, "level")))["free"]
    assert line.y[0] == 1


def test_whoever_enters_and_ends_on_one_day_is_at_risk_on_it() -> None:
    at_risk, cancelled = churn_survival.risk_sets(
        _movements(pd.DataFrame({"group": ["a", "a"], "enters": [0, 5], "ends": [9, 5], "is_cancelled": [False, True]}))
    )
    assert at_risk["a"].to_dict() == {0: 1, 5: 2, 9: 1}
    assert cancelled["a"].to_dict() == {0: 0, 5: 1, 9: 0}


def test_the_log_rank_test_is_that_of_lifelines_where_nobody_enters_late() -> None:
    lives = pd.concat([_lives(100, "a"), _lives(80, "b"), _lives(60, "c")]).assign(enters=0)
    at_risk, cancelled = churn_survival.risk_sets(_movements(lives))
    test = churn_survival.log_rank(at_risk.to_numpy(float), cancelled.to_numpy(float))
    expected = multivariate_logrank_test(lives.ends, lives.group, lives.is_cancelled)
    assert test.degrees == 2
    assert test.statistic == pytest.approx(expected.test_statistic)
    assert test.p == pytest.approx(expected.p_value)


def test_the_log_rank_test_with_late_entry_finds_no_difference_where_there_is_none() -> None:
    generator = np.random.default_rng(0)
    rejected = 0
    for _ in range(300):
        ends = generator.geometric(0.02, 300)
        enters = np.where(np.arange(300) < 150, 0, generator.integers(0, 60, 300))
        lives = pd.DataFrame(
            {"group": np.where(np.arange(300) < 150, "a", "b"), "enters": enters, "ends": ends, "is_cancelled": True}
        )
        at_risk, cancelled = churn_survival.risk_sets(_movements(lives[lives.ends >= lives.enters]))
        rejected += churn_survival.log_rank(at_risk.to_numpy(float), cancelled.to_numpy(float)).p < 0.05
    assert 5 <= rejected <= 27  # of 300 at 5 %: 15, give or take three standard deviations


def test_groups_that_never_meet_are_not_compared() -> None:
    apart = pd.concat([_lives(50, "a").assign(enters=0), _lives(50, "b").assign(enters=500, ends=520)])
    at_risk, cancelled = churn_survival.risk_sets(_movements(apart))
    assert churn_survival.log_rank(at_risk.to_numpy(float), cancelled.to_numpy(float)).degrees == 0


def test_curves_that_are_compared_start_on_one_day_and_those_of_months_on_their_own() -> None:
    lives = pd.concat([_lives(100, "a").assign(enters=0), _lives(100, "b").assign(enters=20)])
    lives = lives.assign(ends=lives.ends.clip(lower=lives.enters + 1))
    together = _lines(churn_survival.survival_by_gender(_rows(lives, "gender")))
    apart = _lines(churn_survival.survival_by_month(_rows(lives, "registration month")))
    assert {line.x[0] for line in together.values()} == {20}
    assert {name: line.x[0] for name, line in apart.items()} == {"a": 0, "b": 20}


def test_a_small_group_has_no_curve_and_stands_in_the_table() -> None:
    drawing = churn_survival.survival_by_device(_rows(pd.concat([_lives(100, "Windows"), _lives(5, "iPad")]), "device"))
    assert list(_lines(drawing)) == ["Windows"]
    assert "nothing is compared" in str(drawing.says)
    assert drawing.table is not None
    assert set(drawing.table["Device"]) == {"Windows", "iPad"}


def test_text_of_a_group_stays_text() -> None:
    drawing = churn_survival.survival_by_device(_rows(_lives(100, "<b>me"), "device"))
    assert "&lt;b&gt;me" in str(drawing.says)


def test_without_a_group_that_is_large_enough_there_is_no_survival() -> None:
    with pytest.raises(NothingToShow, match="No level"):
        churn_survival.survival_by_level(_rows(_lives(5, "free"), "level"))
    with pytest.raises(NothingToShow, match="No gender"):
        churn_survival.survival_by_gender(_rows(_lives(100, "free"), "level"))


def _labels(snapshots: list[tuple[date, int, int, int]]) -> pd.DataFrame:
    rows = pd.DataFrame(snapshots, columns=["as_of_date", "user_count", "known_count", "positive_count"])
    return rows.assign(label="churned_in_time_bin", horizon_days=14, is_default=True)


def _cohorts(cohorts: list[tuple[date, int, int]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "registration_month": month,
                "as_of_date": date(2018, 11, 26),
                "user_count": users,
                "subscribed_user_count": members,
                "log_from": date(2018, 10, 1),
            }
            for month, users, members in cohorts
        ]
    )


def _pairs(count: int) -> pd.DataFrame:
    """Who left has ten more songs and two times the adverts; all else is alike."""
    values: dict[str, Any] = {each.column: 1.0 for each in churn_differences.MEASURES}
    return pd.DataFrame(
        [
            {
                **values,
                "as_of_date": FIRST,
                "tenure_band": 1,
                "place": place,
                "has_left": has_left,
                "song_count_28d": place + 10 * has_left,
                "advert_per_song_28d": 0.02 if has_left else 0.01,
            }
            for place in range(count)
            for has_left in (True, False)
        ]
    )


def _correlated() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    rows = pd.DataFrame({each.column: generator.random(200) for each in churn_differences.CORRELATED})
    return rows.assign(has_left=(rows.song_count_28d > 0.7).astype(int))


def _bins(dates: list[date], known_share: float = 1) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "as_of_date": each,
                "horizon_days": 14,
                "level": level,
                "measure": measure,
                "up_to": up_to,
                "user_count": users,
                "known_count": int(users * known_share),
                "left_count": left,
            }
            for each in dates
            for level in ("free", "paid")
            for measure in ("advert_per_song_28d", "thumbs_down_per_song_28d")
            for up_to, users, left in ((0, 40, 2), (100, 20, 4))
        ]
    )


def _pages() -> pd.DataFrame:
    counts = {"NextSong": (80, 94), "Roll Advert": (20, 5), "Help": (0, 1)}
    return pd.DataFrame(
        [
            {"page": page, "anchor_group": group, "user_count": 10, "page_user_count": 5, "view_count": count}
            for page, both in counts.items()
            for group, count in zip(("cancelled", "matched"), both, strict=True)
        ]
    )


def _lives(count: int, group: str) -> pd.DataFrame:
    """Whole lives with late entry: days of tenure of the first event and of the end."""
    generator = np.random.default_rng(len(group) + count)
    enters = generator.integers(0, 20, count)
    return pd.DataFrame(
        {
            "group": group,
            "enters": enters,
            "ends": enters + generator.integers(1, 60, count),
            "is_cancelled": generator.random(count) < 0.4,
        }
    )


def _movements(lives: pd.DataFrame) -> pd.DataFrame:
    """What the query answers of whole lives."""
    enters = pd.DataFrame({"member_group": lives.group, "tenure_day": lives.enters, "entered_count": 1})
    ends = pd.DataFrame(
        {
            "member_group": lives.group,
            "tenure_day": lives.ends,
            "ended_count": 1,
            "cancelled_count": lives.is_cancelled.astype(int),
        }
    )
    both = pd.concat([enters, ends]).fillna(0)
    return both.groupby(["member_group", "tenure_day"]).sum().astype(int).reset_index()


def _rows(lives: pd.DataFrame, dimension: str) -> pd.DataFrame:
    return _movements(lives).assign(dimension=dimension)


def _figure(drawing: Drawing) -> Any:  # noqa: ANN401 - plotly has no types
    assert drawing.figure is not None
    return drawing.figure


def _lines(drawing: Drawing) -> dict[str, Any]:
    return {trace.name: trace for trace in _figure(drawing).data if trace.name}
