"""The fields of an event: their types, and what no value of them can be."""

from __future__ import annotations

import re

FIELDS = {
    "ts": "bigint",
    "userId": "string",
    "sessionId": "bigint",
    "page": "string",
    "auth": "string",
    "method": "string",
    "status": "bigint",
    "level": "string",
    "itemInSession": "bigint",
    "location": "string",
    "userAgent": "string",
    "lastName": "string",
    "firstName": "string",
    "registration": "bigint",
    "gender": "string",
    "artist": "string",
    "song": "string",
    "length": "double",
}
REQUIRED = ("ts", "sessionId", "page")
NAMES = ("lastName", "firstName")
MOMENTS = ("ts", "registration")

# Milliseconds of 2000-01-01 and 2100-01-01 (UTC); HTTP status codes (RFC 9110, section 15); seconds of a day.
PLAUSIBLE_RANGES = {
    "ts": (946_684_800_000, 4_102_444_799_999),
    "registration": (946_684_800_000, 4_102_444_799_999),
    "sessionId": (0, 2**63 - 1),
    "itemInSession": (0, 2**63 - 1),
    "status": (100, 599),
    "length": (0, 86_400),
}


def column_name(key: str) -> str:
    """Return the column of `raw.events` that holds a field: `itemInSession` becomes `item_in_session`."""
    return re.sub("([A-Z])", r"_\1", key).lower()


def normalised(key: str) -> str:
    """Return what the spellings of a key have in common: `first_name`, `First-Name` and `firstName` are one key."""
    return re.sub(r"[\s_.\-]", "", key).lower()
