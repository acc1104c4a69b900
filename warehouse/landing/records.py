"""One line of a log as an event, or the reasons why it is none. Everything here is a Spark column expression."""

from __future__ import annotations

import re
from functools import reduce
from operator import and_, or_

from pyspark.sql import Column
from pyspark.sql import functions as F

from warehouse.landing.archives import ARCHIVE_FAULTS, end_mark

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
REQUIRED = ("ts", "userId", "sessionId", "page")
NAMES = ("lastName", "firstName")

# A refused line that would be an event as it is kept, without its names: no other reason can be found in it.
NAME_FAULT = "fault in a name"
LASTING_REASONS = (*ARCHIVE_FAULTS, NAME_FAULT)

# Milliseconds of 2000-01-01 and 2100-01-01 (UTC); HTTP status codes (RFC 9110, section 15); seconds of a day.
PLAUSIBLE_RANGES = {
    "ts": (946_684_800_000, 4_102_444_799_999),
    "registration": (946_684_800_000, 4_102_444_799_999),
    "sessionId": (0, 2**63 - 1),
    "itemInSession": (0, 2**63 - 1),
    "status": (100, 599),
    "length": (0, 86_400),
}

_STRICT_JSON = {"allowSingleQuotes": "false", "allowNonNumericNumbers": "false"}
_ENVELOPE = "record struct<{}>, is_whole boolean, broken string".format(
    ", ".join(f"{key}: {kind}" for key, kind in FIELDS.items())
)

# A name key and its value: escaped, double-quoted or single-quoted text (with or without its end), list, object, bare.
_NAME_VALUE = (
    r"""(?i)((?:first|last)[_ ]?name[\\"']*\s*[:=]\s*)"""
    r"""(?:\\+"[^"\\]*+(?:\\+")?|"(?:[^"\\]|\\.)*+"?|'(?:[^'\\]|\\.)*+'?|[\[{][^\]}]*+[\]}]?|[^\s,}\]][^,}\]]*+)"""
)


def column_name(key: str) -> str:
    """Return the column of `raw.events` that holds a key: `itemInSession` becomes `item_in_session`."""
    return re.sub("([A-Z])", r"_\1", key).lower()


def parse(line: Column) -> Column:
    """Return a struct of `record` (the FIELDS), `is_whole` and `broken` (text, when a value did not fit).

    The parser stops at the end of the first value; only inside an envelope does `{...} and more` show as broken.
    """
    envelope = F.concat(F.lit('{"record":'), line, F.lit(',"is_whole":true}'))
    return F.from_json(envelope, _ENVELOPE, {**_STRICT_JSON, "columnNameOfCorruptRecord": "broken"})


def reasons(line: Column, parsed: Column) -> Column:
    """Return the array of all reasons why a line is no event; it is empty for an event.

    A page that is unknown here is no reason: it is probably one that the service has got since. Staging warns of it,
    and no feature counts it, so its events harm nothing, and are there on the day on which somebody wants them.
    """
    return F.when(_is_plainly_an_event(parsed), F.array().cast("array<string>")).otherwise(_faults(line, parsed))


def _is_plainly_an_event(parsed: Column) -> Column:
    """Tell at a glance what holds for nearly every line: looking for each fault by name costs as much as parsing."""
    record = parsed["record"]
    checks = [parsed["is_whole"].isNotNull(), parsed["broken"].isNull()]
    checks += [record[key].isNotNull() for key in REQUIRED]
    checks += [~_looks_unquoted(key, record[key]) for key, kind in FIELDS.items() if kind == "string"]
    checks += [~_is_impossible(key, record[key]) for key in ("page", *PLAUSIBLE_RANGES)]
    return reduce(and_, (F.coalesce(check, F.lit(True)) for check in checks))  # noqa: FBT003 - Spark's literal


def _faults(line: Column, parsed: Column) -> Column:
    record, is_broken = parsed["record"], parsed["broken"].isNotNull()
    faults = F.array_compact(
        F.array(
            *(_type_fault(key, line, record, is_broken) for key in FIELDS),
            *(_value_fault(key, record) for key in ("page", *PLAUSIBLE_RANGES)),
        )
    )
    is_object = F.ltrim(line).startswith("{")
    return (
        F.when(parsed["is_whole"].isNull() | (record.isNull() & is_object), F.array(F.lit("not json")))
        .when(record.isNull(), F.array(F.lit("not an object")))
        .when(is_broken & (F.size(faults) == 0), F.array(F.lit("not json")))
        .otherwise(faults)
    )


