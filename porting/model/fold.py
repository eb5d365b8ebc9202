"""Evaluates the small integer arithmetic with which models compute shapes.

Only what shape computations are made of, in numpy, with ONNX's semantics; anything else is left
alone. Results are bounded: a node that would read or produce more than `SMALL` elements is not
folded, unless the caller asks for more.
"""

import math
from collections.abc import Callable
from contextvars import ContextVar
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from porting.model.dtypes import NAME_OF, numpy_dtype
from porting.model.graph import SMALL, Array, Node, Value

Folder: TypeAlias = Callable[[Node, list[Array | None]], list[Array] | None]


_limit: ContextVar[int] = ContextVar("limit", default=SMALL)


def _most() -> int:
    """Elements that a constant may have, read or made."""
    return _limit.get()


def fold_up_to(limit: int, node: Node) -> list[Array] | None:
    """As `fold`, of constants of up to `limit` elements."""
    token = _limit.set(limit)
    try:
        return fold(node)
    finally:
        _limit.reset(token)


def fold(node: Node) -> list[Array] | None:
    """The outputs of a node that are the same in every run; None if that is not known.

    Source: the operators' definitions in ONNX, at the version the model imports.
    """
    if node.domain != "ai.onnx":
        return None
    shape_of = _SHAPE_READERS.get(node.op_type)
    if shape_of is not None:
        return shape_of(node)
    folder = _FOLDERS.get(node.op_type)
    if folder is None:
        return None
    values = node.input_values()
    contents = [_contents(v) for v in values]
    if any(v is not None and c is None for v, c in zip(values, contents, strict=True)):
        return None
    if _result_is_large(node):
        return None
    try:
        with np.errstate(all="ignore"):
            results = folder(node, contents)
    except (ValueError, IndexError, TypeError, KeyError, OverflowError, ZeroDivisionError):
        return None  # an invalid node: shape inference or the checker has the better message
    if results is None or any(r.size > _most() for r in results):
        return None
    return results


def _contents(value: Value | None) -> Array | None:
    return value.value(_most()) if value is not None and value.is_const else None


def _result_is_large(node: Node) -> bool:
    output = node.output()
    return output is not None and output.size is not None and output.size > _most()


def _shape(node: Node) -> list[Array] | None:
    """Shape-1..: from 15 on, of the axes from `start` to `end`."""
    data = node.input(0)
    if data is None or data.shape is None:
        return None
    start, end = node.attribute("start"), node.attribute("end")
    dims = data.shape[
        start if isinstance(start, int) else 0 : end if isinstance(end, int) else None
    ]
    if any(not isinstance(d, int) for d in dims):
        return None
    return [np.array(dims, dtype=np.int64)]


def _size(node: Node) -> list[Array] | None:
    data = node.input(0)
    if data is None or data.size is None:
        return None
    return [np.array(data.size, dtype=np.int64)]


_SHAPE_READERS: dict[str, Callable[[Node], list[Array] | None]] = {
    "Shape": _shape,
    "Size": _size,
}


def _elementwise(function: Callable[..., Array]) -> Folder:
    def run(node: Node, ins: list[Array | None]) -> list[Array] | None:
        given = [i for i in ins if i is not None]
        if _broadcasts_by_axis(node) or _is_large(given):
            return None
        return [np.asarray(function(*given))]

    return run


def _broadcasts_by_axis(node: Node) -> bool:
    """Until opset 6, the second operand was laid along an axis of the first."""
    return "axis" in node.attributes


def _is_large(operands: list[Array]) -> bool:
    return math.prod(np.broadcast_shapes(*(o.shape for o in operands))) > _most()


def _axes(node: Node, ins: list[Array | None], position: int = 1) -> tuple[int, ...] | None:
    """Axes as an input of later operator versions or an attribute of earlier ones."""
    given = ins[position] if len(ins) > position else None
    if given is not None:
        return tuple(int(a) for a in np.ravel(given))
    attribute = node.attribute("axes")
    return tuple(attribute) if isinstance(attribute, tuple) else None  # type: ignore[arg-type]


def _first(ins: list[Array | None]) -> Array:
    """The first input, which every folder here requires."""
    if not ins or ins[0] is None:
        raise ValueError("the first input is missing")
    return ins[0]


def _second(ins: list[Array | None]) -> Array:
    if len(ins) < 2 or ins[1] is None:
        raise ValueError("the second input is missing")
    return ins[1]


