"""Lines of text on their way into the staging folder: none too long for memory, each with the keys of its folder."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote

from warehouse.landing.archives import LINE_TOO_LONG, end_mark
from warehouse.landing.reader.fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from warehouse.landing.archives import Target

# Spark holds a line several times over, some tasks at once: an event of a thousand keys is a hundredth of this.
LONGEST_LINE = 16 << 20
_KEPT_OF_LONG_LINE = 200
_FOLDER_KEY = re.compile(r"([A-Za-z]\w*)=(.+)")
_KNOWN_KEYS = {key.lower(): key for key in FIELDS}
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
_AT_ONCE = 1 << 20


class LineWatch:
    """Notices whether bytes that pass by, in pieces, have a line that is too long."""

    def __init__(self) -> None:
        self._length = 0
        self.too_long = False

    def take(self, piece: bytes) -> None:
        first = piece.find(b"\n")
        self._length += len(piece) if first < 0 else first
        self.too_long = self.too_long or self._length > LONGEST_LINE
        if first >= 0:
            # A line that begins and ends in one piece is as long as a piece at most.
            self._length = len(piece) - piece.rfind(b"\n") - 1


def shortened(line: bytes) -> bytes:
    """Return what is staged of a line that is too long: how it begins, and a mark."""
    return line[:_KEPT_OF_LONG_LINE] + end_mark(LINE_TOO_LONG).encode()


class LineWriter:
    """Writes records to a file, one a line, many at a time."""

    def __init__(self, target: Target, keys: Mapping[str, str]) -> None:
        self._target, self._keys = target, keys
        self._lines = bytearray()

    def write(self, record: str) -> None:
        """Write one record: JSON text, or text that was meant to be a record. Line ends in it are white space."""
        if "\n" in record or "\r" in record:
            record = record.replace("\n", " ").replace("\r", " ")
        self.write_line(record.encode("utf-8", "replace") + b"\n")

    def write_line(self, line: bytes) -> None:
        """Write a line as it is, with or without its end; a mark keeps its own."""
        if len(line) > LONGEST_LINE:
            line = shortened(line) + b"\n"
        self._lines += with_keys(line, self._keys) if self._keys else line
        if len(self._lines) >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        self._target.write(bytes(self._lines))
        self._lines.clear()


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file's lines with their ends, those that are too long shortened."""
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) <= LONGEST_LINE or line.endswith(b"\n"):
            yield line
            continue
        while rest := file.readline(LONGEST_LINE):
            if rest.endswith(b"\n"):
                break
        yield shortened(line) + b"\n"


def folder_keys(path: Path) -> dict[str, str]:
    """Return the keys of an event that the folders of a file name in Hive's way, such as `level=paid`."""
    found = {}
    for part in path.parent.parts:
        pair = _FOLDER_KEY.fullmatch(part)
        key = pair and _KNOWN_KEYS.get(_plain(pair[1]))
        if pair and key and pair[2] != _HIVE_NULL:
            found[key] = unquote(pair[2])
    return found


def with_keys(line: bytes, keys: Mapping[str, str]) -> bytes:
    """Return a line with those keys that its record lacks; one that is no JSON object as it is."""
    text = line.lstrip(b" \t\r\xef\xbb\xbf")
    if not text.startswith(b"{"):
        return line
    lacking = {key: value for key, value in keys.items() if not _has(text, key)}
    if not lacking:
        return line
    members = json.dumps(lacking, ensure_ascii=False).encode()[:-1]
    rest = text[1:].lstrip()
    return members + (b"" if rest.startswith(b"}") else b", ") + rest


def _has(text: bytes, key: str) -> bool:
    """Whether a record has a key, in any case, with or without underscores; of broken records, whether it may have."""
    if _plain(key).encode() not in text.lower().replace(b"_", b""):
        return False
    try:
        return _plain(key) in map(_plain, json.loads(text))
    except (ValueError, RecursionError):
        return True


def _plain(key: str) -> str:
    return key.replace("_", "").lower()
