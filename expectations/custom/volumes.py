"""Expectations about the log as a whole: what no true log shows, and what is unlike this log's own past or others.

Those about its past judge what a run brings, beside what is published; where nothing is, or nothing is new, they look
at all dates, each beside those before it.
"""

from __future__ import annotations

from datetime import datetime, timezone
from math import log as ln
from typing import TYPE_CHECKING, Any, ClassVar

from great_expectations.execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from pyspark.sql import functions as F

from expectations.custom.judged import Judged, Verdict
from expectations.custom.measured_log import (
    OF_EVENTS,
    OF_SONGS,
    SESSION,
    USER_DAY,
    MeasuredLog,
    measured_log,
    sessions,
    user_days,
)
from expectations.measures.rates import change, least_mean
from expectations.measures.rhythm import DAY, clock_shift, forecasts, holes, quiet_days, without_strays
from expectations.suite import EXAMPLES

if TYPE_CHECKING:
    import pandas as pd

METRIC = "table.measured_log"
# The newest days are at least so many and at most so many; their past are so many before them, at the least so many.
NEWEST_LEAST, NEWEST_MOST, PAST_LEAST, PAST_MOST = 7, 28, 21, 84
CLOCK_DAYS = 14


class MeasureLog(TableMetricProvider):
    """The log of a batch of hours of sessions, measured from all sides."""

    metric_name = METRIC

    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(
        cls,  # noqa: N805 - Great Expectations hands over the class
        execution_engine: SparkDFExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        **_: Any,  # noqa: ANN401
    ) -> MeasuredLog:
        rows, _domain, _accessor = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type="table")
        return measured_log(rows)


class _OfLog(Judged):
    metric_dependencies: ClassVar[tuple[str, ...]] = (METRIC,)


