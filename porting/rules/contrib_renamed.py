"""onnxruntime's operators that ONNX has, too, under another name or with other inputs."""

from typing import Any

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, rule
from porting.model.graph import Node
from porting.rules.common import integer, optional_input, text


@rule("com.microsoft::Trilu", "com.microsoft::GatherND", exactness="exact")
def ms_operator_of_onnx(op: Ops, node: Node) -> list[str]:
    """The operator of that name in ONNX's own domain, which means the same.

    Source: onnxruntime's contrib operators; ONNX Trilu-14, GatherND-11.
    """
    attributes: dict[str, Any] = dict(node.attributes)
    return op.node(node.op_type, node.inputs, outputs=len(node.outputs), **attributes)


@rule("com.microsoft::GridSample", exactness="exact")
def ms_grid_sample_of_onnx(op: Ops, node: Node) -> str:
    """GridSample of ONNX, whose modes have other names from opset 20 on.

    Source: onnxruntime's contrib operators, com.microsoft.GridSample; ONNX GridSample-16.
    """
    mode = text(node, "mode", "bilinear")
    if op.opset >= 20:
        mode = {"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode)
    return op.GridSample(
        *node.inputs,
        mode=mode,
        padding_mode=text(node, "padding_mode", "zeros"),
        align_corners=integer(node, "align_corners", 0),
    )


@rule("com.microsoft::ExpandDims", exactness="exact")
def ms_expand_dims_to_unsqueeze(op: Ops, node: Node) -> str:
    """Unsqueeze at one axis, which must be constant; it counts in the result.

    Source: onnxruntime's contrib operators, com.microsoft.ExpandDims.
    """
    axis, x = node.const(1), node.input(0)
    if axis is None:
        decline("the axis is not constant")
    if x is None or x.rank is None:
        decline("the rank of the input is not known")
    return op.unsqueeze(node.inputs[0], [int(axis.reshape(-1)[0]) % (x.rank + 1)])


@rule("com.microsoft::Range", exactness="exact")
def ms_range_of_onnx(op: Ops, node: Node) -> str:
    """Range of ONNX; the step is 1 where it is left out.

    Source: onnxruntime's contrib operators, com.microsoft.Range.
    """
    given = [*node.inputs[:2], optional_input(node, 2) or op.const(1, like=node.inputs[0])]
    return op.Range(*(op.reshape(name, []) for name in given))


@rule("com.microsoft::Pad", exactness="exact")
def ms_pad_of_onnx(op: Ops, node: Node) -> str:
    """Pad of ONNX, whose pads have one dimension and whose value has none.

    Source: onnxruntime's contrib operators, com.microsoft.Pad.
    """
    pads = node.const(1)
    if pads is None:
        decline("the pads are not constant")
    value = optional_input(node, 2)
    fill = None if value is None else op.reshape(value, [])
    mode = text(node, "mode", "constant")
    return op.Pad(node.inputs[0], op.shape([int(p) for p in pads.reshape(-1)]), fill, mode=mode)


@rule("com.microsoft::Unique", exactness="exact")
def ms_unique_of_onnx(op: Ops, node: Node) -> list[str]:
    """Unique of ONNX in the order of first appearance; the places are its inverse indices.

    Source: onnxruntime's contrib operators, com.microsoft.Unique; ONNX Unique-11.
    """
    values, _, places, counts = op.node("Unique", [node.inputs[0]], outputs=4, sorted=0)
    return [values, places, counts]
