"""What happened to each operator between two of its versions, from opset 8 to 28.

Every version of every operator of the default domain stands in one of three tables, so that a
version that nobody has compared with the one before it is noticed, and not taken for equal.
"""

from collections.abc import Callable
from typing import TypeAlias

from porting.model.graph import Node
from porting.rules import opset_meaning as meaning

Predicate: TypeAlias = Callable[[Node], str]
Step: TypeAlias = tuple[str, int]
"""An operator and the later of two neighbouring versions."""


def _each(version: int, names: str, predicate: Predicate) -> dict[Step, Predicate]:
    return {(name, version): predicate for name in names.split()}


def _steps(table: dict[str, str]) -> frozenset[Step]:
    """Reads a table of versions and the operators that have just these."""
    return frozenset(
        (name, int(version))
        for versions, names in table.items()
        for version in versions.split()
        for name in names.split()
    )


_REDUCTIONS = """ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
    ReduceProd ReduceSum ReduceSumSquare"""

OTHER: dict[Step, Predicate] = {
    **_each(11, "ConvTranspose", meaning.same_padding_side),
    **_each(13, "Hardmax LogSoftmax Softmax", meaning.last_axis),
    **_each(13, "Resize", meaning.not_tf_half_pixel),
    **_each(12, "Dropout", meaning.no_mask),
    **_each(14, "BatchNormalization", meaning.one_output),
    **_each(16, "RoiAlign", lambda _: "the default of coordinate_transformation_mode is another"),
    **_each(18, "Split", meaning.sizes_given),
    **_each(20, "DFT", lambda _: "the axis is an input from opset 20 on, with another default"),
    **_each(20, "GridSample", meaning.same_grid_names),
    **_each(21, "GroupNormalization", lambda _: "scale and bias are per channel from opset 21 on"),
    **_each(22, "AveragePool MaxPool", meaning.no_window_in_padding),
}
"""Versions that give some nodes another meaning than the version before, in both directions."""

WIDER: dict[Step, Predicate] = {
    **_each(8, "Max Mean Min Sum", meaning.equal_shapes),
    **_each(
        11,
        "ArgMax ArgMin Compress Concat Flatten Hardmax LogSoftmax Softmax Split",
        meaning.plain_axis,
    ),
    **_each(11, f"{_REDUCTIONS} Slice Squeeze Unsqueeze", meaning.plain_axes),
    **_each(11, "Gather", meaning.plain_indices),
    **_each(11, "OneHot", meaning.plain_one_hot),
    **_each(11, "If", meaning.equal_branches),
    **_each(11, "Scan", meaning.plain_scan_axes),
    **_each(13, "DequantizeLinear QuantizeLinear", meaning.per_tensor),
    **_each(18, "ScatterElements ScatterND", meaning.no_extremes),
    **_each(19, "Pad", meaning.not_wrapped),
    **_each(19, "Resize", meaning.not_symmetric),
    **_each(21, "DequantizeLinear QuantizeLinear", meaning.not_blocked),
    **_each(24, "Attention", meaning.full_mask),
    **_each(28, "Mod", meaning.integers_or_fmod),
}
"""Versions that take more than the version before and change nothing that it took."""

SAME: frozenset[Step] = _steps(
    {
        "22": """
            Acos Acosh Asin Asinh Atan Atanh Bernoulli ConvTranspose Cos Cosh DeformConv Det Elu
            EyeLike GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample HardSigmoid
            HardSwish InstanceNormalization LpNormalization MaxRoiPool Mish Multinomial
            RandomNormal RandomNormalLike RandomUniform RandomUniformLike RoiAlign Round Selu
            Sin Sinh Softplus Softsign Tan ThresholdedRelu
        """,
        "13": """
            Abs Ceil Concat Erf Exp Expand Floor Gather GatherElements LRN Log Mean
            MeanVarianceNormalization Mod Neg NonZero Reciprocal ReduceSum Sigmoid Sign
            SoftmaxCrossEntropyLoss Split Sqrt Sum Tanh Tile
        """,
        "28": "BitShift Celu Compress Einsum OneHot Optional ReverseSequence Unique",
        "13 14": "Add Div Mul Relu Sub",
        "12 13": "ArgMax ArgMin GatherND Max Min",
        "13 18": "ReduceL1 ReduceL2 ReduceMean ReduceProd ReduceSumSquare",
        "16": "GreaterOrEqual LeakyRelu LessOrEqual Where",
        "14 22": "GRU LSTM RNN",
        "9 13": "Greater Less MatMul",
        "13 21 23 24 25": "Squeeze Transpose Unsqueeze",
        "11 22": "Conv MaxUnpool",
        "19 23 24 25 28": "DequantizeLinear QuantizeLinear",
        "18 28": "OptionalGetElement OptionalHasElement",
        "13 18 28": "ReduceLogSum ReduceLogSumExp",
        "12 13 18 20": "ReduceMax ReduceMin",
        "13 16": "ScatterElements ScatterND",
        "25": "Attention",
        "10 11 19": "AveragePool",
        "9 15": "BatchNormalization",
        "9 13 19 21 23 24 25 28": "Cast",
        "19 21 23 24 25": "CastLike",
        "11 12 13": "Clip",
        "9 11 12 13 19 21 23 24 25": "Constant",
        "20 21 23 24 25": "ConstantOfShape",
        "14": "CumSum",
        "11 13 28": "DepthToSpace",
        "10 13 22": "Dropout",
        "11 13 19": "Equal",
        "9 13 21 23 24 25": "Flatten",
        "9 11 13": "Gemm",
        "13 14 16 19 21 23 24 25": "Identity",
        "13 16 19 21 23 24 25": "If",
        "20": "IsInf",
        "13 20": "IsNaN",
        "11 13 16 19 21 23 24 25": "Loop",
        "11 18 22": "LpPool",
        "8 10 11 12": "MaxPool",
        "13 22": "NegativeLogLikelihoodLoss",
        "11": "NonMaxSuppression",
        "9 16": "PRelu",
        "11 13 18 21 23 24 25": "Pad",
        "12 13 15": "Pow",
        "21": "QLinearMatMul",
        "27": "Range",
        "13 14 19 21 23 24 25": "Reshape",
        "11 18": "Resize",
        "9 16 19 21 23 24 25": "Scan",
        "13 15 19 21 23 24 25": "Shape",
        "13 19 21 23 24 25": "Size",
        "10 13": "Slice",
        "13 28": "SpaceToDepth",
        "24": "SplitToSequence",
        "10 11 24": "TopK",
        "9": "Upsample",
    }
)
"""Versions that differ from the one before at most in what the schema says."""

