"""Compare two models' outputs: how far apart, and whether a tolerance allows it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from porting.proof.tolerance import FLOOR, Tolerance

Array = npt.NDArray[Any]

ROUNDINGS = 4
"""Units in the last place that kernels of a Sigmoid, a Tanh or a Softmax may be apart."""


@dataclass(frozen=True)
class OutputComparison:
    """One output over all runs: errors of the converted model against the original.

    Attributes:
        name: Output name; an item of a sequence or map output is `name[item]`.
        dtype: The original's element type.
        shape: The original's shape in the last run.
        max_abs: Largest `|a - b|` over elements finite in both; None if there is none.
        max_rel: Largest `|a - b| / max(|a|, floor)` over those elements, where `floor` is
            `FLOOR * scale_of(a)` of the same run, or the smallest normal float64 where that
            is zero; None if there is none.
        mean_abs: Mean `|a - b|` over those elements; None if there is none.
        cosine: Smallest cosine similarity of a run; None if there is none. Two zero vectors
            count as 1, one zero vector as 0.
        snr_db: Smallest signal-to-noise ratio of a run, `10 log10(sum a^2 / sum (a - b)^2)` over
            those elements; infinite, None in JSON, where `max_abs` is 0; None if there is none.
        top1: Share of rows along the last axis whose largest element is at the same place in
            both; of several largest ones in the original any will do, and rows that hold NaN are
            left out. None unless the output is classifier-like: floats, of rank 2 with at least
            10 columns, or from a Softmax over the last axis.
        rows: Rows that `top1` counts.
        needed_factor: Smallest factor on the whole tolerance with which the output would pass,
            so at most 1 where it does; None if no tolerance would do.
        needed_rel: Smallest `rel`, with `abs` and `scale` as they are, with which the output
            would pass; None if no tolerance would do.
        mismatches: Elements outside the tolerance, or not finite in the same way.
        elements: Elements compared, over all runs.
        nonfinite: Elements that are NaN or infinite in either model.
        first_mismatch: Index of the first mismatch in the first run that has one.
        passed: No mismatch, and shapes agree.
        reason: Why not passed, one line; empty when passed.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    max_abs: float | None = None
    max_rel: float | None = None
    mean_abs: float | None = None
    cosine: float | None = None
    snr_db: float | None = None
    top1: float | None = None
    rows: int = 0
    needed_factor: float | None = 0.0
    needed_rel: float | None = 0.0
    mismatches: int = 0
    elements: int = 0
    nonfinite: int = 0
    first_mismatch: tuple[int, ...] | None = None
    passed: bool = True
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """A dictionary that JSON can hold: no NaN, no infinity, lists for tuples."""
        values = asdict(self)
        for key, value in values.items():
            if isinstance(value, tuple):
                values[key] = list(value)
            elif isinstance(value, float) and not np.isfinite(value):
                values[key] = None
        return values


def scale_of(a: Array) -> float:
    """Largest finite magnitude in `a`, mask constants aside; 0.0 if there is none.

    A value of at least 1e4 that is also at least 1e4 times the tenth percentile of the nonzero
    magnitudes is taken for a mask constant (-1e9, the lowest float): noise allowed in
    proportion to such a value would hide every difference in the other elements.
    """
    magnitude = np.abs(a[np.isfinite(a)])
    magnitude = magnitude[magnitude > 0]
    if magnitude.size == 0:
        return 0.0
    largest = float(magnitude.max())
    if largest < 1e4:
        return largest
    rank = (magnitude.size - 1) // 10
    usual = float(np.partition(magnitude, rank)[rank])
    return float(magnitude[magnitude < max(1e4, 1e4 * usual)].max(initial=0.0)) or largest


