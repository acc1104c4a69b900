"""The canonical form of an event, and its hash: the same for every spelling of the event, in every version."""

from __future__ import annotations

import hashlib
import re
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson

from warehouse.landing.reader.fields import FIELDS, NAMES
from warehouse.landing.reader.java_double import java_double

if TYPE_CHECKING:
    from collections.abc import Sequence

_INDEX = {key: index for index, key in enumerate(FIELDS)}
_HASHED = tuple(key for key in FIELDS if key not in {*NAMES, "length"})
_take = itemgetter(*(_INDEX[key] for key in _HASHED))
_LENGTH = _INDEX["length"]
_ESCAPE = re.compile(rb"\\(?:u[0-9a-f]{4}|.)")


def canonical_text(values: Sequence[Any], kept: str | None) -> bytes:
    """Return the text that is hashed: the fields in one order, without nulls and names, and the unknown keys kept.

    It is byte for byte what Spark's `to_json` makes of them, by which events of older state folders were hashed. Names
    are left out, so that a hash cannot be tried against a list of names.
    """
    record = dict(zip(_HASHED, _take(values), strict=True))
    if None in record.values():
        record = {key: value for key, value in record.items() if value is not None}
    text = jackson(record)[:-1]
    length = values[_LENGTH]
    if length is not None:
        text += f',"length":{java_double(length)}'.encode()
    unknown = b"" if kept is None else b',"unknown":' + jackson(kept)
    return b'{"record":' + text + b"}" + unknown + b"}"


def record_hash(values: Sequence[Any], kept: str | None) -> str:
    """Return the SHA-256 of the canonical text, in hexadecimal."""
    return hashlib.sha256(canonical_text(values, kept)).hexdigest()


def jackson(value: object) -> bytes:
    """Return JSON of texts and whole numbers as Jackson writes it: `\\u001F` where others write `\\u001f`."""
    text = orjson.dumps(value)
    return _ESCAPE.sub(_upper, text) if b"\\u" in text else text


def _upper(escape: re.Match[bytes]) -> bytes:
    found = escape[0]
    return b"\\u" + found[2:].upper() if found.startswith(b"\\u") else found
