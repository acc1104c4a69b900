"""Moments that leave Spark: as microseconds, for as a timestamp they leave it naive, in the local time of the machine.

There an hour comes twice a year, and what is compared or shown is wrong by an hour or more.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def moment(micros: int) -> datetime:
    """Return the moment so many microseconds after 1970 began, in UTC."""
    return EPOCH + timedelta(microseconds=micros)
