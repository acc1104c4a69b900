"""What a file is, by how it begins. Its name does not count."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import tarfile
from dataclasses import dataclass
from enum import Enum, auto

HEAD = 1 << 16


class Form(Enum):
    """The forms of content that are told apart."""

    LINES = auto()  # one JSON text a line
    VALUES = auto()  # JSON in any other layout: an array, over several lines, run together, wrapped
    CSV = auto()
    PARQUET = auto()
    PACKED = auto()
    TAR = auto()
    ZIP = auto()
    EMPTY = auto()
    OTHER = auto()


@dataclass(frozen=True)
class Content:
    """What content is: for people `what`; for readers the encoding, the delimiter of CSV, the packing."""

    form: Form
    what: str
    encoding: str = "utf-8"
    delimiter: str = ","
    packing: str = ""

    @property
    def is_log(self) -> bool:
        return self.form not in {Form.EMPTY, Form.OTHER}


_PACKINGS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
_SKIPPABLE_FRAME = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")  # RFC 8878, 3.1.2: how archives of pzstd begin
_OTHERS = {
    b"%PDF": "a PDF",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"SQLite format 3\x00": "an SQLite database",
    b"Obj\x01": "an Avro file: export it as JSON lines, CSV or Parquet",
    b"ORC": "an ORC file: export it as JSON lines, CSV or Parquet",
    b"PARE": "an encrypted Parquet file",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: pack it as zip, gzip or zstd",
    b"Rar!": "a RAR archive: pack it as zip, gzip or zstd",
    b"\xff\x06\x00\x00sNaPpY": "a snappy archive: pack it as zip, gzip or zstd",
    b"\x02\x21\x4c\x18": "an lz4 archive of the legacy form: pack it anew",
    b"\x1f\x9d": "a compress archive: pack it as zip, gzip or zstd",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"\xd0\xcf\x11\xe0": "an old Office document: save it as CSV",
    b"-----BEGIN PGP": "an encrypted file",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself: run `git lfs pull`",
}
_BYTE_ORDER_MARKS = {  # those of UTF-32 begin with those of UTF-16
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_WIDE_STARTS = {rb"[{\[]\x00[^\x00]\x00": "utf-16-le", rb"\x00[{\[]\x00[^\x00]": "utf-16-be"}
_RECORD_LINE = re.compile(r"""\s*\{\s*["']""")
_REST_OF_RECORD = re.compile(r'\s*(?:"(?:[^"\\]|\\.)*"\s*:|[}\]])')
WRAPPER_KEYS = ("events", "records", "logs", "data", "items", "rows")
_PLAIN_MEMBER = r'"[^"]*"\s*:\s*(?:"[^"]*"|[\w.+-]+)\s*,\s*'
WRAPPER = re.compile(rf'\{{\s*(?:{_PLAIN_MEMBER})*"(?:{"|".join(WRAPPER_KEYS)})"\s*:\s*\[\s*(?=[{{\]])', re.IGNORECASE)
_COLUMN_NAME = re.compile(r"\s*[^\W\d][\w .:/$@()-]{0,63}")
_TEXT = Content(Form.OTHER, "text that is no log")


def content_of(head: bytes) -> Content:
    """Tell what a file is by its first HEAD bytes: all that it has, if it has fewer."""
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            return Content(Form.OTHER, what)
    if head.startswith(b"PAR1"):
        return Content(Form.PARQUET, "a Parquet file")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return Content(Form.ZIP, "a zip archive")
    packing = _packing(head)
    if packing:
        return Content(Form.PACKED, f"a {packing} archive", packing=packing)
    return Content(Form.TAR, "a tar archive") if _is_tar(head) else _text_content(head)


def _packing(head: bytes) -> str | None:
    if _SKIPPABLE_FRAME.match(head):
        return "zstd"
    return next((packing for magic, packing in _PACKINGS.items() if head.startswith(magic)), None)


def _is_tar(head: bytes) -> bool:
    """Whether a tar header stands there, by its check sum."""
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True


def _text_content(head: bytes) -> Content:
    encoding = _encoding(head)
    text, is_whole = head.decode(encoding, "replace").lstrip("\ufeff"), len(head) < HEAD
    stripped = text.lstrip()
    if not stripped:
        return Content(Form.EMPTY, "an empty file") if is_whole else Content(Form.LINES, "blank lines")
    if stripped.startswith("<"):
        is_page = re.match(r"<(!doctype\s+html|html|head|body)\b", stripped, re.IGNORECASE)
        return Content(Form.OTHER, "a web page" if is_page else "an XML document")
    if (form := _json_form(stripped)) is not None:
        return Content(form, "JSON", encoding)
    return _table_content(stripped, encoding, is_whole=is_whole) or _other_text(text)


def _encoding(head: bytes) -> str:
    marked = (encoding for mark, encoding in _BYTE_ORDER_MARKS.items() if head.startswith(mark))
    wide = (encoding for start, encoding in _WIDE_STARTS.items() if re.match(start, head, re.DOTALL))
    return next(marked, None) or next(wide, "utf-8")


def _json_form(text: str) -> Form | None:
    """Return the form of text that has JSON objects; None if it seems to have none."""
    if re.match(r"\[\s*(\{|\[\s*\{|\]\s*$)", text) or WRAPPER.match(text):
        return Form.VALUES
    if text.startswith("{") and not _first_line_is_one_record(text):
        return Form.VALUES
    return Form.LINES if text.startswith("{") or _are_mostly_records(text) else None


def _are_mostly_records(text: str) -> bool:
    """Whether a text is a log that begins with something else, and no note that shows how a record looks."""
    lines = [line for line in text.split("\n") if line.strip()]
    return 2 * sum(_RECORD_LINE.match(line) is not None for line in lines) >= len(lines)


def _first_line_is_one_record(text: str) -> bool:
    """Whether the first line is a record, or the ruin of one, and not a part of a record, or several."""
    line, _, rest = text.partition("\n")
    try:
        _, end = json.JSONDecoder(parse_int=str).raw_decode(line)
    except (ValueError, RecursionError):
        return not _REST_OF_RECORD.match(rest)
    return not line[end:].lstrip().startswith(("{", ","))


def _table_content(text: str, encoding: str, *, is_whole: bool) -> Content | None:
    """Return what a table with a line of column names is; None for anything else."""
    if separator := re.match(r"sep=([,;\t|])\r?\n", text, re.IGNORECASE):
        text = text[separator.end() :]
    header = text.partition("\n")[0]
    delimiter = max(",;\t|", key=header.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    except csv.Error:
        return None
    names, data = rows[0], rows[1:] if is_whole else rows[1:-1]
    if sum(map(bool, names)) < 2 or 2 * sum(len(row) == len(names) for row in data) < len(data):  # noqa: PLR2004
        return None
    if not all(_COLUMN_NAME.fullmatch(name) or not name for name in names):
        return Content(Form.OTHER, "a table without a line of column names") if data else None
    if not data and any(" " in name.strip() for name in names):
        return None
    return Content(Form.CSV, "a table", encoding, delimiter)


def _other_text(text: str) -> Content:
    odd = sum(character in "\0\ufffd" for character in text)
    return Content(Form.OTHER, "a file of an unknown form") if odd > len(text) / 20 else _TEXT
