"""Values of a Spark result as all formats know them: None, bool, int, float, Decimal, str, bytes, list, dict.

Moments come as ISO 8601 text, those of one zone in UTC with `+00:00`; Spark writes them, so neither the zone of this
machine nor the years that Python knows count. Decimals and doubles stay exact. Maps become dicts with text for keys.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import functions as F
from pyspark.sql import types

from cli.printing.formats import Written, cell, distinct

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import DataFrame

_TEXTS = (types.StringType, types.CharType, types.VarcharType)
# Python has no year 10000 and no month, Arrow none that pyarrow reads: Spark writes these.
_WRITTEN_BY_SPARK = (
    *(types.TimestampType, types.TimestampNTZType, types.DateType),
    *(types.DayTimeIntervalType, types.YearMonthIntervalType),
)
_CALENDAR_INTERVAL = re.compile('("(?:type|elementType|keyType|valueType)":)"interval"')


def schema_of(frame: DataFrame) -> types.StructType:
    """The schema, with a day-time interval for each calendar interval, which pyspark has no type for."""
    described = frame._jdf.schema().json()  # noqa: SLF001 - as pyspark's own `schema`
    schema = types._parse_datatype_json_string(_CALENDAR_INTERVAL.sub(r'\1"interval day to second"', described))  # noqa: SLF001
    assert isinstance(schema, types.StructType)  # noqa: S101 - a frame's type
    return schema


def fit_for_arrow(frame: DataFrame) -> DataFrame:
    """The rows with columns named c0, c1, ...: text as bytes (it may be no UTF-8), moments and intervals as text."""
    kinds = [field.dataType for field in schema_of(frame).fields]
    fit = frame.toDF(*(f"c{number}" for number in range(len(kinds))))
    for replaced in (_as_text, _as_bytes):
        kinds = [replaced(kind) for kind in kinds]
        fit = fit.select(*(F.col(f"c{number}").cast(kind).alias(f"c{number}") for number, kind in enumerate(kinds)))
    return fit


def _as_text(kind: types.DataType) -> types.DataType:
    # Arrow takes no map whose keys have no type, such as `map()`.
    is_text = (*_WRITTEN_BY_SPARK, types.NullType)
    return _leaves(kind, lambda leaf: types.StringType() if isinstance(leaf, is_text) else leaf)


def _as_bytes(kind: types.DataType) -> types.DataType:
    return _leaves(kind, lambda leaf: types.BinaryType() if isinstance(leaf, _TEXTS) else leaf)


def _leaves(kind: types.DataType, replaced: Callable[[types.DataType], types.DataType]) -> types.DataType:
    """A type with its leaves replaced; fields of a struct that share a name get names of their own."""
    match kind:
        case types.ArrayType():
            return types.ArrayType(_leaves(kind.elementType, replaced), kind.containsNull)
        case types.MapType():
            value = _leaves(kind.valueType, replaced)
            return types.MapType(_leaves(kind.keyType, replaced), value, kind.valueContainsNull)
        case types.StructType():
            names = distinct(kind.names)
            members = zip(names, kind.fields, strict=True)
            return types.StructType(
                [types.StructField(name, _leaves(field.dataType, replaced), field.nullable) for name, field in members]
            )
    return replaced(kind)


def reader_of(kind: types.DataType) -> Callable[[Any], Any]:
    """The function that makes our value of what Arrow hands over for a column of this type (see `fit_for_arrow`)."""
    read = _reader_of(kind)
    return lambda value: None if value is None else read(value)


def _reader_of(kind: types.DataType) -> Callable[[Any], Any]:
    match kind:
        case types.ArrayType():
            element = reader_of(kind.elementType)
            return lambda value: [element(each) for each in value]
        case types.StructType():
            fields = zip(distinct(kind.names), kind.fields, strict=True)
            readers = {name: reader_of(field.dataType) for name, field in fields}
            return lambda value: {name: read(value[name]) for name, read in readers.items()}
        case types.MapType():
            return _map_reader(kind)
    return _LEAVES.get(type(kind), lambda value: value)


def _map_reader(kind: types.MapType) -> Callable[[Any], Any]:
    key_of, value_of = reader_of(kind.keyType), reader_of(kind.valueType)

    def read(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
        keys = distinct([cell(key_of(key)) for key, _ in pairs])
        return {key: value_of(value) for key, (_, value) in zip(keys, pairs, strict=True)}

    return read


def _moment(text: str, zone: str) -> Written:
    """`2018-10-01 05:30:00.5` as ISO 8601, its fraction with six digits: what reads it may know no other."""
    seconds, _, fraction = text.replace(" ", "T", 1).partition(".")
    return Written(f"{seconds}{'.' + fraction.ljust(6, '0') if fraction else ''}{zone}")


def _text(value: bytes) -> str:
    return value.decode(errors="backslashreplace")


_LEAVES: dict[type[types.DataType], Callable[[Any], Any]] = {
    **dict.fromkeys(_TEXTS, _text),
    **dict.fromkeys(_WRITTEN_BY_SPARK, lambda value: Written(value.decode())),
    types.TimestampType: lambda value: _moment(value.decode(), "+00:00"),
    types.TimestampNTZType: lambda value: _moment(value.decode(), ""),
    # The shortest number that is this float, not the double with all digits of its error.
    types.FloatType: lambda value: float(str(np.float32(value))),
}
