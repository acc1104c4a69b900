"""The canonical form of an event, and its hash: the same for every spelling of the event, in every version."""

from __future__ import annotations

import hashlib
import re
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.landing.reader.fields import FIELDS, NAMES
from warehouse.landing.reader.java_double import java_double

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_INDEX = {key: index for index, key in enumerate(FIELDS)}
_HASHED = tuple(key for key in FIELDS if key not in {*NAMES, "length"})
_take = itemgetter(*(_INDEX[key] for key in _HASHED))
_LENGTH = _INDEX["length"]
_ESCAPED = r'["\\\x00-\x1f]'
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


def record_hashes(values: Mapping[str, pa.Array], kept: pa.Array) -> pa.Array:
    """Return `record_hash` of many events: `values` are the columns of FIELDS, `kept` the unknown keys kept."""
    sha256 = hashlib.sha256
    return pa.array([sha256(text).hexdigest() for text in canonical_texts(values, kept).to_pylist()], pa.string())


def canonical_texts(values: Mapping[str, pa.Array], kept: pa.Array) -> pa.Array:
    """Return `canonical_text` of many events, of which each has its first field."""
    pieces = [_member('{"record":{', _HASHED[0], _as_json(values[_HASHED[0]]))]
    pieces += [_member(",", key, _as_json(values[key])) for key in _HASHED[1:] if _has_any(values[key])]
    if _has_any(values["length"]):
        pieces.append(_member(",", "length", _doubles(values["length"])))
    pieces.append(pa.scalar("}"))
    if _has_any(kept):
        pieces.append(_member(",", "unknown", _as_json(kept)))
    joined = pc.binary_join_element_wise(*pieces, pa.scalar("}"), "", null_handling="skip")
    return joined.cast(pa.binary())


def _has_any(array: pa.Array) -> bool:
    return bool(array.null_count < len(array))


def _member(before: str, key: str, texts: pa.Array) -> pa.Array:
    """Return texts as values of a key; null where there is no text, so that the key is left out there."""
    return pc.binary_join_element_wise(pa.scalar(f'{before}"{key}":'), texts, "")


def _as_json(array: pa.Array) -> pa.Array:
    if array.type != pa.string():
        return array.cast(pa.string())
    encoded = array.dictionary_encode()
    if 2 * len(encoded.dictionary) > len(array):
        return _quoted(array)
    return _quoted(encoded.dictionary).take(encoded.indices)


def _quoted(texts: pa.Array) -> pa.Array:
    """Return texts as JSON has them; native code writes those that hold nothing to escape."""
    quoted = pc.binary_join_element_wise('"', texts, '"', "")
    is_escaped = pc.match_substring_regex(texts, _ESCAPED)
    if not pc.any(is_escaped).as_py():
        return quoted
    escaped = [jackson(text).decode() for text in texts.filter(is_escaped).to_pylist()]
    return pc.replace_with_mask(quoted, is_escaped, pa.array(escaped, pa.string()))


def _doubles(array: pa.Array) -> pa.Array:
    # By their bits: 0.0 and -0.0 are one value, and two texts.
    encoded = array.view(pa.int64()).dictionary_encode()
    texts = [java_double(value) for value in encoded.dictionary.view(pa.float64()).to_pylist()]
    return pa.array(texts, pa.string()).take(encoded.indices)


def jackson(value: object) -> bytes:
    """Return JSON of texts and whole numbers as Jackson writes it: `\\u001F` where others write `\\u001f`."""
    text = orjson.dumps(value)
    return _ESCAPE.sub(_upper, text) if b"\\u" in text else text


def _upper(escape: re.Match[bytes]) -> bytes:
    found = escape[0]
    return b"\\u" + found[2:].upper() if found.startswith(b"\\u") else found
