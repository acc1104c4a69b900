"""Numbers as a sentence has them."""

from __future__ import annotations

# From here on, two digits are all before the point.
WHOLE = 9.95
MOST_TIMES = 100
# The usual is what lies within a twentieth of it.
AS_USUAL = 0.05


def number(value: float) -> str:
    """Return a number to two digits, a large one to the whole: 0.013, 2.5, 14, 1,234."""
    rounded = round(value) if abs(value) >= WHOLE else round(value, 3)
    return f"{rounded:,}" if isinstance(rounded, int) else f"{rounded + 0.0:.2g}"


def counted(value: float) -> str:
    """Return a number before what it counts."""
    written = number(value)
    return "no" if written == "0" else written


def age(days: float) -> str:
    """Return days; under one, they are not counted in thousandths."""
    return "less than 1" if days < 1 else number(days)


def percent(share: float) -> str:
    written = number(100 * share)
    return "none" if written == "0" else f"{written} %"


def beside(value: float, usual: float) -> str:
    """Return how an amount compares to the usual one; none is negative."""
    if usual == 0:
        return "usually none" if value else "as usual"
    if value == 0:
        return f"usually {number(usual)}"
    return "as usual" if is_usual(value / usual) else multiple(value / usual)


def multiple(ratio: float) -> str:
    """Return so many times the usual: 4 times, twice, half, 30 % of, or just the usual."""
    if is_usual(ratio):
        return "the usual"
    if ratio >= MOST_TIMES:
        return f"over {MOST_TIMES} times the usual"
    if ratio < 1:
        return "half the usual" if number(ratio) == "0.5" else f"{max(round(100 * ratio), 1)} % of the usual"
    return "twice the usual" if number(ratio) == "2" else f"{number(ratio)} times the usual"


def is_usual(ratio: float) -> bool:
    return abs(ratio - 1) < AS_USUAL
