"""JSON in any layout, cut into records: an array, one record over several lines, records run together or wrapped."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from warehouse.landing.formats.content import WRAPPER, WRAPPER_KEYS
from warehouse.landing.formats.lines_of_text import LONGEST_LINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LONGEST_WRAPPER = 4096
_WRAPPER_KEYS = frozenset(cased(key) for key in WRAPPER_KEYS for cased in (str.lower, str.title, str.upper))
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
_BETWEEN_RECORDS = re.compile(r"[\s,\[\]\ufeff\x1e]*")  # with the record separator of RFC 7464
_BETWEEN_WRAPPED = re.compile(r"[\s,]*")
_STRAY = re.compile(r"[^\n{]*")
_IN_STRING = re.compile(r'[^"\\\n]*(?:\\.[^"\\\n]*)*')
_OUT_OF_STRING = re.compile(r'[^"{}\[\]]*')
_OPENING = {"}": "{", "]": "["}


def records_of(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the text of each record: of each object that is in no other, but for a known wrapper such as `Records`.

    What stands between records and is no JSON punctuation comes out as it is: it was meant to be something. So does a
    record that breaks off, or is no JSON. Memory is bounded: of a record that is too long for a line, the beginning
    comes out, which is too long as well.
    """
    splitter = _Splitter()
    for piece in pieces:
        yield from splitter.feed(piece, is_last=False)
    yield from splitter.feed("", is_last=True)
    if splitter.pending.strip():
        yield splitter.pending


class _Splitter:
    """Takes text in pieces; `pending` is what it has not come to the end of."""

    def __init__(self) -> None:
        self.pending = ""
        self._wrapped = False
        # The object that has begun and not ended, how much of it was looked at, and whether nobody wants it.
        self._object: _Nesting | None = None
        self._seen = 0
        self._is_dropped = False

    def feed(self, piece: str, *, is_last: bool) -> Iterator[str]:
        """Yield the records that end in this piece, and stray text."""
        text, at = self.pending + piece, 0
        while at < len(text):
            if self._object:
                end, is_wanted = self._object.end(text, at + self._seen), not self._is_dropped
                if end is not None:
                    self._object, self._is_dropped = None, False
            else:
                at = _end(_BETWEEN_WRAPPED if self._wrapped else _BETWEEN_RECORDS, text, at)
                end, is_wanted = self._next(text, at, is_last=is_last)
            if end is None:
                break
            if is_wanted:
                yield text[at:end]
            at = end
        self.pending = "" if self._is_dropped else text[at:]
        self._seen = len(self.pending)
        if len(self.pending) > LONGEST_LINE:
            yield self.pending
            self.pending, self._seen, self._is_dropped = "", 0, self._object is not None

    def _next(self, text: str, at: int, *, is_last: bool) -> tuple[int | None, bool]:
        """Return where the next record or stray text ends, None if the text does not say; and whether it is wanted."""
        if at == len(text):
            return None, False
        if self._wrapped and text[at] == "]":
            # What a wrapper says behind its records is about them, and none of them.
            self._wrapped, self._is_dropped = False, True
            self._object, self._seen = _Nesting("{"), 0
            return at + 1, False
        if text[at] != "{":
            stray_end = _end(_STRAY, text, at)
            return (stray_end if stray_end < len(text) or is_last else None), True
        end: int | None = None
        try:
            record, end = _DECODER.raw_decode(text, at)
            if record.keys().isdisjoint(_WRAPPER_KEYS):
                return end, True
        except (ValueError, RecursionError):
            pass  # it does not end here, or is no JSON
        if not self._wrapped and (wrapper := WRAPPER.match(text, at)):
            self._wrapped = True
            return wrapper.end(), False
        return (end, True) if end else (self._begin(text, at, is_last=is_last), False)

    def _begin(self, text: str, at: int, *, is_last: bool) -> int | None:
        """Begin an object that does not end in this text, or is none, or a wrapper whose first words are cut."""
        if not is_last and len(text) - at < _LONGEST_WRAPPER:
            return None
        self._object, self._seen = _Nesting(""), 0
        return at


class _Nesting:
    """Finds the end of an object in text that comes in pieces, whatever is wrong in it.

    A string ends with its line, and a bracket stands where JSON lets it stand: else the object was broken off there,
    and what follows is another one. So a torn record costs no other.
    """

    def __init__(self, brackets: str) -> None:
        self._brackets = brackets
        self._in_string = self._is_escaped = False

    def end(self, text: str, at: int) -> int | None:
        """Go on at some place: return the place behind the object, or None where the text does not have it."""
        if self._is_escaped and at < len(text):
            at, self._is_escaped = at + 1, False
        while (at := _end(_IN_STRING if self._in_string else _OUT_OF_STRING, text, at)) < len(text):
            character = text[at]
            if character == '"':
                self._in_string = not self._in_string
            elif character == "\\":
                self._is_escaped = True
            elif character == "\n" or not self._may_stand(character, text, at):
                return at
            else:
                self._brackets = self._brackets[:-1] if character in _OPENING else self._brackets + character
                if not self._brackets:
                    return at + 1
            at += 1
        return None

    def _may_stand(self, bracket: str, text: str, at: int) -> bool:
        if bracket in _OPENING:
            return self._brackets[-1:] == _OPENING[bracket]
        before = at - 1
        while before >= 0 and text[before].isspace():
            before -= 1
        return before < 0 or not self._brackets or text[before] in (":" if self._brackets[-1] == "{" else "[,")


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Return where a pattern that matches everywhere, if only nothing, ends."""
    found = pattern.match(text, at)
    return found.end() if found else at
