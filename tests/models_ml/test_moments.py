"""Moments as people and programs write them: what is printed can be given back, whatever the version of Python."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.publishing.journal import milliseconds, moment, utc_moment

HALF_PAST_FIVE = datetime(2018, 11, 4, 5, 30, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text",
    [
        "2018-11-04T05:30:00+00:00",
        "2018-11-04 05:30:00+00:00",
        "2018-11-04T05:30:00Z",
        "2018-11-04t05:30:00z",
        "2018-11-04 05:30:00 UTC",
        "2018-11-04 05:30",
        "2018-11-04 05:30:00+00",
        "2018-11-04 05:30:00+0000",
        "2018-11-04 01:30:00-0400",
        "2018-11-04T11:00:00+05:30",
        " 2018-11-04T05:30:00\n",
    ],
)
def test_a_moment_is_read_in_every_common_spelling(text: str) -> None:
    assert utc_moment(text) == HALF_PAST_FIVE
    assert utc_moment(text).tzinfo == timezone.utc


@pytest.mark.parametrize(
    ("fraction", "microseconds"),
    [("5", 500_000), ("05", 50_000), ("123", 123_000), ("1234", 123_400), ("123456", 123_456), ("123456789", 123_456)],
)
def test_a_fraction_may_have_any_number_of_digits(fraction: str, microseconds: int) -> None:
    expected = HALF_PAST_FIVE + timedelta(microseconds=microseconds)
    assert utc_moment(f"2018-11-04T05:30:00.{fraction}+00:00") == expected
    assert utc_moment(f"2018-11-04 05:30:00,{fraction}") == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2018", "20181104T053000000000Z", "2018-11-31", "2018-11-04T25:00", "2018-11-04T", "05:30"),
        *("2018-W44-7", "2018-11-04T05:30:00 EST", "2018-11-04T05:30:00+99:00", "0001-01-01T00:00+05:00"),
        "\u0662\u0660\u0661\u0668-11-04",
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        utc_moment(text)


@given(st.integers(min_value=0, max_value=253_402_300_799_999))
def test_a_count_of_milliseconds_comes_back_exactly(count: int) -> None:
    assert milliseconds(moment(count)) == count
    assert milliseconds(utc_moment(moment(count).isoformat())) == count
