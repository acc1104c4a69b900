"""Charts of data quality: the gate's findings, what came in, and the data against their own past."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2  # type: ignore[import-untyped]

from models_ml.reports.charts import quality, quality_measures
from models_ml.reports.drawing import Drawing, NothingToShow
from models_ml.reports.pages.quality import PAGE
from models_ml.reports.panels import statement
from models_ml.reports.tables import table_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

AT = datetime(2026, 11, 30, 6, 12)  # noqa: DTZ001 - as Spark gives it: UTC without a zone
HELD, ACCEPTED, WARNED, STOPPED = range(4)


def check(rule: str, **changed: object) -> dict[str, object]:
    return {
        "run_id": "run-2",
        "validated_at": AT,
        "suite": rule.split(".", maxsplit=1)[0],
        "rule": rule,
        "severity": "stop",
        "success": True,
        "is_error": False,
        "table_name": "raw.events",
        "column_name": None,
        "observed_value": "12",
        "expected": "at least 1",
        "element_count": 1200,
        "unexpected_count": None,
        "examples": "",
        "remedy": "Deliver it anew",
        "accepted": None,
    } | changed


def checks(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))


def table_in(drawing: Drawing) -> pd.DataFrame:
    assert drawing.table is not None
    return drawing.table


def drawn(drawing: Drawing) -> go.Figure:
    assert drawing.figure is not None
    return drawing.figure


def text(drawing: Drawing) -> str:
    return drawing.says.striptags()


def test_an_audit_without_a_finding_lists_its_rules() -> None:
    drawing = quality.last_audit(checks(check("raw.rows"), check("raw.known"), check("raw.known", column_name="ts")))
    assert "Nothing was found: 2 rules hold, in 3 checks of 1 table." in text(drawing)
    assert table_in(drawing)[["Rule", "Checks"]].to_numpy().tolist() == [["raw.known", 2], ["raw.rows", 1]]


def test_findings_stand_the_worst_first_and_say_what_became_of_them() -> None:
    drawing = quality.last_audit(
        checks(
            check("raw.songs", success=False, severity="warn"),
            check("volumes.nulls", success=False, accepted="accepted by anna"),
            check("volumes.day", success=False),
            check("raw.rows"),
        )
    )
    assert table_in(drawing)[["Rule", "Outcome"]].to_numpy().tolist() == [
        ["volumes.day", "stopped"],
        ["raw.songs", "warned"],
        ["volumes.nulls", "accepted"],
    ]
    assert "The gate stopped run run-2: of 4 checks of 4 rules" in text(drawing)
    assert "1 stopped it, 1 warned, and 1 found what somebody had accepted" in text(drawing)


def test_a_rule_that_could_not_be_evaluated_stops_whatever_its_severity() -> None:
    rows = checks(check("raw.songs", success=False, severity="warn", is_error=True))
    table = table_in(quality.last_audit(rows))
    assert table[["Outcome", "Observed"]].to_numpy().tolist() == [["stopped", "could not be evaluated"]]


def test_a_warning_alone_lets_the_run_pass() -> None:
    says = text(quality.last_audit(checks(check("raw.songs", success=False, severity="warn"))))
    assert "The gate let all pass: of 1 check of 1 rule, 1 warned" in says
    assert "stopped" not in says


def test_the_newest_audit_is_named_where_suites_were_audited_in_several_runs() -> None:
    older = check("raw.rows", run_id="run-1", validated_at=AT - timedelta(days=7), success=False)
    says = text(quality.last_audit(checks(older, check("drift.score"))))
    assert "The gate stopped run run-1" in says
    assert "the newest was that of run run-2 at 2026-11-30 06:12 UTC" in says


def test_counted_rows_are_told_as_some_of_all() -> None:
    rows = checks(check("features.range", success=False, observed_value=None, unexpected_count=3))
    assert table_in(quality.last_audit(rows)).Observed.iloc[0].striptags() == "3 of 1,200"


def test_a_remedy_is_told_to_its_end_and_stays_text() -> None:
    remedy = "<b>" + "sparkhouse train " * 30
    table = table_of(table_in(quality.last_audit(checks(check("raw.rows", success=False, remedy=remedy)))))
    shown = str(table.rows[0][[column.name for column in table.columns].index("What to do")])
    assert shown == "&lt;b&gt;" + "sparkhouse train " * 30


def rule(run: int, name: str, outcome: int = HELD, *, ever: bool = False) -> dict[str, object]:
    return {
        "run_id": f"run-{run}",
        "audited_at": AT + timedelta(days=run),
        "rule": name,
        "check_count": 1,
        "stopping_count": int(outcome == STOPPED),
        "warning_count": int(outcome == WARNED),
        "accepted_count": int(outcome == ACCEPTED),
        "was_ever_broken": ever,
    }


def test_rules_that_were_ever_broken_stand_on_top() -> None:
    rows = pd.DataFrame([rule(1, "a.first"), rule(1, "z.last", ever=True), rule(1, "b.second")])
    drawing = quality.rules_by_run(rows)
    assert drawn(drawing).data[0].y == ("z.last", "a.first", "b.second")
    assert "Each of the 3 rules held in all of them" in text(drawing)


def test_the_heatmap_has_the_outcome_of_each_rule_and_run() -> None:
    rows = pd.DataFrame(
        [
            rule(1, "volumes.day", STOPPED, ever=True),
            rule(2, "volumes.day", ACCEPTED, ever=True),
            rule(2, "raw.songs", WARNED, ever=True),
        ]
    )
    drawing = quality.rules_by_run(rows)
    assert [list(line) for line in drawn(drawing).data[0].z] == [[None, WARNED], [STOPPED, ACCEPTED]]
    assert "Of the last 2 runs, the gate stopped 1, and warned in 1 of the others" in text(drawing)
    assert "volumes.day was broken most often, in 2 runs" in text(drawing)
    assert table_in(drawing).set_index("Rule").loc["volumes.day"].to_dict() == {
        "Held": 0,
        "Accepted": 1,
        "Warned": 0,
        "Stopped": 1,
    }


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


def file(name: str, accepted: int, rejected: int = 0) -> dict[str, object]:
    return {
        "source_file": f"/landing/{name}",
        "ingested_at": AT,
        "line_count": accepted + rejected,
        "accepted_count": accepted,
        "rejected_count": rejected,
        "blank_count": 0,
        "byte_count": 2_000_000,
        "replayed_at": pd.NaT,
        "record_version": 2,
        "file_count": 2,
        "all_line_count": 110,
        "all_rejected_count": 10,
    }


def test_files_stand_in_the_order_taken_in() -> None:
    drawing = quality.files(pd.DataFrame([file("second.json", 60, 10), file("first.json", 40)]))
    accepted, refused = drawn(drawing).data
    assert accepted.x == ("first.json", "second.json")
    assert (list(accepted.y), list(refused.y)) == ([40, 60], [0, 10])
    assert "2 files with 110 lines came in, of which 10 were refused" in text(drawing)


def test_files_of_one_name_have_bars_of_their_own() -> None:
    drawing = quality.files(pd.DataFrame([file("b/log.json", 60), file("a/log.json", 40)]))
    assert drawn(drawing).data[0].x == ("1. log.json", "2. log.json")


def test_one_file_is_a_row_and_no_chart() -> None:
    drawing = quality.files(pd.DataFrame([file("log.json", 60)]))
    assert drawing.figure is None
    assert table_in(drawing).Megabytes.tolist() == [2.0]


def refusal(reason: str, name: str, lines: int) -> dict[str, object]:
    return {
        "reason": reason,
        "source_file": f"/landing/{name}",
        "line_count": lines,
        "shape_count": 0,
        "first_line_number": 7,
        "all_refused_count": 9,
        "all_line_count": 1000,
    }


def test_refused_lines_are_summed_by_reason() -> None:
    rows = pd.DataFrame([refusal("no page", "a", 5), refusal("no ts", "b", 4), refusal("no ts", "a", 3)])
    drawing = quality.refused_lines(rows)
    bars = drawn(drawing).data[0]
    assert bars.y == ("2. no page", "1. no ts")
    assert list(bars.x) == [5, 7]
    assert "9 refused lines are kept, 0.90% of the 1,000 lines" in text(drawing)
    assert "“no ts”, 7 times" in text(drawing)
    assert "Most reasons are met in a." in text(drawing)


def test_two_long_reasons_that_begin_alike_keep_bars_of_their_own() -> None:
    long = "impossible value: a registration "
    drawing = quality.refused_lines(pd.DataFrame([refusal(f"{long}{end}", "a", 5) for end in ("x", "y")]))
    assert len(set(drawn(drawing).data[0].y)) == 2


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
    drawing = quality_measures.feature_changes(pd.DataFrame(rows))
    bars = drawn(drawing).data[0]
    assert bars.y == ("a", "b")
    assert list(bars.x) == pytest.approx([0.05, 0.5])
    assert "1 of 2 main features moved by more than 0.1" in text(drawing)
    assert "b moved most: its mean went from 4.00 to 5.00" in text(drawing)
    assert "that of b, from 0.0% to 20.0%" in text(drawing)
    assert table_in(drawing).Feature.tolist() == ["b", "a"]


def test_a_feature_without_scatter_has_no_change_to_tell() -> None:
    rows = [feature(on, name, 4, deviation) for on in (12, 19) for name, deviation in (("a", 2.0), ("b", 0.0))]
    drawing = quality_measures.feature_changes(pd.DataFrame(rows))
    assert drawn(drawing).data[0].y == ("a",)
    assert len(table_in(drawing)) == 2


def test_one_snapshot_has_nothing_to_be_compared_with() -> None:
    with pytest.raises(NothingToShow, match="one snapshot"):
        quality_measures.feature_changes(pd.DataFrame([feature(12, "a", 4)]))


def test_features_without_values_have_no_change() -> None:
    rows = pd.DataFrame([feature(on, "a", np.nan, np.nan, nulls=100) for on in (12, 19)])
    with pytest.raises(NothingToShow, match="No user"):
        quality_measures.feature_changes(rows)


def drift(on: int, name: str, psi: float, version: str = "v1") -> dict[str, object]:
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
    }


LIMIT = 0.25 + (1 / 1000 + 1 / 200) * chi2.ppf(0.999, 9)


def test_the_limit_of_an_input_is_much_drift_and_what_chance_adds() -> None:
    rows = [drift(12, "score", 9), drift(19, "a", 0.9), drift(19, "score", 0.1), drift(19, "b", LIMIT - 0.01)]
    drawing = quality_measures.drift_by_input(pd.DataFrame(rows))
    bars, limits = drawn(drawing).data
    assert list(bars.y) == ["score", "b", "a"]
    assert list(limits.x) == pytest.approx([LIMIT] * 3)
    assert "1 of 2 inputs of v1 have moved" in text(drawing)
    assert "The score is within its limit: PSI 0.10" in text(drawing)
    assert table_in(drawing).set_index("Input").Beyond.to_dict() == {"a": True, "score": False, "b": False}


def test_the_course_of_the_drift_is_in_limits() -> None:
    rows = [
        *(drift(12, name, psi) for name, psi in (("score", 0.1), ("a", 0.0), ("b", LIMIT / 2))),
        *(drift(19, name, psi, "v2") for name, psi in (("score", 2 * LIMIT), ("a", 2 * LIMIT), ("b", 0.1))),
    ]
    drawing = quality_measures.drift_over_time(pd.DataFrame(rows))
    assert [trace.name for trace in drawn(drawing).data] == ["score", "a", "b"]
    assert list(drawn(drawing).data[1].y) == pytest.approx([0, 2])
    assert "50% of the inputs of the champion were beyond the limit of their drift; at 2018-11-12 it was 0%" in text(
        drawing
    )
    assert "The score is beyond its limit, too" in text(drawing)
    assert "new champion" in text(drawing)
    assert [shape.x0 for shape in drawn(drawing).layout.shapes if shape.yref == "paper"] == [date(2018, 11, 19)]


def test_the_course_of_one_champion_has_no_mark_of_another() -> None:
    drawing = quality_measures.drift_over_time(pd.DataFrame([drift(on, "a", 0.1) for on in (12, 19)]))
    assert "new champion" not in text(drawing)
    assert "Of the score nothing was measured" in text(drawing)


def test_one_scored_snapshot_has_no_course() -> None:
    with pytest.raises(NothingToShow, match="One snapshot"):
        quality_measures.drift_over_time(pd.DataFrame([drift(12, "score", 0.1)]))


def test_no_query_of_the_page_reads_the_events() -> None:
    for name in PAGE.queries:
        assert "raw.events" not in statement(name, "label")
        assert "stg_sparkify__events" not in statement(name, "label")
