"""The chart of dbt's tests: by model and by what became of them, the worst first."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
from drawings import drawn, table_in, text

from models_ml.reports.charts.dbt_tests import LETTERS_OF_SQL, by_model
from models_ml.reports.tables import table_of

AT = datetime(2026, 11, 30, 6, 12)  # noqa: DTZ001 - as Spark gives it: UTC without a zone


def result(name: str, model: str | None, status: str = "pass", **changed: object) -> dict[str, object]:
    return {
        "run_id": "run-2",
        "ran_at": AT,
        "test_name": name,
        "kind": "data_test",
        "model": model,
        "column_name": None,
        "status": status,
        "failure_count": 0,
        "seconds": 0.5,
        "description": "",
        "sql": "select 1",
    } | changed


MIXED = pd.DataFrame(
    [
        result("a_is_unique", "fct_a"),
        result("a_is_known", "fct_a", kind="unit_test", sql=None),
        result("b_is_known", "fct_b", "warn"),
        result("b_is_unique", "fct_b", "fail", failure_count=3),
        result("all_hold", None, "skipped"),
    ]
)


def test_a_model_whose_tests_do_not_pass_stands_on_top() -> None:
    drawing = by_model(MIXED)
    bars = {bar.name: bar for bar in drawn(drawing).data}
    assert list(bars) == ["failed", "warned", "skipped", "passed"]
    assert bars["failed"].y == ("fct_b", "(no model)", "fct_a")
    assert list(bars["failed"].x) == [1, 0, 0]
    assert list(bars["passed"].x) == [0, 0, 2]


def test_the_sentence_counts_the_tests_and_names_the_first_that_failed() -> None:
    says = text(by_model(MIXED))
    assert "Run run-2 ran 4 data tests and 1 unit test of 2 models and sources" in says
    assert "2 passed" in says
    assert says.endswith("The first is b_is_unique, of fct_b.")


def test_where_all_pass_no_test_is_named() -> None:
    assert text(by_model(MIXED[:2])).endswith(": 2 passed.")


def test_the_table_has_the_worst_first() -> None:
    table = table_in(by_model(MIXED))
    assert table.Status.tolist() == ["failed", "warned", "skipped", "passed", "passed"]
    assert table.Failures.tolist() == [3, 0, 0, 0, 0]


def test_sql_is_folded_away_and_stays_text() -> None:
    rows = pd.DataFrame([result("a", "fct_a", sql="\n\nselect *\nfrom t where x < '<b>'")])
    cell = str(table_of(table_in(by_model(rows))).rows[0][-1])
    assert cell.startswith("<details><summary>SQL</summary><pre>select *\nfrom t where x &lt; ")
    assert "<b>" not in cell


def test_long_sql_is_cut() -> None:
    rows = pd.DataFrame([result("a", "fct_a", sql="select " + "x" * 2 * LETTERS_OF_SQL)])
    assert len(str(table_in(by_model(rows)).SQL.iloc[0])) < LETTERS_OF_SQL + 100


def test_a_status_that_is_new_to_us_is_counted_under_its_own_name() -> None:
    says = text(by_model(pd.DataFrame([result("a", "fct_a", "partial success")])))
    assert "1 partial success" in says
