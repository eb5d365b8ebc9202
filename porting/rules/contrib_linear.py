"""onnxruntime's products and convolutions with something before or after them."""

from typing import Any

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_rank, require, rule
from porting.model.graph import Node
from porting.rules.common import float_input, integer, number, numbers, optional_input, text
from porting.rules.gelu import gelu_by_erf
from porting.rules.heads import length_of, needed

_PLAIN = ("Elu", "HardSigmoid", "HardSwish", "LeakyRelu", "Relu", "Sigmoid", "Softplus", "Tanh")
_PARAMETERS = {"Elu": ("alpha",), "HardSigmoid": ("alpha", "beta"), "LeakyRelu": ("alpha",)}


def _activated(op: Ops, x: str, kind: str, parameters: tuple[float, ...] | None) -> str:
    """An activation by its name, with its parameters in the order of onnxruntime."""
    if not kind:
        return x
    if kind == "Clip":
        if parameters is None or len(parameters) != 2:
            decline("the bounds of the activation Clip are not given")
        return op.clip(x, *parameters)
    require(kind in _PLAIN, f"the activation {kind} is not known")
    names = _PARAMETERS.get(kind, ())
    if len(parameters or ()) < len(names):
        decline(f"the parameters of the activation {kind} are not given")
    given: dict[str, Any] = dict(zip(names, parameters or (), strict=False))
    return op.node(kind, [x], **given)[0]


_FUSED: dict[str, Any] = {"activation": None, "activation_params": None}


@rule("com.microsoft::FusedConv", exactness="reordered")
def ms_fused_conv_to_conv(op: Ops, node: Node) -> str:
    """activation(Conv(X, W, B) + Z).

    Source: onnxruntime's contrib operators, com.microsoft.FusedConv.
    """
    float_input(node)
    attributes: dict[str, Any] = {**node.attributes, **_FUSED}
    result = op.node("Conv", node.inputs[:3], **attributes)[0]
    added = optional_input(node, 3)
    result = result if added is None else op.Add(result, added)
    return _activated(op, result, text(node, "activation"), numbers(node, "activation_params"))


@rule("com.microsoft::NhwcConv", "com.microsoft::NhwcFusedConv", exactness="reordered")
def ms_channels_last_conv(op: Ops, node: Node) -> str:
    """activation(Conv(X, W, B) + Z) of an image whose channels are its last axis.

    X and Z go to channels first, the result back; W has the layout of Conv.

    Source: onnxruntime's contrib operators, com.microsoft.NhwcConv and NhwcFusedConv.
    """
    float_input(node)
    rank = known_rank(node.input(0), "the input")
    inward, outward = [0, rank - 1, *range(1, rank - 1)], [0, *range(2, rank), 1]
    attributes: dict[str, Any] = {**node.attributes, **_FUSED}
    image = op.transpose(node.inputs[0], inward)
    result = op.node("Conv", [image, *node.inputs[1:3]], **attributes)[0]
    result = op.transpose(result, outward)
    added = optional_input(node, 3)
    result = result if added is None else op.Add(result, added)
    return _activated(op, result, text(node, "activation"), numbers(node, "activation_params"))


@rule("com.microsoft::FusedGemm", exactness="reordered")
def ms_fused_gemm_to_gemm(op: Ops, node: Node) -> str:
    """activation(alpha A B + beta C).

    Source: onnxruntime's contrib operators, com.microsoft.FusedGemm.
    """
    float_input(node)
    kind = text(node, "activation")
    require(kind != "Clip", "onnxruntime has no such activation of Gemm")
    attributes: dict[str, Any] = dict(node.attributes)
    kept = {k: v for k, v in attributes.items() if not k.startswith("activation")}
    result = op.node("Gemm", node.inputs, **kept)[0]
    given = [node.attribute(f"activation_{name}") for name in ("alpha", "beta")]
    parameters = tuple(float(v) for v in given if isinstance(v, int | float))
    return _activated(op, result, kind, parameters)