def _integer(node: Node, name: str, default: int = 0) -> int:
    value = node.attribute(name)
    return value if isinstance(value, int) else default


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
    data, dtype = _first(ins), numpy_dtype(NAME_OF[to])
    if not {data.dtype.kind, dtype.kind} <= set("biuf"):
        raise TypeError("strings and narrow floats have rules of their own")
    if data.dtype.kind == "f" and dtype.kind in "iu":
        bounds, whole = np.iinfo(dtype.name), np.trunc(data.astype(np.float64))
        if not np.all((whole >= float(bounds.min)) & (whole < float(bounds.max) + 1)):
            raise ValueError("out of range: the result depends on the machine")
    return [data.astype(dtype)]


def _clip(node: Node, ins: list[Array | None]) -> list[Array]:
    data = _first(ins)
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
    a, b = _first(ins), _second(ins)
    if a.dtype.kind not in "iu" or not np.all(b) or _is_large([a, b]):
        return None
    return [np.asarray((np.fmod if _integer(node, "fmod") else np.mod)(a, b))]


def _gather(node: Node, ins: list[Array | None]) -> list[Array] | None:
    data, indices = _first(ins), _second(ins)
    if data.size * indices.size > _most() * data.shape[_integer(node, "axis")]:
        return None
    return [np.asarray(np.take(data, indices, axis=_integer(node, "axis")))]


def _slice(node: Node, ins: list[Array | None]) -> list[Array]:
    data = _first(ins)
    if len(ins) > 1:
        parts = [None if i is None else [int(x) for x in np.ravel(i)] for i in ins[1:]]
        parts += [None] * (4 - len(parts))
        starts, ends, axes, steps = parts
    else:
        given = [node.attribute(n) for n in ("starts", "ends", "axes")]
        starts, ends, axes = ([int(x) for x in g] if isinstance(g, tuple) else None for g in given)
        steps = None
    if starts is None or ends is None:
        raise ValueError("starts and ends")
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    index: list[slice] = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        index[axis] = _python_slice(start, end, step, data.shape[axis])
    return [data[tuple(index)]]


def _python_slice(start: int, end: int, step: int, size: int) -> slice:
    """ONNX clamps both ends; a negative end below -size means "past the first" going back."""
    if step < 0:
        if end in _TO_THE_END:
            raise ValueError("runtimes differ on what it means to go back to the largest number")
        start = max(start + size if start < 0 else start, 0)
        end = end + size if -size <= end < 0 else end
        return slice(start, None if end < 0 else end, step)
    return slice(start, end, step)


_TO_THE_END = frozenset({2**31 - 1, 2**63 - 1})


def _concat(node: Node, ins: list[Array | None]) -> list[Array]:
    return [np.concatenate([i for i in ins if i is not None], axis=_integer(node, "axis", 1))]


def _unsqueeze(node: Node, ins: list[Array | None]) -> list[Array]:
    axes = _axes(node, ins)
    if axes is None:
        raise ValueError("axes")
    return [np.expand_dims(_first(ins), axes)]


def _squeeze(node: Node, ins: list[Array | None]) -> list[Array]:
    axes = _axes(node, ins)
    if axes == ():
        raise ValueError("runtimes differ on whether no axes are none or all")
    return [np.squeeze(_first(ins), axes)]


def _reshape(node: Node, ins: list[Array | None]) -> list[Array]:
    data, shape = _first(ins), [int(d) for d in np.ravel(_second(ins))]
    if not _integer(node, "allowzero"):
        shape = [data.shape[i] if d == 0 else d for i, d in enumerate(shape)]
    return [data.reshape(shape)]


def _flatten(node: Node, ins: list[Array | None]) -> list[Array]:
    data, axis = _first(ins), _integer(node, "axis", 1)
    axis = axis + data.ndim if axis < 0 else axis
    return [data.reshape(math.prod(data.shape[:axis]), -1)]


def _transpose(node: Node, ins: list[Array | None]) -> list[Array]:
    perm = node.attribute("perm")
    return [np.transpose(_first(ins), perm if isinstance(perm, tuple) else None)]  # type: ignore[arg-type]


def _constant_of_shape(node: Node, ins: list[Array | None]) -> list[Array] | None:
    shape = [int(d) for d in np.ravel(_first(ins))]
    if any(d < 0 for d in shape) or math.prod(shape) > _most():
        return None
    value = node.attribute("value")
    fill = np.zeros(1, np.float32) if value is None else node.graph.context.read(value)  # type: ignore[arg-type]
    return [np.full(shape, fill.ravel()[0], dtype=fill.dtype)]


