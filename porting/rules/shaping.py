"""Operators that move or rename axes, or do nothing at inference."""

from collections.abc import Sequence

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_rank, require, rule
from porting.model.graph import Node
from porting.model.value import Dim
from porting.rules.common import (
    axes_in,
    axis_in,
    integer,
    integers,
    product,
    reshape_to,
    shape_of,
    text,
    wants,
)


@rule("Transpose", exactness="exact")
def transpose_with_perm(op: Ops, node: Node) -> str:
    """The default permutation, all axes reversed, written out.

    Source: ONNX Transpose-1.
    """
    require("perm" not in node.attributes, "perm is written already")
    perm = integers(node, "perm")
    if not perm:
        decline("the rank of the input is not known or 0")
    return op.transpose(node.inputs[0], perm)


@rule("Transpose", exactness="exact")
def transpose_to_reshape(op: Ops, node: Node) -> str:
    """A permutation that keeps the order of all axes longer than 1 moves no element.

    Source: ONNX Transpose-1.
    """
    perm, shape = integers(node, "perm"), shape_of(node.input(0))
    if not perm:
        decline("the rank of the input is not known or 0")
    moving = [axis for axis in perm if shape[axis] != 1]
    require(moving == sorted(moving), "it moves elements")
    return reshape_to(op, node.inputs[0], [shape[axis] for axis in perm], perm)


@rule("Split", exactness="exact")
def split_with_sizes(op: Ops, node: Node) -> list[str]:
    """Equal parts, or the parts that `num_outputs` asks for, as written sizes.

    With num_outputs every part has ceil(n / k) elements, the last one the rest.

    Source: ONNX Split-2 and -18.
    """
    require(_written_sizes(node) is None, "the sizes are written already")
    return op.split(node.inputs[0], _part_sizes(node), integer(node, "axis"))


@rule("Split", exactness="exact")
def split_to_slices(op: Ops, node: Node) -> list[str]:
    """One Slice per part.

    Source: ONNX Split-2.
    """
    axis = axis_in(integer(node, "axis"), known_rank(node.input(0), "the input"))
    results, start = [], 0
    for size in _part_sizes(node):
        results.append(op.slice(node.inputs[0], [start], [start + size], [axis]))
        start += size
    return results


def _written_sizes(node: Node) -> list[int] | None:
    if node.input("split") is not None:
        array = node.const("split")
        if array is None:
            decline("the sizes of the parts are not constant")
        return [int(size) for size in array]
    sizes = integers(node, "split")
    return None if sizes is None else list(sizes)


