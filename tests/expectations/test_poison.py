"""Poisoned logs: each line is well-formed, and the gate stops them all, by the rule that is about the poison."""

from __future__ import annotations

import lzma
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from pyarrow import json as arrow_json

from expectations.gate import validate
from expectations.measures.rhythm import DAY, holes, least_mean, quiet_days
from expectations.suites import volumes
from warehouse.landing.simulator import SimulationSpec, simulate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import SparkSession

    from expectations.report import ValidationReport

    Log = pd.DataFrame

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
# A Monday, 2018-10-01: the simulated log has six weeks from there on.
START = 1_538_352_000_000
CANCELLED = "Cancellation Confirmation"
RAW, STAGED = "raw.events", "staging.stg_sparkify__events"
# What the suites look at, of the lines as they are ingested and as the staging model makes them.
TABLES = {
    RAW: "select ts, source_file, timestamp '2019-01-01' as ingested_at from log",
    STAGED: """
        select string(monotonically_increasing_id()) as event_id, userId as user_id, sessionId as session_id,
            itemInSession as item_in_session, page, level, artist, status as http_status, length as song_length_seconds,
            'Windows' as device_family, date(timestamp_millis(ts)) as event_date, timestamp_millis(ts) as occurred_at,
            timestamp_millis(bigint(registration)) as registered_at
        from log where registration is not null""",
}
COLUMNS = ["ts", "userId", "sessionId", "itemInSession", "page", "level", "artist", "status", "length", "registration"]


def read_log(lines: bytes) -> Log:
    log: Log = arrow_json.read_json(BytesIO(lines)).to_pandas()
    return log.assign(source_file="log.json")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """150 users: enough for all that chance has a part in."""
    file = tmp_path_factory.mktemp("log") / "good.json"
    simulate(SimulationSpec(users=150, days=42, ids="random", seed=3), file)
    return read_log(file.read_bytes())


@dataclass(frozen=True)
class Gate:
    """The staging suites, on the tables that a log becomes."""

    spark: SparkSession
    folder: Path

    def __call__(self, log: Log) -> ValidationReport:
        file = self.folder / "log.parquet"
        log[[*COLUMNS, "source_file"]].to_parquet(file)
        self.spark.read.parquet(str(file)).createOrReplaceTempView("log")
        for table, query in TABLES.items():
            self.spark.sql(f"create namespace if not exists {table.partition('.')[0]}")
            self.spark.sql(f"drop table if exists {table}")
            self.spark.sql(f"create table {table} using iceberg as {query}")
        return validate(self.spark, ["staging"], self.folder / "docs", "poison", ())


@pytest.fixture
def gate(empty_warehouse: SparkSession, tmp_path: Path) -> Gate:
    return Gate(empty_warehouse, tmp_path)


