"""The value of a field from what a line says: each of its spellings is the same value, and None is a missing one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from warehouse.contract.errors import SparkhouseError

# What data frames and databases write for a value that is not there, where they have to write a text.
MISSING_WORDS = frozenset({"", "NaN", "nan", "None", "null", "NULL", "<NA>", "NaT"})

MILLISECONDS = "milliseconds"
ISO = "iso"
TIME_UNITS = ("seconds", MILLISECONDS, "microseconds", ISO)

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_WHOLE = re.compile(r"[+-]?\d{1,19}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_WHOLE_ID = re.compile(r"(\d+)\.0+")
_ISO_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?", re.IGNORECASE
)
_LARGEST = 2**63

Reading = Callable[[Any], Any]


class WrongType(SparkhouseError, ValueError):
    """A value that cannot be one of its field."""

    def __str__(self) -> str:
        return "wrong type"


def free_text(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return a text that may be anything, such as a title: only an empty one is missing."""
    if isinstance(value, str):
        return value or None
    if value is None:
        return None
    raise WrongType


def page(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return a text, be it empty: a page is never missing in good faith."""
    if isinstance(value, str) or value is None:
        return value
    raise WrongType


def word(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return a text of a field with few values: what is written for a missing value is none."""
    text = free_text(value)
    return None if text in MISSING_WORDS else text


def user_id(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return an id as text: `39`, `39.0`, `"39"` and `"39.0"` are one user."""
    if isinstance(value, str):
        if value.isdigit():
            return value
        whole = _WHOLE_ID.fullmatch(value)
        return whole[1] if whole else word(value)
    number = whole_number(value)
    if number is not None and number < 0:
        raise WrongType
    return None if number is None else str(number)


def whole_number(value: Any) -> int | None:  # noqa: ANN401 - any JSON value
    """Return a whole number of 64 bits, also where it is written as a double or as text."""
    if type(value) is float and value.is_integer() and abs(value) < _LARGEST:
        return int(value)
    found = _number(value)
    if found is None:
        return None
    if not math.isfinite(found) or found != int(found) or not -_LARGEST <= found < _LARGEST:
        raise WrongType
    return int(found)


def number(value: Any) -> float | None:  # noqa: ANN401 - any JSON value
    """Return a double, also where it is written as text."""
    found = _number(value)
    return None if found is None else float(found)


def _number(value: Any) -> int | float | None:  # noqa: ANN401 - any JSON value
    kind = type(value)
    if kind is int:
        # Python's whole numbers know no bounds.
        return value if abs(value) <= _LARGEST else math.inf if value > 0 else -math.inf
    if kind is float:
        return None if math.isnan(value) else value
    if kind is str:
        text = value.strip()
        if text in MISSING_WORDS:
            return None
        if _WHOLE.fullmatch(text):
            return int(text)
        if _NUMBER.fullmatch(text):
            return float(text)
    elif value is None:
        return None
    raise WrongType


def moment_in(unit: str) -> Reading:
    """Return the reading of a moment, in milliseconds since 1970 UTC. A text with a date and a time needs no unit."""
    return _READINGS[unit]


def _iso(value: Any) -> int | None:  # noqa: ANN401 - any JSON value
    if not isinstance(value, str):
        if value is None:
            return None
        raise WrongType
    text = value.strip()
    if text in MISSING_WORDS:
        return None
    found = _ISO_MOMENT.fullmatch(text)
    if not found:
        raise WrongType
    day, minute, second, fraction, zone = found.groups()
    try:
        local = datetime.fromisoformat(f"{day}T{minute}:{second or '00'}+00:00")
    except ValueError:
        raise WrongType from None
    whole = (local - _EPOCH) // timedelta(milliseconds=1) - _offset(zone)
    return whole + int((fraction or "0")[:3].ljust(3, "0"))


def _offset(zone: str | None) -> int:
    """Return how far a zone is ahead of UTC, in milliseconds; none is UTC."""
    if zone is None or zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return (minutes if zone[0] == "+" else -minutes) * 60_000


def _or_iso(read: Reading) -> Reading:
    def moment(value: Any) -> int | None:  # noqa: ANN401 - any JSON value
        is_iso = type(value) is str and _ISO_MOMENT.fullmatch(value.strip())
        found: int | None = _iso(value) if is_iso else read(value)
        return found

    return moment


def _seconds(value: Any) -> int | None:  # noqa: ANN401 - any JSON value
    found = _number(value)
    if found is None:
        return None
    return whole_number(round(found * 1000) if math.isfinite(found) else found)


def _microseconds(value: Any) -> int | None:  # noqa: ANN401 - any JSON value
    found = whole_number(value)
    return None if found is None else found // 1000


_READINGS: dict[str, Reading] = {
    "seconds": _or_iso(_seconds),
    MILLISECONDS: _or_iso(whole_number),
    "microseconds": _or_iso(_microseconds),
    ISO: _iso,
}
