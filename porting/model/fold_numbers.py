"""Folds arithmetic, comparisons, casts and reductions."""

from collections.abc import Callable

import numpy as np

from porting.model.dtypes import NAME_OF, numpy_dtype
from porting.model.fold_operands import Folder, axes_of, first, integer, is_large, second
from porting.model.graph import Node
from porting.model.value import Array


def _elementwise(function: Callable[..., Array]) -> Folder:
    def run(node: Node, ins: list[Array | None]) -> list[Array] | None:
        given = [i for i in ins if i is not None]
        if _broadcasts_by_axis(node) or is_large(given):
            return None
        return [np.asarray(function(*given))]

    return run


def _broadcasts_by_axis(node: Node) -> bool:
    """Until opset 6, the second operand was laid along an axis of the first."""
    return "axis" in node.attributes


def _variadic(function: Callable[[Array, Array], Array]) -> Folder:
    def run(node: Node, ins: list[Array | None]) -> list[Array] | None:
        result, *others = [i for i in ins if i is not None]
        if is_large([result, *others]):
            return None
        for other in others:
            result = np.asarray(function(result, other))
        return [np.copy(result)]

    return run


def _div(a: Array, b: Array) -> Array:
    """ONNX integer division truncates toward zero; numpy's floors."""
    if np.issubdtype(a.dtype, np.integer):
        if not np.all(b):
            raise ZeroDivisionError
        if np.any((b == -1) & (a == np.iinfo(a.dtype).min)):
            raise OverflowError
        quotient, rest = np.divmod(a, b)
        return np.asarray(quotient + ((rest != 0) & ((a < 0) != (b < 0)))).astype(a.dtype)
    return np.asarray(a / b)


def _cast(node: Node, ins: list[Array | None]) -> list[Array]:
    to = node.attribute("to")
    if not isinstance(to, int):
        raise ValueError("to")
    data, dtype = first(ins), numpy_dtype(NAME_OF[to])
    if not {data.dtype.kind, dtype.kind} <= set("biuf"):
        raise TypeError("strings and narrow floats have rules of their own")
    if data.dtype.kind == "f" and dtype.kind in "iu":
        bounds, whole = np.iinfo(dtype.name), np.trunc(data.astype(np.float64))
        if not np.all((whole >= float(bounds.min)) & (whole < float(bounds.max) + 1)):
            raise ValueError("out of range: the result depends on the machine")
    return [data.astype(dtype)]


def _clip(node: Node, ins: list[Array | None]) -> list[Array]:
    data = first(ins)
    if len(ins) > 1:
        bounds = [i if i is None else i.reshape(()) for i in (*ins[1:], None)][:2]
    else:
        given = [node.attribute(n) for n in ("min", "max")]
        bounds = [np.asarray(b, data.dtype) if isinstance(b, float) else None for b in given]
    low, high = bounds
    known = [b for b in bounds if b is not None]
    if any(np.isnan(b) for b in known) or (len(known) == 2 and known[0] > known[1]):
        raise ValueError("runtimes differ on bounds that contradict each other, and on NaN")
    return [np.asarray(np.clip(data, low, high) if known else data, data.dtype)]


def _mod(node: Node, ins: list[Array | None]) -> list[Array] | None:
    """Of integers, with the divisor's sign or with fmod=1 the first operand's."""
    a, b = first(ins), second(ins)
    if a.dtype.kind not in "iu" or not np.all(b) or is_large([a, b]):
        return None
    return [np.asarray((np.fmod if integer(node, "fmod") else np.mod)(a, b))]


_EXACT = 2**53
"""Runtimes add and multiply whole numbers as float64, which is exact up to here."""


def _reduce(function: Callable[..., Array], *, rounds: bool = False) -> Folder:
    def run(node: Node, ins: list[Array | None]) -> list[Array]:
        data, axes = first(ins), axes_of(node, ins)
        if axes is not None and not axes:
            if integer(node, "noop_with_empty_axes"):
                return [data]
            axes = None
        elif axes is None and integer(node, "noop_with_empty_axes"):
            return [data]
        keep = bool(integer(node, "keepdims", 1))
        if rounds and data.dtype.kind in "iu":
            magnitude = np.maximum(np.abs(data.astype(np.float64)), 1)
            if np.any(function(magnitude, axis=axes, keepdims=keep) > _EXACT):
                raise OverflowError
        return [np.asarray(function(data, axis=axes, keepdims=keep)).astype(data.dtype)]

    return run


NUMBERS: dict[str, Folder] = {
    "Abs": _elementwise(np.abs),
    "Add": _elementwise(np.add),
    "And": _elementwise(np.logical_and),
    "Cast": _cast,
    "Ceil": _elementwise(np.ceil),
    "Clip": _clip,
    "Div": _elementwise(_div),
    "Equal": _elementwise(np.equal),
    "Floor": _elementwise(np.floor),
    "Greater": _elementwise(np.greater),
    "GreaterOrEqual": _elementwise(np.greater_equal),
    "Identity": _elementwise(np.copy),
    "Less": _elementwise(np.less),
    "LessOrEqual": _elementwise(np.less_equal),
    "Max": _variadic(np.maximum),
    "Min": _variadic(np.minimum),
    "Mod": _mod,
    "Mul": _elementwise(np.multiply),
    "Neg": _elementwise(np.negative),
    "Not": _elementwise(np.logical_not),
    "Or": _elementwise(np.logical_or),
    "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min),
    "ReduceProd": _reduce(np.prod, rounds=True),
    "ReduceSum": _reduce(np.sum, rounds=True),
    "Round": _elementwise(np.rint),
    "Sign": _elementwise(np.sign),
    "Sqrt": _elementwise(np.sqrt),
    "Sub": _elementwise(np.subtract),
    "Where": _elementwise(np.where),
    "Xor": _elementwise(np.logical_xor),
}
"""What folds operators that compute."""
