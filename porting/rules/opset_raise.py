"""Newer forms: attributes become inputs, names and defaults change."""

from collections.abc import Sequence

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import known_dtype, rule
from porting.model.graph import Node
from porting.rules.opset_common import REDUCTIONS, front_axis, integer, integers, number, text


@rule("Squeeze", "Unsqueeze", "ReduceSum", exactness="exact", versions=(11,))
def raise_axes_input_13(op: Ops, node: Node) -> str:
    """The axes become an input.

    Source: ONNX Squeeze-13, Unsqueeze-13, ReduceSum-13.
    """
    return _axes_input(op, node)


@rule(
    *REDUCTIONS,
    exactness="exact",
    versions=(13,),
)
def raise_axes_input_18(op: Ops, node: Node) -> str:
    """The axes become an input.

    Source: ONNX Reduce*-18.
    """
    return _axes_input(op, node)


def _axes_input(op: Ops, node: Node) -> str:
    axes = integers(node, "axes")
    given = [node.inputs[0]] if axes is None else [node.inputs[0], op.shape(axes)]
    keep = None if node.op_type.endswith("queeze") else integer(node, "keepdims", 1)
    return op.node(node.op_type, given, keepdims=keep)[0]


@rule("Split", exactness="exact", versions=(11,))
def raise_split_input(op: Ops, node: Node) -> Sequence[str]:
    """The sizes become an input.

    Source: ONNX Split-13.
    """
    sizes = integers(node, "split")
    given = [node.inputs[0]] if sizes is None else [node.inputs[0], op.shape(sizes)]
    return op.node("Split", given, outputs=len(node.outputs), axis=integer(node, "axis"))


@rule("Split", exactness="exact", versions=(13,))
def raise_split_count(op: Ops, node: Node) -> Sequence[str]:
    """Equal parts are as many as there are outputs.

    Source: ONNX Split-18.
    """
    return op.copy(node, num_outputs=len(node.outputs))


@rule("Softmax", "LogSoftmax", "Hardmax", exactness="exact", versions=(11,))
def raise_softmax_flattened(op: Ops, node: Node) -> str:
    """Makes one axis of all those that `axis` stands for before opset 13, and splits it again.

    Source: ONNX Softmax-11, Softmax-13.
    """
    axis = integer(node, "axis", 1)
    axis = axis if axis >= 0 else front_axis(node)
    flat = op.Flatten(node.inputs[0], axis=axis)
    result = op.node(node.op_type, [flat], axis=-1)[0]
    return op.Reshape(result, op.Shape(node.inputs[0]))


@rule("Clip", exactness="exact", versions=(6,))
def raise_clip_inputs(op: Ops, node: Node) -> str:
    """The bounds become inputs.

    Source: ONNX Clip-11.
    """
    known_dtype(node.input(0), "input")
    low, high = (number(node, n) if n in node.attributes else None for n in ("min", "max"))
    return op.clip(node.inputs[0], low, high)


@rule("Pad", exactness="exact", versions=(2,))
def raise_pad_inputs(op: Ops, node: Node) -> str:
    """Pads and value become inputs.

    Source: ONNX Pad-11.
    """
    value = number(node, "value")
    fill = op.const(value, dtype=known_dtype(node.input(0), "data")) if value else None
    pads = op.shape(integers(node, "pads") or [])
    return op.Pad(node.inputs[0], pads, fill, mode=text(node, "mode"))


@rule("Slice", exactness="exact", versions=(1,))
def raise_slice_inputs(op: Ops, node: Node) -> str:
    """Starts, ends and axes become inputs.

    Source: ONNX Slice-10.
    """
    parts = [integers(node, name) for name in ("starts", "ends", "axes")]
    return op.Slice(node.inputs[0], *(op.shape(p) if p is not None else None for p in parts))


@rule("TopK", exactness="exact", versions=(1,))
def raise_topk_input(op: Ops, node: Node) -> Sequence[str]:
    """The count becomes an input.

    Source: ONNX TopK-10.
    """
    k = op.shape([integer(node, "k")])
    return op.node("TopK", [node.inputs[0], k], outputs=2, axis=integer(node, "axis", -1))


@rule("Scatter", exactness="exact", versions=(9,))
def raise_scatter_elements(op: Ops, node: Node) -> str:
    """Scatter is called ScatterElements from opset 11 on.

    Source: ONNX Scatter-11.
    """
    return op.node("ScatterElements", node.inputs, axis=integer(node, "axis"))[0]


@rule("Upsample", exactness="exact", versions=(7,))
def raise_upsample_input(op: Ops, node: Node) -> str:
    """The scales become an input.

    Source: ONNX Upsample-9.
    """
    scales = node.attribute("scales")
    values = np.array(scales, dtype=np.float32)
    return op.Upsample(node.inputs[0], op.const(values), mode=text(node, "mode"))


@rule("Upsample", exactness="exact", versions=(9,))
def raise_upsample_resize(op: Ops, node: Node) -> str:
    """Upsample is called Resize from opset 10 on.

    Source: ONNX Upsample-9, Resize-10.
    """
    return op.node("Resize", node.inputs, mode=text(node, "mode"))[0]
