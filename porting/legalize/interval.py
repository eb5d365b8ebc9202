"""Intervals of whole numbers and their arithmetic, and which element type holds which numbers."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from porting.model.dtypes import FLOATS, INTEGERS
from porting.model.value import Array

DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}
"""Binary digits of the mantissa: whole numbers up to 2^digits are exact."""


@dataclass(frozen=True, slots=True)
class Range:
    """All elements are whole numbers from `low` to `high`.

    Attributes:
        low: The least.
        high: The greatest.
        negative_zero: Whether a zero may be -0.0, which integers do not have.
    """

    low: int
    high: int
    negative_zero: bool = False

    def within(self, other: "Range") -> bool:
        """Whether every number of this interval is in the other."""
        return other.low <= self.low and self.high <= other.high


def limits_of(dtype: str) -> Range | None:
    """The whole numbers that a type holds without a gap; None if it holds no numbers."""
    if dtype == "bool":
        return Range(0, 1)
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        return Range(int(info.min), int(info.max))
    if dtype in DIGITS:
        return Range(-(2 ** DIGITS[dtype]), 2 ** DIGITS[dtype])
    return None


def embeds(source: str, to: str) -> bool:
    """Whether every number of type `source` is one of type `to`, -0.0, infinities and NaN too."""
    if source == to:
        return True
    if source in FLOATS:
        return to == "float64" or (to == "float32" and source != "float64")
    inner, outer = limits_of(source), limits_of(to)
    return inner is not None and outer is not None and inner.within(outer)


def extremes(array: Array) -> Range | None:
    """The interval of an array; None if it holds anything but whole numbers."""
    if array.size == 0:
        return ZERO
    if array.dtype.kind in "iub":
        return Range(int(array.min()), int(array.max()))
    wide = array.astype(np.float64)
    if not np.isfinite(wide).all() or (wide != np.floor(wide)).any():
        return None
    minus = bool((np.signbit(wide) & (wide == 0)).any())
    return Range(int(wide.min()), int(wide.max()), minus)


ZERO = Range(0, 0)


def hull(ranges: Iterable[Range | None]) -> Range | None:
    """The least interval around all; None if one of them is not known."""
    known = list(ranges)
    sure = [r for r in known if r is not None]
    if not sure or len(sure) < len(known):
        return None
    minus = any(r.negative_zero for r in sure)
    return Range(min(r.low for r in sure), max(r.high for r in sure), minus)


def add(a: Range, b: Range) -> Range:
    """A + b."""
    minus = a.negative_zero and b.negative_zero
    return Range(a.low + b.low, a.high + b.high, minus)


def subtract(a: Range, b: Range) -> Range:
    """A - b; -0.0 - 0.0 is -0.0."""
    return Range(a.low - b.high, a.high - b.low, a.negative_zero and b.low <= 0 <= b.high)


def multiply(a: Range, b: Range) -> Range:
    """A * b; 0.0 * -1.0 is -0.0."""
    corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    minus = min(a.low, b.low) < 0 or a.negative_zero or b.negative_zero
    return Range(min(corners), max(corners), minus)


def divide(a: Range, b: Range) -> Range:
    """Of integers, towards zero; the divisor is not 0."""
    largest = max(abs(a.low), abs(a.high))
    if a.low >= 0 and b.low >= 0:
        return Range(0, a.high)
    return Range(-largest, largest)


def remainder(a: Range, b: Range) -> Range:
    """Of integers, with either operand's sign; the divisor is not 0."""
    largest = max(abs(b.low), abs(b.high), 1) - 1
    return Range(0 if min(a.low, b.low) >= 0 else -largest, largest)


def negate(a: Range) -> Range:
    """-a."""
    return Range(-a.high, -a.low, True)


def absolute(a: Range) -> Range:
    """|a|."""
    least = 0 if a.low <= 0 <= a.high else min(abs(a.low), abs(a.high))
    return Range(least, max(abs(a.low), abs(a.high)))


def sign(a: Range) -> Range:
    """-1, 0 or 1."""
    return Range(max(a.low, -1) if a.low < 0 else min(a.low, 1), min(a.high, 1), a.negative_zero)


def relu(a: Range) -> Range:
    """max(a, 0)."""
    return Range(max(a.low, 0), max(a.high, 0), a.negative_zero)


def greater(a: Range, b: Range) -> Range:
    """max(a, b)."""
    return Range(max(a.low, b.low), max(a.high, b.high), a.negative_zero or b.negative_zero)


def lesser(a: Range, b: Range) -> Range:
    """min(a, b)."""
    return Range(min(a.low, b.low), min(a.high, b.high), a.negative_zero or b.negative_zero)


def total(a: Range, count: int) -> Range:
    """A sum of up to `count` elements, and every sum on the way there."""
    return Range(min(a.low * count, a.low, 0), max(a.high * count, a.high, 0), a.negative_zero)
