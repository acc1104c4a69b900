"""Room B: what people read of the warehouse, and load elsewhere, is what stands in it, whoever wrote the log."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.printing.console import print_rows, print_table
from cli.runs.steps import Steps
from cli.sql.query import QueryFailed, reading
from expectations.engine import data_docs
from models_ml.campaigns.campaign import _write
from warehouse.publishing.journal import utc_moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from cli.machine.home import Home

REPOSITORY = Path(__file__).resolve().parents[2]
# A name that turns the screen red, clears it, writes backwards, breaks the line and the table, and is a formula too.
HOSTILE = "=cmd|' /C calc'!A1\x1b[31m\x1b[2J\u202e[bold]\r\nend\x00"


def answer(spark: SparkSession, home: Home, statement: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    columns, rows = reading(statement).rows(spark, home.journal)
    return columns, list(rows)


def printed(capsys: pytest.CaptureFixture[str], columns: list[str], rows: list[tuple[Any, ...]], style: str) -> str:
    print_rows(columns, rows, style)
    return capsys.readouterr().out


MOMENTS = """
    select
        timestamp '2018-11-04 01:30:00.5 America/New_York' as once,
        timestamp '2018-11-04 01:30:00 -05:00' as again,
        timestamp '2018-11-04 07:00:00.123456Z' as exact,
        array(timestamp '2018-11-04 00:00:00 Asia/Kolkata') as nested,
        timestamp_ntz '2018-11-04 01:30:00' as clock,
        date '2018-11-04' as day,
        timestamp '+12345-01-01 00:00:00' as far
"""


@pytest.fixture(params=["America/New_York", "Asia/Kolkata", "UTC"])
def wall_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process lives in one zone after the other."""
    with monkeypatch.context() as zone:
        zone.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("wall_clock")
