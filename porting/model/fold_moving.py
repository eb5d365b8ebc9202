"""Folds what makes, moves and shapes elements without computing with them."""

import math
from itertools import pairwise

import numpy as np

from porting.model.fold_operands import Folder, axes_of, first, integer, most, second
from porting.model.graph import Node
from porting.model.value import Array


def _gather(node: Node, ins: list[Array | None]) -> list[Array] | None:
    data, indices = first(ins), second(ins)
    if data.size * indices.size > most() * data.shape[integer(node, "axis")]:
        return None
    return [np.asarray(np.take(data, indices, axis=integer(node, "axis")))]


def _slice(node: Node, ins: list[Array | None]) -> list[Array]:
    data = first(ins)
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
    return [np.concatenate([i for i in ins if i is not None], axis=integer(node, "axis", 1))]


def _unsqueeze(node: Node, ins: list[Array | None]) -> list[Array]:
    axes = axes_of(node, ins)
    if axes is None:
        raise ValueError("axes")
    return [np.expand_dims(first(ins), axes)]


def _squeeze(node: Node, ins: list[Array | None]) -> list[Array]:
    axes = axes_of(node, ins)
    if axes == ():
        raise ValueError("runtimes differ on whether no axes are none or all")
    return [np.squeeze(first(ins), axes)]


def _reshape(node: Node, ins: list[Array | None]) -> list[Array]:
    data, shape = first(ins), [int(d) for d in np.ravel(second(ins))]
    if not integer(node, "allowzero"):
        shape = [data.shape[i] if d == 0 else d for i, d in enumerate(shape)]
    return [data.reshape(shape)]


def _flatten(node: Node, ins: list[Array | None]) -> list[Array]:
    data, axis = first(ins), integer(node, "axis", 1)
    axis = axis + data.ndim if axis < 0 else axis
    return [data.reshape(math.prod(data.shape[:axis]), -1)]


def _transpose(node: Node, ins: list[Array | None]) -> list[Array]:
    perm = node.attribute("perm")
    return [np.transpose(first(ins), perm if isinstance(perm, tuple) else None)]  # type: ignore[arg-type]


def _constant_of_shape(node: Node, ins: list[Array | None]) -> list[Array] | None:
    shape = [int(d) for d in np.ravel(first(ins))]
    if any(d < 0 for d in shape) or math.prod(shape) > most():
        return None
    value = node.attribute("value")
    fill = np.zeros(1, np.float32) if value is None else node.graph.context.read(value)  # type: ignore[arg-type]
    return [np.full(shape, fill.ravel()[0], dtype=fill.dtype)]


def _range(node: Node, ins: list[Array | None]) -> list[Array] | None:
    dtype, ends = first(ins).dtype, [np.ravel(i)[0].item() for i in ins if i is not None]
    if not all(isinstance(e, int) or (e.is_integer() and abs(e) < 2**24) for e in ends):
        return None  # steps that are rounded add up: runtimes differ in the last digits
    numbers = range(*map(int, ends))
    return [np.array(numbers, dtype=dtype)] if len(numbers) <= most() else None


def _expand(node: Node, ins: list[Array | None]) -> list[Array] | None:
    data, shape = first(ins), tuple(int(d) for d in np.ravel(second(ins)))
    target = np.broadcast_shapes(data.shape, shape)
    return [np.broadcast_to(data, target).copy()] if math.prod(target) <= most() else None


def _tile(node: Node, ins: list[Array | None]) -> list[Array] | None:
    data, repeats = first(ins), [int(r) for r in np.ravel(second(ins))]
    if len(ins) != 2 or len(repeats) != data.ndim or data.size * math.prod(repeats) > most():
        return None
    return [np.tile(data, repeats)]


def _split(node: Node, ins: list[Array | None]) -> list[Array]:
    data, axis = first(ins), integer(node, "axis")
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


MOVING: dict[str, Folder] = {
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Range": _range,
    "Reshape": _reshape,
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
"""What folds operators that make, move and shape."""
