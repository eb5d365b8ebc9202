"""Newer forms of the layers of neural networks."""

from collections.abc import Sequence

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import known_constant, known_rank, require, rule, static_shape
from porting.model.graph import Node
from porting.rules.opset_common import integer, number, text
from porting.rules.opset_meaning import no_mask


@rule("Dropout", exactness="exact", versions=(10,))
def raise_dropout_ratio(op: Ops, node: Node) -> Sequence[str]:
    """The ratio becomes an input; a mask that is used is left alone.

    Source: ONNX Dropout-12.
    """
    reason = no_mask(node)
    require(not reason, reason)
    ratio = op.const(number(node, "ratio", 0.5), dtype="float32")
    return op.node("Dropout", [node.inputs[0], ratio], outputs=len(node.outputs))


@rule("Resize", exactness="exact", versions=(10,))
def raise_resize_asymmetric(op: Ops, node: Node) -> str:
    """Resize-10 is asymmetric and takes the lower of two pixels, the upper one to make smaller.

    Source: ONNX Resize-10, Resize-11; onnxruntime on the nearest pixel.
    """
    mode = text(node, "mode")
    scales = np.ravel(known_constant(node, 1)) if mode == "nearest" else np.ones(1)
    larger, smaller = bool((scales >= 1).all()), bool((scales <= 1).all())
    require(larger or smaller, "it enlarges one axis and makes another smaller")
    empty = op.const(np.zeros(0, dtype=np.float32))
    return op.Resize(
        node.inputs[0],
        empty,
        node.inputs[1],
        mode=mode,
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor" if larger else "ceil",
    )


@rule("GridSample", exactness="exact", versions=(16,))
def raise_grid_names(op: Ops, node: Node) -> Sequence[str]:
    """The modes are `linear` and `cubic` from opset 20 on.

    Source: ONNX GridSample-16, GridSample-20.
    """
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(text(node, "mode"), text(node, "mode"))
    return op.copy(node, mode=mode)


@rule("RoiAlign", exactness="exact", versions=(10,))
def raise_roi_default(op: Ops, node: Node) -> Sequence[str]:
    """Coordinates are `output_half_pixel` before opset 16.

    Source: ONNX RoiAlign-16.
    """
    return op.copy(node, coordinate_transformation_mode="output_half_pixel")


@rule("DFT", exactness="exact", versions=(17,))
def raise_dft_axis_input(op: Ops, node: Node) -> str:
    """The axis becomes an input.

    Source: ONNX DFT-20.
    """
    length = node.inputs[1] if len(node.inputs) > 1 else None
    axis = op.const(integer(node, "axis", 1), dtype="int64")
    return op.copy(node, [node.inputs[0], length, axis], axis=None)[0]


@rule("GroupNormalization", exactness="exact", versions=(18,))
def raise_group_parameters(op: Ops, node: Node) -> Sequence[str]:
    """Repeats scale and bias for each channel of a group.

    Source: ONNX GroupNormalization-18, GroupNormalization-21.
    """
    channels = static_shape(node.input(0), "X")[1]
    groups = integer(node, "num_groups")

    def repeated(x: str) -> str:
        wide = op.Expand(op.unsqueeze(x, [1]), op.shape([groups, channels // groups]))
        return op.reshape(wide, [channels])

    known_rank(node.input(1), "scale")
    return op.copy(node, [node.inputs[0], *(repeated(x) for x in node.inputs[1:])])
