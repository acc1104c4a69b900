"""Charts of the checks for engineers: findings, rules by run, files, refused lines."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
from drawings import AT, check, drawn, table_in, text

from models_ml.reports.charts import checks
from models_ml.reports.charts.audits import ACCEPTED, HELD, STOPPED, WARNED
from models_ml.reports.pages.checks import PAGE
from models_ml.reports.panels import statement
from models_ml.reports.tables import table_of


def checks_of(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))


def test_an_audit_without_a_finding_lists_its_rules() -> None:
    drawing = checks.findings(checks_of(check("raw.rows"), check("raw.known"), check("raw.known", column_name="ts")))
    assert "Nothing was found: 2 rules hold, in 3 checks of 1 table." in text(drawing)
    assert table_in(drawing)[["Rule", "Checks"]].to_numpy().tolist() == [["raw.known", 2], ["raw.rows", 1]]


def test_findings_stand_the_worst_first_and_say_what_became_of_them() -> None:
    drawing = checks.findings(
        checks_of(
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
    rows = checks_of(check("raw.songs", success=False, severity="warn", is_error=True))
    table = table_in(checks.findings(rows))
    assert table[["Outcome", "Observed"]].to_numpy().tolist() == [["stopped", "could not be evaluated"]]


def test_a_warning_alone_lets_the_run_pass() -> None:
    says = text(checks.findings(checks_of(check("raw.songs", success=False, severity="warn"))))
    assert "The gate let all pass: of 1 check of 1 rule, 1 warned" in says
    assert "stopped" not in says


def test_the_newest_audit_is_named_where_suites_were_audited_in_several_runs() -> None:
    older = check("raw.rows", run_id="run-1", validated_at=AT - timedelta(days=7), success=False)
    says = text(checks.findings(checks_of(older, check("drift.score"))))
    assert "The gate stopped run run-1" in says
    assert "the newest was that of run run-2 at 2026-11-30 06:12 UTC" in says


def test_counted_rows_are_told_as_some_of_all() -> None:
    rows = checks_of(check("features.range", success=False, observed_value=None, unexpected_count=3))
    assert table_in(checks.findings(rows)).Observed.iloc[0].striptags() == "3 of 1,200"


def test_a_remedy_is_told_to_its_end_and_stays_text() -> None:
    remedy = "<b>" + "sparkhouse train " * 30
    table = table_of(table_in(checks.findings(checks_of(check("raw.rows", success=False, remedy=remedy)))))
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
    drawing = checks.rules_by_run(rows)
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
    drawing = checks.rules_by_run(rows)
    assert [list(line) for line in drawn(drawing).data[0].z] == [[None, WARNED], [STOPPED, ACCEPTED]]
    assert "Of the last 2 runs, the gate stopped 1, and warned in 1 of the others" in text(drawing)
    assert "volumes.day was broken most often, in 2 runs" in text(drawing)
    assert table_in(drawing).set_index("Rule").loc["volumes.day"].to_dict() == {
        "Held": 0,
        "Accepted": 1,
        "Warned": 0,
        "Stopped": 1,
    }


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
    drawing = checks.files(pd.DataFrame([file("second.json", 60, 10), file("first.json", 40)]))
    accepted, refused = drawn(drawing).data
    assert accepted.x == ("first.json", "second.json")
    assert (list(accepted.y), list(refused.y)) == ([40, 60], [0, 10])
    assert "2 files with 110 lines came in, of which 10 were refused" in text(drawing)


def test_files_of_one_name_have_bars_of_their_own() -> None:
    drawing = checks.files(pd.DataFrame([file("b/log.json", 60), file("a/log.json", 40)]))
    assert drawn(drawing).data[0].x == ("1. log.json", "2. log.json")


def test_one_file_is_a_row_and_no_chart() -> None:
    drawing = checks.files(pd.DataFrame([file("log.json", 60)]))
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
    drawing = checks.refused_lines(rows)
    bars = drawn(drawing).data[0]
    assert bars.y == ("2. no page", "1. no ts")
    assert list(bars.x) == [5, 7]
    assert "9 refused lines are kept, 0.90% of the 1,000 lines" in text(drawing)
    assert "“no ts”, 7 times" in text(drawing)
    assert "Most reasons are met in a." in text(drawing)


def test_two_long_reasons_that_begin_alike_keep_bars_of_their_own() -> None:
    long = "impossible value: a registration "
    drawing = checks.refused_lines(pd.DataFrame([refusal(f"{long}{end}", "a", 5) for end in ("x", "y")]))
    assert len(set(drawn(drawing).data[0].y)) == 2


def test_no_query_of_the_page_reads_the_events() -> None:
    for name in PAGE.queries:
        assert "raw.events" not in statement(name, "label")
        assert "stg_sparkify__events" not in statement(name, "label")
