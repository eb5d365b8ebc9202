"""Older forms of the layers of neural networks."""

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
from porting.rules.opset_common import integer, integers, ints, number, only_for, text


def inference_only(node: Node) -> None:
    """Declines where a node trains, or may."""
    if integer(node, "training_mode"):
        decline("it trains")
    if node.input("training_mode") is not None:
        trains = known_constant(node, "training_mode")
        require(not np.asarray(trains).any(), "it trains")


@rule("Dropout", exactness="exact", versions=(12,))
def opset_dropout_ratio(op: Ops, node: Node) -> Sequence[str]:
    """The ratio becomes an attribute, which does nothing outside of training.

    From opset 12 on the mask is then true everywhere; before, nothing says what it is, and
    onnxruntime gives false.

    Source: ONNX Dropout-12.
    """
    inference_only(node)
    ratio = node.const("ratio") if node.input("ratio") is not None else None
    given = float(np.ravel(ratio)[0]) if ratio is not None else None
    kept = op.Dropout(node.inputs[0], ratio=given)
    if len(node.outputs) == 1:
        return kept
    return [kept, op.ConstantOfShape(op.Shape(node.inputs[0]), value=np.array([True]))]


@rule("Gemm", exactness="exact", versions=(11,))
def opset_gemm_bias(op: Ops, node: Node) -> Sequence[str]:
    """Adds zeros.

    Source: ONNX Gemm-11.
    """
    return op.copy(node, [*node.inputs[:2], op.const([0], dtype=known_dtype(node.input(0), "A"))])


@rule("GRU", "LSTM", "RNN", exactness="exact", versions=(14,))
def opset_batch_second(op: Ops, node: Node) -> Sequence[str]:
    """Puts the batch after the time and the directions, where layout=0 has it.

    Source: ONNX LSTM-14, layout.
    """
    inputs = list(node.inputs)
    for index in (0, 5, 6):
        if index < len(inputs) and inputs[index]:
            inputs[index] = op.transpose(inputs[index], [1, 0, 2])
    results = op.copy(node, inputs, layout=None)
    turned = []
    for index, name in enumerate(node.outputs):
        perm = [2, 0, 1, 3] if index == 0 else [1, 0, 2]
        turned.append(op.transpose(results[index], perm) if name else results[index])
    return turned


@rule("AveragePool", exactness="reordered", versions=(19,))
def opset_dilated_average(op: Ops, node: Node) -> str:
    """A convolution of each channel with equal weights.

    Where padding is not counted, the sums are divided by how many elements each window has, which
    is the same convolution of ones.

    Source: ONNX AveragePool-19, dilations.
    """
    shape = static_shape(node.input(0), "X")
    dtype = known_dtype(node.input(0), "X")
    require(not integer(node, "ceil_mode"), "it rounds the size up and has dilations")
    kernel = integers(node, "kernel_shape") or []
    spread = ("auto_pad", "dilations", "pads", "strides")
    same = {name: node.attributes.get(name) for name in spread}
    channels, window = shape[1], int(np.prod(kernel))

    def convolved(x: str, count: int, weight: float) -> str:
        filters = op.const(np.full((count, 1, *kernel), weight), dtype=dtype)
        return op.Conv(x, filters, group=count, kernel_shape=kernel, **same)

    if integer(node, "count_include_pad") or not _is_padded(node):
        return convolved(node.inputs[0], channels, 1 / window)
    ones = op.const(np.ones((1, 1, *shape[2:])), dtype=dtype)
    return op.Div(convolved(node.inputs[0], channels, 1.0), convolved(ones, 1, 1.0))


def _is_padded(node: Node) -> bool:
    return any(integers(node, "pads") or []) or text(node, "auto_pad").startswith("SAME")


@rule("GridSample", exactness="exact", versions=(20,))
def opset_grid_names(op: Ops, node: Node) -> Sequence[str]:
    """The modes are `bilinear` and `bicubic` before opset 20.

    Source: ONNX GridSample-16, GridSample-20.
    """
    require(known_rank(node.input(0), "X") == 4, "GridSample-16 is for 4 dimensions")
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(text(node, "mode"), text(node, "mode"))
    return op.copy(node, mode=mode)


@rule("RoiAlign", exactness="exact", versions=(16,))
def opset_roi_default(op: Ops, node: Node) -> Sequence[str]:
    """Coordinates are `output_half_pixel` before opset 16.

    Source: ONNX RoiAlign-10, RoiAlign-16.
    """
    mode = text(node, "coordinate_transformation_mode")
    require(mode == "output_half_pixel", f"{mode} coordinates are new in opset 16")
    return op.copy(node, coordinate_transformation_mode=None)


