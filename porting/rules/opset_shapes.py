"""Older forms of the operators that cut, pad and reshape: inputs become attributes."""

from collections.abc import Sequence

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import (
    decline,
    known_constant,
    known_dtype,
    known_rank,
    require,
    rule,
    static_shape,
)
from porting.model.graph import Node
from porting.rules.opset_common import (
    REDUCTIONS,
    front_axis,
    integer,
    integers,
    ints,
    only_for,
    optional_ints,
    text,
)


@rule("Squeeze", exactness="exact", versions=(13,))
def opset_squeeze_attribute(op: Ops, node: Node) -> str:
    """The axes become an attribute; they have to be constant.

    Source: ONNX Squeeze-13.
    """
    return op.Squeeze(node.inputs[0], axes=optional_ints(node, "axes") or None)


@rule("Unsqueeze", exactness="exact", versions=(13,))
def opset_unsqueeze_attribute(op: Ops, node: Node) -> str:
    """The axes become an attribute; they have to be constant.

    Source: ONNX Unsqueeze-13.
    """
    return op.Unsqueeze(node.inputs[0], axes=ints(node, "axes"))


@rule(
    "ArgMax",
    "ArgMin",
    "Compress",
    "Concat",
    "Flatten",
    "Hardmax",
    "LogSoftmax",
    "Softmax",
    "Split",
    exactness="exact",
    versions=(11,),
)
def opset_axis_from_front(op: Ops, node: Node) -> Sequence[str]:
    """Counts the axis from the front, which versions before 11 require.

    Source: ONNX, the attribute `axis` of the versions before and from 11 on.
    """
    return op.copy(node, axis=front_axis(node))


@rule(
    *REDUCTIONS,
    "ReduceSum",
    "Squeeze",
    "Unsqueeze",
    exactness="exact",
    versions=(11,),
)
def opset_axes_from_front(op: Ops, node: Node) -> Sequence[str]:
    """Counts the axes from the front; Unsqueeze's are those of its result.

    Source: ONNX, the attribute `axes` of the versions before and from 11 on.
    """
    axes = integers(node, "axes") or decline("it has no axes")
    rank = known_rank(node.input(0), "the input")
    rank += len(axes) if node.op_type == "Unsqueeze" else 0
    return op.copy(node, axes=sorted(a % rank for a in axes))


