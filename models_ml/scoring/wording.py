"""The values of features in plain words, beside what is usual. The nouns stand in nouns.yml."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from models_ml.scoring.written_numbers import age, beside, counted, number, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NOUNS = Path(__file__).with_name("nouns.yml")
WINDOW = re.compile(r"(?P<stem>.+)_(?:(?P<days>\d+)d|lifetime)")
# From a lone 1 to the next (s).
ONE = re.compile(r"(?<![\d.,])1 (\D*?)\(s\)")


class Phrase(NamedTuple):
    """How a column is worded: the form of its values, and what is said with one and without."""

    form: str
    sentence: str
    missing: str


def in_words(name: str, value: float | str | None, usual: float | None = None) -> str:
    """Return the value of a column, None or NaN where it is missing, beside the usual one of a number."""
    phrase = _phrase(name)
    if value is None or value != value:  # noqa: PLR0124 - only NaN is not itself
        return _fluent(phrase.missing)
    if isinstance(value, str):
        return _fluent(phrase.sentence.format(value=value if phrase.form == "text" else ""))
    write = FORMS[phrase.form]
    written = write(value)
    sentence = phrase.sentence.format(value=written)
    if usual is None:
        return _fluent(sentence)
    usually = "as usual" if write(usual) == written else f"usually {write(usual)}"
    return _fluent(f"{sentence}, {beside(value, usual) if phrase.form in COMPARED_BY_MULTIPLE else usually}")


def rate_in_words(name: str, count: float, exposure: float) -> str:
    """Return a count and its exposure; `name` is that of a rate, or of the count of a page."""
    sentence = _nouns()["rates"].get(name, f"{name.replace('_', ' ')}: {{count}} in {{exposure}}")
    return _fluent(sentence.format(count=counted(count), exposure=counted(exposure)))


@cache
def _phrase(name: str) -> Phrase:
    match = WINDOW.fullmatch(name)
    stem, window = (match["stem"], _window(match["days"])) if match else (name, "")
    words = stem.replace("_", " ")
    phrase = _phrases().get(stem, Phrase("plain", f"{words} {{value}} {{window}}", ""))
    missing = phrase.missing or f"no {words} {{window}} known"
    return Phrase(phrase.form, *(text.replace("{window}", window) for text in (phrase.sentence, missing)))


def _window(days: str | None) -> str:
    if days is None:
        return "so far"
    return "on the last day" if days == "1" else f"in the last {days} days"


@cache
def _phrases() -> Mapping[str, Phrase]:
    """Return the phrases by the name of the column without its window."""
    return {
        stem: Phrase(block["form"], *(block.get(part, "").replace("{noun}", noun) for part in ("sentence", "missing")))
        for block in _nouns()["columns"]
        for stem, noun in block["nouns"].items()
    }


@cache
def _nouns() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = yaml.safe_load(NOUNS.read_text(encoding="utf-8"))
    return loaded


def _fluent(text: str) -> str:
    return " ".join(ONE.sub(r"1 \1", text).replace("(s)", "s").split())


def _entropy(bits: float) -> str:
    """So many alike things have this Shannon entropy: T. Cover and J. Thomas, Elements of Information Theory, 2.1."""
    return number(2**bits)


def _change(value: float) -> str:
    """(last - before) / (last + before), as the last part of the whole."""
    return percent((1 + value) / 2)


def _slope(value: float) -> str:
    return f"{'falling' if value < 0 else 'rising'} by {number(abs(value))} each day"


def _difference(value: float) -> str:
    return f"{counted(abs(value))} {'fewer' if value < 0 else 'more'}"


def _deviation(value: float) -> str:
    return f"{number(abs(value))} standard deviation(s) {'below' if value < 0 else 'above'}"


def _flag(value: float) -> str:
    return "has" if value else "has not"


COMPARED_BY_MULTIPLE = ("count", "amount")
FORMS: Mapping[str, Callable[[float], str]] = {
    "count": counted,
    "amount": counted,
    "share": percent,
    "age": age,
    "entropy": _entropy,
    "change": _change,
    "slope": _slope,
    "difference": _difference,
    "deviation": _deviation,
    "flag": _flag,
    "plain": number,
}
