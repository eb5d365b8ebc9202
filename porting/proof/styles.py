"""Magnitudes of the numbers that a model is tried with.

One magnitude shows too little: what a small number is added to hides it among ordinary ones, what
is clipped, rounded or saturates does not come up below some size.
"""

from collections.abc import Collection
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


class Style(Enum):
    """How numbers are drawn that nothing constrains."""

    PLAIN = "standard normal"
    ROWS = "normal, each row along the last axis of a magnitude of its own, from 0.03 to 3"
    WIDE = "normal times 2 to 300; some halves, small multiples of a half, and zeros among them"
    MILD = "as wide, but normal times 2 to 6"
    SMALL = "normal times 0.03"


TAME = (Style.PLAIN, Style.ROWS, Style.MILD, Style.SMALL)
"""For whatever models: what suits one that computes in float16, or relies on a condition."""
STYLES = (Style.PLAIN, Style.ROWS, Style.WIDE, Style.SMALL)

_ROWS = (-1.5, 0.5)
"""Powers of ten."""
_LARGE = {Style.WIDE: (0.3, 2.5), Style.MILD: (0.3, 0.8)}
_SMALL = 0.03
"""Not lower: a variance below the usual epsilons is noise."""


def styles_for(classes: Collection[str], dtype: str) -> tuple[Style, ...]:
    """What a conversion has to bear.

    Args:
        classes: Exactness classes of the rules that were applied. The condition of a conditional
            one is mostly about magnitudes.
        dtype: The narrowest float type of the converted model; float16 overflows soon.
    """
    return TAME if "conditional" in classes or dtype == "float16" else STYLES


def numbers(rng: np.random.Generator, shape: Shape, style: Style) -> Array:
    """Draws in a style.

    Args:
        rng: The source of randomness.
        shape: Sizes in elements.
        style: The style.
    """
    drawn = np.asarray(rng.standard_normal(shape))
    if style is Style.ROWS:
        return drawn * heights(rng, shape, _ROWS)
    if style is Style.SMALL:
        return drawn * _SMALL
    if style in _LARGE:
        return _wide(rng, drawn * 10 ** rng.uniform(*_LARGE[style]))
    return drawn


def heights(rng: np.random.Generator, shape: Shape, powers: tuple[float, float]) -> Array:
    """A factor for each row along the last axis, of a power of ten between the two."""
    return np.asarray(10 ** rng.uniform(*powers, size=(*shape[:-1], 1) if shape else ()))


def _wide(rng: np.random.Generator, drawn: Array) -> Array:
    """With ties of rounding, equal elements and zeros among it."""
    kind = rng.random(drawn.shape)
    drawn = np.where(kind < 0.3, np.rint(2 * drawn) / 2, drawn)
    drawn = np.where((kind >= 0.3) & (kind < 0.5), rng.integers(-8, 9, drawn.shape) / 2, drawn)
    drawn = np.where(kind >= 0.95, 0.0, drawn)
    if drawn.size:
        # Of negatives only, a GELU gives nothing but its tail, of which an approximation is poor.
        largest = np.unravel_index(np.argmax(np.abs(drawn)), drawn.shape)
        drawn[largest] = np.abs(drawn[largest])
    return drawn
