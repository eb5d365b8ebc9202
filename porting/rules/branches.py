"""Which operators may run in a branch that is not taken: those without effects that never fail."""

from collections.abc import Iterable

from porting.legalize.rule import require
from porting.model.dtypes import FLOATS
from porting.model.graph import Node


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


ANY_VALUE = _names(
    "Abs Acos Acosh Add And Asin Asinh Atan Atanh AveragePool BatchNormalization BitwiseAnd "
    "BitwiseNot BitwiseOr BitwiseXor Ceil Celu Clip Concat Conv ConvTranspose Cos Cosh "
    "Einsum Elu Equal Erf Exp Flatten Floor Gelu Gemm GlobalAveragePool GlobalMaxPool Greater "
    "GreaterOrEqual GroupNormalization HardSigmoid HardSwish Hardmax Identity "
    "InstanceNormalization IsInf IsNaN LRN LayerNormalization LeakyRelu Less LessOrEqual Log "
    "LogSoftmax LpNormalization LpPool MatMul Max MaxPool Mean Min Mish Mul Neg Not Or PRelu "
    "RMSNormalization Reciprocal Relu Round Selu Shape Shrink Sigmoid Sign Sin Sinh Size Softmax "
    "Softplus Softsign Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu Transpose Where Xor"
)
"""Operators that give a result for all values of their inputs, once the shapes fit."""

FLOATS_ONLY = frozenset({"Div", "Mod", "Pow"})
"""Those that may stop at integers: division by zero, negative powers."""

KNOWN_PARAMETERS = _names(
    "ArgMax ArgMin CumSum Expand Pad ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax "
    "ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Reshape Slice Split Squeeze Tile "
    "Trilu Unsqueeze"
)
"""Those that give one for all data; which shapes and axes they take must be known beforehand."""

EFFECTS = _names(
    "Bernoulli Dropout Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike"
)
"""Operators that draw numbers: running one changes what the next one draws."""


def refuse_effects(node: Node) -> None:
    """Declines a branch whose running shows besides its results."""
    require(node.domain == "ai.onnx", f"what {node.key} does besides its result is not known")
    require(node.op_type not in EFFECTS, f"{node.op_type} draws random numbers")
    for body in node.subgraphs.values():
        for each in body.nodes:
            refuse_effects(each)


def require_safe(nodes: Iterable[Node], what: str) -> None:
    """Declines where something that did not run before may have no result."""
    for each in nodes:
        reason = cannot_fail(each)
        require(not reason, f"{what} may fail: {reason}")


def cannot_fail(node: Node) -> str:
    """Why a node may have no result, empty where it always has one.

    ONNX's inference has matched the shapes: where they are all known and the result's is, they fit.
    """
    kind, values = node.op_type, node.input_values()
    if node.subgraphs:
        return f"{kind} has bodies of its own"
    given = [v for v in values if v is not None]
    made = [node.graph.value(o) for o in node.outputs if o]
    if not all(v.is_static for v in (*given, *made)):
        return f"the shapes at a {kind} are not known"
    if not all(v.size for v in (*given[:1], *made)):
        return f"what goes into a {kind} or comes out is empty"
    if kind in ANY_VALUE or (kind in {"Cast", "CastLike"} and _are_numbers(node)):
        return ""
    if kind in FLOATS_ONLY:
        return "" if all(v.dtype in FLOATS for v in given) else f"{kind} of integers may stop"
    if kind in KNOWN_PARAMETERS:
        known = all(v.is_const for v in given[1:])
        return "" if known else f"the parameters of a {kind} are not constants"
    return f"{kind} has no result for some inputs"


def _are_numbers(node: Node) -> bool:
    """Whether a Cast has nothing to do with strings, not all of which are numbers."""
    ends = (node.input(0), node.output())
    return all(v is not None and v.dtype not in {None, "string"} for v in ends)