def compare_output(
    name: str,
    originals: Sequence[Array],
    converted: Sequence[Array],
    tolerance: Tolerance,
    *,
    scores: bool = False,
    unit: float = 0.0,
) -> OutputComparison:
    """Compare one output of two models over runs on the same inputs.

    Args:
        name: Output name.
        originals: The original's values, one array a run, any shape and type.
        converted: The other model's values, in the same order; at least one run.
        tolerance: What is allowed for float elements.
        scores: Whether the last axis is one of classes, whatever the shape looks like.
        unit: Magnitude of the numbers from which the output is computed however small it is: 1 for
            a Sigmoid. `ROUNDINGS` units in the last place of it are allowed besides.

    Returns:
        The comparison; a run whose shapes or kinds of type differ ends it with a reason.
    """
    total = OutputComparison(name, originals[-1].dtype.name, originals[-1].shape)
    usual = _usual(originals)
    for a, b in zip(originals, converted, strict=True):
        if a.shape != b.shape:
            reason = f"shape {list(b.shape)} instead of {list(a.shape)}"
            return _incomparable(total, reason)
        if _kind(a) != _kind(b):
            return _incomparable(total, f"type {b.dtype.name} instead of {a.dtype.name}")
        allowed = replace(tolerance, abs=tolerance.abs + _noise(a, unit))
        run = _compare_run(name, a, b, allowed, usual if a.size == 1 else 0.0)
        if _is_classifier(a, scores):
            run = _with_top1(run, _as_float64(a), _as_float64(b))
        total = _add(total, run)
    if total.mismatches:
        reason = f"{total.mismatches} of {total.elements} elements differ"
        total = replace(total, passed=False, reason=reason)
    return total


def _noise(a: Array, unit: float) -> float:
    """What rounding near `unit` does to an output, in its own units."""
    if not unit or _kind(a) != "float":
        return 0.0
    return ROUNDINGS * unit * float(ml_dtypes.finfo(a.dtype).eps)  # type: ignore[no-untyped-call]


def _incomparable(total: OutputComparison, reason: str) -> OutputComparison:
    return replace(total, passed=False, reason=reason, needed_factor=None, needed_rel=None)


def _kind(a: Array) -> str:
    if a.dtype.kind in "iub" or a.dtype.name.startswith(("int", "uint")):
        return "bool" if a.dtype.kind == "b" else "integer"
    return "string" if a.dtype.kind in "OSU" else "complex" if a.dtype.kind == "c" else "float"


def _usual(originals: Sequence[Array]) -> float:
    """The median magnitude of a lone element over the runs.

    One probability of 1e-5 among others near 1 comes from a kernel that rounds like one near 1.
    """
    lone = [a for a in originals if a.size == 1 and _kind(a) in ("float", "complex")]
    scales = [scale_of(_as_float64(a)) for a in lone]
    return float(np.median(scales)) if scales else 0.0


def _compare_run(
    name: str, a: Array, b: Array, tolerance: Tolerance, usual: float
) -> OutputComparison:
    """One run, whatever its elements are; of a lone one, `usual` is the least scale."""
    kind = _kind(a)
    base = OutputComparison(name, a.dtype.name, a.shape, elements=a.size)
    if kind == "string":
        wrong = a.astype(str) != b.astype(str)
        needed = None if wrong.any() else 0.0
        return replace(base, mismatches=int(wrong.sum()), first_mismatch=_first(wrong),
                       needed_factor=needed, needed_rel=needed)  # fmt: skip
    exact = kind in ("integer", "bool")
    unequal = a != b if exact else None
    return _compare_numbers(base, _as_float64(a), _as_float64(b), unequal, tolerance, usual)


def _compare_numbers(
    base: OutputComparison,
    x: Array,
    y: Array,
    unequal: Array | None,
    tolerance: Tolerance,
    usual: float,
) -> OutputComparison:
    """One run as float64; `unequal` tells of elements that must be equal which are not."""
    finite = np.isfinite(x) & np.isfinite(y)
    same_class = finite | (np.isnan(x) & np.isnan(y)) | (x == y)
    with np.errstate(all="ignore"):
        difference = np.where(finite, np.abs(x - y), 0.0)
        scale = max(scale_of(x), usual)
        magnitude = np.maximum(np.abs(x), FLOOR * scale or np.finfo(np.float64).tiny)
        allowed = tolerance.abs + tolerance.scale * scale + tolerance.rel * magnitude
        wrong = ~same_class | (finite & ~(difference <= allowed)) if unequal is None else unequal
        ratio = difference / magnitude
    base = _counted(base, wrong, finite)
    hopeless = bool((~same_class).any() or (unequal is not None and base.mismatches))
    if hopeless:
        base = replace(base, needed_factor=None, needed_rel=None)
    if not finite.any():
        return base
    x, y, difference = x[finite], y[finite], difference[finite]
    base = replace(
        base,
        max_abs=float(difference.max()),
        max_rel=float(ratio[finite].max()),
        mean_abs=float(difference.mean()),
        cosine=_cosine(x, y),
        snr_db=_snr(x, difference),
    )
    if hopeless or unequal is not None:
        return base
    with np.errstate(all="ignore"):
        share = np.where(difference > 0, difference / allowed[finite], 0.0)
        over = (difference - tolerance.abs - tolerance.scale * scale) / magnitude[finite]
    return replace(base, needed_factor=_known(share.max()), needed_rel=max(0.0, over.max()))