def test_she_reads_instants_in_utc_whatever_the_clock_on_her_wall(
    spark: SparkSession, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    answered = answer(spark, home, MOMENTS)
    expected = {
        "once": "2018-11-04T05:30:00.500000+00:00",
        "again": "2018-11-04T06:30:00+00:00",
        "exact": "2018-11-04T07:00:00.123456+00:00",
        "nested": ["2018-11-03T18:30:00+00:00"],
        "clock": "2018-11-04T01:30:00",
        "day": "2018-11-04",
        "far": "+12345-01-01T00:00:00+00:00",
    }
    (in_json,) = json.loads(printed(capsys, *answered, "json"))
    (in_csv,) = csv.DictReader(io.StringIO(printed(capsys, *answered, "csv")))
    table = printed(capsys, *answered, "table")
    assert in_json == expected
    assert in_csv == {**expected, "nested": json.dumps(expected["nested"])}
    assert all(str(value) in table for name, value in expected.items() if name != "nested")


def test_he_gives_back_an_instant_that_he_read(spark: SparkSession, home: Home) -> None:
    ((once, again, exact, *_),) = answer(spark, home, MOMENTS)[1]
    assert utc_moment(once) == datetime(2018, 11, 4, 5, 30, 0, 500_000, tzinfo=timezone.utc)
    assert utc_moment(again) == datetime(2018, 11, 4, 6, 30, tzinfo=timezone.utc)
    found = answer(
        spark,
        home,
        f"select at from (select timestamp '2018-11-04 07:00:00.123456Z' as at) where at = timestamp '{exact}'",
    )
    assert found[1] == [(exact,)]


def test_she_loads_json_of_every_type(spark: SparkSession, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    statement = """
        select
            1 as a, 2 as a, 3 as a_2,
            cast('nan' as double) as nan, array(cast('-infinity' as float)) as infinity, cast(0.1 as float) as float,
            cast(1234567890123456789.123456789 as decimal(38, 9)) as exact, cast(0 as decimal(38, 18)) as zero,
            named_struct('x', 1, 'x', timestamp '2018-10-01') as struct,
            map(1.5, 'x', 2.5, null) as map, map(named_struct('k', 1), 2) as keyed, map() as empty,
            X'00ff' as bytes, cast(X'ff41' as string) as no_text, null as nothing, '' as short,
            interval '1' day as days, interval '14' month as months, make_interval(1, 0, 0, -1) as mixed,
            named_struct('interval', make_interval(0, 0, 0, 2)) as `interval`
    """
    (row,) = json.loads(printed(capsys, *answer(spark, home, statement), "json"), parse_float=Decimal)
    assert row == {
        "a": 1,
        "a_3": 2,
        "a_2": 3,
        "nan": None,
        "infinity": [None],
        "float": Decimal("0.1"),
        "exact": Decimal("1234567890123456789.123456789"),
        "zero": Decimal("0.000000000000000000"),
        "struct": {"x": 1, "x_2": "2018-10-01T00:00:00+00:00"},
        "map": {"1.5": "x", "2.5": None},
        "keyed": {'{"k": 1}': 2},
        "empty": {},
        "bytes": "AP8=",
        "no_text": "\\xffA",
        "nothing": None,
        "short": "",
        "days": "INTERVAL '1' DAY",
        "months": "INTERVAL '14' MONTH",
        "mixed": "1 years -1 days",
        "interval": {"interval": "2 days"},
    }


def test_an_empty_answer_is_json_and_csv_too(
    spark: SparkSession, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    answered = answer(spark, home, "select id from range(0)")
    assert json.loads(printed(capsys, *answered, "json")) == []
    assert printed(capsys, *answered, "csv") == "id\n"


def test_a_misspelt_column_is_told_in_one_line_with_what_there_is(spark: SparkSession, home: Home) -> None:
    with pytest.raises(QueryFailed) as told:
        answer(spark, home, "select idd from range(3)")
    assert "Did you mean one of the following? [`id`]" in str(told.value)
    with pytest.raises(QueryFailed) as told:
        answer(spark, home, "select raise_error('a; b') from range(3)")
    assert "a; b" in str(told.value)
    assert not {"\n", "org.apache", "java."} & {
        each for each in ("\n", "org.apache", "java.") if each in str(told.value)
    }


# Text out of a log


def test_he_opens_a_list_in_a_spreadsheet_and_nothing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, ["artist", "change"], [(HOSTILE, -1.5), ("+49 30 1234", -2)], "csv")
    (hostile, change), (phone, _) = list(csv.reader(io.StringIO(out, newline="")))[1:]
    assert hostile == f"'{HOSTILE}"
    assert phone == "'+49 30 1234"
    assert change == "-1.5"


def test_a_campaign_list_runs_nothing_either(spark: SparkSession, tmp_path: Path) -> None:
    target = "'spring' as campaign_id, 1 as rank, '=1+1' as user_id, 'treatment' as arm, -1.5 as expected_value"
    _write(spark.sql(f"select {target}, array('@sum(1)', 'many ads') as reasons"), tmp_path / "spring.csv")
    (line,) = csv.DictReader((tmp_path / "spring.csv").read_text().splitlines())
    assert (line["user_id"], line["expected_value"], line["reasons"]) == ("'=1+1", "-1.5", "'@sum(1); many ads")


def test_an_artist_who_writes_to_the_terminal_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(["artist"], [(HOSTILE,)], "table")
    print_table(["user_id", "reasons"], [[HOSTILE, ["on the level paid", HOSTILE]]])
    steps = Steps(quiet=True)
    steps.tell(f"refused: {HOSTILE}")
    with steps.step("ingest") as step:
        step.detail = HOSTILE
    told = capsys.readouterr()
    text = told.out + told.err
    assert text.count(r"\x1b[31m\x1b[2J\u202e[bold]\r\nend\x00") + text.count(r"[bold]\r") >= 5
    assert not set(text) & {"\x1b", "\u202e", "\r", "\x00"}


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", r"Bj\xf6rk"), ("latin-1", "Björk"), ("utf-8", "Björk")])
@pytest.mark.parametrize("style", ["table", "csv", "json"])
def test_a_terminal_that_knows_no_unicode_is_printed_to_as_well(encoding: str, shown: str, style: str) -> None:
    code = (
        "from cli.printing.console import *; accept_all_text();"
        f"print_rows(['artist'], [('Björk \\u65e5 \\ud800',)], '{style}'); print_table(['a'], [['\\u65e5']])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": encoding, "LC_ALL": "C"},
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    out = ended.stdout.decode(encoding)
    if style == "json":
        assert json.loads(out[: out.index("]") + 1]) == [{"artist": "Björk 日 \ud800"}]
    else:
        assert shown in out


def test_markup_in_a_finding_is_shown_on_the_page() -> None:
    hostile = "<script>alert(1)</script>\u202e"
    finding: dict[str, Any] = {
        "state": "stopped",
        "rule": "raw.known",
        "table_name": "raw.events",
        "column_name": "page",
    }
    finding |= {"expected": hostile, "observed_value": hostile, "examples": [hostile], "accepted": hostile}
    finding |= {"unexpected_count": 1, "element_count": 1, "message": hostile, "reason": hostile, "source": hostile}
    suite: dict[str, Any] = {
        "name": "raw",
        "table": "raw.events",
        "link": "#",
        "state": "stopped",
        "counts": {"kept": 0},
    }
    page: dict[str, Any] = {"state": "stopped", "run": "r", "at": "", "counts": {"kept": 0}, "findings": [finding]}
    page |= {"broken": [finding | {"link": "#"}], "suites": [suite], "accepted": [hostile], "name": "raw"}
    for view in (data_docs.ResultsPage(), data_docs.IndexPage()):
        text = view.render(page)  # type: ignore[no-untyped-call]
        assert r"&lt;script&gt;alert(1)&lt;/script&gt;\u202e" in text
        assert "<script>" not in text
        assert "\u202e" not in text
