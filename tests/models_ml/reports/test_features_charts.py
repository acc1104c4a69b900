"""The charts of the features, on rows made by hand."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from drawings import drawn, table_in, text

from models_ml.reports.charts import feature_values, features
from models_ml.reports.charts.small_plots import plain, small_plots
from models_ml.reports.drawing import NothingToShow
from models_ml.reports.pages.features import PAGE
from models_ml.reports.tables import ROWS_SHOWN, table_of
from warehouse.contract.catalogue import features as catalogue_of_the_warehouse

if TYPE_CHECKING:
    from models_ml.reports.panels import Panel

FIRST, SECOND = date(2018, 10, 8), date(2018, 10, 15)
ENTRIES = [each for each in catalogue_of_the_warehouse() if each.name in ("song_count_7d", "song_count_28d", "level")]


def snapshot(day: date, feature: str, median: float, **changed: object) -> dict[str, object]:
    return {
        "as_of_date": day,
        "feature": feature,
        "user_count": 200,
        "null_count": 0,
        "mean": median + 1,
        "lower_quartile": median - 2,
        "median": median,
        "upper_quartile": median + 2,
    } | changed


def ranks(*pairs: tuple[str, float | None, float | None]) -> pd.DataFrame:
    rows = pd.DataFrame(pairs, columns=["feature", "auc", "lower_bound"])
    told: dict[str, Any] = {
        "ranked_by": "value",
        "row_count": 1000,
        "positive_count": 80,
        "positive_user_count": 50,
        "reason": None,
    }
    return rows.assign(**told)


def effects(*names: str) -> pd.DataFrame:
    return pd.DataFrame({"feature": names, "importance": [1 / place for place in range(1, len(names) + 1)]})


def moved(feature: str, psi: float, bins: dict[str, tuple[int, int]] | None, **changed: object) -> dict[str, object]:
    counts = list(bins.values()) if bins is not None else None
    return {
        "as_of_date": SECOND,
        "model_version": "v1",
        "feature": feature,
        "kind": "numeric",
        "is_used": True,
        "psi": psi,
        "train_rows": 100,
        "scored_rows": 10,
        "bins": None if bins is None else list(bins),
        "bin_train_rows": None if counts is None else [each[0] for each in counts],
        "bin_scored_rows": None if counts is None else [each[1] for each in counts],
    } | changed


SNAPSHOTS = pd.DataFrame(
    [
        snapshot(FIRST, "song_count_28d", 10),
        snapshot(SECOND, "song_count_28d", 12, null_count=50),
        snapshot(SECOND, "song_count_7d", 0.0123),
    ]
)


def test_the_catalogue_says_what_each_feature_is_and_what_is_known_of_it() -> None:
    lineage = pd.DataFrame({"feature": ["song_count_28d"], "raw_columns": ["raw.events.page, raw.events.ts"]})
    drift = pd.DataFrame([moved("song_count_28d", 0.3, None), moved("level=paid", 0.1, None)])
    aucs = ranks(("song_count_28d", 0.61234, 0.55))
    drawing = features.catalogue(SNAPSHOTS, aucs, lineage, drift, ENTRIES)
    row = table_in(drawing).set_index("Feature").loc["song_count_28d"]
    assert row["Meaning"] == "Songs played in the 28 days before the snapshot."
    assert (row["Unit"], row["Range"], row["NULL where"]) == ("songs", "from 0", "never")
    assert row["Made from"] == "page, ts"
    assert [row[name].striptags() for name in ("AUC alone", "AUC at least (99 %)", "Median")] == [
        "0.612",
        "0.550",
        "12",
    ]
    assert (row["Share without a value"], row["PSI since training"]) == (0.25, 0.3)
    read = table_in(drawing).set_index("Feature")["Input of the champion"]
    assert read.to_dict() == {"song_count_7d": "no", "song_count_28d": "yes", "level": "yes"}
    assert "3 features in 2 groups" in text(drawing)
    assert "at 2018-10-15 (200 users). Without a value for some users: 1 of the 2" in text(drawing)
    assert "v1 was trained on" in text(drawing)


def test_the_catalogue_stands_where_nothing_else_is_known() -> None:
    drawing = features.catalogue(SNAPSHOTS, None, None, None, ENTRIES)
    assert len(table_in(drawing)) == len(ENTRIES)
    assert "No champion has scored them yet" in text(drawing)
    empty = features.catalogue(SNAPSHOTS, ranks(), ranks(), ranks(), ENTRIES)
    assert list(table_in(empty).columns) == list(table_in(drawing).columns)
    shown = table_of(table_in(drawing))
    of_level = next(row for row in shown.rows if row[0] == "level")
    assert [cell.striptags() for cell in of_level[4:]].count("-") == 8


def test_a_small_value_keeps_its_digits() -> None:
    assert feature_values.short(0.0123456).striptags() == "0.0123"
    assert feature_values.short(1234.0).striptags() == "1,234"
    assert feature_values.short(1234.5).striptags() == "1,234"
    assert feature_values.short(-0.5).striptags() == "-0.500"
    assert [feature_values.short(value).striptags() for value in (None, math.nan)] == ["-", "-"]


def test_the_table_of_the_page_has_room_for_the_whole_catalogue() -> None:
    assert len(catalogue_of_the_warehouse()) <= ROWS_SHOWN


def test_the_best_column_and_the_best_group_are_named_with_how_sure_that_is() -> None:
    drawing = features.ranking(
        ranks(("level", 0.7, 0.6), ("song_count_28d", 0.65, 0.45), ("unheard_of", 0.9, 0.8)), ENTRIES
    )
    assert "On its own, level ranks best: AUC 0.700 (with 99 % confidence at least 0.600)" in text(drawing)
    assert "over 1,000 rows of a user and a snapshot, 80 of them" in text(drawing)
    assert "Of the groups, plan ranks best: half of its features have an AUC of 0.700 or more." in text(drawing)
    assert "1 of 2 are better than a coin" in text(drawing)
    dots = drawn(drawing).data[0]
    assert list(dots.customdata) == ["song_count_28d", "level"]
    assert list(dots.error_x.arrayminus) == pytest.approx([0.2, 0.1])
    assert list(dots.error_x.array) == [0, 0]
    assert drawn(drawing).layout.xaxis.range[0] < 0.45


def test_of_few_users_the_ranking_says_that_its_error_is_not_known() -> None:
    drawing = features.ranking(ranks(("level", 0.7, None)), ENTRIES)
    assert "of so few users its error is not known" in text(drawing)
    assert "too few users with the outcome" in text(drawing)
    with pytest.raises(NothingToShow, match="outcomes have to come in"):
        features.ranking(ranks(("level", None, None)), ENTRIES)


def outcome(feature: str, left: tuple[float, float], stayed: tuple[float, float], users: int = 50) -> pd.DataFrame:
    """Mean and deviation of both groups; quantiles lie one apart around the mean."""
    groups = [(True, *left, users), (False, *stayed, 4 * users)]
    return pd.DataFrame(
        {
            "as_of_date": FIRST,
            "feature": feature,
            "is_churned": is_churned,
            "user_count": count,
            "null_count": 0,
            "mean": mean,
            "deviation": deviation,
            "quantiles": [mean - 2, mean - 1, mean, mean + 1, mean + 2],
        }
        for is_churned, mean, deviation, count in groups
    )


def test_who_left_is_told_apart_from_who_stayed_in_standard_deviations() -> None:
    rows = pd.concat([outcome("song_count_28d", (10, 2), (12, 2)), outcome("level_changes", (1, 1), (1, 1))])
    drawing = feature_values.outcomes(rows, effects("level_changes"), ranks(("song_count_28d", 0.6, 0.5)))
    assert "50 users were about to leave and 200 to stay" in text(drawing)
    # sqrt(250 / 10,000 + 1 / 500) is 0.164, times 1.96: 0.322.
    assert "song_count_28d: its median is 10 of those about to leave and 12 of the others" in text(drawing)
    assert (
        "-1.00 standard deviations apart (-1.32 to -0.68). Beyond chance (95 % interval without 0): 1 of the 2"
        in text(drawing)
    )
    boxes = drawn(drawing).data
    assert [each.name for each in boxes] == ["stay", "leave"] * 2
    assert [each.text for each in drawn(drawing).layout.annotations] == ["level changes", "song count 28d"]
    assert (boxes[3].q1[0], boxes[3].median[0], boxes[3].upperfence[0]) == (9, 10, 12)
    assert table_in(drawing).Feature.tolist() == ["song_count_28d", "level_changes"]


def test_no_difference_beyond_chance_is_said_as_such() -> None:
    rows = outcome("song_count_28d", (11.9, 2), (12, 2))
    drawing = feature_values.outcomes(rows, None, ranks(("song_count_28d", 0.6, 0.5)))
    assert "None of the inputs shown (1) differs beyond chance" in text(drawing)


def test_outcomes_need_both_groups_and_values_that_differ() -> None:
    rows, aucs = outcome("song_count_28d", (0, 0), (0, 0)), ranks(("song_count_28d", 0.6, 0.5))
    with pytest.raises(NothingToShow, match="all users left or all stayed"):
        feature_values.outcomes(rows[rows.is_churned], None, aucs)
    with pytest.raises(NothingToShow, match="values that differ"):
        feature_values.outcomes(rows, None, aucs)


def test_a_group_without_values_stands_in_the_table_alone() -> None:
    lacking = outcome("song_count_7d", (1, 1), (1, 1))
    lacking.loc[lacking.is_churned, ["mean", "deviation"]] = math.nan
    lacking.loc[lacking.is_churned, "null_count"] = 50
    lacking["quantiles"] = [None, *lacking.quantiles[1:]]
    rows = pd.concat([lacking, outcome("song_count_28d", (10, 2), (12, 2))])
    drawing = feature_values.outcomes(rows, effects("song_count_7d", "song_count_28d"), None)
    assert len(drawn(drawing).data) == 2
    last = table_in(drawing).iloc[-1]
    assert (last.Feature, last["Median, about to leave"].striptags()) == ("song_count_7d", "-")
    assert last["Share without a value, about to leave"] == 1


def test_main_inputs_are_the_champions_then_the_best_alone_with_one_window_each() -> None:
    known = pd.Index(["song_count_28d", "song_count_7d", "level", "days_since_last_event", "hours"])
    aucs = ranks(("song_count_7d", 0.8, 0.7), ("hours", 0.7, 0.6), ("level", None, None))
    idle = effects("days_since_last_event", "song_count_28d", "behaviour", "level")
    idle.loc[idle.feature == "level", "importance"] = 0.0
    assert feature_values.main_inputs(known, idle, aucs) == ["days_since_last_event", "song_count_28d", "hours"]
    assert feature_values.main_inputs(known, None, aucs) == ["song_count_7d", "hours"]
    assert feature_values.main_inputs(known, None, None) == []


def test_the_course_of_a_median_has_the_middle_half_around_it() -> None:
    drawing = feature_values.courses(SNAPSHOTS, effects("song_count_28d"), None)
    lower, upper, median = drawn(drawing).data
    assert [list(each.y) for each in (lower, upper, median)] == [[8, 10], [12, 14], [10, 12]]
    assert "The median of song_count_28d moved most for its spread: from 10 to 12." in text(drawing)
    assert table_in(drawing).Snapshot.tolist() == [SECOND, FIRST]


def test_courses_need_two_snapshots_and_inputs_that_are_known_to_matter() -> None:
    with pytest.raises(NothingToShow, match="one snapshot so far"):
        feature_values.courses(SNAPSHOTS[SNAPSHOTS.as_of_date == FIRST], effects("song_count_28d"), None)
    with pytest.raises(NothingToShow, match="outcomes have to come in"):
        feature_values.courses(SNAPSHOTS, None, None)
    still = pd.DataFrame([snapshot(day, "song_count_28d", 3) for day in (FIRST, SECOND)])
    assert "No median of an input" in text(feature_values.courses(still, effects("song_count_28d"), None))


def test_the_input_that_moved_most_is_told_with_its_bin() -> None:
    rows = pd.DataFrame(
        [
            moved("song_count_28d", 0.4, {"up to 3": (50, 1), "above 3, up to 9": (50, 9), "above 9": (0, 0)}),
            moved("hours", 0.1, {"up to 1": (100, 10)}),
            moved("unread", 0.9, {"up to 1": (100, 10)}, is_used=False),
            moved("score", 0.2, {"up to 0": (100, 10)}),
        ]
    )
    drawing = feature_values.since_training(rows)
    assert "10 users scored at 2018-10-15 (blue) beside the 100 rows that v1 was trained on (grey)" in text(drawing)
    assert "Of 2 inputs, song_count_28d has moved most (PSI 0.40): “up to 3” held 50.0% and holds 10.0%." in text(
        drawing
    )
    assert [each.text for each in drawn(drawing).layout.annotations] == ["score", "song count 28d", "hours"]
    assert list(drawn(drawing).layout.yaxis2.ticktext) == ["up to 3", "up to 9", "above 9"]
    then, now = drawn(drawing).data[2:4]
    assert (list(then.x), list(now.x)) == ([0.5, 0.5, 0], [0.1, 0.9, 0])


def test_a_value_out_of_the_log_is_text_in_titles_and_ticks() -> None:
    hostile = {"<b>x</b>, y": (100, 10)}
    rows = pd.DataFrame([moved("browser=<a href>", 0.4, hostile, kind="categorical")])
    layout = drawn(feature_values.since_training(rows)).layout
    assert layout.annotations[0].text == "browser=&lt;a href&gt;"
    assert layout.yaxis.ticktext == ("&lt;b&gt;x&lt;/b&gt;, y",)


def test_what_was_measured_before_bins_were_kept_is_said() -> None:
    with pytest.raises(NothingToShow, match="kept no bins: the next `sparkhouse predict`"):
        feature_values.since_training(pd.DataFrame([moved("score", 0.1, None)]))


def test_small_plots_stand_two_a_row_each_under_its_title() -> None:
    layout: Any = small_plots([], ["a" * 50, "b", "c"], 100, xaxis={"nticks": 3}, yaxis={}).layout
    assert (layout.grid.rows, layout.grid.columns, layout.xaxis3.nticks) == (2, 2, 3)
    assert layout.annotations[0].text == "a" * 20 + "<br>" + "a" * 20
    assert plain("<i>" * 10, 9) == "&lt;i&gt;&lt;i&gt;&lt;i…"


@pytest.mark.parametrize("panel", PAGE.panels, ids=lambda panel: panel.id)
def test_every_panel_asks_as_many_queries_as_its_chart_takes(panel: Panel) -> None:
    taken = panel.draw.__code__.co_argcount
    assert 1 + len(panel.beside) in (taken, taken - 1)
