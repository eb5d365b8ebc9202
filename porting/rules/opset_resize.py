"""Older forms of Resize."""

from collections.abc import Sequence
from math import floor

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_constant, known_rank, require, rule, static_shape
from porting.model.graph import Node
from porting.rules.opset_common import integer, integers, ints, text

_ONLY_18 = ("antialias", "axes", "keep_aspect_ratio_policy")


@rule("Resize", exactness="exact", versions=(19, 18))
def opset_resize_all_axes(op: Ops, node: Node) -> Sequence[str]:
    """Writes scales or sizes for every axis; sizes that keep the ratio are computed.

    Source: ONNX Resize-18: axes, keep_aspect_ratio_policy.
    """
    mode = text(node, "coordinate_transformation_mode")
    require(mode != "half_pixel_symmetric", "half_pixel_symmetric is new in opset 19")
    require(not integer(node, "antialias"), "antialias is new in opset 18")
    rank = known_rank(node.input(0), "X")
    given = integers(node, "axes")
    axes = list(range(rank)) if given is None else [a % rank for a in given]
    roi, scales, sizes = [*node.inputs[1:], "", "", ""][:3]
    if sizes:
        scales, sizes = "", op.shape(_sizes(node, axes))
    elif scales and given is not None:
        values = [float(v) for v in np.ravel(known_constant(node, 2))]
        whole = np.ones(rank, dtype=np.float32)
        whole[axes] = values
        scales = op.const(whole)
    if roi and given is not None and mode == "tf_crop_and_resize":
        roi = op.const(_region(node, axes, rank), like=roi)
    removed: dict[str, None] = dict.fromkeys(_ONLY_18)
    return op.copy(node, [node.inputs[0], roi, scales, sizes], **removed)


def _sizes(node: Node, axes: list[int]) -> list[int]:
    """The size of every axis of the result."""
    wanted = ints(node, 3)
    policy = text(node, "keep_aspect_ratio_policy")
    if policy == "stretch" and len(axes) == known_rank(node.input(0), "X"):
        order = np.argsort(axes)
        return [wanted[i] for i in order]
    shape = list(static_shape(node.input(0), "X"))
    if policy != "stretch":
        pick = min if policy == "not_larger" else max
        scale = pick(w / shape[a] for w, a in zip(wanted, axes, strict=True))
        wanted = [floor(scale * shape[a] + 0.5) for a in axes]
    for axis, size in zip(axes, wanted, strict=True):
        shape[axis] = size
    return shape


def _region(node: Node, axes: list[int], rank: int) -> list[float]:
    values = np.ravel(known_constant(node, 1)).astype(np.float64)
    whole = np.concatenate([np.zeros(rank), np.ones(rank)])
    whole[axes] = values[: len(axes)]
    whole[[a + rank for a in axes]] = values[len(axes) :]
    return [float(v) for v in whole]


@rule("Resize", exactness="exact", versions=(13,))
def opset_resize_empty_inputs(op: Ops, node: Node) -> Sequence[str]:
    """Gives the inputs that opset 11 requires: an empty region, empty scales next to sizes.

    Source: ONNX Resize-11.
    """
    x, roi, scales, sizes = [*node.inputs, "", "", ""][:4]
    empty = op.const(np.zeros(0, dtype=np.float32))
    return op.copy(node, [x, roi or empty, scales or empty, sizes])


@rule("Resize", exactness="exact", versions=(11,))
def opset_resize_asymmetric(op: Ops, node: Node) -> Sequence[str]:
    """Resize-10 is asymmetric, and takes the lower of two pixels when it enlarges.

    Source: ONNX Resize-10; onnxruntime on the nearest pixel.
    """
    mode = text(node, "mode")
    require(mode in {"nearest", "linear"}, f"mode {mode} is new in opset 11")
    scales = _scales(node)
    if any(s != 1 for s in scales):
        transform = text(node, "coordinate_transformation_mode")
        require(transform == "asymmetric", f"{transform} coordinates are new in opset 11")
        if mode == "nearest":
            larger = all(s >= 1 for s in scales) and text(node, "nearest_mode") == "floor"
            smaller = all(s <= 1 for s in scales) and text(node, "nearest_mode") == "ceil"
            require(larger or smaller, "Resize-10 takes another nearest pixel")
    return op.node("Resize", [node.inputs[0], op.const(scales, dtype="float32")], mode=mode)


def _scales(node: Node) -> list[float]:
    """Constant scales; sizes only where they are a whole multiple, so that scales say the same."""
    if len(node.inputs) > 3 and node.inputs[3]:
        shape = static_shape(node.input(0), "X")
        sizes = ints(node, 3)
        if any(s % d for s, d in zip(sizes, shape, strict=True)):
            decline("the sizes are no multiples of the input's")
        return [s / d for s, d in zip(sizes, shape, strict=True)]
    return [float(v) for v in np.ravel(known_constant(node, 2))]


@rule("Resize", exactness="exact", versions=(10,))
def opset_resize_upsample(op: Ops, node: Node) -> str:
    """Upsample-9 has the same inputs but only enlarges.

    Source: ONNX Upsample-9.
    """
    scales = np.ravel(known_constant(node, 1))
    require(bool((scales >= 1).all()), "Upsample only enlarges")
    return op.Upsample(*node.inputs, mode=text(node, "mode"))


@rule("Upsample", exactness="exact", versions=(9,))
def opset_upsample_attribute(op: Ops, node: Node) -> str:
    """The scales become an attribute; they have to be constant.

    Source: ONNX Upsample-7.
    """
    scales = [float(s) for s in np.ravel(known_constant(node, 1))]
    return op.Upsample(node.inputs[0], mode=text(node, "mode"), scales=scales)
