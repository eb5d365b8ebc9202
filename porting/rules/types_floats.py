"""Floating point operators in float32: halves in more digits, doubles in fewer.

How the families work is told in `porting.legalize.retype`.
"""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.retype import in_type, operands
from porting.legalize.rule import known_dtype, require, rule
from porting.model.graph import Node
from porting.rules.common import HALVES
from porting.rules.types_arithmetic import WHOLE
from porting.rules.types_moving import KEYS

FUNCTIONS = (
    "Acos",
    "Acosh",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "Attention",
    "AveragePool",
    "BatchNormalization",
    "Ceil",
    "Celu",
    "Conv",
    "ConvTranspose",
    "Cos",
    "Cosh",
    "Det",
    "Einsum",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "GRU",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GridSample",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "InstanceNormalization",
    "LRN",
    "LSTM",
    "LayerNormalization",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "LpPool",
    "MaxUnpool",
    "Mean",
    "MeanVarianceNormalization",
    "Mish",
    "Mod",
    "PRelu",
    "Pow",
    "RMSNormalization",
    "RNN",
    "Reciprocal",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMean",
    "ReduceProd",
    "ReduceSumSquare",
    "RotaryEmbedding",
    "Round",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Sin",
    "Sinh",
    "Softmax",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Sum",
    "Swish",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
)
"""Operators that compute with floats, besides those of the other families."""


@rule(*FUNCTIONS, *WHOLE, exactness="reordered")
def halves_in_float32(op: Ops, node: Node) -> list[str]:
    """f(x) = cast(f(cast(x, float32))) for float16 and bfloat16, whose every number float32 holds.

    Source: IEEE 754. Only roundings differ, and what overflows on the way is finite now.
    """
    dtype = known_dtype(node.input(0), "the input")
    require(dtype in HALVES, f"it is for float16 and bfloat16, the input is {dtype}")
    return in_type(op, node, "float32", ())


@rule(*FUNCTIONS, *WHOLE, *KEYS, exactness="approximate")
def doubles_in_float32(op: Ops, node: Node) -> list[str]:
    """f(x) = cast(f(cast(x, float32))) for float64, to the 24 digits of float32.

    Relative error of each operand and of the result 2^-24; numbers beyond 3.4e38 are infinite.

    Source: IEEE 754, ONNX Cast-13.
    """
    keys = KEYS.get(node.op_type, ())
    dtype = known_dtype(node.input(keys[0] if keys else 0), "the input")
    require(dtype == "float64", f"it is for float64, the input is {dtype}")
    for index in operands(node, dtype, keys):
        array = node.const(index)
        with np.errstate(over="ignore"):
            same = array is None or np.isfinite(array.astype(np.float32)) == np.isfinite(array)
        require(bool(np.all(same)), "a constant is beyond float32")
    return in_type(op, node, "float32", keys)
