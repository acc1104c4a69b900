"""Rows as a table, as CSV, as JSON: what people read and load, and what text out of a log may not do to them."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime, timezone
from decimal import Decimal
from itertools import count, islice

import pytest

from cli.printing.formats import SIZED, Written, cell, csv_lines, distinct, escaped, json_lines, table_lines
from warehouse.contract.cells import defused, visible

REVERSED = "a\u202egnp.exe"


def as_objects(columns: list[str], rows: list[tuple[object, ...]]) -> list[dict[str, object]]:
    objects: list[dict[str, object]] = json.loads("\n".join(json_lines(columns, rows)), parse_float=Decimal)
    return objects


def test_json_of_no_rows_is_an_empty_array() -> None:
    assert as_objects(["a"], []) == []


def test_json_is_valid_after_each_kind_of_value() -> None:
    values = {
        "null": None,
        "true": True,
        "big": 9_223_372_036_854_775_807,
        "double": 1e-7,
        "nan": float("nan"),
        "infinity": float("-inf"),
        "decimal": Decimal("1234567890123456789.123456789"),
        "zero": Decimal("0E-18"),
        "text": 'a "quoted" \\ line\n',
        "day": date(2018, 10, 1),
        "bytes": b"\x00\xff",
        "list": [1, None, "x"],
        "object": {"a": {"b": [float("nan")]}},
    }
    (row,) = as_objects(list(values), [tuple(values.values())])
    assert row == {
        **values,
        "double": Decimal("1e-7"),
        "nan": None,
        "infinity": None,
        "zero": Decimal("0.000000000000000000"),
        "day": "2018-10-01",
        "bytes": "AP8=",
        "object": {"a": {"b": [None]}},
    }


def test_json_is_written_row_by_row() -> None:
    lines = json_lines(["a"], ((number,) for number in count()))
    assert list(islice(lines, 3)) == ['[{"a": 0}', ',{"a": 1}', ',{"a": 2}']


@pytest.mark.parametrize(
    ("names", "told_apart"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a", "a"], ["a", "a_2", "a_3"]),
        (["a", "a", "a_2"], ["a", "a_3", "a_2"]),
        (["a_2", "a", "a"], ["a_2", "a", "a_3"]),
        (["", ""], ["", "_2"]),
        ([], []),
    ],
)
def test_columns_of_one_name_are_told_apart(names: list[str], told_apart: list[str]) -> None:
    assert distinct(names) == told_apart


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((f"{sign}1+1", f"'{sign}1+1") for sign in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"),
        ("1-1", "1-1"),
        ("a=b", "a=b"),
        ("'quoted", "'quoted"),
        ("", ""),
    ],
)
def test_text_that_a_spreadsheet_would_run_is_defused(text: str, expected: str) -> None:
    assert defused(text) == expected
    assert next(csv.reader(io.StringIO(list(csv_lines(["x"], [(text,)]))[1], newline=""))) == [expected]


def test_csv_changes_no_number_and_nothing_that_spark_wrote() -> None:
    rows = [(-1.5, -2, Decimal("-3.10"), Written("-0044-03-15"), float("-inf"), b"\xfb\xff", [-1])]
    assert list(csv_lines([*"abcdefg"], rows))[1:] == ["-1.5,-2,-3.10,-0044-03-15,-Infinity,+/8=,[-1]"]


def test_csv_tells_null_from_text_without_a_letter_and_loses_no_row() -> None:
    assert list(csv_lines(["a", "b"], [(None, ""), ("x,y", 'say "no"\r')])) == ["a,b", ',""', '"x,y","say ""no""\r"']
    assert list(csv_lines(["a"], [(None,), ("",)])) == ["a", '""', '""']


def test_a_header_is_no_formula_either() -> None:
    assert list(csv_lines(["=1+1", "a"], [])) == ["'=1+1,a"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("two\nlines\r\tand\x00", r"two\nlines\r\tand\x00"),
        ("\x9b31m", r"\x9b31m"),
        (REVERSED, r"a\u202egnp.exe"),
        ("\u2028\ufeff\u200b", r"\u2028\ufeff\u200b"),
        ("half \ud800", r"half \ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("[bold]Björk[/bold] 日本 👩\u200d🎤", "[bold]Björk[/bold] 日本 👩\u200d🎤"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, expected: str) -> None:
    assert visible(text) == expected
    assert expected in "\n".join(table_lines(["x"], [(text,)]))


def test_a_message_keeps_its_lines() -> None:
    assert visible("two\nlines\x1b[2J", keep="\n") == "two\nlines\\x1b[2J"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_json_is_what_it_was_in_every_encoding_and_obeyed_by_no_terminal(encoding: str) -> None:
    text = f"Björk 日本 👩 {REVERSED} \x1b[31m \x9b \x7f \ud800"
    line = escaped("\n".join(json_lines(["é"], [(text,)])).replace("\n", " "), encoding)
    assert json.loads(line) == [{"é": text}]
    assert line == visible(line)
    line.encode(encoding)


def test_a_table_is_aligned_and_lines_of_wide_letters_too() -> None:
    assert list(table_lines(["abc", "b"], [(1, "日本"), (None, True)])) == [
        "",
        "  abc   b",
        " " + "─" * 12,
        "  1     日本",
        "        true",
        "",
    ]


def test_a_table_is_printed_while_it_comes_and_cuts_no_value() -> None:
    wide = "x" * 300
    rows = ((wide if number == SIZED + 5 else number,) for number in count())
    lines = list(islice(table_lines(["a"], rows), SIZED + 10))
    assert lines[2] == " " + "─" * 5
    assert f"  {wide}" in lines


def test_a_table_without_rows_has_its_header() -> None:
    assert list(table_lines(["a", "b"], [])) == ["", "  a   b", " " + "─" * 7, ""]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (0.1, "0.1"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        ({"a": [None]}, '{"a": [null]}'),
        (datetime(2018, 10, 1, tzinfo=timezone.utc), "2018-10-01T00:00:00+00:00"),
    ],
)
def test_a_cell_says_what_sql_says(value: object, text: str) -> None:
    assert cell(value) == text