@rule("Split", exactness="exact", versions=(18,))
def opset_split_sizes(op: Ops, node: Node) -> Sequence[str]:
    """Writes the sizes out: all parts are ceil(length / parts) long, the last one is the rest.

    Source: ONNX Split-18, num_outputs.
    """
    shape = static_shape(node.input(0), "input")
    axis = front_axis(node)
    parts, length = len(node.outputs), shape[axis]
    size = -(-length // parts)
    sizes = [max(min(size, length - i * size), 0) for i in range(parts)]
    return op.split(node.inputs[0], sizes, axis) if parts > 1 else [node.inputs[0]]


@rule("Split", exactness="exact", versions=(13,))
def opset_split_attribute(op: Ops, node: Node) -> Sequence[str]:
    """The sizes become an attribute; they have to be constant.

    Source: ONNX Split-13.
    """
    sizes = ints(node, 1)
    axis = node.attribute("axis")
    return op.node("Split", node.inputs[:1], outputs=len(node.outputs), axis=axis, split=sizes)


@rule("Reshape", exactness="exact", versions=(14,))
def opset_reshape_zero(op: Ops, node: Node) -> str:
    """Expresses allowzero=1, where a 0 is a length and not the input's dimension.

    A result with a length of 0 has no elements, so that it can be made without the input. Where
    the input has elements there can be no 0. Where all lengths of the result but one are known,
    and none is 0, the shape is written out.

    Source: ONNX Reshape-14.
    """
    data, shape = node.inputs
    target = node.const(1)
    if target is not None and (np.asarray(target) == 0).any():
        empty = op.ConstantOfShape(shape)
        return op.cast(empty, known_dtype(node.input(0), "data"))
    result = node.output()
    lengths = list(result.shape) if result is not None and result.shape is not None else [0]
    known = [d if isinstance(d, int) else -1 for d in lengths]
    if target is None and 0 not in known and known.count(-1) <= 1:
        return op.reshape(data, known)
    if target is None:
        full = 0 not in static_shape(node.input(0), "data")
        require(full, "the shape is computed and may hold a 0")
    return op.Reshape(data, shape)


@rule("Reshape", exactness="conditional", versions=(14,))
def opset_reshape_something(op: Ops, node: Node) -> str:
    """Leaves allowzero=1 out, which is the same unless a computed length is 0.

    Source: ONNX Reshape-14.
    """
    return op.copy(node, allowzero=None)[0]


@rule("Shape", exactness="exact", versions=(15,))
def opset_shape_slice(op: Ops, node: Node) -> str:
    """Takes the whole shape and cuts `start` to `end` out of it.

    Source: ONNX Shape-15.
    """
    end = integer(node, "end", np.iinfo(np.int64).max)
    return op.slice(op.Shape(node.inputs[0]), [integer(node, "start")], [end], [0])


@rule("Slice", exactness="exact", versions=(11,))
def opset_slice_axes_from_front(op: Ops, node: Node) -> str:
    """Counts constant axes from the front.

    Source: ONNX Slice-11.
    """
    rank = known_rank(node.input(0), "data")
    axes = op.shape([a % rank for a in ints(node, "axes")])
    inputs = [*node.inputs[:3], axes, *node.inputs[4:]]
    return op.node("Slice", inputs)[0]


@rule("Slice", exactness="exact", versions=(10,))
def opset_slice_attributes(op: Ops, node: Node) -> str:
    """Starts, ends and axes become attributes; they have to be constant, and every step 1.

    Source: ONNX Slice-10.
    """
    steps = optional_ints(node, "steps")
    require(all(s == 1 for s in steps), "Slice-1 has no steps")
    axes = optional_ints(node, "axes") or None
    return op.Slice(node.inputs[0], starts=ints(node, 1), ends=ints(node, 2), axes=axes)


@rule("Pad", exactness="exact", versions=(19,))
def opset_pad_wrap(op: Ops, node: Node) -> str:
    """Mode wrap: the end of each axis goes before it, its beginning after it.

    Source: ONNX Pad-19.
    """
    shape = static_shape(node.input(0), "data")
    x = node.inputs[0]
    for axis, before, after in _padding(node, len(shape)):
        length = shape[axis]
        require(0 <= before <= length and 0 <= after <= length, "wraps more than once around")
        parts = [op.slice(x, [length - before], [length], [axis])] if before else []
        parts.append(x)
        parts += [op.slice(x, [0], [after], [axis])] if after else []
        x = op.Concat(*parts, axis=axis) if len(parts) > 1 else x
    return x


def _padding(node: Node, rank: int) -> list[tuple[int, int, int]]:
    """Axis, amount before and after, of every axis that is padded."""
    axes = optional_ints(node, "axes") or list(range(rank))
    pads = ints(node, 1)
    count = len(axes)
    require(len(pads) == 2 * count, "pads and axes have different lengths")
    return [(a % rank, pads[i], pads[i + count]) for i, a in enumerate(axes)]


@rule("Pad", exactness="exact", versions=(18,))
def opset_pad_all_axes(op: Ops, node: Node) -> str:
    """Writes pads for every axis, with zeros for those that `axes` leaves out.

    Source: ONNX Pad-18.
    """
    rank = known_rank(node.input(0), "data")
    pads = [0] * (2 * rank)
    for axis, before, after in _padding(node, rank):
        pads[axis], pads[axis + rank] = before, after
    inputs = [node.inputs[0], op.shape(pads), *node.inputs[2:3]]
    return op.node("Pad", inputs, mode=text(node, "mode"))[0]


@rule("Pad", exactness="exact", versions=(13,))
def opset_pad_bool(op: Ops, node: Node) -> str:
    """Booleans are padded as small numbers.

    Source: ONNX Pad-13.
    """
    only_for(known_dtype(node.input(0), "data") == "bool")
    fill = op.cast(node.inputs[2], "uint8") if node.input(2) is not None else None
    padded = op.Pad(op.cast(node.inputs[0], "uint8"), node.inputs[1], fill, mode=text(node, "mode"))
    return op.cast(padded, "bool")


@rule("Pad", exactness="exact", versions=(11,))
def opset_pad_attributes(op: Ops, node: Node) -> str:
    """Pads and value become attributes; they have to be constant.

    Source: ONNX Pad-11.
    """
    value = float(np.ravel(known_constant(node, 2))[0]) if node.input(2) is not None else 0.0
    return op.Pad(node.inputs[0], pads=ints(node, 1), value=value, mode=text(node, "mode"))


@rule("Clip", exactness="exact", versions=(11,))
def opset_clip_attributes(op: Ops, node: Node) -> str:
    """The bounds become attributes; they have to be constant.

    Where they cross, everything is the upper one; Clip-6 is not made for that.

    Source: ONNX Clip-6, Clip-11, Clip-13.
    """
    low, high = (
        float(np.ravel(known_constant(node, i))[0]) if node.input(i) is not None else None
        for i in (1, 2)
    )
    if low is not None and high is not None:
        low = min(low, high)
    return op.Clip(node.inputs[0], min=low, max=high)


@rule("CenterCropPad", exactness="exact", versions=(18,))
def opset_center_crop_pad(op: Ops, node: Node) -> str:
    """A slice of the axes that get shorter, then zeros around those that get longer.

    Source: ONNX CenterCropPad-18.
    """
    shape = static_shape(node.input(0), "input_data")
    rank = len(shape)
    given = integers(node, "axes")
    axes = list(range(rank)) if given is None else [a % rank for a in given]
    pads, x = [0] * (2 * rank), node.inputs[0]
    starts, ends, cut = [], [], []
    for axis, target in zip(axes, ints(node, 1), strict=True):
        missing = target - shape[axis]
        if missing > 0:
            pads[axis], pads[axis + rank] = missing // 2, missing - missing // 2
        elif missing < 0:
            starts.append(-missing // 2)
            ends.append(-missing // 2 + target)
            cut.append(axis)
    x = op.slice(x, starts, ends, cut) if cut else x
    return op.pad(x, pads) if any(pads) else x
