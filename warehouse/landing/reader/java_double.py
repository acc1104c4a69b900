"""A double as the text that Java 17 writes: hashes of older state folders are made of it.

`repr` gives the shortest text that reads back as the same double; `Double.toString` before JDK 19 does not always
(JDK-4511638). This follows `jdk.internal.math.FloatingDecimal` (`dtoa` and `getChars`) of JDK 17 step by step.
"""

from __future__ import annotations

import math
import struct
from functools import lru_cache

_FRACTION_BITS = 52
_SMALL_EXPONENTS = range(-21, 63)
_FEW_BITS = 64


def java_double(value: float) -> str:
    """Return `Double.toString(value)` of a finite double."""
    # To a cache, 0.0 and -0.0 are one key.
    return _java_double(value) if value else str(value)


@lru_cache(1 << 16)
def _java_double(value: float) -> str:
    digits, exponent = _digits(abs(value))
    return ("-" if value < 0 else "") + _laid_out(digits, exponent)


def _laid_out(digits: str, exponent: int) -> str:
    """Return `0.digits * 10 ** exponent`, plain from 0.001 to 10 million and in scientific notation elsewhere."""
    if 0 < exponent < 8:  # noqa: PLR2004 - the bounds of Double.toString
        whole, fraction = digits[:exponent].ljust(exponent, "0"), digits[exponent:]
        return f"{whole}.{fraction or '0'}"
    if -3 < exponent <= 0:  # noqa: PLR2004 - the bounds of Double.toString
        return f"0.{'0' * -exponent}{digits}"
    return f"{digits[0]}.{digits[1:] or '0'}E{exponent - 1}"


def _digits(value: float) -> tuple[str, int]:
    """Return the decimal digits of a positive double, and the exponent of ten for a point before the first of them."""
    fraction, binary_exponent, significant = _parts(value)
    tail = (fraction & -fraction).bit_length() - 1
    length = _FRACTION_BITS + 1 - tail
    tiny = max(0, length - binary_exponent - 1)
    if binary_exponent in _SMALL_EXPONENTS and tiny == 0 and length < _FEW_BITS:
        return _digits_of_whole(int(value), binary_exponent, significant)
    return _digits_by_division(fraction >> tail, length, binary_exponent, significant, tiny)


def _parts(value: float) -> tuple[int, int, int]:
    """Return the significand as 53 bits with the highest set, the binary exponent, and how many bits are known."""
    bits: int = struct.unpack("<q", struct.pack("<d", value))[0]
    exponent, fraction = bits >> _FRACTION_BITS, bits & ((1 << _FRACTION_BITS) - 1)
    if exponent:
        return fraction | 1 << _FRACTION_BITS, exponent - 1023, _FRACTION_BITS + 1
    significant = fraction.bit_length()
    shift = _FRACTION_BITS + 1 - significant
    return fraction << shift, 1 - shift - 1023, significant


def _digits_of_whole(value: int, binary_exponent: int, significant: int) -> tuple[str, int]:
    text = str(value)
    exponent = len(text)
    if binary_exponent > significant:
        # Digits below the last known bit are rounded away.
        insignificant = int((binary_exponent - significant - 1) * math.log10(2))
        if insignificant:
            power = 10**insignificant
            value, residue = divmod(value, power)
            value += residue >= power >> 1
            exponent = len(str(value)) + insignificant
            text = str(value)
    return text.rstrip("0"), exponent


def _digits_by_division(
    fraction: int, length: int, binary_exponent: int, significant: int, tiny: int
) -> tuple[str, int]:
    """Return digits until they tell the double from its neighbours: as a fraction, and half a unit of its last bit."""
    exponent = _estimated_exponent(fraction, length, binary_exponent)
    five_up, five_down = max(0, -exponent), max(0, exponent)
    two_up, two_down = five_up + tiny + binary_exponent, five_down + tiny
    two_margin = two_up - significant - (length == 1)
    two_up -= length - 1
    common = min(two_up, two_down)
    two_up, two_down, two_margin = two_up - common, two_down - common, two_margin - common
    if two_margin < 0:
        two_up, two_down, two_margin = two_up - two_margin, two_down - two_margin, 0
    above = fraction * 5**five_up << two_up
    below = 5**five_down << two_down
    margin = 5**five_up << two_margin
    return _generated(above, below, margin, exponent, is_small=_is_small(length, two_up, five_up, two_down, five_down))


def _is_small(length: int, two_up: int, five_up: int, two_down: int, five_down: int) -> bool:
    """Whether Java computes with longs, where a number on the upper bound is taken for one below it."""
    numerator = length + two_up + _bits_of_five(five_up)
    return max(numerator, two_down + 1 + _bits_of_five(five_down + 1)) < _FEW_BITS


def _bits_of_five(power: int) -> int:
    return (5**power).bit_length() if 0 < power < 27 else 3 * power  # noqa: PLR2004 - Java's table has 27 entries


def _estimated_exponent(fraction: int, length: int, binary_exponent: int) -> int:
    mantissa = fraction / (1 << (length - 1))
    return math.floor((mantissa - 1.5) * 0.289529654 + 0.176091259 + binary_exponent * 0.301029995663981)


def _generated(above: int, below: int, margin: int, exponent: int, *, is_small: bool) -> tuple[str, int]:
    tens = below * 10

    def is_high(above: int, margin: int) -> bool:
        return above + margin > tens if is_small else above + margin >= tens

    digit, above = divmod(above, below)
    above, margin = above * 10, margin * 10
    low, high = above < margin, is_high(above, margin)
    digits = [digit]
    if digit == 0 and not high:
        digits, exponent = [], exponent - 1
    if exponent < -3 or exponent >= 8:  # noqa: PLR2004 - scientific notation has two digits at least
        low = high = False
    while not low and not high:
        digit, above = divmod(above, below)
        above, margin = above * 10, margin * 10
        low, high = above < margin, is_high(above, margin)
        digits.append(digit)
    if high and (not low or 2 * above > tens or (2 * above == tens and digits[-1] % 2)):
        return _rounded_up(digits, exponent + 1)
    return "".join(map(str, digits)), exponent + 1


def _rounded_up(digits: list[int], exponent: int) -> tuple[str, int]:
    number = int("".join(map(str, digits))) + 1
    text = str(number).rjust(len(digits), "0")
    if len(text) > len(digits):
        return "1" + "0" * (len(digits) - 1), exponent + 1
    return text, exponent