def by_day(log: Log) -> Log:
    """The same log, delivered in a file for each date."""
    return log.assign(source_file="day-" + (log.ts // DAY_MS).astype(str))


def without_hours(log: Log, day: int, first: int, until: int) -> Log:
    begin = START + day * DAY_MS
    return log[(log.ts < begin + first * HOUR_MS) | (log.ts >= begin + until * HOUR_MS)]


def without_levels(log: Log, first_day: int = 0) -> Log:
    return log.assign(level=log.level.where(log.ts < START + first_day * DAY_MS))


def a_hundred_times(log: Log) -> Log:
    """All that an average user does, a hundred times: a few seconds later each time, as new items."""
    counts = log[log.registration.notna()].userId.value_counts()
    user = (counts - counts.mean()).abs().idxmin()
    own, times = log[log.userId == user], np.arange(1, 100)
    copies = own.loc[own.index.repeat(len(times))]
    nth = np.tile(times, len(own))
    shifted = {"ts": copies.ts + nth * 7_000, "itemInSession": copies.itemInSession + nth * 10_000}
    return pd.concat([log, copies.assign(**shifted)])


def a_day_later(log: Log) -> Log:
    return log.assign(ts=log.ts + DAY_MS)


def with_twice_the_cancellations(log: Log) -> Log:
    """As many users again leave at the end of one of their sessions, and what they did later is not there."""
    known = log[log.registration.notna()]
    churned = set(known[known.page == CANCELLED].userId)
    stayed = sorted(set(known.userId) - churned)
    leavers = set(np.random.default_rng(7).choice(stayed, len(churned), replace=False))
    ends = known[known.userId.isin(leavers)].groupby(["userId", "sessionId"]).ts.idxmax()
    lasts = known.loc[ends].groupby("userId").sample(random_state=7)
    left_at = log.userId.map(lasts.set_index("userId").ts)
    flow = [
        lasts.assign(page=page, ts=lasts.ts + after, itemInSession=lasts.itemInSession + after // 1_000, length=np.nan)
        for page, after in (("Cancel", 1_000), (CANCELLED, 2_000))
    ]
    return pd.concat([log[~(log.ts > left_at)], *flow])


def test_a_good_log_passes_in_one_piece_by_day_and_to_its_last_noon(gate: Gate, good: Log) -> None:
    for log in (good, by_day(good), without_hours(good, 41, 12, 24)):
        report = gate(log)
        assert report.passed, [failure.message for failure in report.failures]
    assert len([result for result in report.results if result.suite == "volumes"]) == 6


def test_real_logs_pass(gate: Gate, shared: Path) -> None:
    def real(name: str) -> Log:
        log = read_log(lzma.decompress((shared / "real_events" / f"{name}.json.xz").read_bytes()))
        return log.astype({"userId": str})

    for log in (pd.concat([real("mini_user_113"), real("mini_user_87")]), real("full_log_head")):
        report = gate(log)
        assert report.passed, [failure.message for failure in report.failures]


@dataclass(frozen=True)
class Poison:
    """What spoils a log, and what the one rule that breaks says: of which column, and in which words."""

    spoil: Callable[[Log], Log]
    rule: str
    column: str
    words: str


POISONS = {
    "half a day is missing": Poison(
        lambda log: without_hours(log, 16, 6, 18),
        "expect_no_hole",
        "occurred_at",
        "observed 12 hours without an event from 2018-10-17 06:00 UTC on",
    ),
    "the newest of the files by day breaks off at noon": Poison(
        lambda log: without_hours(by_day(log), 39, 12, 72),
        "expect_no_hole",
        "occurred_at",
        "observed 12 hours without an event from 2018-11-09 12:00 UTC on",
    ),
    "no line has a level": Poison(
        without_levels, "expect_column_proportion_of_non_null_values_to_be_between", "level", "observed 0.000"
    ),
    "no line of the newest day has a level": Poison(
        lambda log: without_levels(log, 41),
        "expect_column_proportion_of_non_null_values_to_be_between",
        "level",
        " events break it, such as event_date=2018-11-11. ",
    ),
    "one user is there a hundred times": Poison(
        a_hundred_times,
        "expect_events_of_a_user_and_date_to_be_plausible",
        "user_id",
        " user-days break it, such as user_id=",
    ),
    "the clock is a day late": Poison(
        a_day_later,
        "expect_quiet_days_to_be_saturday_and_sunday",
        "occurred_at",
        "observed Sunday and Monday: of ",
    ),
    "the log comes again, a day later": Poison(
        lambda log: pd.concat([log, a_day_later(log)]),
        "expect_item_in_session_at_one_time",
        "item_in_session",
        " sessions break it, such as user_id=",
    ),
    "twice as many users cancel": Poison(
        with_twice_the_cancellations,
        "expect_cancellations_per_session_to_be_plausible",
        "page",
        "cancellations in ",
    ),
}


@pytest.mark.parametrize("name", POISONS)
def test_a_poisoned_log_is_stopped_by_the_rule_about_it(gate: Gate, good: Log, name: str) -> None:
    poison = POISONS[name]
    (failure,) = gate(poison.spoil(good)).failures
    assert (failure.suite, failure.rule, failure.column_name) == ("volumes", poison.rule, poison.column)
    assert f"{STAGED}.{poison.column}: {poison.rule} (" in failure.message
    assert poison.words in failure.message
    assert not set(good.firstName.dropna()) & set(failure.message.split())


def test_a_hole_with_a_reason_passes(gate: Gate, good: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volumes, "OUTAGES", {date(2018, 10, 17): "The service moved."})
    report = gate(without_hours(good, 16, 6, 18))
    assert report.passed, [failure.message for failure in report.failures]


def hourly(sessions_by_hour: dict[int, int]) -> pd.DataFrame:
    """A log in which so many sessions begin, by hours from a Monday on."""
    monday = START // HOUR_MS
    rows = [(monday + hour, 10 * count, count) for hour, count in sessions_by_hour.items()]
    return pd.DataFrame(rows, columns=["hour", "event_count", "session_count"])


def test_a_hole_counts_by_the_sessions_that_were_to_begin_in_it() -> None:
    full = dict.fromkeys(range(5 * DAY), 2)
    (night,) = holes(hourly({hour: count for hour, count in full.items() if not 30 <= hour < 36}))
    assert (night.first, night.hours) == (START // HOUR_MS + 30, 6)
    # The sessions of the very first hour ran already, and the hole itself is time without any.
    assert night.sessions == pytest.approx(6 * 2 * (5 * DAY - 7) / (5 * DAY))
    assert holes(hourly(full)) == []
    assert holes(hourly(dict.fromkeys(range(0, 5 * DAY, 3), 1))) == [], (
        "a session in three hours is too few to judge by"
    )


def test_a_log_that_has_to_reach_an_hour_has_a_hole_up_to_there() -> None:
    log = hourly(dict.fromkeys(range(4 * DAY + 12), 2))
    (hole,) = holes(log, START // HOUR_MS + 5 * DAY)
    assert (hole.first, hole.hours) == (START // HOUR_MS + 4 * DAY + 12, 12)
    assert holes(log, START // HOUR_MS + 4 * DAY) == holes(log) == []


@pytest.mark.parametrize("late", range(7))
def test_the_quiet_days_tell_by_how_much_the_clock_is_off(late: int) -> None:
    week = {hour + late * DAY: 2 if hour // DAY < 5 else 1 for hour in range(7 * DAY)}
    quiet = quiet_days(hourly(week))
    assert quiet is not None
    if late:
        assert quiet.first == (5 + late) % 7
    assert (quiet.evidence > 0) == (late > 0)


@pytest.mark.parametrize(("count", "limit"), [(0, 0), (1, 0.0050), (10, 3.7169), (50, 33.664), (104, 79.607)])
def test_the_least_mean_is_close_to_the_exact_poisson_limit(count: int, limit: float) -> None:
    assert least_mean(count) == pytest.approx(limit, rel=0.01, abs=0.02)