@rule("com.microsoft::TransposeMatMul", "com.microsoft::FusedMatMul", exactness="reordered")
def ms_batch_transposed_matmul(op: Ops, node: Node) -> str:
    """`alpha A B`; an operand's first axis goes before its last one, then the last two swap.

    Source: onnxruntime's contrib operators, com.microsoft.FusedMatMul: transBatchA, transA.
    """
    float_input(node)
    moved = any(integer(node, f"transBatch{side}", 0) for side in "AB")
    require(moved or node.op_type != "FusedMatMul", "no batch is transposed")
    operands = []
    for index, side in enumerate("AB"):
        rank = known_rank(node.input(index), f"input {index}")
        order = list(range(rank))
        if integer(node, f"transBatch{side}", 0):
            require(rank >= 3, f"{side} has no batch")
            order = [*range(1, rank - 1), 0, rank - 1]
        if integer(node, f"trans{side}", 0) and rank >= 2:
            order[-2:] = order[:-3:-1]
        name = node.inputs[index]
        operands.append(name if order == list(range(rank)) else op.transpose(name, order))
    result = op.MatMul(*operands)
    alpha = number(node, "alpha", 1.0)
    return result if alpha == 1.0 else op.Mul(result, op.const(alpha, like=result))


@rule("com.microsoft::ConvTransposeWithDynamicPads", exactness="exact")
def ms_transposed_conv_with_pads(op: Ops, node: Node) -> str:
    """ConvTranspose with the pads as an attribute; they must be constant.

    Source: onnxruntime's contrib operators, com.microsoft.ConvTransposeWithDynamicPads.
    """
    float_input(node)
    pads = node.const(2)
    if optional_input(node, 2) is not None and pads is None:
        decline("the pads are not constant")
    attributes: dict[str, Any] = dict(node.attributes)
    if pads is not None:
        require(text(node, "auto_pad", "NOTSET") == "NOTSET", "auto_pad is set beside the pads")
        attributes["pads"] = [int(p) for p in pads.reshape(-1)]
    given = [*node.inputs[:2], optional_input(node, 3)]
    return op.node("ConvTranspose", given, **attributes)[0]


@rule("com.microsoft::BiasSoftmax", exactness="reordered")
def ms_bias_softmax_to_softmax(op: Ops, node: Node) -> str:
    """Softmax(data + bias) along the last axis.

    Source: onnxruntime's contrib operators, com.microsoft.BiasSoftmax.
    """
    float_input(node)
    rank = known_rank(node.input(0), "the input")
    require(integer(node, "axis", 1) in {-1, rank - 1}, "it is over more than the last axis")
    return op.Softmax(op.Add(node.inputs[0], node.inputs[1]), axis=rank - 1)


@rule("com.microsoft::BiasAdd", exactness="reordered")
def ms_bias_add_to_add(op: Ops, node: Node) -> str:
    """X + bias + skip, the bias along the last axis.

    Source: onnxruntime's contrib operators, com.microsoft.BiasAdd.
    """
    return op.Add(op.Add(node.inputs[0], node.inputs[1]), node.inputs[2])


@rule("com.microsoft::BiasSplitGelu", exactness="reordered")
def ms_bias_split_gelu_to_mul(op: Ops, node: Node) -> str:
    """A * gelu(b) with [a b] = X + bias, two halves of the last axis.

    Source: onnxruntime's contrib operators, com.microsoft.BiasSplitGelu.
    """
    float_input(node)
    rank = known_rank(node.input(0), "the input")
    total = op.Add(node.inputs[0], node.inputs[1])
    width = needed(length_of(op, total, rank - 1), "the last dimension")
    require(width % 2 == 0, "the last dimension is odd")
    first, second = op.split(total, [width // 2] * 2, rank - 1)
    return op.Mul(first, gelu_by_erf(op, second))
