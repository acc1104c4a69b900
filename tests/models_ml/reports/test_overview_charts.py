"""The numbers of the first page: today's value, its change, and how good that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from models_ml.reports.charts import overview

if TYPE_CHECKING:
    from models_ml.reports.drawing import Number


def days(count: int, **columns: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"event_date": pd.date_range("2018-10-01", periods=count).date, **columns})


def value(shown: Number) -> str:
    return str(shown.value.striptags())


def note(shown: Number) -> str:
    return str(shown.note.striptags())


def test_a_week_is_set_beside_the_week_before() -> None:
    shown = overview.plays(days(14, song_count=[100] * 7 + [110] * 7))
    assert (value(shown), note(shown)) == ("770", "in the 7 days to 2018-10-14; +10% against the week before")
    assert (len(shown.past), shown.tone) == (14, "")


def test_a_first_week_has_no_change() -> None:
    assert note(overview.plays(days(7, song_count=[1] * 7))) == "in the 7 days to 2018-10-07"


@pytest.mark.parametrize(("last", "tone"), [(2, "warn"), (1, ""), (0, "")])
def test_more_cancellations_than_before_are_a_warning(last: int, tone: str) -> None:
    shown = overview.cancellations(days(14, cancellation_count=[1] + [0] * 6 + [last] + [0] * 6))
    assert shown.tone == tone


def test_fewer_active_users_than_before_are_a_warning() -> None:
    shown = overview.active_users(days(8, active_user_count_7d=[20, 1, 1, 1, 1, 1, 1, 15]))
    assert (value(shown), shown.tone) == ("15", "warn")
    assert "25% against the week before" in note(shown)


def test_users_at_risk_are_told_with_how_many_are_to_be_expected_to_leave() -> None:
    rows = pd.DataFrame(
        {
            "as_of_date": pd.to_datetime(["2018-11-05", "2018-11-12"]).date,
            "user_count": [100, 200],
            "flagged_user_count": [10, 15],
            "mean_probability": [0.05, 0.06],
        }
    )
    shown = overview.users_at_risk(rows)
    assert value(shown) == "15"
    assert note(shown) == "of 200 as of 2018-11-12; 12.0 are to be expected to leave; +50% since 2018-11-05"
    assert "since" not in note(overview.users_at_risk(rows.head(1)))


def results(*findings: tuple[str, bool, bool]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (
                "run",
                f"rule_{place}",
                "raw.events",
                severity,
                success,
                accepted,
                "wrong",
                pd.Timestamp("2018-11-12 06:00"),
            )
            for place, (severity, success, accepted) in enumerate(findings)
        ],
        columns=["run_id", "rule", "table_name", "severity", "success", "is_accepted", "message", "validated_at"],
    )


HOLDS, WARNED, STOPPED = ("stop", True, False), ("warn", False, False), ("stop", False, False)
ACCEPTED = ("stop", False, True)


@pytest.mark.parametrize(
    ("findings", "state", "tone"),
    [
        ((HOLDS, ACCEPTED), "passed", "good"),
        ((HOLDS, WARNED), "warned", "warn"),
        ((WARNED, STOPPED), "stopped", "bad"),
    ],
)
def test_the_gate_is_as_bad_as_its_worst_finding(
    findings: tuple[tuple[str, bool, bool], ...], state: str, tone: str
) -> None:
    shown = overview.gate(results(*findings))
    assert (value(shown), shown.tone) == (state, tone)
    assert note(shown).startswith("2 expectations on 2018-11-12")


def test_what_is_wrong_is_a_table_and_nothing_is_said_in_words() -> None:
    drawing = overview.what_is_wrong(results(HOLDS, WARNED, STOPPED, ACCEPTED))
    assert drawing.table is not None
    assert list(drawing.table.Rule) == ["rule_1", "rule_2"]
    assert str(overview.what_is_wrong(results(HOLDS, ACCEPTED)).says.striptags()).startswith("Nothing: all 2")


def test_the_newest_event_is_a_date_with_the_days_before_it() -> None:
    shown = overview.newest_event(days(3))
    assert (value(shown), note(shown)) == ("2018-10-03", "3 days of events, from 2018-10-01 on")