def _range(node: Node, ins: list[Array | None]) -> list[Array] | None:
    dtype, ends = _first(ins).dtype, [np.ravel(i)[0].item() for i in ins if i is not None]
    if not all(isinstance(e, int) or (e.is_integer() and abs(e) < 2**24) for e in ends):
        return None  # steps that are rounded add up: runtimes differ in the last digits
    numbers = range(*map(int, ends))
    return [np.array(numbers, dtype=dtype)] if len(numbers) <= _most() else None


def _expand(node: Node, ins: list[Array | None]) -> list[Array] | None:
    data, shape = _first(ins), tuple(int(d) for d in np.ravel(_second(ins)))
    target = np.broadcast_shapes(data.shape, shape)
    return [np.broadcast_to(data, target).copy()] if math.prod(target) <= _most() else None


def _tile(node: Node, ins: list[Array | None]) -> list[Array] | None:
    data, repeats = _first(ins), [int(r) for r in np.ravel(_second(ins))]
    if len(ins) != 2 or len(repeats) != data.ndim or data.size * math.prod(repeats) > _most():
        return None
    return [np.tile(data, repeats)]


_EXACT = 2**53
"""Runtimes add and multiply whole numbers as float64, which is exact up to here."""


def _reduce(function: Callable[..., Array], *, rounds: bool = False) -> Folder:
    def run(node: Node, ins: list[Array | None]) -> list[Array]:
        data, axes = _first(ins), _axes(node, ins)
        if axes is not None and not axes:
            if _integer(node, "noop_with_empty_axes"):
                return [data]
            axes = None
        elif axes is None and _integer(node, "noop_with_empty_axes"):
            return [data]
        keep = bool(_integer(node, "keepdims", 1))
        if rounds and data.dtype.kind in "iu":
            magnitude = np.maximum(np.abs(data.astype(np.float64)), 1)
            if np.any(function(magnitude, axis=axes, keepdims=keep) > _EXACT):
                raise OverflowError
        return [np.asarray(function(data, axis=axes, keepdims=keep)).astype(data.dtype)]

    return run


def _split(node: Node, ins: list[Array | None]) -> list[Array]:
    data, axis = _first(ins), _integer(node, "axis")
    given = ins[1] if len(ins) > 1 else None
    attribute = node.attribute("split")
    if given is not None:
        sizes = [int(s) for s in given]
    elif isinstance(attribute, tuple):
        sizes = [int(s) for s in attribute]
    else:
        count, length = len(node.outputs), data.shape[axis]
        chunk = -(-length // count)
        sizes = [chunk] * (count - 1) + [length - chunk * (count - 1)]
    if sum(sizes) != data.shape[axis] or min(sizes) < 0:
        raise ValueError("split")
    ends = np.cumsum([0, *sizes])
    return [np.take(data, range(int(a), int(b)), axis=axis) for a, b in pairwise(ends)]


def _variadic(function: Callable[[Array, Array], Array]) -> Folder:
    def run(node: Node, ins: list[Array | None]) -> list[Array] | None:
        result, *others = [i for i in ins if i is not None]
        if _is_large([result, *others]):
            return None
        for other in others:
            result = np.asarray(function(result, other))
        return [np.copy(result)]

    return run


_FOLDERS: dict[str, Folder] = {
    "Abs": _elementwise(np.abs),
    "Add": _elementwise(np.add),
    "And": _elementwise(np.logical_and),
    "Cast": _cast,
    "Ceil": _elementwise(np.ceil),
    "Clip": _clip,
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "Div": _elementwise(_div),
    "Equal": _elementwise(np.equal),
    "Expand": _expand,
    "Flatten": _flatten,
    "Floor": _elementwise(np.floor),
    "Gather": _gather,
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
    "Range": _range,
    "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min),
    "ReduceProd": _reduce(np.prod, rounds=True),
    "ReduceSum": _reduce(np.sum, rounds=True),
    "Reshape": _reshape,
    "Round": _elementwise(np.rint),
    "Sign": _elementwise(np.sign),
    "Slice": _slice,
    "Split": _split,
    "Sqrt": _elementwise(np.sqrt),
    "Squeeze": _squeeze,
    "Sub": _elementwise(np.subtract),
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _elementwise(np.where),
    "Xor": _elementwise(np.logical_xor),
}