@rule("RoiAlign", exactness="conditional", versions=(16,))
def opset_roi_shift(op: Ops, node: Node) -> Sequence[str]:
    """Moves the regions by half a pixel.

    The same for regions that are at least one pixel wide and high; before opset 16 smaller ones
    are taken for that large.

    Source: ONNX RoiAlign-16; onnx.reference on the smallest size.
    """
    mode = text(node, "coordinate_transformation_mode")
    only_for(mode == "half_pixel")
    half = op.const(0.5 / number(node, "spatial_scale", 1.0), like=node.inputs[1])
    rois = op.Sub(node.inputs[1], half)
    inputs = [node.inputs[0], rois, *node.inputs[2:]]
    return op.copy(node, inputs, coordinate_transformation_mode=None)


@rule("DFT", exactness="exact", versions=(20,))
def opset_dft_axis_attribute(op: Ops, node: Node) -> str:
    """The axis becomes an attribute; it has to be constant.

    Source: ONNX DFT-17, DFT-20.
    """
    axis = ints(node, "axis")[0] if node.input("axis") is not None else -2
    rank = known_rank(node.input(0), "input")
    length = [n for n in node.inputs[1:2] if n]
    return op.copy(node, [node.inputs[0], *length], axis=axis % rank)[0]


@rule("SpaceToDepth", exactness="exact", versions=(28,))
def opset_space_to_depth_columns(op: Ops, node: Node) -> str:
    """Mode CRD: blocks go behind the channels instead of before them.

    Source: ONNX SpaceToDepth-28.
    """
    n, c, h, w = static_shape(node.input(0), "input")
    b = integer(node, "blocksize")
    cut = op.reshape(node.inputs[0], [n, c, h // b, b, w // b, b])
    turned = op.transpose(cut, [0, 1, 3, 5, 2, 4])
    return op.reshape(turned, [n, c * b * b, h // b, w // b])


@rule("DepthToSpace", exactness="exact", versions=(11,))
def opset_depth_to_space_columns(op: Ops, node: Node) -> str:
    """Mode CRD: blocks are behind the channels instead of before them.

    Source: ONNX DepthToSpace-11.
    """
    n, c, h, w = static_shape(node.input(0), "input")
    b = integer(node, "blocksize")
    cut = op.reshape(node.inputs[0], [n, c // (b * b), b, b, h, w])
    turned = op.transpose(cut, [0, 1, 4, 2, 5, 3])
    return op.reshape(turned, [n, c // (b * b), h * b, w * b])


_WINDOWS = {
    "BlackmanWindow": (0.42, -0.5, 0.08),
    "HammingWindow": (25 / 46, -(1 - 25 / 46), 0.0),
    "HannWindow": (0.5, -0.5, 0.0),
}
"""Weights of cos 0, cos t and cos 2t."""


@rule("BlackmanWindow", "HammingWindow", "HannWindow", exactness="reordered", versions=(17,))
def opset_window(op: Ops, node: Node) -> str:
    """Writes a window of a constant size as a constant.

    Source: ONNX HannWindow-17, HammingWindow-17, BlackmanWindow-17.
    """
    size = ints(node, 0)[0]
    steps = np.arange(size) * 2 * np.pi
    turn = steps / (size if integer(node, "periodic", 1) else max(size - 1, 1))
    weights = _WINDOWS[node.op_type]
    values = sum(w * np.cos(i * turn) for i, w in enumerate(weights))
    dtype = known_dtype(node.output(), "the window")
    return op.const(np.asarray(values), dtype=dtype)


@rule("AffineGrid", exactness="reordered", versions=(20,))
def opset_affine_grid(op: Ops, node: Node) -> str:
    """Multiplies constant points (x, y, 1) or (x, y, z, 1) with the transposed matrices.

    Source: ONNX AffineGrid-20.
    """
    batch, _, *sizes = ints(node, 1)
    inset = [0.0 if integer(node, "align_corners") else 1 / size for size in sizes]
    lines = [np.linspace(i - 1, 1 - i, s) for i, s in zip(inset, sizes, strict=True)]
    points = np.stack([*np.meshgrid(*lines, indexing="ij")[::-1], np.ones(sizes)], axis=-1)
    flat = op.const(points.reshape(-1, len(sizes) + 1), like=node.inputs[0])
    moved = op.MatMul(flat, op.transpose(node.inputs[0], [0, 2, 1]))
    return op.reshape(moved, [batch, *sizes, len(sizes)])


@rule("SwiGLU", exactness="exact", versions=(28,))
def opset_swiglu(op: Ops, node: Node) -> str:
    """Swish(A) * B, with Sigmoid where there is no Swish.

    Source: ONNX SwiGLU-28.
    """
    a, b = node.inputs
    alpha = number(node, "alpha", 1.0)
    scaled = a if alpha == 1.0 else op.Mul(a, op.const(alpha, like=a))
    return op.Mul(op.Mul(a, op.Sigmoid(scaled)), b)
