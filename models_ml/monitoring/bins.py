"""The bins of a distribution in words, as a reader reads them."""

from __future__ import annotations

from math import floor, inf, log10, nextafter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

ANY, OTHERS, NO_VALUE = "any value", "others", "no value"
LEAST_DIGITS, ALL_DIGITS = 3, 17
# Outside of these, a number is written with an exponent.
SMALLEST, LARGEST = 1e-5, 1e15


class Bin(NamedTuple):
    """A bin in words, and how many rows of each side are in it."""

    bin: str
    train_rows: int
    scored_rows: int


def numeric_bins(edges: Sequence[float], quantiles: Collection[float]) -> tuple[str, ...]:
    """Return the bins between edges, those included, and that of the NULLs: "up to 3", "above 3, below 7", "7 or more".

    An edge that is no quantile stands just below one, so that its value has a bin of its own: "7".
    """
    if not edges:
        return ANY, NO_VALUE
    is_below = [edge not in quantiles for edge in edges]
    values = [nextafter(edge, inf) if below else edge for edge, below in zip(edges, is_below, strict=True)]
    ends = list(zip(written_apart(values), is_below, strict=True))
    return _first(*ends[0]), *map(_between, ends, ends[1:]), _last(*ends[-1]), NO_VALUE


def categorical_bins(levels: Iterable[str]) -> tuple[str, ...]:
    """Return the bins of levels, of all others, and of NULL; a level that is named as one of these stands in quotes."""
    return *(f"“{level}”" if level in (OTHERS, NO_VALUE) else level for level in levels), OTHERS, NO_VALUE


def written_apart(values: Sequence[float]) -> list[str]:
    """Write numbers as short as tells them apart: whole ones in full, others with three digits or more."""
    written = ([_written(value, digits) for value in values] for digits in range(LEAST_DIGITS, ALL_DIGITS))
    told_apart = (texts for texts in written if len(set(texts)) == len(set(values)))
    return next(told_apart, [repr(value) for value in values])


def _first(value: str, is_below: bool) -> str:  # noqa: FBT001 - one end of a bin
    return f"below {value}" if is_below else f"up to {value}"


def _last(value: str, is_below: bool) -> str:  # noqa: FBT001 - one end of a bin
    return f"{value} or more" if is_below else f"above {value}"


def _between(lower: tuple[str, bool], upper: tuple[str, bool]) -> str:
    if lower[0] == upper[0]:
        return lower[0]
    return f"{'from' if lower[1] else 'above'} {lower[0]}, {_first(*upper)}"


def _written(value: float, digits: int) -> str:
    if value.is_integer() and abs(value) < LARGEST:
        return f"{value + 0.0:,.0f}"
    if not SMALLEST <= abs(value) < LARGEST:
        return f"{value:.{digits}g}"
    decimals = max(0, digits - 1 - floor(log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text
