"""What is kept of refused lines and of unknown keys: enough to see what they were, and nobody's name."""

from __future__ import annotations

import re
from typing import Any

import orjson

from warehouse.landing.reader.fields import FIELDS, normalised

_NAME_KEYS = frozenset(
    {
        *(
            "firstname",
            "lastname",
            "fullname",
            "givenname",
            "familyname",
            "middlename",
            "maidenname",
            "surname",
            "forename",
        ),
        *("name", "namefirst", "namelast", "namefull", "username", "nickname", "displayname", "realname", "personname"),
        *("customername", "contactname", "email", "emailaddress", "mail", "phone", "phonenumber"),
    }
)
# `user.first_name` is one, too; `artist_name` is none.
_NAME_ENDINGS = tuple(key for key in _NAME_KEYS if key.endswith("name") and key != "name")
_LONGEST_KEY, _LONGEST_SHAPE = 64, 1000
_TYPES = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
    list: "array",
    dict: "object",
}
_NEUTRAL = {str: "***", int: 0, float: 0, bool: False, type(None): None, list: [], dict: {}}
TYPE_NAMES = frozenset(_TYPES.values())
_FIELD_NAMES = frozenset(map(normalised, FIELDS))
_SCHEMA_WORDS = _FIELD_NAMES | {"duration", "city", "state", "zip", "lon", "lat", "tag", "timestamp", "event", "user"}
_HEADER_CELLS = re.compile(r"[,;\t|]")
_HEADER_LEAST = 3
_HEADER_CELL = re.compile(r"\s*[\"']?[A-Za-z][\w.\- ]*[\"']?\s*")
_KEY = re.compile(r"(?<![\w.\-])[A-Za-z][\w.\-]*(?![\w.\-])(?=[\\\"']*\s*[:=])")
_LETTERS = re.compile(r"([A-Z])|([a-z]|[^\x00-\x7f\ufffd])|[0-9]")

# A name key and its value: escaped, double-quoted or single-quoted text (with or without its end), list, object, bare.
_NAME_VALUE = re.compile(
    r"((?:(?:first|last|full|given|family|sur|fore|middle|maiden|nick|user|display|real|person|customer|contact)"
    r"[_ .\-]?name"
    r"|\bname(?:[_ .\-]?(?:first|last|full))?|e?mail(?:[_ .\-]?address)?|\bphone(?:[_ .\-]?number)?)[\\\"']*\s*[:=]\s*)"
    r"(?:\\+\"[^\"\\]*(?:\\+\")?|\"[^\"\\]*(?:\\.[^\"\\]*)*\"?|'[^'\\]*(?:\\.[^'\\]*)*'?|[\[{][^\]}]*[\]}]?|[^\s,}\]][^,}\]]*)",
    re.IGNORECASE | re.DOTALL,
)


def is_name_key(key: str) -> bool:
    """Tell whether a key, in any spelling, is one that holds a person's name or address."""
    plain = normalised(key)
    return plain in _NAME_KEYS or plain.endswith(_NAME_ENDINGS) or "email" in plain


def type_name(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the JSON type of a value."""
    return _TYPES[type(value)]


def reduced_keys(record: dict[str, Any]) -> str | None:
    """Return keys with the types of their values as JSON text, sorted; None without any."""
    return keys_text({shown_key(key): type_name(value) for key, value in record.items()}) if record else None


def keys_text(record: dict[str, Any]) -> str:
    """Return an object as JSON text, its keys sorted."""
    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS).decode()


def neutral(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return what stands for a value of its type where the value itself is not kept."""
    return _NEUTRAL[type(value)]


def shown_key(key: str) -> str:
    """Return a key as it is kept: data that stand in the place of a key, such as addresses, by their shape."""
    return key if len(key) <= _LONGEST_KEY and "@" not in key else shape(key)


def shape(text: str) -> str:
    """Return the shape of a text: letters become `a` and `A`, digits `9`, all else stays; at most 1,000 characters.

    Words of the schema stay where they are keys, `"userId": ...`, or where the line is a header, `ts,userId,page`: by
    them one sees what the line was. NULs, between which UTF-16 hides its letters, are taken out, and a replacement
    character says so.
    """
    head = text[:_LONGEST_SHAPE]
    if "\0" in head:
        head = "\ufffd" + head.replace("\0", "")
    found = _shape_of_header(head) or _shape_of_values(head)
    return found if len(text) <= _LONGEST_SHAPE else f"{found} ... ({len(text)} characters)"


def _shape_of_header(line: str) -> str | None:
    cells = _HEADER_CELLS.split(line)
    known = [cell for cell in cells if _is_schema_word(cell.strip(" \"'\r"))]
    if not all(map(_HEADER_CELL.fullmatch, cells)) or len(known) < max(_HEADER_LEAST, len(cells) / 2):
        return None
    return re.sub(r"[^,;\t|]+", lambda cell: cell[0] if cell[0] in known else _masked(cell[0]), line)


def _shape_of_values(line: str) -> str:
    kept, end = [], 0
    for key in _KEY.finditer(line):
        if _is_schema_word(key[0]) or is_name_key(key[0]):
            kept += [_masked(line[end : key.start()]), key[0]]
            end = key.end()
    return "".join([*kept, _masked(line[end:])])


def _is_schema_word(word: str) -> bool:
    return normalised(word) in _SCHEMA_WORDS


def _masked(text: str) -> str:
    return _LETTERS.sub(lambda found: "A" if found[1] else "a" if found[2] else "9", text)


def mask_names(text: str) -> str:
    """Return text, JSON or not, with the values of name keys replaced by stars, as far as a pattern can see them."""
    return _NAME_VALUE.sub(r'\1"***"', text)
