"""Numbers and dates in sentences and tables: written here in English, and by the page as its reader writes them."""

from __future__ import annotations

from math import isfinite
from numbers import Real
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from warehouse.contract.cells import visible

if TYPE_CHECKING:
    from datetime import date, datetime

LETTERS_SHOWN = 200
NOTHING = Markup("<span aria-label='not known'>-</span>")


def number(value: float | None, digits: int = 0) -> Markup:
    """A count or a measure, with so many digits after the point."""
    return _data(value, f"{value:,.{digits}f}", "number", digits) if _is_known(value) else NOTHING


def percent(value: float | None, digits: int = 0) -> Markup:
    """A share as per cent."""
    return _data(value, f"{value:,.{digits}%}", "percent", digits) if _is_known(value) else NOTHING


def day(value: date | datetime | None) -> Markup:
    """A date; of a moment, the date in UTC."""
    if value is None or value != value:  # noqa: PLR0124 - NaT is not itself
        return NOTHING
    return Markup('<time datetime="{0}">{0}</time>').format(f"{value:%Y-%m-%d}")


def moment(value: datetime | None) -> Markup:
    """A moment to the minute, UTC."""
    if value is None or value != value:  # noqa: PLR0124 - NaT is not itself
        return NOTHING
    return Markup('<time datetime="{:%Y-%m-%dT%H:%MZ}">{:%Y-%m-%d %H:%M} UTC</time>').format(value, value)


def sentence(text: str, **values: object) -> Markup:
    """Put values in the places of a sentence; what is no markup is shown as text, and cut where it is long."""
    shown = {name: value if isinstance(value, Markup) else shortened(str(value)) for name, value in values.items()}
    return Markup(text).format(**shown)  # noqa: S704 - the texts are ours, their values are escaped


def shortened(text: str, letters: int = LETTERS_SHOWN) -> str:
    """Text with what cannot be seen made visible, cut after so many letters."""
    seen = visible(text)
    return seen if len(seen) <= letters else f"{seen[: letters - 1]}…"


def with_code(text: str) -> Markup:
    """Text in which what stands between backticks is a command."""
    parts = [escape(part) for part in text.split("`")]
    return Markup().join(
        Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts)
    )


def _is_known(value: object) -> bool:
    return isinstance(value, Real) and isfinite(value)


def _data(value: float | None, written: str, style: str, digits: int) -> Markup:
    template = Markup('<data value="{}" data-style="{}" data-digits="{}">{}</data>')
    return template.format(value, style, digits, written)
