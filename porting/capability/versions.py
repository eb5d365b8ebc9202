"""Ranges and lists of whole numbers as tables write them: `8..18`, `8, 12..18`, `11..`."""

import re
from dataclasses import dataclass
from itertools import pairwise

_PART = re.compile(r"\s*(-?\d+)?\s*(\.\.)?\s*(-?\d+)?\s*")


@dataclass(frozen=True, slots=True)
class Versions:
    """A union of closed ranges, in increasing order; an end that is None is open."""

    ranges: tuple[tuple[int | None, int | None], ...]

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        return any(
            (low is None or low <= number) and (high is None or number <= high)
            for low, high in self.ranges
        )

    @property
    def lowest(self) -> int | None:
        """The smallest number; None if there is no lower end."""
        return self.ranges[0][0]

    @property
    def highest(self) -> int | None:
        """The largest number; None if there is no upper end."""
        return self.ranges[-1][1]

    def nearest(self, number: int) -> int:
        """The member closest to `number`; the lower one of two."""
        if number in self:
            return number
        ends = [e for pair in self.ranges for e in pair if e is not None]
        return min(ends, key=lambda e: (abs(e - number), e))

    def __str__(self) -> str:
        return ", ".join(_shown(low, high) for low, high in self.ranges)


def _shown(low: int | None, high: int | None) -> str:
    if low == high and low is not None:
        return str(low)
    return f"{'' if low is None else low}..{'' if high is None else high}"


def parse_versions(value: object) -> Versions:
    """Reads `8..18`, `8, 12..18`, `11..`, a number, or a list of such.

    Raises:
        ValueError: With the form that is expected.
    """
    if isinstance(value, bool) or not isinstance(value, int | str | list) or value == []:
        raise ValueError(f"{value!r} is not a range such as 8..18")
    parts = value if isinstance(value, list) else str(value).split(",")
    ranges = [_part(str(p)) for p in parts]
    for (_, high), (low, _) in pairwise(ranges):
        if high is None or low is None or low <= high:
            raise ValueError(f"the ranges in {value!r} overlap or are not in order")
    return Versions(tuple(ranges))


def _part(text: str) -> tuple[int | None, int | None]:
    match = _PART.fullmatch(text)
    if match is None or not (match[1] or match[3]):
        raise ValueError(f"{text.strip()!r} is not a range such as 8..18")
    low = int(match[1]) if match[1] else None
    if not match[2]:
        if match[3]:
            raise ValueError(f"{text.strip()!r} is not a range such as 8..18")
        return low, low
    high = int(match[3]) if match[3] else None
    if low is not None and high is not None and low > high:
        raise ValueError(f"{text.strip()} is empty: {low} is above {high}")
    return low, high
