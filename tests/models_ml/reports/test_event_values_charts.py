"""Charts of the columns of the log: missing values and values, the newest week against the four before."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from drawings import drawn, table_in, text

from models_ml.reports.charts import event_values
from models_ml.reports.drawing import NothingToShow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


NEWEST = date(2018, 12, 14)
# The value of a column with many, and what stands for none.
ANY, NONE = "(any)", None


def counts(columns: Mapping[str, Mapping[str | None, Sequence[int]]]) -> pd.DataFrame:
    """Rows as the query has them, of counts by column, value and week from the newest on; 0 is no row."""
    rows = [
        (NEWEST, column, value, week, events, total(values, week), total(values, week) - lacking(values, week))
        for column, values in columns.items()
        for value, by_week in values.items()
        for week, events in enumerate(by_week)
        if events
    ]
    names = ["newest_date", "column_name", "value", "week", "event_count", "all_count", "valued_count"]
    return pd.DataFrame(rows, columns=names)


def total(values: Mapping[str | None, Sequence[int]], week: int) -> int:
    return sum(by_week[week] for by_week in values.values())


def lacking(values: Mapping[str | None, Sequence[int]], week: int) -> int:
    return values[NONE][week] if NONE in values else 0


MISSING = counts(
    {
        "artist": {ANY: [820, 800, 810, 790, 800], NONE: [180, 200, 190, 210, 200]},
        "state": {ANY: [500, 900, 905, 895, 900], NONE: [500, 100, 95, 105, 100]},
        "page": {"Home": [1000] * 5},
    }
)


def test_columns_that_lack_values_are_compared_with_the_weeks_before() -> None:
    drawing = event_values.missing_values(MISSING)
    _, before, now, beyond, names = drawn(drawing).data
    assert list(before.x) == pytest.approx([0.1, 0.2])
    assert list(now.x) == pytest.approx([np.nan, 0.18], nan_ok=True)
    assert list(beyond.x) == pytest.approx([0.5, np.nan], nan_ok=True)
    assert list(names.text) == ["state: 10.0%, now 50.0%", "artist: 20.0%, now 18.0%"]
    assert "Of 3 columns of the log, 2 lack values in the 7 days to 2018-12-14" in text(drawing)
    assert "In 1 of them the share differs by more than chance" in text(drawing)
    assert "state moved most: from 10.0% to 50.0% of the events" in text(drawing)


def test_the_table_has_the_columns_that_lack_nothing_too() -> None:
    table = table_in(event_values.missing_values(MISSING)).set_index("Column")
    assert list(table.index) == ["state", "artist", "page"]
    assert table["Beyond chance"].tolist() == [True, False, False]
    assert table.loc["page", "Share now"] == 0


def test_a_log_that_lacks_nothing_has_no_chart_of_it() -> None:
    drawing = event_values.missing_values(counts({"page": {"Home": [10] * 5}, "auth": {"Logged In": [10] * 5}}))
    assert drawing.figure is None
    assert (
        "No event of the 7 days to 2018-12-14 or up to 28 days before lacks a value: 2 columns were looked at"
        in text(drawing)
    )


def test_a_column_without_any_value_lacks_all() -> None:
    drawing = event_values.missing_values(counts({"gender": {NONE: [10] * 5}, "page": {"Home": [10] * 5}}))
    assert list(drawn(drawing).data[2].x) == [1.0]
    assert "In 0 of them the share differs by more than chance" in text(drawing)


def test_a_share_of_a_value_is_that_of_the_events_that_have_one() -> None:
    level: dict[str | None, list[int]] = {
        "paid": [90, 80, 80, 80, 80],
        "free": [10, 20, 20, 20, 20],
        NONE: [900, 0, 0, 0, 0],
    }
    table = table_in(event_values.values(counts({"level": level})))
    assert table[["Value", "Share before", "Share now"]].to_numpy().tolist() == [
        ["free", pytest.approx(0.2), pytest.approx(0.1)],
        ["paid", pytest.approx(0.8), pytest.approx(0.9)],
    ]


def test_the_value_that_moved_most_stands_first_with_its_interval() -> None:
    pages: dict[str | None, list[int]] = {
        "NextSong": [7500, 8010, 7990, 8000, 8000],
        "Error": [500, 0, 0, 0, 0],
        "Home": [2000, 1990, 2010, 2000, 2000],
    }
    drawing = event_values.values(counts({"page": pages, "artist": {ANY: [1000] * 5}}))
    changes, names = drawn(drawing).data
    assert sorted(changes.x) == pytest.approx([-5, 0, 5], abs=0.01)
    assert set(names.text[:2]) == {"page: Error, 0.0%, now 5.0%", "page: NextSong, 80.0%, now 75.0%"}
    assert names.text[2] == "page: Home, 20.0%, now 20.0%"
    assert all(array > 0 for array in changes.error_x.array)
    assert "Of 3 values of 1 column, 2 differ by more than the weeks before differ among themselves" in text(drawing)


def test_weeks_that_differ_widely_make_a_wide_interval() -> None:
    steady, restless = (
        table_in(event_values.values(counts({"level": {"paid": paid, "free": [1000 - each for each in paid]}})))
        for paid in ([800, 750, 752, 748, 750], [800, 650, 850, 700, 800])
    )
    assert steady["Beyond chance"].tolist() == [True, True]
    assert restless["Beyond chance"].tolist() == [False, False]


def test_about_one_in_twenty_values_or_fewer_is_beyond_chance_by_chance() -> None:
    generator = np.random.default_rng(1)
    found = []
    for _ in range(300):
        shares = generator.beta(80, 20, 5)
        paid = generator.binomial(2000, shares)
        rows = counts({"level": {"paid": list(paid), "free": list(2000 - paid)}})
        found.append(bool(table_in(event_values.values(rows))["Beyond chance"].iloc[0]))
    assert 0.01 < np.mean(found) < 0.08


def test_a_single_week_before_tells_no_scatter() -> None:
    drawing = event_values.values(counts({"level": {"paid": [90, 80, 0, 0, 0], "free": [10, 20, 0, 0, 0]}}))
    assert "With a single week before, nothing tells how much weeks differ." in text(drawing)
    assert table_in(drawing)["Beyond chance"].tolist() == [False, False]
    assert sorted(drawn(drawing).data[0].x) == pytest.approx([-10, 10])


def test_a_value_is_shown_as_text_and_shortened() -> None:
    hostile = "<b>" + "x" * 100
    drawing = event_values.values(counts({"page": {hostile: [50, 10, 10, 10, 10], "Home": [50, 90, 90, 90, 90]}}))
    assert "&lt;b&gt;" in str(drawing.says)
    assert all(len(name) < 60 for name in drawn(drawing).data[1].text)


@pytest.mark.parametrize("draw", [event_values.missing_values, event_values.values])
def test_one_week_has_nothing_to_be_compared_with(draw: object) -> None:
    assert callable(draw)
    with pytest.raises(NothingToShow, match="one week"):
        draw(counts({"level": {"paid": [90, 0, 0, 0, 0]}}))


def test_a_log_without_a_closed_column_has_no_values_to_compare() -> None:
    with pytest.raises(NothingToShow, match="few values"):
        event_values.values(counts({"artist": {ANY: [10] * 5, NONE: [5] * 5}}))
