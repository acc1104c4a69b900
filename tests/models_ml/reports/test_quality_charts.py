"""Charts of data quality: the verdict of the gate, what came in, and the data against their own past."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from drawings import AT, check, drawn, table_in, text

from models_ml.reports.charts import quality, quality_measures
from models_ml.reports.drawing import NothingToShow
from models_ml.reports.pages.quality import PAGE
from models_ml.reports.panels import statement


def checks(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))


def test_where_all_holds_the_verdict_lists_what_was_looked_at_and_asks_for_nothing() -> None:
    drawing = quality.last_audit(checks(check("raw.rows"), check("raw.known"), check("raw.known", column_name="ts")))
    assert "Nothing was found: 2 rules hold, in 3 checks of 1 table." in text(drawing)
    assert text(drawing).endswith("There is nothing to do.")
    assert table_in(drawing)[["Suite", "Tables", "Rules", "Checks"]].to_numpy().tolist() == [["raw", 1, 2, 3]]


def test_the_verdict_says_the_worst_first_and_what_to_do() -> None:
    drawing = quality.last_audit(
        checks(
            check("raw.songs", success=False, severity="warn", column_name="song", observed_value="<b>"),
            check("volumes.day", success=False),
            check("raw.rows"),
        )
    )
    assert "The gate stopped run run-2: of 3 checks of 3 rules, 1 stopped it, 1 warned" in text(drawing)
    assert "<code>sparkhouse publish RUN_ID --accept RULE" in str(drawing.says)
    table = table_in(drawing)
    assert table.Outcome.tolist() == ["stopped", "warned"]
    assert [str(each) for each in table["What was found"]] == [
        "raw.events: 12; expected: at least 1",
        "raw.events.song: &lt;b&gt;; expected: at least 1",
    ]
    assert [str(each) for each in table["What to do"]] == ["Deliver it anew"] * 2


@pytest.mark.parametrize(
    ("changed", "task"),
    [
        ({"severity": "warn"}, "A warning holds nothing back; the table says what to look at."),
        ({"accepted": "accepted by anna"}, "somebody has looked at what was found, and let it pass."),
        ({"is_error": True, "severity": "warn"}, "A run that is stopped is not published"),
    ],
)
def test_each_outcome_asks_for_something_else(changed: dict[str, object], task: str) -> None:
    assert task in text(quality.last_audit(checks(check("raw.songs", success=False, **changed))))


def delivery(number: int, refused: int = 0) -> dict[str, object]:
    return {
        "ingested_at": AT + timedelta(days=7 * number),
        "file_count": 7,
        "line_count": 1000,
        "accepted_count": 1000 - refused,
        "rejected_count": refused,
        "blank_count": 0,
        "megabyte_count": 0.5,
        "all_file_count": 14,
        "all_line_count": 2000,
        "all_rejected_count": 30,
    }


def test_refused_lines_have_a_scale_of_their_own() -> None:
    drawing = quality.deliveries(pd.DataFrame([delivery(2, 20), delivery(1, 10)]))
    accepted, refused, share = drawn(drawing).data
    assert (list(accepted.y), list(refused.y)) == ([990, 980], [10, 20])
    assert list(share.y) == pytest.approx([0.01, 0.02])
    assert share.yaxis == "y2"
    assert drawn(drawing).layout.yaxis2.rangemode == "tozero"
    assert "14 files with 2,000 lines came in, the newest 1,000 of them in 7 files" in text(drawing)
    assert "30 were refused (1.50%), 20 of the newest" in text(drawing)


def test_where_no_line_was_refused_there_is_one_scale() -> None:
    rows = pd.DataFrame([delivery(2), delivery(1)]).assign(all_rejected_count=0)
    drawing = quality.deliveries(rows)
    assert [trace.name for trace in drawn(drawing).data] == ["accepted"]
    assert text(drawing).endswith("None was refused.")


def test_one_delivery_is_a_row_and_no_chart() -> None:
    drawing = quality.deliveries(pd.DataFrame([delivery(1, 10)]))
    assert drawing.figure is None
    assert table_in(drawing)["Share refused"].tolist() == [0.01]


def test_what_was_accepted_says_by_whom() -> None:
    row = {
        "accepted_at": AT,
        "accepted_by": "<anna>",
        "reason": "repairs",
        "rule": "volumes.hole",
        "table_name": "raw.events",
        "column_name": None,
        "observed_value": "12 hours",
        "message": "A hole",
        "run_id": "run-2",
    }
    drawing = quality.accepted_findings(pd.DataFrame([row]))
    assert "1 finding of 1 run, the last of them volumes.hole" in text(drawing)
    assert "&lt;anna&gt;" in str(drawing.says)
    assert table_in(drawing).Why.tolist() == ["repairs"]


def session_days(counts: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"event_date": pd.date_range("2018-10-01", periods=len(counts)).date, "session_count": counts})


def test_a_day_is_expected_to_be_like_the_same_weekday_of_four_weeks() -> None:
    week = [50, 52, 48, 51, 49, 20, 22]
    found = quality_measures.forecasts(np.array(week * 5, dtype=np.float64))
    assert found[:28] == [None] * 28
    assert [each.expected for each in found[28:] if each] == week
    for each in found[28:]:
        assert each is not None
        assert 0 <= each.low < each.expected < each.high


def test_one_bad_day_moves_neither_what_is_expected_nor_the_interval_of_other_weekdays() -> None:
    counts = np.tile(np.array([50.0, 53, 47, 51, 49, 20, 22]), 5)
    spoilt = counts.copy()
    spoilt[8] = 500
    good, after = quality_measures.forecasts(counts)[30], quality_measures.forecasts(spoilt)[30]
    assert good is not None
    assert after is not None
    assert after.expected == good.expected
    assert after.high < 2 * good.high


def test_about_one_in_a_hundred_days_of_chance_lies_outside() -> None:
    counts = np.random.default_rng(1).poisson(60, 4000).astype(np.float64)
    found = quality_measures.forecasts(counts)
    outside = [not each.low <= count <= each.high for count, each in zip(counts, found, strict=True) if each]
    assert 0.002 < np.mean(outside) < 0.02


def test_about_one_in_a_hundred_days_of_more_than_chance_lies_outside() -> None:
    counts = np.random.default_rng(2).negative_binomial(20, 20 / (20 + 60), 4000).astype(np.float64)
    found = quality_measures.forecasts(counts)
    outside = [not each.low <= count <= each.high for count, each in zip(counts, found, strict=True) if each]
    assert 0.002 < np.mean(outside) < 0.03


def test_empty_weeks_leave_room_for_a_session() -> None:
    found = quality_measures.forecasts(np.zeros(29))[28]
    assert found is not None
    assert (found.expected, found.low) == (0, 0)
    assert found.high >= 1


def test_a_day_that_is_outside_is_marked_and_told() -> None:
    drawing = quality_measures.sessions_expected(session_days([50] * 30 + [5]))
    marked = drawn(drawing).data[-1]
    assert list(marked.x) == [date(2018, 10, 31)]
    assert list(marked.y) == [5]
    assert "1 of 3 days lie outside" in text(drawing)
    assert "2018-10-31, with 5 sessions" in text(drawing)
    assert "the log may end within that day" in text(drawing)
    assert table_in(drawing).Outside.tolist()[:2] == [True, False]


def test_a_date_without_a_row_is_a_day_without_sessions() -> None:
    rows = session_days([50] * 31).drop(index=29)
    drawing = quality_measures.sessions_expected(rows)
    assert list(drawn(drawing).data[-1].y) == [0]


def test_a_log_of_four_weeks_lets_expect_nothing() -> None:
    with pytest.raises(NothingToShow, match="4 weeks before"):
        quality_measures.sessions_expected(session_days([50] * 28))


def build(number: int, minutes: int) -> dict[str, object]:
    completed = AT + timedelta(days=number)
    return {
        "build_id": f"run-{number}",
        "completed_at": completed,
        "newest_ingested_at": completed - timedelta(minutes=minutes),
        "newest_event_at": AT - timedelta(days=10),
        "newest_file_at": AT - timedelta(hours=3),
        "newest_published_at": AT,
    }


def test_freshness_says_how_old_event_and_file_were() -> None:
    drawing = quality_measures.freshness(pd.DataFrame([build(2, 30), build(1, 60)]))
    assert "the event was 10 days old, and the file 3 hours" in text(drawing)
    assert list(drawn(drawing).data[0].y) == pytest.approx([30, 60])
    assert drawn(drawing).layout.yaxis.title.text.endswith("minutes")
    assert table_in(drawing)["Hours between"].tolist() == [0.5, 1.0]


def test_one_build_has_no_course() -> None:
    assert quality_measures.freshness(pd.DataFrame([build(1, 30)])).figure is None


def test_no_query_of_the_page_reads_the_events() -> None:
    for name in PAGE.queries:
        assert "raw.events" not in statement(name, "label")
        assert "stg_sparkify__events" not in statement(name, "label")
