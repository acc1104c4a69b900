"""The values of features in plain words, beside what is usual: the nouns are those of the catalogue of features."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from models_ml.scoring.written_numbers import age, beside, counted, number, percent
from warehouse.contract.catalogue import features
from warehouse.contract.labels import LIKELIHOOD, RISK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What a reason says of the score, where it raises it and where it lowers it, by what the label's reasons raise.
DIRECTIONS = {RISK: ("more risk", "less risk"), LIKELIHOOD: ("more likely", "less likely")}
WINDOW = re.compile(r"(?P<stem>.+)_(?:(?P<days>\d+)d|lifetime)")
VALUE = "{value}"
# The form that is compared by multiples ("twice the usual"), and that of columns which the catalogue does not know.
COUNT, PLAIN = "count", "plain"
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
    write = FORMS[phrase.form].write
    written = write(value)
    sentence = phrase.sentence.format(value=written)
    if usual is None:
        return _fluent(sentence)
    usually = "as usual" if write(usual) == written else f"usually {write(usual)}"
    return _fluent(f"{sentence}, {beside(value, usual) if phrase.form == COUNT else usually}")


def rate_in_words(name: str, count: float, exposure: float) -> str:
    """Return a count and its exposure; `name` is that of a rate, or of the count of a page."""
    sentence = RATES.get(name, f"{name.replace('_', ' ')}: {{count}} in {{exposure}}")
    return _fluent(sentence.format(count=counted(count), exposure=counted(exposure)))


@cache
def _phrase(name: str) -> Phrase:
    """A column that the catalogue does not know goes by its name."""
    match = WINDOW.fullmatch(name)
    stem, window = (match["stem"], _window(match["days"])) if match else (name, "")
    words = stem.replace("_", " ")
    form, sentence, missing = _phrases().get(name) or _phrase_of(PLAIN, words)
    missing = missing or f"no {words} {{window}} known"
    return Phrase(form, *(text.replace("{window}", window) for text in (sentence, missing)))


def _window(days: str | None) -> str:
    if days is None:
        return "so far"
    return "on the last day" if days == "1" else f"in the last {days} days"


@cache
def _phrases() -> Mapping[str, Phrase]:
    return {feature.name: _phrase_of(feature.form, feature.noun, feature.missing) for feature in features()}


def _phrase_of(form: str, noun: str, missing: str = "") -> Phrase:
    """A noun with a place for the value is the whole sentence."""
    if VALUE in noun:
        return Phrase(form, noun, missing)
    sentence = FORMS[form].sentence.replace("{noun}", noun)
    return Phrase(form, sentence, missing or FORMS[form].missing.replace("{noun}", noun))


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


class Form(NamedTuple):
    """How the values of a form are written, and what is said with one and without, unless the catalogue says it."""

    write: Callable[[float], str]
    sentence: str
    missing: str = ""


TOO_SHORT = "too short a history"
FORMS: Mapping[str, Form] = {
    COUNT: Form(counted, "{value} {noun} {window}"),
    "share": Form(percent, "{value} of the events {window} were {noun}", "no events {window}"),
    "age": Form(age, "last {noun} {value} day(s) ago", "no {noun} so far"),
    "entropy": Form(_entropy, "{noun} {value} {window}"),
    "change": Form(_change, "{value} of the {noun} {window}, the rest in as many days before", TOO_SHORT),
    "slope": Form(_slope, "{noun} a day {window} {value}", TOO_SHORT),
    "difference": Form(_difference, "{value} {noun} a day {window} than before", TOO_SHORT),
    "deviation": Form(_deviation, "{noun} a day {window} {value} the user's own average", TOO_SHORT),
    "flag": Form(_flag, "{value} {noun}"),
    "text": Form(number, "{noun}"),
    PLAIN: Form(number, "{noun} {value} {window}"),
}
# A count in its exposure: rates by their name, pages of the behaviour classes by their count.
RATES = {
    "sessions_per_day": "{count} session(s) in {exposure} day(s)",
    "free_advert_count_lifetime": "{count} advert(s) in {exposure} song(s) on free",
    "paid_advert_count_lifetime": "{count} advert(s) in {exposure} song(s) on paid",
    "thumbs_down_count_lifetime": "{count} thumbs down in {exposure} song(s)",
    "thumbs_up_count_lifetime": "{count} thumbs up in {exposure} song(s)",
    "upgrade_page_count_lifetime": "{count} visit(s) to the upgrade page in {exposure} song(s) on free",
    "downgrade_page_count_lifetime": "{count} visit(s) to the downgrade page in {exposure} song(s) on paid",
    "upgrade_count_lifetime": "{count} upgrade(s) in {exposure} visit(s) to the upgrade page",
    "downgrade_count_lifetime": "{count} downgrade(s) in {exposure} visit(s) to the downgrade page",
}