def _type_fault(key: str, line: Column, record: Column, is_broken: Column) -> Column:
    """Return `wrong type: key` or, for a required key, `missing key`; else NULL."""
    value = record[key]
    if FIELDS[key] == "string":
        is_wrong = F.when(_looks_unquoted(key, value), _is_unquoted(key, line)).otherwise(F.lit(False))  # noqa: FBT003
    else:
        is_wrong = is_broken & value.isNull() & F.get_json_object(line, f"$.{key}").isNotNull()
    fault = F.when(is_wrong, F.lit(f"wrong type: {key}"))
    return fault.when(value.isNull(), F.lit(f"missing {key}")) if key in REQUIRED else fault


def _looks_unquoted(key: str, value: Column) -> Column:
    """Tell whether a text may have been a number, list, object or boolean: Spark reads those as their JSON text."""
    words = ("true", "false", '"Infinity"', '"-Infinity"')  # a number too large for a double, 1e400, is read so
    looks = F.substring(value, 1, 1).isin(*"-0123456789[{") | value.isin(*words)
    # A user id may be a whole number: the published samples have it both ways.
    return looks & ~value.rlike(r"^\d+$") if key == "userId" else looks


def _is_unquoted(key: str, line: Column) -> Column:
    shapes = ("double", "boolean", "array<string>", "map<string,string>")
    readings = (F.from_json(line, f"{key} {shape}", _STRICT_JSON)[key] for shape in shapes)
    return reduce(or_, (reading.isNotNull() for reading in readings))


def _value_fault(key: str, record: Column) -> Column:
    return F.when(_is_impossible(key, record[key]), F.lit(f"impossible value: {key}"))


def _is_impossible(key: str, value: Column) -> Column:
    return F.trim(value) == "" if key == "page" else ~value.between(*PLAUSIBLE_RANGES[key])


def unknown_keys(line: Column) -> Column:
    """Return the keys that FIELDS does not know, sorted, with their values, as JSON text; NULL if there are none."""
    keys = F.array_sort(F.array_distinct(F.array_except(F.json_object_keys(line), F.array(*map(F.lit, FIELDS)))))
    members = F.transform(keys, lambda key: F.concat(_quoted(key), F.lit(":"), _json_value(line, key)))
    return F.when(F.size(keys) > 0, F.concat(F.lit("{"), F.array_join(members, ","), F.lit("}")))


def _json_value(line: Column, key: Column) -> Column:
    """Return a key's value as JSON text.

    `get_json_object` keeps the quotes of a text only where a path matches several times, so the line is laid out
    twice and the answer `[value,value]` cut. It finds neither null nor a key with a quote or question mark: those
    come as text.
    """
    pair = F.call_function(
        "get_json_object",
        F.concat(F.lit("["), line, F.lit(","), line, F.lit("]")),
        F.concat(F.lit("$[*]['"), key, F.lit("']")),
    )
    value = F.substr(pair, F.lit(2), ((F.length(pair) - 3) / 2).cast("int"))
    return F.coalesce(value, _quoted(F.from_json(line, "map<string,string>")[key]))


def _quoted(text: Column) -> Column:
    return F.regexp_replace(F.to_json(F.array(text), {"ignoreNullFields": "false"}), r"^\[|\]$", "")


def record_hash(record: Column, unknown: Column) -> Column:
    """Return the SHA-256 of the canonical record: known keys in one order, unknown ones sorted, nulls left out.

    Names are left out, too, so that a hash cannot be tried against a list of names, and a line that was refused and
    kept without its names has the hash that it has in a file that is delivered again.
    """
    return F.sha2(F.to_json(F.struct(record.dropFields(*NAMES).alias("record"), unknown.alias("unknown"))), 256)


def pseudonym(name: Column, salt: str | None) -> Column:
    """Return the salted SHA-256 of a name; NULL stays NULL, and without a salt all are."""
    return F.lit(None).cast("string") if salt is None else F.sha2(F.concat(F.lit(salt), name), 256)


def mask_names(text: Column) -> Column:
    """Return JSON text, broken or not, with the values of first and last names replaced by stars."""
    return F.regexp_replace(text, _NAME_VALUE, '$1"***"')


def kept_text(line: Column) -> Column:
    """Return what is kept of a refused line: no line end and no names.

    In text of another encoding (UTF-16), NULs part the letters of a name: without them it shows, and is masked. One
    replacement character stands for them all.
    """
    text = F.regexp_replace(line, r"(\r|\x00({}))$".format("|".join(ARCHIVE_FAULTS)), "")
    without_nuls = F.concat(F.lit("\ufffd"), F.translate(text, "\0", ""))
    return mask_names(F.when(text.contains("\0"), without_nuls).otherwise(text))


def archive_fault(line: Column) -> Column:
    """Return an array of the reason why a line is the last one of its archive; NULL for other lines."""
    return F.coalesce(*(F.when(line.endswith(end_mark(fault)), F.array(F.lit(fault))) for fault in ARCHIVE_FAULTS))