def _counted(base: OutputComparison, wrong: Array, finite: Array) -> OutputComparison:
    """How many elements are wrong or not finite; of a complex one, both parts are looked at."""
    if wrong.ndim > len(base.shape):
        wrong, finite = np.any(wrong, axis=-1), np.all(finite, axis=-1)
    return replace(
        base,
        mismatches=int(wrong.sum()),
        first_mismatch=_first(wrong),
        nonfinite=base.elements - int(finite.sum()),
    )


def _is_classifier(a: Array, scores: bool) -> bool:
    if _kind(a) != "float" or a.ndim == 0 or a.size == 0:
        return False
    return a.shape[-1] >= 2 if scores else a.ndim == 2 and a.shape[-1] >= 10


def _with_top1(run: OutputComparison, x: Array, y: Array) -> OutputComparison:
    x, y = x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1])
    whole = ~(np.isnan(x) | np.isnan(y)).any(axis=1)
    x, y = x[whole], y[whole]
    if not len(x):
        return run
    chosen = np.take_along_axis(x, y.argmax(axis=1)[:, None], axis=1)[:, 0]
    return replace(run, top1=float((chosen == x.max(axis=1)).mean()), rows=len(x))


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _as_float64(a: Array) -> Array:
    if a.dtype.kind == "c":
        return np.stack([a.real, a.imag], axis=-1).astype(np.float64)
    return np.asarray(a).astype(np.float64)


def _first(wrong: Array) -> tuple[int, ...] | None:
    if not wrong.any():
        return None
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(wrong)), wrong.shape))


def _cosine(x: Array, y: Array) -> float:
    # Scaled first, so that squares of large or tiny values neither overflow nor vanish.
    largest_x, largest_y = float(np.abs(x).max()), float(np.abs(y).max())
    if largest_x == 0 or largest_y == 0:
        return float(largest_x == largest_y)
    u, v = x / largest_x, y / largest_y
    return float(np.clip(u @ v / np.sqrt((u @ u) * (v @ v)), -1.0, 1.0))


def _snr(x: Array, difference: Array) -> float:
    """In dB; both are scaled first, for the same reason."""
    noise, signal = float(difference.max()), float(np.abs(x).max())
    if noise == 0:
        return float("inf")
    if signal == 0:
        return float("-inf")
    with np.errstate(all="ignore"):
        u, v = x / signal, difference / noise
        return float(10 * np.log10((u @ u) / (v @ v)) + 20 * (np.log10(signal) - np.log10(noise)))


def _add(total: OutputComparison, run: OutputComparison) -> OutputComparison:
    first = run.first_mismatch if total.first_mismatch is None else total.first_mismatch
    finite_before = total.elements - total.nonfinite
    finite_now = run.elements - run.nonfinite
    return replace(
        total,
        max_abs=_pick(max, total.max_abs, run.max_abs),
        max_rel=_pick(max, total.max_rel, run.max_rel),
        mean_abs=_mean(total.mean_abs, finite_before, run.mean_abs, finite_now),
        cosine=_pick(min, total.cosine, run.cosine),
        snr_db=_pick(min, total.snr_db, run.snr_db),
        top1=_mean(total.top1, total.rows, run.top1, run.rows),
        rows=total.rows + run.rows,
        needed_factor=_needed(total.needed_factor, run.needed_factor),
        needed_rel=_needed(total.needed_rel, run.needed_rel),
        mismatches=total.mismatches + run.mismatches,
        elements=total.elements + run.elements,
        nonfinite=total.nonfinite + run.nonfinite,
        first_mismatch=first,
    )


def _pick(choose: Any, first: float | None, second: float | None) -> float | None:
    known = [value for value in (first, second) if value is not None]
    return choose(known) if known else None


def _mean(first: float | None, weight: int, second: float | None, other: int) -> float | None:
    """Of two means, each over that many."""
    if not weight + other:
        return None
    return ((first or 0) * weight + (second or 0) * other) / (weight + other)


def _needed(first: float | None, second: float | None) -> float | None:
    """The larger; None, which stands for no tolerance, beats every number."""
    return None if first is None or second is None else max(first, second)
