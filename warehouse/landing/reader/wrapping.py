"""Events that another program wrapped: as an object, or as a text, below a key of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warehouse.landing.reader.names import shown_key
from warehouse.landing.reader.parse import NotARecord, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    IsEvent = Callable[[dict[str, Any]], bool]

AS_OBJECT = "an event below the key {0}: a --mapping names its keys as {0}.ts and so on"
AS_TEXT = "an event as a text below the key {0}: write these texts alone to a file, a line each"


def wrapped(record: Mapping[str, Any], is_event: IsEvent) -> str | None:
    """Return what to do about a record of which the value of one key is an event; None of any other."""
    for key, value in record.items():
        if isinstance(value, dict) and is_event(value):
            return AS_OBJECT.format(shown_key(key))
        if isinstance(value, str) and _is_event_as_text(value, is_event):
            return AS_TEXT.format(shown_key(key))
    return None


def _is_event_as_text(text: str, is_event: IsEvent) -> bool:
    if not text.lstrip().startswith("{"):
        return False
    try:
        return is_event(parse(text.encode()))
    except NotARecord:
        return False
