"""Attributes that say what ONNX assumes anyway: left out, or written out.

Toolchains refuse an attribute whatever it says, or take another default than ONNX's.
"""

from typing import Any

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, require, rule
from porting.model.dtypes import FLOATS, INTEGERS
from porting.model.graph import Node
from porting.model.schema import OpInfo, op_info
from porting.rules.common import text
from porting.rules.windows import CONVOLUTIONS, POOLS

DROPPED = (
    *("BatchNormalization", "Cast", "GRU", "LSTM", "RNN", "GridSample"),
    *("RoiAlign", "NonMaxSuppression", "ScatterElements", "ScatterND", "Upsample", "OneHot"),
    *("LayerNormalization", "LogSoftmax", "Softmax"),
)
"""Operators of which a table wants an attribute absent, besides windows."""

WRITTEN = (
    *("Elu", "Gemm", "GridSample", "HardSigmoid", "LayerNormalization", "LeakyRelu"),
    *("LogSoftmax", "Resize", "Selu", "Softmax", "Split", "ThresholdedRelu"),
)
"""Operators of which a table wants an attribute written, besides windows and Transpose."""


@rule(*CONVOLUTIONS, *POOLS, *DROPPED, exactness="exact")
def defaults_dropped(op: Ops, node: Node) -> list[str]:
    """Attributes that only repeat what ONNX assumes without them, left out.

    Source: the defaults of ONNX's schemas, and ones and zeros for strides, dilations and pads.
    """
    info = _info(op, node)
    if node.op_type == "Cast":
        to = known_dtype(node.output(), "the output")
        plain = to in {*FLOATS, *INTEGERS, "bool"}
        require(plain, "saturate counts for floats of 8 bits or less")
    dropped: dict[str, Any] = {
        name: None
        for name, value in node.attributes.items()
        if name not in info.required and value == _default(info, name, value)
    }
    require(bool(dropped), "no attribute repeats a default")
    return op.copy(node, **dropped)


def _info(op: Ops, node: Node) -> OpInfo:
    """What ONNX says of the operator, where the opset of the result says the same.

    The attributes of windows, of which no default ever changed, may be younger than that.
    """
    later = op_info(node.op_type, node.domain, op.opset)
    if node.info is None or later is None:
        decline("ONNX does not define the operator")
    stable = node.op_type in {*CONVOLUTIONS, *POOLS} or later.since == node.info.since
    require(stable, f"it is another version of {node.op_type} at opset {op.opset}")
    return node.info


def _default(info: OpInfo, name: str, value: object) -> object:
    if info.attributes.get(name) is not None:
        return info.attributes[name]
    count = len(value) if isinstance(value, tuple) else 0
    if name in {"strides", "dilations"}:
        return (1,) * count
    if name in {"pads", "output_padding"}:
        return (0,) * count
    return None


@rule(*WRITTEN, exactness="exact")
def defaults_written(op: Ops, node: Node) -> list[str]:
    """Attributes that are left out, written with the default that ONNX gives them.

    Source: the defaults of ONNX's schemas.
    """
    if node.op_type == "Resize":
        require(text(node, "mode") == "nearest", "what it leaves out counts for nearest alone")
    written: dict[str, Any] = {
        name: default
        for name, default in _info(op, node).attributes.items()
        if default is not None and name not in node.attributes
    }
    require(bool(written), "every attribute with a default is written already")
    return op.copy(node, **written)
