"""A line as a JSON object, or what else it is."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from warehouse.contract.errors import SparkhouseError

NOT_JSON, NOT_AN_OBJECT = "not json", "not an object"
_MOST_DIGITS = _DEEPEST = 1000
# A surrogate that is written as UTF-8 is one wrong character in Java, and two or three in Python.
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]?")


class NotARecord(SparkhouseError, ValueError):
    """A line that is no JSON object."""


def parse(line: bytes) -> dict[str, Any]:
    """Return the keys and values of a line. Raises NotARecord with the reason.

    Native code reads nearly all lines. What it refuses, Python's own parser reads once more: it takes NaN (as None) and
    Infinity, which data frames write, and halves of surrogate pairs, which become question marks, as Java has them.
    """
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        value = _parse_leniently(decoded(line))
    if not isinstance(value, dict):
        raise NotARecord(NOT_AN_OBJECT)
    return value


def decoded(line: bytes) -> str:
    """Return the text of a line, with a replacement character for what is no UTF-8."""
    return _SURROGATE.sub("\ufffd".encode(), line).decode("utf-8", "replace")


def _parse_leniently(text: str) -> Any:  # noqa: ANN401 - any JSON value
    if text.count("[") + text.count("{") > _DEEPEST:
        raise NotARecord(NOT_JSON)
    try:
        value = json.loads(text, parse_constant=_constant, parse_int=_whole)
    except (ValueError, RecursionError):
        raise NotARecord(NOT_JSON) from None
    return _without_half_pairs(value)


def _constant(name: str) -> float | None:
    return None if name == "NaN" else float(name)


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(digits)
    return int(digits)


def _without_half_pairs(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_without_half_pairs(each) for each in value]
    if isinstance(value, dict):
        return {_without_half_pairs(key): _without_half_pairs(each) for key, each in value.items()}
    return value
