"""Types and shapes of onnxruntime's own operators, of which ONNX knows nothing.

One line per operator in `_TABLE`: what its outputs are, in terms of its inputs. Where an operator
is one of ONNX's with something added, ONNX's own inference is asked for the shape.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from porting.model.contrib import (
    Inference,
    Known,
    broadcast,
    channels_last,
    dtype_of,
    in_a_row,
    integer,
    like,
    matmul,
    same_as,
    scaled,
    shape_of,
    stand_in,
)
from porting.model.graph import Node
from porting.model.schema import ONNX_DOMAIN
from porting.model.value import Dim, Value

MICROSOFT = "com.microsoft"


def infer_contrib(node: Node, outputs: Sequence[Value]) -> None:
    """Fills in what is known of the outputs of an operator that ONNX does not define."""
    table = {MICROSOFT: _TABLE, ONNX_DOMAIN: _UNOFFICIAL}.get(node.domain, {})
    infer = table.get(node.op_type)
    if infer is None:
        return
    for value, (dtype, shape) in zip(outputs, infer(node), strict=False):
        value.dtype, value.shape = dtype, shape


def _columns(node: Node) -> list[Known]:
    """A product with a packed matrix of `N` columns."""
    shape = shape_of(node, 0)
    return [
        (dtype_of(node, 0), None if shape is None else (*shape[:-1], integer(node, "N") or None))
    ]


def _qgemm(node: Node) -> list[Known]:
    quantised = node.input(8) is not None
    shape = stand_in("Gemm", [shape_of(node, 0), shape_of(node, 3)], node.attributes)
    return [(dtype_of(node, 8) if quantised else "float32", shape)]


def _qlinear_concat(node: Node) -> list[Known]:
    parts = [shape_of(node, i) for i in range(2, len(node.inputs), 3)]
    shape = None if None in parts else stand_in("Concat", parts, node.attributes)
    return [(dtype_of(node, 1), shape)]


def _quantized(node: Node) -> list[Known]:
    return [(dtype_of(node, 2) or "uint8", shape_of(node, 0))]


def _halved(node: Node) -> list[Known]:
    shape = shape_of(node, 0)
    return [(dtype_of(node, 0), shape and (*shape[:-1], scaled(shape[-1], 1, 2)))]


def _normalized(node: Node, outputs: int) -> list[Known]:
    """Like the input; the statistics have one element per row."""
    dtype, shape = dtype_of(node, 0), shape_of(node, 0)
    row: Known = ("float32", None if not shape else (*shape[:-1], 1))
    return [(dtype, shape), *[row] * outputs]


def _skip_normalized(node: Node) -> list[Known]:
    return [*_normalized(node, 2), (dtype_of(node, 0), shape_of(node, 0))]


def _embedded(scale: int | None = None) -> Inference:
    def infer(node: Node) -> list[Known]:
        ids, table = shape_of(node, 0), shape_of(node, 2)
        shape = None if ids is None or table is None else (*ids, table[-1])
        dtype = dtype_of(node, 2 if scale is None else scale)
        return [(dtype, shape), ("int32", ids and ids[:1]), (dtype, shape)]

    return infer


def _gathered(node: Node) -> list[Known]:
    """Gather from blocks of quantised numbers; two of four bits share a byte of the last axis."""
    data, indices = shape_of(node, 0), shape_of(node, 1)
    if data is None or indices is None:
        return [(dtype_of(node, 2), None)]
    axis = integer(node, "gather_axis") % len(data)
    packed = 8 // (integer(node, "bits", 4) or 4) if dtype_of(node, 0) == "uint8" else 1
    data = (*data[:-1], scaled(data[-1], packed))
    return [(dtype_of(node, 2), (*data[:axis], *indices, *data[axis + 1 :]))]


def _packed_attention(weight: int, past: int, typed_by: int) -> Inference:
    """Attention whose weights give queries, keys and values in one product."""

    def infer(node: Node) -> list[Known]:
        x, w, before = shape_of(node, 0), shape_of(node, weight), shape_of(node, past)
        dtype, heads = dtype_of(node, typed_by), integer(node, "num_heads")
        if x is None or w is None:
            return [(dtype, None)]
        sizes = node.attributes.get("qkv_hidden_sizes")
        hidden = sizes[2] if isinstance(sizes, tuple) else scaled(w[-1], 1, 3)
        length = in_a_row(before[3] if before else 0, x[1])
        width = scaled(hidden, 1, heads) if isinstance(hidden, int) else None
        present = (2, x[0], heads or None, length, width)
        return [(dtype, (x[0], x[1], hidden)), (dtype, present)]  # type: ignore[list-item]

    return infer


def _multi_head_attention(node: Node) -> list[Known]:
    dtype, heads = dtype_of(node, 0), integer(node, "num_heads")
    query, key, value, past = (shape_of(node, i) for i in (0, 1, 2, 6))
    if query is None:
        return [(dtype, None)]
    length = own = query[1]
    size = value_size = query[-1] if len(query) == 5 else scaled(query[-1], 1, heads)
    if key is not None:
        length = key[2] if len(key) == 4 else key[1]
    if value is not None:
        value_size = value[3] if len(value) == 4 else scaled(value[-1], 1, heads)
    if past is not None and not (key is not None and len(key) == 4):
        length = in_a_row(past[2], length)
    batch, count = query[0], heads or None
    return [
        (dtype, (batch, own, scaled(value_size, heads))),
        (dtype, (batch, count, length, size)),
        (dtype, (batch, count, length, value_size)),
        (dtype, (batch, count, own, length)),
    ]


def _group_query_attention(node: Node) -> list[Known]:
    """The cache has room for what it held before and for all that has been read."""
    dtype, query, past = dtype_of(node, 0), shape_of(node, 0), shape_of(node, 3)
    heads, groups = integer(node, "num_heads"), integer(node, "kv_num_heads")
    if query is None:
        return [(dtype, None)]
    packed = node.input(1) is None
    size = scaled(query[-1], 1, heads + 2 * groups if packed else heads)
    total, before = node.const(6), past[2] if past is not None else 0
    length: Dim = None
    if total is not None and total.size == 1 and isinstance(before, int):
        length = max(before, int(total.reshape(-1)[0]))
    cache: Known = (dtype_of(node, 3) or dtype, (query[0], groups or None, length, size))
    result = (query[0], query[1], scaled(size, heads))
    scores = (query[0], heads or None, query[1], None)
    return [(dtype, result), cache, cache, (dtype, scores)]


def _lstm(node: Node) -> list[Known]:
    dtype, x = dtype_of(node, 0), shape_of(node, 0)
    if x is None or len(x) != 3:
        return [(dtype, None)] * 3
    directions = 2 if node.attributes.get("direction") == "bidirectional" else 1
    last = (directions, x[1], integer(node, "hidden_size") or None)
    return [(dtype, (x[0], *last)), (dtype, last), (dtype, last)]


def _crop_and_resize(node: Node) -> list[Known]:
    x, rois, size = shape_of(node, 0), shape_of(node, 1), node.const(3)
    if x is None or rois is None:
        return [(dtype_of(node, 0), None)]
    crop = [None, None] if size is None else [int(d) for d in size.reshape(-1)]
    return [(dtype_of(node, 0), (rois[0], x[1], *crop))]


def _pad(node: Node) -> list[Known]:
    pads = node.const(1)
    shape = None if pads is None else stand_in("Pad", [shape_of(node, 0), pads.reshape(-1)], {})
    return [(dtype_of(node, 0), shape)]


def _transposed_convolution(node: Node) -> list[Known]:
    attributes: dict[str, Any] = dict(node.attributes)
    pads = node.const(2)
    if node.input(2) is not None:
        if pads is None:
            return [(dtype_of(node, 0), None)]
        attributes["pads"] = [int(p) for p in pads]
    return [(dtype_of(node, 0), stand_in("ConvTranspose", [shape_of(node, 0), shape_of(node, 1)],
                                        attributes))]  # fmt: skip


def _expanded(node: Node) -> list[Known]:
    shape, axis = shape_of(node, 0), node.const(1)
    if shape is None or axis is None:
        return [(dtype_of(node, 0), None)]
    place = int(axis.reshape(-1)[0])
    place += (len(shape) + 1) * (place < 0)
    return [(dtype_of(node, 0), (*shape[:place], 1, *shape[place:]))]


def _range(node: Node) -> list[Known]:
    given = [node.const(i) for i in range(3)]
    start, limit = given[0], given[1]
    if start is None or limit is None or (given[2] is None and node.input(2) is not None):
        return [(dtype_of(node, 0), (None,))]
    step = 1.0 if given[2] is None else given[2].item()
    length = int(np.ceil((limit.item() - start.item()) / step)) if step else 0
    return [(dtype_of(node, 0), (max(length, 0),))]


def _unique(node: Node) -> list[Known]:
    shape = shape_of(node, 0)
    return [(dtype_of(node, 0), (None,)), ("int64", shape), ("int64", (None,))]


def _spectrum(node: Node) -> list[Known]:
    shape = shape_of(node, 0)
    if shape is None:
        return [(dtype_of(node, 0), None)]
    length = shape[-1]
    if integer(node, "onesided", 1):
        length = length // 2 + 1 if isinstance(length, int) else None
    return [(dtype_of(node, 0), (*shape[:-1], length, 2))]


def _signal(node: Node) -> list[Known]:
    shape = shape_of(node, 0)
    if shape is None or len(shape) < 2:
        return [(dtype_of(node, 0), None)]
    length = shape[-2]
    if integer(node, "onesided", 1):
        length = 2 * (length - 1) if isinstance(length, int) else None
    return [(dtype_of(node, 0), (*shape[:-2], length))]


_TABLE: dict[str, Inference] = {
    **dict.fromkeys(
        (
            "BiasAdd",
            "BiasGelu",
            "BiasSoftmax",
            "FastGelu",
            "GatedRMSNorm",
            "Gelu",
            "GroupNorm",
            "Inverse",
            "MoE",
            "QLinearLeakyRelu",
            "QLinearSigmoid",
            "QLinearSoftmax",
            "QMoE",
            "QuickGelu",
            "RotaryEmbedding",
            "ScaledSiLU",
            "Trilu",
        ),
        like(),
    ),
    "Attention": _packed_attention(1, 4, 0),
    "BiasSplitGelu": _halved,
    "ConvTransposeWithDynamicPads": _transposed_convolution,
    "CropAndResize": _crop_and_resize,
    "DequantizeLinear": like(typed_by=1),
    "DynamicQuantizeLSTM": _lstm,
    "DynamicQuantizeMatMul": matmul(0, 1),
    "EmbedLayerNormalization": _embedded(),
    "ExpandDims": _expanded,
    "FusedConv": same_as("Conv", 0, 1),
    "FusedGemm": same_as("Gemm", 0, 1),
    "FusedMatMul": matmul(0, 1),
    "FusedMatMulActivation": matmul(0, 1),
    "GatherBlockQuantized": _gathered,
    "GridSample": same_as("GridSample", 0, 1),
    "GroupQueryAttention": _group_query_attention,
    "Irfft": _signal,
    "MatMulBnb4": _columns,
    "MatMulIntegerToFloat": matmul(0, 1, typed_by=2),
    "MatMulNBits": _columns,
    "MultiHeadAttention": _multi_head_attention,
    "NhwcConv": channels_last("Conv", 0, 1, always=True),
    "NhwcFusedConv": channels_last("Conv", 0, 1, always=True),
    "NhwcMaxPool": channels_last("MaxPool", 0, always=True),
    "Pad": _pad,
    "QAttention": _packed_attention(1, 8, 3),
    "QEmbedLayerNormalization": _embedded(8),
    "QGemm": _qgemm,
    "QLinearAdd": broadcast(0, 3),
    "QLinearAveragePool": channels_last("AveragePool", 0),
    "QLinearConcat": _qlinear_concat,
    "QLinearConv": channels_last("Conv", 0, 3),
    "QLinearGlobalAveragePool": channels_last("GlobalAveragePool", 0),
    "QLinearMul": broadcast(0, 3),
    "QLinearReduceMean": same_as("ReduceMean", 0),
    "QLinearWhere": broadcast(0, 1, 4, typed_by=1),
    "QuantizeLinear": _quantized,
    "Range": _range,
    "Rfft": _spectrum,
    "SkipGroupNorm": like(outputs=2),
    "SkipLayerNormalization": _skip_normalized,
    "SkipSimplifiedLayerNormalization": _skip_normalized,
    "TransposeMatMul": matmul(0, 1),
    "Unique": _unique,
}

_UNOFFICIAL: dict[str, Inference] = {
    "SimplifiedLayerNormalization": lambda node: _normalized(node, 1),
}
"""What onnxruntime writes into ONNX's own domain."""
