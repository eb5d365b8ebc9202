"""What it is that overflows, vanishes or becomes NaN in a compute type, and of what kind."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from onnx import NodeProto

from porting.model.graph import Graph
from porting.proof.exchange import Array
from porting.proof.rounding import OVERFLOWS, VANISHES
from porting.proof.simulate import Watched

MASK = -1e4
"""Constants down to here are masks, where they are added to scores or chosen in their place."""


@dataclass(frozen=True)
class Event:
    """Something that a compute type does to a tensor.

    Attributes:
        kind: `overflow`, `nan`, `vanishes`: all of it becomes zero; or `mask`: a constant that
            takes all the steps of an 8-bit integer.
        value: Name of the tensor.
        node: The node that computes it, or reads it if it is a constant; empty for an input.
        op_type: Its operator.
        cause: What it is: a mask constant, an exponential, a sum of squares, ...
        magnitude: The greatest one before rounding; None for NaN.
    """

    kind: str
    value: str
    node: str
    op_type: str
    cause: str
    magnitude: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """A dictionary that JSON can hold."""
        return asdict(self)


def events(
    kind: str, watched: Sequence[Watched], rows: Mapping[str, Array], graph: Graph
) -> list[Event]:
    """What happens to the watched tensors, in their order.

    Args:
        kind: The compute type.
        watched: The tensors.
        rows: Least and greatest finite value of each, and NaN if it holds that.
        graph: The model before rounding.
    """
    return [event for w in watched for event in _of_one(kind, w, rows, graph)]


def _of_one(
    kind: str, watched: Watched, rows: Mapping[str, Array], graph: Graph
) -> Iterator[Event]:
    least, greatest, _ = (float(x) for x in rows[watched.name])
    magnitude = max(abs(least), abs(greatest))
    node = watched.node
    about = (watched.name, _name(node), node.op_type if node is not None else "")
    if kind == "int8":
        if watched.constant and least <= MASK:
            yield Event("mask", *about, "a mask constant", magnitude)
    elif magnitude >= OVERFLOWS[kind]:
        yield Event("overflow", *about, _cause(watched, graph, least), magnitude)
    elif 0 < magnitude <= VANISHES[kind]:
        yield Event("vanishes", *about, _cause(watched, graph, least), magnitude)
    computed = not watched.constant and not (node is not None and _reads_nan(node, rows))
    if computed and math.isnan(rows[watched.name][2]):
        yield Event("nan", *about, _nan_of(watched))


def _reads_nan(node: NodeProto, rows: Mapping[str, Array]) -> bool:
    return any(n in rows and math.isnan(rows[n][2]) for n in node.input)


def _name(node: NodeProto | None) -> str:
    if node is None:
        return ""
    return node.name or next((o for o in node.output if o), "")


_CAUSES = {
    **dict.fromkeys(("Exp", "Sinh", "Cosh"), "an exponential"),
    **dict.fromkeys(("ReduceSumSquare", "ReduceL2", "LpNormalization"), "a sum of squares"),
    **dict.fromkeys(("ReduceSum", "CumSum", "ReduceL1", "Sum", "Einsum"), "a sum"),
    **dict.fromkeys(("MatMul", "Gemm", "Conv", "ConvTranspose"), "a sum of products"),
    **dict.fromkeys(("Div", "Reciprocal"), "a quotient"),
    "ReduceMean": "a mean",
    "Cast": "a number of another type",
    "Pow": "a power",
    "Mul": "a product",
}


def _cause(watched: Watched, graph: Graph, least: float) -> str:
    node = watched.node
    if watched.constant:
        is_mask = least <= MASK and node is not None and node.op_type in _MASKING
        return "a mask constant" if is_mask else "a constant"
    if node is None:
        return "an input"
    if _is_square(node, graph):
        return "a square"
    if node.op_type in {"ReduceSum", "ReduceMean", "GlobalAveragePool"}:
        before = graph.producer(node.input[0])
        if before is not None and _is_square(before.proto, graph):
            return "a mean of squares" if node.op_type != "ReduceSum" else "a sum of squares"
    return _CAUSES.get(node.op_type, "a result")


_MASKING = frozenset({"Add", "Sub", "Where", "Mul", "Max", "Min", "Clip", "Expand", "Gather"})


def _is_square(node: NodeProto, graph: Graph) -> bool:
    if node.op_type == "Mul":
        return bool(node.input[0] == node.input[1])
    if node.op_type != "Pow":
        return False
    exponent = graph.value(node.input[1]).value()
    return exponent is not None and exponent.size == 1 and bool(exponent.item() == 2)


_NAN_OF = {
    "Mul": "zero times infinity, or NaN read",
    "MatMul": "zero times infinity, or infinities that cancel",
    "Add": "infinities that cancel",
    "Sub": "infinities that cancel",
    "Div": "zero by zero, or infinity by infinity",
    "Softmax": "a row without a finite greatest score",
    "Sqrt": "a root of what became negative",
    "Log": "a logarithm of what became negative",
    "Pow": "a power of what became negative",
}


def _nan_of(watched: Watched) -> str:
    return _NAN_OF.get(watched.node.op_type, "a result") if watched.node is not None else "an input"
