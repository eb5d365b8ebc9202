"""Values for a model's inputs that make it compute something.

They are drawn by element type and by what consumes them: an index stays inside the table that it
gathers from, a mask is zeros and ones, a value that is compared with constants is one of them.
What nothing constrains is drawn in one of several styles; see styles.py.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from porting.proof.asks import Domain, integer_limits
from porting.proof.domains import Facts
from porting.proof.shapes import graph_inputs
from porting.proof.styles import Style, heights, numbers

Array = npt.NDArray[Any]

_WORDS = np.array(["a", "the", "model", "port", "Tensor", "graph", "x1", "hello world"], object)
_NARROW = {"int2": 2, "uint2": 4, "int4": 8}
"""Integer types that do not hold 9, and how many values from 0 they hold."""
_FEW = 0.25
"""Share of indices that are among the constants that they are compared with, and of infinities."""
_NEAR = 0.75
"""Share of values that are close to the constants that they are held against."""
_SHARE = (-1.5, 0.0)
"""Powers of ten by which rows of a span that holds 0 are made smaller."""
_DARK = 0.03
"""Of an image's brightness."""
_COVERED = 1 << 18
"""Entries of a table up to which indices go through it without coming twice."""


def generate(
    model: onnx.ModelProto,
    shapes: Mapping[str, tuple[int, ...]],
    seed: int,
    bound: Mapping[str, int] | None = None,
    *,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    skip: Collection[str] = (),
    facts: Facts | None = None,
    style: Style = Style.PLAIN,
) -> dict[str, Array]:
    """Draw a value for every input that must be fed; the same for the same arguments.

    Floats are standard normal, or uniform in [0, 1) where the shape is an image's (rank 4, 3
    channels), or of the style asked for. Integers that nothing constrains are 0 to 9, bytes the
    whole range of their type. A row of a mask has at least one true element.

    Args:
        model: Structure of the graph; weights may be absent.
        shapes: A shape for each input, sizes in elements.
        seed: Of a PCG64 generator.
        bound: Symbolic dimension name to size, for tables whose size has a name.
        ranges: Input name to the lowest and highest value, both included.
        skip: Inputs that need no value.
        facts: Of the same model, shapes and sizes, if they are at hand: finding them takes time.
        style: How to draw what the model says little of.

    Returns:
        Input name to array of the declared type, in graph order.

    Raises:
        ValueError: An input is not a tensor.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    facts = facts or Facts(model, shapes, bound or {})
    drawer = _Drawer(rng, seed, style, facts)
    values = {}
    for name, declared in graph_inputs(model).items():
        if name in skip:
            continue
        if declared.type.WhichOneof("value") != "tensor_type":
            raise ValueError(f"input {name} is not a tensor; give a value for it")
        dtype = helper.tensor_dtype_to_np_dtype(declared.type.tensor_type.elem_type)
        ends = (ranges or {}).get(name)
        if ends is not None:
            values[name] = _between(rng, dtype, shapes[name], *ends)
        else:
            values[name] = drawer.draw(dtype, shapes[name], name)
    return values


@dataclass(frozen=True)
class _Drawer:
    """Draws one input after the other."""

    rng: np.random.Generator
    seed: int
    style: Style
    facts: Facts

    def draw(self, dtype: np.dtype[Any], shape: tuple[int, ...], name: str) -> Array:
        rng = self.rng
        if dtype.kind == "O":
            return np.asarray(rng.choice(_WORDS, size=shape), dtype=object)
        if dtype.kind == "b":
            return _mask(rng, shape).astype(bool)
        if dtype.kind == "c":
            return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)
        is_float = dtype.kind == "f" or dtype.name.startswith(("bfloat", "float"))
        domain = self.facts.domain(name, len(shape), is_float)
        if is_float:
            return np.asarray(self._special(self._floats(shape, domain), domain)).astype(dtype)
        return self._integers(dtype, shape, domain)

    def _floats(self, shape: tuple[int, ...], domain: Domain) -> Array:
        if domain.limit is not None:
            return self._indices(shape, domain)
        if domain.mask or (domain.choices and domain.choices <= {0, 1}):
            return _mask(self.rng, shape)
        low, high = domain.span or _around(domain.thresholds) or (0.0, 0.0)
        if low < high and not self._holds_against(domain):
            drawn = np.asarray(self.rng.uniform(low, high, size=shape))
            crosses = self.style is Style.ROWS and low < 0 < high
            return drawn * heights(self.rng, shape, _SHARE) if crosses else drawn
        if len(shape) == 4 and 3 in (shape[1], shape[3]):
            drawn = np.asarray(self.rng.random(shape)) * (255 if domain.scaled else 1)
            if self.style is Style.SMALL:
                return drawn * _DARK
            signed = self.style is Style.ROWS and not domain.scaled
            return 2 * drawn - 1 if signed else drawn
        drawn = numbers(self.rng, shape, self.style)
        return self._near(drawn, domain, 0) if self._holds_against(domain) else drawn

    def _integers(self, dtype: np.dtype[Any], shape: tuple[int, ...], domain: Domain) -> Array:
        rng, wanted = self.rng, sorted(domain.choices)
        if domain.longest is not None:
            drawn = rng.integers(1, max(domain.longest, 1) + 1, size=shape)
        elif domain.limit is not None:
            drawn = self._indices(shape, domain)
            wanted = [value for value in wanted if domain.low <= value < domain.limit]
            if wanted:
                drawn = np.where(rng.random(shape) < _FEW, rng.choice(wanted, size=shape), drawn)
        elif domain.mask or (wanted and set(wanted) <= {0, 1}):
            drawn = _mask(rng, shape)
        elif wanted:
            # A tensor of one constant only would leave the other case untried; a lone value, such
            # as a sample rate, may be refused if it is any other.
            others = [wanted[0] + 1] if len(wanted) == 1 and shape else []
            drawn = rng.choice(wanted + others, size=shape)
        elif domain.size:
            drawn = rng.integers(1, 5, size=shape)
        elif dtype.name in ("uint8", "int8"):
            drawn = rng.integers(np.iinfo(dtype).min, int(np.iinfo(dtype).max) + 1, size=shape)
        elif any(abs(t) >= 2 for t in domain.thresholds):
            near = {math.floor(t) + step for t in domain.thresholds for step in (-1, 0, 1, 2)}
            least = 0 if min(domain.thresholds) >= 0 or "u" in dtype.name else min(near)
            drawn = rng.choice(sorted({v for v in near | {0, 1} if v >= least}), size=shape)
        else:
            drawn = rng.integers(0, _NARROW.get(dtype.name, 10), size=shape)
        untamed = domain.longest is None and domain.limit is None and not domain.mask
        if untamed and self._holds_against(domain) and np.size(drawn) > 1:
            limits = integer_limits(dtype)
            drawn = np.clip(self._near(drawn, domain, 1), *limits)
        return np.asarray(drawn).astype(dtype)

    def _holds_against(self, domain: Domain) -> bool:
        return bool(domain.near) and self.style in (Style.ROWS, Style.SMALL)

    def _near(self, drawn: Array, domain: Domain, grain: float) -> Array:
        """Most of the elements become those of a constant, or up to one more or less."""
        rng, shape = self.rng, np.shape(drawn)
        base = domain.near[rng.integers(len(domain.near))].astype(np.float64)
        fits = base.ndim <= len(shape) and all(
            mine in (1, size) for mine, size in zip(base.shape[::-1], shape[::-1], strict=False)
        )
        beside = np.broadcast_to(base, shape) if fits else rng.choice(base.ravel(), size=shape)
        steps = rng.integers(-1, 2, size=shape) * rng.uniform(grain, 1, size=shape)
        return np.where(rng.random(shape) < _NEAR, beside + steps, drawn)

    def _special(self, drawn: Array, domain: Domain) -> Array:
        """With the infinities and NaN among it that an operator looks for."""
        if not domain.special or self.style in (Style.PLAIN, Style.SMALL):
            return drawn
        shape = np.shape(drawn)
        special = self.rng.choice(sorted(domain.special), size=shape)
        return np.where(self.rng.random(shape) < _FEW, special, drawn)

    def _indices(self, shape: tuple[int, ...], domain: Domain) -> Array:
        """Of a table; over the seeds, all of one that is not too large for that."""
        low = domain.low
        count, size = max(domain.limit or 0, low + 1) - low, math.prod(shape)
        axis = domain.distinct
        if domain.tuples and 0 < size // domain.tuples <= count**domain.tuples < _COVERED:
            places = self.rng.permutation(count**domain.tuples)[: size // domain.tuples]
            spread = np.unravel_index(places, (count,) * domain.tuples)
            return np.asarray(np.stack(spread, axis=-1).reshape(shape) + low)
        if axis is not None and -len(shape) <= axis < len(shape) and shape[axis] <= count:
            wide = [count if i == axis % len(shape) else n for i, n in enumerate(shape)]
            if math.prod(wide) < _COVERED:
                order = np.argsort(self.rng.random(wide), axis=axis)
                return np.asarray(np.take(order, range(shape[axis]), axis=axis) + low)
        if size <= count < _COVERED:
            order = np.random.Generator(np.random.PCG64(count)).permutation(count)
            first = self.seed * size
            return np.asarray(order[np.arange(first, first + size) % count].reshape(shape) + low)
        return np.asarray(self.rng.integers(low, low + count, size=shape))


def _around(thresholds: set[float]) -> tuple[float, float] | None:
    """Between what values lie of which some pass each threshold and some do not."""
    far = [t for t in thresholds if not -1 <= t <= 1]
    if far:
        return min(-1.0, 2 * min(far)), max(1.0, 2 * max(far))
    return (0.0, 1.0) if thresholds and all(0 < t < 1 for t in thresholds) else None


def _between(
    rng: np.random.Generator,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    low: float,
    high: float,
) -> Array:
    if dtype.kind in "iu" or "int" in dtype.name:
        drawn: Any = rng.integers(int(low), int(high), size=shape, endpoint=True)
    else:
        drawn = rng.uniform(low, high, size=shape)
    return np.asarray(drawn).astype(dtype)


def _mask(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Zeros and ones; a lone value may be either, a row holds at least one 1."""
    drawn = np.asarray(rng.integers(0, 2, size=shape))
    if len(shape) < 2 and drawn.size == 1:
        return drawn
    if drawn.size:
        kept = rng.integers(0, shape[-1], size=(*shape[:-1], 1))
        np.put_along_axis(drawn, kept, 1, axis=-1)
    return drawn
