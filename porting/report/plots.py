"""Where the marks of small plots stand; the page draws them and writes the numbers beside."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from porting.results import VERDICTS, Verdict

WIDTH = 120.0
"""Of a plot, in CSS pixels."""

SHARE = (-6, 1)
"""Powers of ten of the tolerance: from a millionth of it to ten times it."""

SIGNAL = (0.0, 160.0)
"""Signal to noise in dB; float32 ends near 140."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One value on an axis.

    Attributes:
        at: Where it stands, in pixels from the left.
        text: The value in words, for those who do not see the plot.
        short: What stands beside it.
        beyond: Whether it lies outside of what was allowed.
        limit: Where the allowed ends; None if nothing was asked for.
    """

    at: float
    text: str
    short: str = ""
    beyond: bool = False
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a bar of verdicts, in pixels."""

    verdict: Verdict
    at: float
    width: float


def share_dot(output: Mapping[str, Any]) -> Dot:
    """How much of the tolerance an output needs; no number where no tolerance would do."""
    limit = _on(SHARE, 0)
    factor = output.get("needed_factor", 0.0)
    if factor is None:
        return Dot(WIDTH, "no tolerance would do", "none would do", True, limit)
    if factor <= 0:
        return Dot(0, "equal", "equal", False, limit)
    short = f"{factor:.2g}"
    text = f"{short} of what is allowed"
    return Dot(_on(SHARE, math.log10(factor)), text, short, factor > 1, limit)


def signal_dot(output: Mapping[str, Any]) -> Dot | None:
    """How far the signal stands above the noise; None where that is not defined."""
    if output.get("max_abs") == 0:
        return Dot(WIDTH, "no noise: equal")
    level = output.get("snr_db")
    return None if level is None else Dot(_on(SIGNAL, level), f"{level:.1f} dB")


def drift_dot(output: Mapping[str, Any], tolerance: float | None) -> Dot | None:
    """How far an output drifts, as a power of ten of its largest value."""
    drift = output.get("drift")
    limit = _on(SHARE, math.log10(tolerance)) if tolerance else None
    if drift is None:
        return None
    if drift <= 0:
        return Dot(0, "equal", "equal", False, limit)
    beyond = tolerance is not None and drift > tolerance
    text = f"{drift:.2g} of its largest value"
    return Dot(_on(SHARE, math.log10(drift)), text, "", beyond, limit)


def _on(axis: tuple[float, float], value: float) -> float:
    """Pixels from the left; what lies outside stands at the end."""
    low, high = axis
    value = high if math.isnan(value) else value
    place = (min(max(value, low), high) - low) / (high - low)
    return round(place * WIDTH, 1)


def bar(counts: Mapping[Verdict, int], width: float = WIDTH) -> list[Part]:
    """A bar of verdicts, worst first; every verdict that occurs is wide enough to be seen."""
    present = [v for v in reversed(VERDICTS) if counts.get(v)]
    if not present:
        return []
    least = min(3.0, width / len(present))
    total = sum(counts[v] for v in present)
    free = width - least * len(present)
    parts, at = [], 0.0
    for verdict in present:
        share = least + free * counts[verdict] / total
        parts.append(Part(verdict, round(at, 1), round(share, 1)))
        at += share
    return parts