NO_OLDER_FORM: dict[str, str] = {
    "Bernoulli": "Bernoulli is new in opset 15, and random numbers cannot be reproduced",
    "BitCast": "BitCast is new in opset 26, nothing before reads the bits of another type",
    "BitwiseAnd": "BitwiseAnd is new in opset 18",
    "BitwiseNot": "BitwiseNot is new in opset 18",
    "BitwiseOr": "BitwiseOr is new in opset 18",
    "BitwiseXor": "BitwiseXor is new in opset 18",
    "CausalConvWithState": "CausalConvWithState is new in opset 27",
    "Col2Im": "Col2Im is new in opset 18",
    "CumProd": "CumProd is new in opset 26",
    "DFT": "DFT is new in opset 17",
    "DeformConv": "DeformConv is new in opset 19",
    "GridSample": "GridSample is new in opset 16",
    "ImageDecoder": "ImageDecoder is new in opset 20, nothing before decodes images",
    "LinearAttention": "LinearAttention is new in opset 27",
    "MelWeightMatrix": "MelWeightMatrix is new in opset 17",
    "NegativeLogLikelihoodLoss": "NegativeLogLikelihoodLoss is new in opset 12, and for training",
    "Optional": "Optional is new in opset 15, there are no optional values before",
    "OptionalGetElement": "OptionalGetElement is new in opset 15, as are optional values",
    "OptionalHasElement": "OptionalHasElement is new in opset 15, as are optional values",
    "RegexFullMatch": "RegexFullMatch is new in opset 20, nothing before matches strings",
    "STFT": "STFT is new in opset 17",
    "SequenceMap": "SequenceMap is new in opset 17",
    "SoftmaxCrossEntropyLoss": "SoftmaxCrossEntropyLoss is new in opset 12, and for training",
    "StringConcat": "StringConcat is new in opset 20, nothing before joins strings",
    "StringSplit": "StringSplit is new in opset 20, nothing before splits strings",
}
"""Operators for which there is no adapter below their first version; rules may still know one."""

DECLINED: dict[Step, str] = {
    ("AveragePool", 10): "ceil_mode needs padding that depends on the size",
    ("BatchNormalization", 9): "opset 7 can do more: with spatial=1 both are the same",
    ("BatchNormalization", 14): "training has other outputs",
    ("Constant", 11): "sparse constants are new",
    ("ConvTranspose", 11): "auto_pad puts an odd pad on the other side",
    ("Dropout", 10): "a mask of booleans is new",
    ("GroupNormalization", 21): "version 18 is deprecated, rules write it out",
    ("If", 11): "branches of different shapes are new",
    ("Loop", 11): "a loop that carries nothing is new",
    ("LpPool", 18): "ceil_mode and dilations are new",
    ("Max", 8): "broadcasting is new",
    ("MaxPool", 8): "indices are new",
    ("MaxPool", 10): "ceil_mode and dilations are new",
    ("Mean", 8): "broadcasting is new",
    ("Min", 8): "broadcasting is new",
    ("Mod", 28): "floor division of floats is new",
    ("OptionalHasElement", 18): "an input that may be left out is new",
    ("Scan", 9): "version 8 has a batch axis",
    ("Scan", 11): "negative axes are new",
    ("Sum", 8): "broadcasting is new",
}
"""Versions below which some nodes cannot go, and why; the others go as they are."""