def _part_sizes(node: Node) -> list[int]:
    sizes = _written_sizes(node)
    if sizes is not None:
        return sizes
    shape, count = shape_of(node.input(0)), len(node.outputs)
    length = shape[axis_in(integer(node, "axis"), len(shape))]
    if not isinstance(length, int):
        decline("the size of the split axis is not known; give it with --shape or --dim")
    require(integer(node, "num_outputs", count) == count, "num_outputs is not its output count")
    part = -(-length // count)
    last = length - part * (count - 1)
    require(last > 0, "a part would be empty")
    uneven = last != part and node.attribute("num_outputs") is None
    require(not uneven, "the axis cannot be divided evenly")
    return [*[part] * (count - 1), last]


@rule("Flatten", exactness="exact")
def flatten_to_reshape(op: Ops, node: Node) -> str:
    """Reshape to two dimensions.

    Source: ONNX Flatten-1.
    """
    shape = shape_of(node.input(0))
    axis = integer(node, "axis")
    axis = axis + len(shape) if axis < 0 else axis
    first, second = _joined(shape[:axis]), _joined(shape[axis:])
    return reshape_to(op, node.inputs[0], [first, second], [0 if axis == 1 else None, None])


def _joined(dims: Sequence[Dim]) -> int | None:
    known = [d for d in dims if isinstance(d, int)]
    return product(known) if len(known) == len(dims) else None


@rule("Squeeze", exactness="exact")
def squeeze_to_reshape(op: Ops, node: Node) -> str:
    """Reshape to the dimensions that stay.

    Source: ONNX Squeeze-1.
    """
    shape, axes = shape_of(node.input(0)), _axes(node)
    if axes is None:
        require(all(isinstance(d, int) for d in shape), "which axes it drops is not known")
        axes = [i for i, d in enumerate(shape) if d == 1]
    kept = [i for i in range(len(shape)) if i not in axes_in(axes, len(shape))]
    return reshape_to(op, node.inputs[0], [shape[i] for i in kept], kept)


@rule("Unsqueeze", exactness="exact")
def unsqueeze_to_reshape(op: Ops, node: Node) -> str:
    """Reshape to the dimensions with ones between them; axes count in the result.

    Source: ONNX Unsqueeze-1.
    """
    shape, axes = shape_of(node.input(0)), _axes(node)
    if axes is None:
        decline("it has no axes")
    rank = len(shape) + len(axes)
    new = axes_in(axes, rank)
    source = iter(range(len(shape)))
    origins = [None if i in new else next(source) for i in range(rank)]
    dims = [1 if origin is None else shape[origin] for origin in origins]
    return reshape_to(op, node.inputs[0], dims, origins)


def _axes(node: Node) -> list[int] | None:
    if node.input("axes") is not None:
        array = node.const("axes")
        if array is None:
            decline("the axes are not constant")
        return [int(a) for a in array.reshape(-1)]
    axes = integers(node, "axes")
    return None if axes is None else list(axes)


@rule("Reshape", exactness="exact")
def reshape_without_allowzero(op: Ops, node: Node) -> str:
    """allowzero=1 says nothing where no dimension of the target is 0.

    Source: ONNX Reshape-14.
    """
    require(bool(integer(node, "allowzero", 0)), "allowzero is not set")
    target = node.const(1)
    if target is None:
        decline("the shape is not constant")
    require(bool(target.all()), "a dimension of the shape is 0")
    return op.Reshape(*node.inputs)


@rule("Shape", exactness="exact", versions=(15, 19, 21, 23, 24, 25))
def shape_to_slice(op: Ops, node: Node) -> str:
    """The whole shape, sliced from `start` to `end`, which Slice clamps as Shape does.

    Source: ONNX Shape-15.
    """
    start, end = integer(node, "start", 0), node.attribute("end")
    whole = op.Shape(node.inputs[0])
    if start == 0 and end is None:
        require("start" in node.attributes, "it has neither start nor end")
        return whole
    stop = end if isinstance(end, int) else 2**31 - 1
    return op.slice(whole, [start], [stop], [0])


@rule("DepthToSpace", exactness="exact")
def depth_to_space_to_transpose(op: Ops, node: Node) -> str:
    """Reshape to blocks, a permutation of six axes, and Reshape.

    Source: ONNX DepthToSpace-11, with its two orders DCR and CRD.
    """
    block = integer(node, "blocksize")
    channels, height, width = _image(node)
    depth = channels // (block * block)
    if text(node, "mode", "DCR") == "DCR":
        split, perm = [0, block, block, depth, height, width], [0, 3, 4, 1, 5, 2]
    else:
        split, perm = [0, depth, block, block, height, width], [0, 1, 4, 2, 5, 3]
    moved = op.transpose(op.reshape(node.inputs[0], split), perm)
    return op.reshape(moved, [0, depth, height * block, width * block])


@rule("SpaceToDepth", exactness="exact")
def space_to_depth_to_transpose(op: Ops, node: Node) -> str:
    """Reshape to blocks, a permutation of six axes, and Reshape.

    Source: ONNX SpaceToDepth-1.
    """
    require(text(node, "mode", "DCR") == "DCR", "its mode is not DCR")
    block = integer(node, "blocksize")
    channels, height, width = _image(node)
    rows, columns = height // block, width // block
    blocks = op.reshape(node.inputs[0], [0, channels, rows, block, columns, block])
    moved = op.transpose(blocks, [0, 3, 5, 1, 2, 4])
    return op.reshape(moved, [0, channels * block * block, rows, columns])


def _image(node: Node) -> tuple[int, int, int]:
    """Channels, height and width, known and not empty."""
    shape = shape_of(node.input(0))
    require(len(shape) == 4, "the input has not four axes")
    sizes = [d for d in shape[1:] if isinstance(d, int) and d > 0]
    if len(sizes) != 3:
        decline("channels, height and width are not known; give them with --shape")
    return sizes[0], sizes[1], sizes[2]


@rule("Identity", exactness="exact")
def identity_to_nothing(op: Ops, node: Node) -> str:
    """The input itself.

    Source: ONNX Identity-1.
    """
    return node.inputs[0]


@rule("Dropout", exactness="exact")
def dropout_to_nothing(op: Ops, node: Node) -> list[str]:
    """At inference the input itself; the mask is true: not (x < x), whatever x is.

    Source: ONNX Dropout-7 to -13; IEEE 754: NaN is not less than NaN.
    """
    if node.info is not None and node.info.since < 7:
        require(bool(node.attribute("is_test")), "it is in training mode")
    if node.input(2) is not None:
        mode = node.const(2)
        if mode is None:
            decline("whether it is in training mode is not known")
        require(not mode.any(), "it is in training mode")
    x = node.inputs[0]
    if not wants(node, 1):
        return [x]
    require(node.info is not None and node.info.since >= 10, "the mask is not made of bool")
    return [x, op.Not(op.Less(x, x))]


@rule("Constant", exactness="exact")
def constant_to_tensor(op: Ops, node: Node) -> str:
    """A number or a list of numbers as a tensor in `value`.

    Source: ONNX Constant-12.
    """
    forms = {"value_int", "value_ints", "value_float", "value_floats"}
    require(bool(forms & set(node.attributes)), "its value is a tensor or not numeric already")
    output = node.output()
    array = output.value() if output is not None else None
    if array is None:
        decline("its contents cannot be read")
    return op.Constant(value=array)