class ExpectNoHole(_OfLog):
    """No hours without an event in which more than so many sessions were to begin, but for the outages told of."""

    column = "occurred_at"
    outages: tuple[tuple[int, int], ...] = ()

    success_keys: ClassVar[tuple[str, ...]] = (*Judged.success_keys, "outages")

    def judge(self, measured: MeasuredLog) -> Verdict:
        hours, end = measured.hours, measured.end
        found = [
            hole
            for hole in holes(hours if end else without_strays(hours), end, self.outages)
            if measured.judged & set(range((hole.first - 1) // DAY, (hole.first + hole.hours) // DAY + 1))
        ]
        broken = [hole for hole in found if hole.sessions > self.limits["sessions"]]
        worst = max(found, key=lambda hole: hole.sessions, default=None)
        observed = "none"
        if worst:
            observed = (
                f"{worst.hours} hours without an event from {_moment(worst.first):%Y-%m-%d %H:%M} UTC on, in which "
                f"{worst.sessions:.1f} were to begin"
            )
        return Verdict(
            success=not broken,
            observed=observed,
            looked_at=len(hours) + sum(hole.hours for hole in broken),
            broken=sum(hole.hours for hole in broken),
            examples=tuple(f"from={_moment(hole.first):%FT%H:%M}Z hours={hole.hours}" for hole in broken[:EXAMPLES]),
            excess=sum(hole.hours for hole in broken),
        )


class ExpectSessionsOfDateAsForecast(_OfLog):
    """No date has far more or far fewer sessions than the weeks before it let expect."""

    column = "event_date"
    outages: tuple[tuple[int, int], ...] = ()

    success_keys: ClassVar[tuple[str, ...]] = (*Judged.success_keys, "outages")

    def judge(self, measured: MeasuredLog) -> Verdict:
        log = measured.hours if measured.end else without_strays(measured.hours)
        found = [each for each in forecasts(log, measured.end, self.outages) if each.day in measured.judged]
        broken = [
            each
            for each in found
            if abs(ln((each.sessions + 0.5) / (each.expected + 0.5))) > ln(self.limits["factor"])
            and each.errors > self.limits["errors"]
            and abs(each.sessions - each.expected) > self.limits["sessions"]
        ]
        worst = max(broken or found, key=lambda each: each.errors, default=None)
        observed = "no date to compare"
        if worst:
            observed = f"{worst.sessions:.0f} sessions on {_date(worst.day)}, {worst.expected:.0f} expected"
        return Verdict(
            success=not broken,
            observed=observed,
            looked_at=len(found),
            broken=len(broken),
            examples=tuple(f"event_date={_date(each.day)}" for each in broken[:EXAMPLES]),
            excess=len(broken),
        )


class ExpectClockAsBefore(_OfLog):
    """The newest two weeks have the weekdays of the weeks before them, and none of them later or earlier."""

    column = "occurred_at"

    def judge(self, measured: MeasuredLog) -> Verdict:
        log = without_strays(measured.hours)
        since = int(log.hour.iloc[-1]) // DAY - CLOCK_DAYS + 1 if len(log) else 0
        new = log[log.hour >= since * DAY]
        looked_at = int(new.session_count.sum())
        has_past = len(log) > 0 and since - int(log.hour.iloc[0]) // DAY >= PAST_LEAST
        if not has_past or looked_at < self.limits["sample"] or since + CLOCK_DAYS - 1 not in measured.judged:
            return Verdict(success=True, observed="nothing to compare", looked_at=looked_at)
        shift, evidence = clock_shift(log, since * DAY)
        is_off = evidence > ln(self.limits["odds"])
        observed = "nothing against it"
        if is_off:
            late = f"{shift} days late" if shift <= DAY // 8 else f"{7 - shift} days early"
            observed = f"since {_date(since)}, the weekdays are those of a clock that is {late}"
        return Verdict(success=not is_off, observed=observed, looked_at=looked_at, excess=max(0.0, evidence))


class ExpectCancellationsAsBefore(_OfLog):
    """Of the sessions of the newest days as many end in a cancellation as of those of the weeks before them."""

    column = "page"

    def judge(self, measured: MeasuredLog) -> Verdict:
        days = measured.hours.hour // DAY
        last = int(days.max()) if len(days) else 0
        newest = max(NEWEST_LEAST, min(NEWEST_MOST, len(measured.judged)))
        new = measured.hours[days > last - newest]
        old = measured.hours[(days <= last - newest) & (days > last - newest - PAST_MOST)]
        looked_at = int(new.session_count.sum())
        if not len(old) or int(old.hour.iloc[-1] - old.hour.iloc[0]) // DAY + 1 < PAST_LEAST:
            return Verdict(success=True, observed="nothing to compare", looked_at=looked_at)
        counts = [(int(part.cancelled_count.sum()), int(part.session_count.sum())) for part in (new, old)]
        found = change(*counts[0], *counts[1])
        is_other = found.chance < self.limits["chance"] and (
            found.ratio > self.limits["rise"] or found.ratio < 1 / self.limits["fall"]
        )
        (now, of_now), (before, of_before) = counts
        observed = (
            f"{now:,} in {of_now:,} sessions of the newest {newest} days, {before:,} in {of_before:,} of those before"
        )
        return Verdict(success=not is_other, observed=observed, looked_at=looked_at, excess=float(is_other) * now)


class ExpectNullsAsBefore(_OfLog):
    """On no date does a column lack surely more of its values than it did on any date before."""

    column = "event_date"

    def judge(self, measured: MeasuredLog) -> Verdict:
        broken = [
            (day, name)
            for names, total in ((OF_EVENTS, "event_count"), (OF_SONGS, "song_count"))
            for name in names
            if name != "level"
            for day in self._risen(measured, name, total)
        ]
        columns = sorted({name for _, name in broken})
        return Verdict(
            success=not broken,
            observed=f"more NULL in {', '.join(columns)}" if broken else "as before",
            looked_at=len(measured.dates),
            broken=len({day for day, _ in broken}),
            examples=tuple(f"event_date={_date(day)} column={name}" for day, name in sorted(broken)[:EXAMPLES]),
            excess=len(broken),
        )

    def _risen(self, measured: MeasuredLog, name: str, total: str) -> list[int]:
        dates = measured.dates[measured.dates[total] >= self.limits["sample"]]
        shares, counts = dates[f"{name}_null_count"] / dates[total], dates[total]
        is_old = ~dates.day.isin(measured.judged) if measured.has_past else dates.day < dates.day.min() + PAST_LEAST
        if is_old.sum() < PAST_LEAST:
            return []
        most = shares[is_old].max()
        errors = (shares - most) / ((most * (1 - most) + 1 / counts) / counts) ** 0.5
        return [
            int(day)
            for day in dates.day[~is_old & (shares > most + self.limits["rise"]) & (errors > self.limits["errors"])]
        ]


class ExpectLevelsToBeThere(_OfLog):
    """On no date lacks more than a share of the events a level, and more than on any date before."""

    column = "level"

    def judge(self, measured: MeasuredLog) -> Verdict:
        dates = measured.dates
        shares = dates.level_null_count / dates.event_count.clip(lower=self.limits["sample"])
        before = shares.cummax().shift(fill_value=0.0)
        is_broken = (shares > self.limits["share"]) & (shares > before + self.limits["rise"])
        broken = dates[is_broken]
        return Verdict(
            success=broken.empty,
            observed=f"{shares[is_broken].max() if len(broken) else shares.max() if len(shares) else 0:.3f}",
            looked_at=int(dates.event_count.sum()),
            broken=int(broken.level_null_count.sum()),
            examples=tuple(f"event_date={_date(day)}" for day in broken.day[:EXAMPLES]),
            excess=float(broken.level_null_count.sum()),
        )


class ExpectUserDaysToBeHuman(_OfLog):
    """No user has more songs in a day, or more hours of them, than a day holds."""

    column = "user_id"

    def judge(self, measured: MeasuredLog) -> Verdict:
        days = user_days(measured.session_hours)
        is_beyond = (F.col("song_count") > self.limits["songs"]) | (F.col("song_hours") > self.limits["hours"])
        found = days.agg(
            F.count("*").alias("looked_at"),
            F.count_if(is_beyond).alias("broken"),
            F.coalesce(F.max("song_count"), F.lit(0)).alias("songs"),
            F.coalesce(F.max("song_hours"), F.lit(0)).alias("song_hours"),
        ).collect()[0]
        return Verdict(
            success=not found["broken"],
            observed=f"{found['songs']:,} songs, and {found['song_hours']:.1f} hours of them",
            looked_at=found["looked_at"],
            broken=found["broken"],
            examples=measured.examples(days.where(is_beyond), USER_DAY) if found["broken"] else (),
            excess=found["broken"],
        )


class ExpectItemsAtOneTime(_OfLog):
    """In at most a share of the sessions there are more events than items: no item happened at two times."""

    column = "item_in_session"

    def judge(self, measured: MeasuredLog) -> Verdict:
        total, twice = (int(measured.hours[name].sum()) for name in ("session_count", "told_twice_count"))
        success = twice <= self.limits["share"] * max(total, self.limits["sample"])
        of_log = sessions(measured.session_hours)
        return Verdict(
            success=success,
            observed=f"{twice / max(1, total):.4f}",
            looked_at=total,
            broken=0 if success else twice,
            examples=() if success else measured.examples(of_log.where("is_told_twice"), SESSION),
            excess=twice,
        )


class ExpectQuietDaysAtWeekends(_OfLog):
    """No other two days in a row are likelier than Saturday and Sunday to be the quiet ones."""

    column = "occurred_at"

    def judge(self, measured: MeasuredLog) -> Verdict:
        total = int(measured.hours.session_count.sum())
        quiet = quiet_days(without_strays(measured.hours)) if total >= self.limits["sample"] else None
        is_other = quiet is not None and quiet.evidence > ln(self.limits["odds"])
        observed = "nothing against it"
        if quiet and is_other:
            observed = (
                f"{quiet.names}: of {total:,} sessions, {quiet.sessions:.1f} begin on one of them and "
                f"{quiet.sessions_at_weekends:.1f} on a Saturday or Sunday"
            )
        return Verdict(success=not is_other, observed=observed, looked_at=total, excess=float(is_other))


class ExpectCancellationsToBePlausible(_OfLog):
    """Of the sessions of the log, and of its newest four weeks, no more end in a cancellation than in logs we know."""

    column = "page"

    def judge(self, measured: MeasuredLog) -> Verdict:
        log = measured.hours
        parts = {"the log": log, "its newest 28 days": log[log.hour > log.hour.max() - NEWEST_MOST * DAY]}
        rates = {
            name: (least_mean(count) / total, count, total)
            for name, (count, total) in _cancelled(parts, self.limits["sample"])
        }
        looked_at = int(log.session_count.sum())
        if not rates:
            return Verdict(success=True, observed="too few sessions to judge by", looked_at=looked_at)
        name = max(rates, key=lambda each: rates[each][0])
        rate, count, total = rates[name]
        observed = f"{rate:.4f}, from {count:,} cancellations in {total:,} sessions of {name}"
        return Verdict(
            rate <= self.limits["highest"], observed, looked_at, excess=max(0.0, rate - self.limits["highest"])
        )


def _cancelled(parts: dict[str, pd.DataFrame], sample: float) -> list[tuple[str, tuple[int, int]]]:
    """Cancellations and sessions of each part of a log with enough of these."""
    counts = {name: (int(part.cancelled_count.sum()), int(part.session_count.sum())) for name, part in parts.items()}
    return [(name, (count, total)) for name, (count, total) in counts.items() if total >= sample]


def _moment(hour: int) -> datetime:
    return datetime.fromtimestamp(int(hour) * 3600, timezone.utc)


def _date(day: int) -> str:
    return f"{_moment(int(day) * DAY):%Y-%m-%d}"
