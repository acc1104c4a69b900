"""The suite of the volumes: what no honest log shows, though each of its lines is well-formed.

The bounds come from the published logs of 225, 448 and 22,277 users and from 2,000 simulated ones of 5 to 8,000 users
and 1 to 365 days. They are judged here, in sessions, hours and user-days; Great Expectations judges their total.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from expectations.measures.rhythm import DAY, holes, least_mean, quiet_days, without_strays
from expectations.report import RuleResult
from expectations.suite import EXAMPLES, Suite, key_text, read
from expectations.suites.rules import none
from expectations.suites.session_log import SESSION, USER_DAY, end_due, log_by_hour, session_hours, sessions, user_days

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

EVENTS = "staging.stg_sparkify__events"
# When the service was down and why, by the date on which that began: no delivery can fill such a hole.
OUTAGES: Mapping[date, str] = MappingProxyType({})
# As many begin in 12 hours of 100 users on a working day, and of 225 users on any day. Simulated logs get to 8.4.
HOLE_SESSIONS = 11
# A level carries over to events without one; of more without than with, what carries over is no longer the log's. Of
# fewer events than that, a few without one are not a share.
LEVELS_MISSING, LEVELS_SAMPLE = 0.5, 100
# A day has 24 hours of songs, which are some 345. Cut short, the busiest of simulated days has fewer than 467, and 24.3
# hours with the end of its last song. There is room for twice as much: a log that came twice has a rule of its own.
# Other pages may come by themselves, as heartbeats do.
USER_DAY_SONGS, USER_DAY_HOURS = 1_000, 50
# An item stands in its session once. The share leaves room for two people with one id, whose sessions meet by chance.
TOLD_TWICE, TOLD_TWICE_SAMPLE = 0.01, 100
# Of fewer sessions, a heavy user may work at weekends. With as many, no simulated log had likelier days than these two.
CLOCK_ODDS, CLOCK_SAMPLE = 10_000, 500
# Of 1,000 sessions, 16.4, 16.3 and 16.8 end in a cancellation in the published logs, be it at the start or at the end:
# that is steadier than a share of the users. Of fewer, chance and the mix of users may double it.
CANCELLATIONS, CANCELLATIONS_SAMPLE, NEWEST_DAYS = 0.020, 1_000, 28


@dataclass(frozen=True)
class Verdict:
    """What was found of a rule, in words, and how many of the units looked at break it (None: it is about a total)."""

    rule: str
    column: str
    expected: str
    observed: str
    success: bool
    looked_at: int
    unit: str
    broken: int | None
    remedy: str
    examples: tuple[str, ...] = ()

    @property
    def result(self) -> RuleResult:
        return RuleResult(
            suite="volumes",
            table_name=EVENTS,
            rule=self.rule,
            column_name=self.column,
            success=self.success,
            observed_value=self.observed,
            element_count=self.looked_at,
            unexpected_count=self.broken,
            examples=self.examples,
            message=self._message,
        )

    @property
    def _message(self) -> str:
        message = f"{EVENTS}.{self.column}: {self.rule} ({self.expected}), observed {self.observed}"
        if self.success:
            return message
        rows = "" if self.broken is None else f"; {self.broken:,} of {self.looked_at:,} {self.unit} break it"
        examples = f", such as {'; '.join(self.examples)}" if self.examples else ""
        return f"{message}{rows}{examples}. {self.remedy}"


def volumes(spark: SparkSession) -> Suite:
    """Holes, missing levels, users beyond human measure, sessions told twice, a wrong clock, too many cancellations."""
    end = end_due(read(spark, "raw.events"))
    hours = session_hours(read(spark, EVENTS)).persist()
    try:
        verdicts = _verdicts(hours, end)
    finally:
        hours.unpersist()
    broken = [f"{verdict.column}: {verdict.rule}" for verdict in verdicts if not verdict.success]
    return Suite(
        name="volumes",
        table=EVENTS,
        keys=("rule",),
        rows=spark.createDataFrame([(v.rule, int(not v.success)) for v in verdicts], "rule string, broken int"),
        expectations=(none("broken", "Rules on volumes that do not hold", broken),),
        findings=tuple(verdict.result for verdict in verdicts),
    )


def _verdicts(hours: DataFrame, end: int | None) -> list[Verdict]:
    of_log = sessions(hours)
    log = log_by_hour(of_log)
    return [
        _hole(log, end),
        _levels(log),
        _user_days(user_days(hours)),
        _told_twice(log, of_log),
        _clock(log),
        _cancellations(log),
    ]


def _hole(log: pd.DataFrame, end: int | None) -> Verdict:
    found = holes(log if end else without_strays(log), end)
    unexplained = [hole for hole in found if _moment(hole.first).date() not in OUTAGES]
    worst = max(unexplained, key=lambda hole: hole.sessions, default=None)
    missing = sum(hole.hours for hole in unexplained if hole.sessions > HOLE_SESSIONS)
    observed = "none"
    if worst:
        begin = f"{_moment(worst.first):%Y-%m-%d %H:%M} UTC"
        observed = f"{worst.hours} hours without an event from {begin} on, in which {worst.sessions:.1f} were to begin"
    return Verdict(
        rule="expect_no_hole",
        column="occurred_at",
        expected=f"no hours without an event in which more than {HOLE_SESSIONS} sessions were to begin",
        observed=observed,
        success=not missing,
        looked_at=len(log) + missing,
        unit="hours",
        broken=missing,
        remedy=(
            "Deliver the log of these hours; if there is none, because the service was down, give the reason in "
            "OUTAGES of expectations/suites/volumes.py"
        ),
    )


def _levels(log: pd.DataFrame) -> Verdict:
    dates = log.groupby(log.hour // DAY)[["event_count", "level_count"]].sum()
    missing = dates.event_count - dates.level_count
    shares = missing / dates.event_count.clip(lower=LEVELS_SAMPLE)
    broken = missing[shares > LEVELS_MISSING]
    return Verdict(
        rule="expect_column_proportion_of_non_null_values_to_be_between",
        column="level",
        expected=f"at least {1 - LEVELS_MISSING} of each date",
        observed=f"{1 - shares.max() if len(shares) else 1:.3f}",
        success=broken.empty,
        looked_at=int(dates.event_count.sum()),
        unit="events",
        broken=int(broken.sum()),
        remedy="Its lines have lost the key: have them exported anew, and deliver them in place of these",
        examples=tuple(f"event_date={_moment(day * DAY).date()}" for day in broken.index[:EXAMPLES]),
    )


def _user_days(days: DataFrame) -> Verdict:
    is_beyond = (F.col("song_count") > USER_DAY_SONGS) | (F.col("song_hours") > USER_DAY_HOURS)
    found = days.agg(
        F.count("*").alias("looked_at"),
        F.count_if(is_beyond).alias("broken"),
        F.coalesce(F.max("song_count"), F.lit(0)).alias("songs"),
        F.coalesce(F.max("song_hours"), F.lit(0)).alias("song_hours"),
    ).collect()[0]
    return Verdict(
        rule="expect_events_of_a_user_and_date_to_be_plausible",
        column="user_id",
        expected=f"at most {USER_DAY_SONGS:,} songs, and {USER_DAY_HOURS} hours of them",
        observed=f"{found['songs']:,} songs, and {found['song_hours']:.1f} hours of them",
        success=not found["broken"],
        looked_at=found["looked_at"],
        unit="user-days",
        broken=found["broken"],
        remedy="Nobody does so much in a day: have the export of these users looked into, and deliver it anew",
        examples=_examples(days.where(is_beyond), USER_DAY) if found["broken"] else (),
    )


def _told_twice(log: pd.DataFrame, of_log: DataFrame) -> Verdict:
    total, told_twice = int(log.session_count.sum()), int(log.told_twice_count.sum())
    success = told_twice <= TOLD_TWICE * max(total, TOLD_TWICE_SAMPLE)
    return Verdict(
        rule="expect_item_in_session_at_one_time",
        column="item_in_session",
        expected=f"more events than items in at most {TOLD_TWICE} of the sessions",
        observed=f"{told_twice / max(1, total):.4f}",
        success=success,
        looked_at=total,
        unit="sessions",
        broken=0 if success else told_twice,
        remedy=(
            "The same sessions have come twice, at different times or from different logs: see raw.ingested_files for "
            "what came last, and deliver each event once"
        ),
        examples=() if success else _examples(of_log.where("is_told_twice"), SESSION),
    )


def _clock(log: pd.DataFrame) -> Verdict:
    total = int(log.session_count.sum())
    quiet = quiet_days(without_strays(log)) if total >= CLOCK_SAMPLE else None
    is_off = quiet is not None and quiet.evidence > math.log(CLOCK_ODDS)
    observed = "nothing against it"
    if quiet and is_off:
        observed = (
            f"{quiet.names}: of {total:,} sessions, {quiet.sessions:.1f} begin on one of them and "
            f"{quiet.sessions_at_weekends:.1f} on a Saturday or Sunday"
        )
    return Verdict(
        rule="expect_quiet_days_to_be_saturday_and_sunday",
        column="occurred_at",
        expected=f"no other two days in a row {CLOCK_ODDS:,} times as likely",
        observed=observed,
        success=not is_off,
        looked_at=total,
        unit="sessions",
        broken=None,
        remedy=(
            "The clock of this log is days off: compare a few events with the service, have ts put right, and deliver "
            "the log anew"
        ),
    )


def _cancellations(log: pd.DataFrame) -> Verdict:
    """Of the whole log, and of its newest four weeks, which a long log would outweigh."""
    parts = {"the log": log, f"its newest {NEWEST_DAYS} days": log[log.hour > log.hour.max() - NEWEST_DAYS * DAY]}
    totals = [(int(part.cancelled_count.sum()), int(part.session_count.sum()), name) for name, part in parts.items()]
    judged = [
        (least_mean(count) / total, count, total, name)
        for count, total, name in totals
        if total >= CANCELLATIONS_SAMPLE
    ]
    rate, count, total, name = max(judged, default=(0.0, *totals[0]))
    found = f"{rate:.4f}, from {count:,} cancellations in {total:,} sessions of {name}"
    return Verdict(
        rule="expect_cancellations_per_session_to_be_plausible",
        column="page",
        expected=f"at most {CANCELLATIONS}, by the lower limit of 99.5 % confidence",
        observed=found if judged else "too few sessions to judge by",
        success=rate <= CANCELLATIONS,
        looked_at=total,
        unit="sessions",
        broken=None,
        remedy=(
            "That is more than the service has ever known: see whether Cancellation Confirmation still means that a "
            "user has left, and whether the log is whole"
        ),
    )


def _examples(rows: DataFrame, keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(row[0] for row in rows.select(key_text(keys).alias("key")).sort("key").limit(EXAMPLES).collect())


def _moment(hour: int) -> datetime:
    return datetime.fromtimestamp(int(hour) * 3600, timezone.utc)
