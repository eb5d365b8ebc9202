"""What a model does with an input, and so which values make it compute something.

An input is followed through casts, rearrangements, and sums and products with constants, to the
operators that ask something of it. Only the structure of the graph is needed, never the weights.
"""

import math
from collections.abc import Mapping
from contextlib import suppress

import onnx
from onnx import NodeProto

from porting.model.propagate import infer_with_data
from porting.proof.asks import KEEPS_VALUES, Asks, Domain, Trace
from porting.proof.constants import Constants, attribute
from porting.proof.exchange import Array
from porting.proof.shapes import declared_dims, evaluate, graphs

_LARGE = 1e3
"""A factor from which on what it multiplies is a mask of attention, not a number."""
_DEEPEST = 64


class Facts:
    """Who consumes what, and the constants and shapes around it, over all subgraphs.

    Names in two branches of one If may coincide; the union of their consumers is then taken,
    which can only make an input's values tamer.

    Args:
        model: Structure of the graph; weights may be absent.
        inputs: Input name to shape.
        bound: Symbolic dimension name to size.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        inputs: Mapping[str, tuple[int, ...]],
        bound: Mapping[str, int],
    ) -> None:
        self._model = model
        self._inputs = inputs
        self._bound = bound
        self._constants = Constants(model)
        self._asks = Asks(self._constants, self._shape)
        self._consumers: dict[str, list[tuple[NodeProto, int]]] = {}
        self._shapes: dict[str, tuple[int | None, ...]] | None = None
        self._domains: dict[tuple[str, int, bool], Domain] = {}
        for graph in graphs(model.graph):
            for node in graph.node:
                for index, name in enumerate(node.input):
                    self._consumers.setdefault(name, []).append((node, index))

    def domain(self, name: str, rank: int, is_float: bool = False) -> Domain:
        """What the consumers of input `name`, of that rank, ask of its values."""
        if (name, rank, is_float) not in self._domains:
            self._domains[name, rank, is_float] = self._find(name, rank, is_float)
        return self._domains[name, rank, is_float]

    def constant(self, name: str) -> Array | None:
        """The value of a constant, if it is at hand."""
        return self._constants.value(name)

    def shapes(self) -> Mapping[str, tuple[int | None, ...]]:
        """Of every value that inference knows something of, at the sizes of the inputs."""
        if self._shapes is None:
            self._shapes = self._infer()
        return self._shapes

    def _find(self, name: str, rank: int, is_float: bool) -> Domain:
        domain = Domain()
        todo, later, seen = [Trace(name, is_float)], list[Trace](), {name}
        while todo or later:
            trace = todo.pop() if todo else later.pop(0)
            for node, index in self._consumers.get(trace.name, ()):
                becomes_float = trace.is_float and not is_float
                if becomes_float and rank >= 2 and node.op_type in ("Mul", "Sub"):
                    domain.mask = True
                self._asks.ask(domain, node, index, trace, is_float)
                for following in self._follow(node, index, trace):
                    if following.name in seen:
                        continue
                    seen.add(following.name)
                    if abs(following.factor) >= _LARGE and rank >= 2:
                        domain.mask = True
                    offset = max(abs(following.least), abs(following.most))
                    if is_float and (0 < following.factor <= 0.02 or 16 <= offset < _LARGE):
                        domain.scaled = True
                    # What comes as it is says more than what arithmetic made of it.
                    (todo if following.plain else later).append(following)
                if _cast_name(node) == "bool" and index == 0:
                    domain.mask = True
        return domain

    def _follow(self, node: NodeProto, index: int, trace: Trace) -> list[Trace]:
        """The node's outputs as functions of the input, where they are simple ones."""
        becomes = _cast_name(node)
        is_float = trace.is_float or becomes.startswith(("float", "bfloat"))
        factor, least, most = trace.factor, trace.least, trace.most
        if index not in KEEPS_VALUES.get(node.op_type, ()):
            changed = self._arithmetic(node, index, trace)
            if changed is None:
                return []
            factor, least, most = changed
        return [Trace(output, is_float, factor, least, most) for output in node.output if output]

    def _arithmetic(
        self, node: NodeProto, index: int, trace: Trace
    ) -> tuple[float, float, float] | None:
        factor, least, most = trace.factor, trace.least, trace.most
        if node.op_type == "Neg":
            return -factor, -most, -least
        if node.op_type not in ("Add", "Sub", "Mul", "Div") or len(node.input) != 2:
            return None
        found = self._constants.value(node.input[1 - index])
        if found is None or found.size == 0 or found.dtype.kind not in "iuf":
            return None
        low, high = float(found.min()), float(found.max())
        if not math.isfinite(low) or not math.isfinite(high):
            return None
        if node.op_type == "Add":
            return factor, least + low, most + high
        if node.op_type == "Sub":
            if index == 0:
                return factor, least - high, most - low
            return -factor, low - most, high - least
        if low != high or low == 0 or (node.op_type == "Div" and index == 1):
            return None
        by = low if node.op_type == "Mul" else 1 / low
        ends = sorted((least * by, most * by))
        return factor * by, ends[0], ends[1]

    def _shape(self, name: str) -> tuple[int | None, ...] | None:
        known = self._constants.shape(name)
        if known is not None:
            return known
        return self.shapes().get(name)

    def _infer(self) -> dict[str, tuple[int | None, ...]]:
        inferred = onnx.ModelProto()
        inferred.CopyFrom(self._model)
        for value in inferred.graph.input:
            if value.name in self._inputs:
                shape = value.type.tensor_type.shape
                shape.Clear()
                for size in self._inputs[value.name]:
                    shape.dim.add().dim_value = size
        with suppress(Exception):  # what it cannot infer is merely not known
            inferred = infer_with_data(inferred)
        shapes = {}
        for graph in graphs(inferred.graph):
            for value in (*graph.input, *graph.value_info, *graph.output):
                dims = declared_dims(value)
                if dims is not None:
                    shapes[value.name] = tuple(
                        evaluate(dim, self._bound) if isinstance(dim, str) else dim for dim in dims
                    )
        return shapes


def _cast_name(node: NodeProto) -> str:
    """Name of the type that a Cast casts to; empty for other operators."""
    if node.op_type != "Cast":
        return ""
    number = attribute(node, "to", 0)
    return onnx.helper.tensor_dtype_to_np_dtype(number).name if number else ""
