"""The suite of the volumes: what the log as a whole shows, though each of its lines is well-formed."""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING

from expectations.custom.measured_log import session_hours
from expectations.custom.volumes import (
    ExpectCancellationsAsBefore,
    ExpectCancellationsToBePlausible,
    ExpectClockAsBefore,
    ExpectItemsAtOneTime,
    ExpectLevelsToBeThere,
    ExpectNoHole,
    ExpectNullsAsBefore,
    ExpectQuietDaysAtWeekends,
    ExpectSessionsOfDateAsForecast,
    ExpectUserDaysToBeHuman,
)
from expectations.suite import EVENTS, Suite, read
from expectations.suites.rules import judged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from great_expectations.expectations.expectation import Expectation

    from expectations.limits import Limits, Outage
    from expectations.suite import Audit

SECONDS_PER_HOUR = 3600


def volumes(audit: Audit) -> Suite:
    """Holes, volumes, a wrong clock, missing values and levels, users beyond human measure, sessions told twice."""
    read(audit.spark, "raw.events")
    rules = [*_impossible(audit.limits), *_unlike_its_past(audit.limits), *_unlike_known_logs(audit.limits)]
    rows = session_hours(read(audit.spark, EVENTS)).persist()
    return Suite("volumes", EVENTS, ("user_id", "session_id"), rows, tuple(rules))


def _impossible(limits: Limits) -> Iterator[Expectation]:
    rule = limits["volumes.levels"]
    yield from judged(
        rule,
        ExpectLevelsToBeThere,
        expected=f"missing in at most {rule['share']:g} of each date, or in no more than on a date before",
        unit="events",
        remedy="Its lines have lost the key: have them exported anew, and deliver them in place of these",
    )
    rule = limits["volumes.user_day"]
    yield from judged(
        rule,
        ExpectUserDaysToBeHuman,
        expected=f"at most {rule['songs']:,.0f} songs, and {rule['hours']:g} hours of them",
        unit="user-days",
        remedy="Nobody does so much in a day: have the export of these users looked into, and deliver it anew",
    )
    rule = limits["volumes.told_twice"]
    yield from judged(
        rule,
        ExpectItemsAtOneTime,
        expected=f"more events than items in at most {rule['share']:g} of the sessions",
        unit="sessions",
        remedy=(
            "The same sessions have come twice, at different times or from different logs: see raw.ingested_files "
            "for what came last, and deliver each event once"
        ),
    )


def _unlike_its_past(limits: Limits) -> Iterator[Expectation]:
    closed = tuple(_hours(outage) for outage in limits.outages)
    rule = limits["volumes.hole"]
    yield from judged(
        rule,
        ExpectNoHole,
        outages=closed,
        expected=f"no hours without an event in which more than {rule['sessions']:g} sessions were to begin",
        unit="hours",
        remedy=(
            "Deliver the log of these hours; if there is none, because the service was down, give the outage and "
            f"its reason in {limits.place}"
        ),
    )
    rule = limits["volumes.day"]
    yield from judged(
        rule,
        ExpectSessionsOfDateAsForecast,
        outages=closed,
        expected=f"within a factor of {rule['factor']:g} of what the weeks before it let expect",
        unit="dates",
        remedy="See raw.ingested_files for what these dates came in, and whether all of it came, and came once",
    )
    rule = limits["volumes.clock"]
    yield from judged(
        rule,
        ExpectClockAsBefore,
        expected=f"no other clock {rule['odds']:,.0f} times as likely",
        unit="sessions",
        remedy=(
            "Compare a few events with the service, have ts put right, and deliver these days anew in place of "
            "what came"
        ),
    )
    rule = limits["volumes.cancellations"]
    yield from judged(
        rule,
        ExpectCancellationsAsBefore,
        expected=f"between a {rule['fall']:g}th and {rule['rise']:g} times those of before",
        unit="sessions",
        remedy="See whether Cancellation Confirmation still means that a user left, and whether the log is whole",
    )
    rule = limits["volumes.nulls"]
    yield from judged(
        rule,
        ExpectNullsAsBefore,
        expected=f"no column lacks {rule['rise']:g} more of its values than on any date before",
        unit="dates",
        remedy="Lines have lost keys, or have others: have them exported anew, or name the keys in a --mapping",
    )


def _unlike_known_logs(limits: Limits) -> Iterator[Expectation]:
    rule = limits["volumes.quiet_days"]
    yield from judged(
        rule,
        ExpectQuietDaysAtWeekends,
        expected=f"no other two days in a row {rule['odds']:,.0f} times as likely",
        unit="sessions",
        remedy=(
            "If the service is quiet then, all is well; else the clock of this log is days off: compare a few "
            "events with the service, have ts put right, and deliver the log anew"
        ),
    )
    rule = limits["volumes.cancellation_rate"]
    yield from judged(
        rule,
        ExpectCancellationsToBePlausible,
        expected=f"at most {rule['highest']:g}, by the lower limit of 99.5 % confidence",
        unit="sessions",
        remedy="See whether Cancellation Confirmation means that a user has left, and whether the log is whole",
    )


def _hours(outage: Outage) -> tuple[int, int]:
    """The hours that an outage touches, since 1970 UTC."""
    return (
        floor(outage.first.timestamp() / SECONDS_PER_HOUR),
        ceil(outage.until.timestamp() / SECONDS_PER_HOUR),
    )
