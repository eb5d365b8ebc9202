"""Values for a model's inputs that make it compute something.

They are drawn by element type and by what consumes them: an index stays inside the table that it
gathers from, a mask is zeros and ones, a value that is compared with constants is one of them.
Only the structure of the graph is needed, never the weights.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from porting.proof.shapes import declared_dims, evaluate, graph_inputs, graphs

Array = npt.NDArray[Any]

_REARRANGES = (
    "Identity", "Cast", "CastLike", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Flatten",
    "Expand", "Slice", "Split", "Tile", "Gather", "GatherElements", "GatherND",
)  # fmt: skip
_KEEPS_VALUES: dict[str, frozenset[int]] = {
    # operator -> inputs whose values come out as they went in
    **dict.fromkeys(_REARRANGES, frozenset({0})),
    "Concat": frozenset(range(1000)),
    "Where": frozenset({1, 2}),
}
_SIZE_INPUTS = {
    ("Slice", 1), ("Slice", 2), ("Slice", 4), ("Range", 0), ("Range", 1), ("Range", 2),
    ("TopK", 1), ("ConstantOfShape", 0), ("Expand", 1), ("Tile", 1), ("Resize", 3),
    ("NonMaxSuppression", 2), ("Reshape", 1), ("Trilu", 1), ("Div", 1), ("Mod", 1),
}  # fmt: skip
_INDEXES_DATA = {
    ("Gather", 1), ("GatherElements", 1), ("GatherND", 1),
    ("ScatterElements", 1), ("ScatterND", 1), ("Scatter", 1),
}  # fmt: skip
_FLOAT_NAMES = frozenset({"float16", "bfloat16", "float32", "float64"})
_WORDS = np.array(["a", "the", "model", "port", "Tensor", "graph", "x1", "hello world"], object)
_NARROW = {"int2": 2, "uint2": 4, "int4": 8}
"""Integer types that do not hold 9, and how many values from 0 they hold."""
_DEEPEST = 64


@dataclass
class _Domain:
    """What consumers ask of an input's values."""

    limit: int | None = None
    """Values are indices below it."""
    longest: int | None = None
    """Values are lengths, from 1 up to it."""
    choices: set[int] = field(default_factory=set)
    """Constants that the values are compared with."""
    mask: bool = False
    size: bool = False
    """Values are sizes, ends, counts or divisors: positive."""


def generate(
    model: onnx.ModelProto,
    shapes: Mapping[str, tuple[int, ...]],
    seed: int,
    bound: Mapping[str, int] | None = None,
    *,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    skip: Collection[str] = (),
) -> dict[str, Array]:
    """Draw a value for every input that must be fed; the same for the same arguments.

    Floats are standard normal, or uniform in [0, 1) where the shape is an image's (rank 4, 3
    channels). Integers that nothing constrains are 0 to 9, bytes the whole range of their type.
    A row of a mask has at least one true element.

    Args:
        model: Structure of the graph; weights may be absent.
        shapes: A shape for each input, sizes in elements.
        seed: Of a PCG64 generator.
        bound: Symbolic dimension name to size, for tables whose size has a name.
        ranges: Input name to the lowest and highest value, both included.
        skip: Inputs that need no value.

    Returns:
        Input name to array of the declared type, in graph order.

    Raises:
        ValueError: An input is not a tensor.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    facts = _Facts(model, shapes, bound or {})
    values = {}
    for name, declared in graph_inputs(model).items():
        if name in skip:
            continue
        if declared.type.WhichOneof("value") != "tensor_type":
            raise ValueError(f"input {name} is not a tensor; give a value for it")
        dtype = helper.tensor_dtype_to_np_dtype(declared.type.tensor_type.elem_type)
        ends = (ranges or {}).get(name)
        if ends is not None:
            values[name] = _between(rng, dtype, shapes[name], *ends)
        else:
            values[name] = _draw(rng, dtype, shapes[name], facts, name)
    return values


def _draw(
    rng: np.random.Generator,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    facts: "_Facts",
    name: str,
) -> Array:
    if dtype.kind == "O":
        return np.asarray(rng.choice(_WORDS, size=shape), dtype=object)
    if dtype.kind == "b":
        return _mask(rng, shape).astype(bool)
    if dtype.kind == "c":
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)
    if dtype.kind == "f" or dtype.name.startswith(("bfloat", "float")):
        is_image = len(shape) == 4 and 3 in (shape[1], shape[3])
        drawn = rng.random(shape) if is_image else rng.standard_normal(shape)
        return np.asarray(drawn).astype(dtype)
    return _integers(rng, dtype, shape, facts.domain(name, len(shape)))


def _between(
    rng: np.random.Generator,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    low: float,
    high: float,
) -> Array:
    if dtype.kind in "iu" or "int" in dtype.name:
        drawn: Any = rng.integers(int(low), int(high), size=shape, endpoint=True)
    else:
        drawn = rng.uniform(low, high, size=shape)
    return np.asarray(drawn).astype(dtype)


def _mask(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Zeros and ones; a lone value may be either, a row holds at least one 1."""
    drawn = np.asarray(rng.integers(0, 2, size=shape))
    if len(shape) < 2 and drawn.size == 1:
        return drawn
    if drawn.size:
        kept = rng.integers(0, shape[-1], size=(*shape[:-1], 1))
        np.put_along_axis(drawn, kept, 1, axis=-1)
    return drawn


def _integers(
    rng: np.random.Generator, dtype: np.dtype[Any], shape: tuple[int, ...], domain: _Domain
) -> Array:
    wanted = sorted(domain.choices)
    if domain.longest is not None:
        drawn = rng.integers(1, max(domain.longest, 1) + 1, size=shape)
    elif domain.limit is not None:
        drawn = np.asarray(rng.integers(0, max(domain.limit, 1), size=shape))
        wanted = [value for value in wanted if 0 <= value < domain.limit]
        if wanted:
            drawn = np.where(rng.random(shape) < 0.25, rng.choice(wanted, size=shape), drawn)
    elif domain.mask or (wanted and set(wanted) <= {0, 1}):
        drawn = _mask(rng, shape)
    elif wanted:
        # A tensor of one constant only would leave the other case untried; a lone value, such
        # as a sample rate, may be refused if it is any other.
        others = [wanted[0] + 1] if len(wanted) == 1 and shape else []
        drawn = rng.choice(wanted + others, size=shape)
    elif domain.size:
        drawn = rng.integers(1, 5, size=shape)
    elif dtype.name in ("uint8", "int8"):
        drawn = rng.integers(np.iinfo(dtype).min, int(np.iinfo(dtype).max) + 1, size=shape)
    else:
        drawn = rng.integers(0, _NARROW.get(dtype.name, 10), size=shape)
    return np.asarray(drawn).astype(dtype)


class _Facts:
    """Who consumes what, and the constants and shapes around it, over all subgraphs.

    Names in two branches of one If may coincide; the union of their consumers is then taken,
    which can only make an input's values tamer.
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
        self._consumers: dict[str, list[tuple[onnx.NodeProto, int]]] = {}
        self._producer: dict[str, onnx.NodeProto] = {}
        self._tensors: dict[str, onnx.TensorProto] = {}
        self._shapes: dict[str, tuple[int | None, ...]] | None = None
        for graph in graphs(model.graph):
            self._tensors |= {tensor.name: tensor for tensor in graph.initializer}
            for node in graph.node:
                for index, name in enumerate(node.input):
                    self._consumers.setdefault(name, []).append((node, index))
                self._producer |= dict.fromkeys(node.output, node)

    def domain(self, name: str, rank: int) -> _Domain:
        """What the consumers of input `name`, of that rank, ask of its values."""
        domain = _Domain()
        todo, seen = [(name, False)], {name}
        while todo:
            value, is_float = todo.pop()
            for node, index in self._consumers.get(value, ()):
                if is_float and rank >= 2 and node.op_type in ("Mul", "Sub"):
                    domain.mask = True
                self._ask(domain, node, index)
                if index not in _KEEPS_VALUES.get(node.op_type, ()):
                    continue
                becomes = _cast_name(node)
                domain.mask |= becomes == "bool"
                for output in node.output:
                    if output not in seen:
                        seen.add(output)
                        todo.append((output, is_float or becomes in _FLOAT_NAMES))
        return domain

    def _ask(self, domain: _Domain, node: onnx.NodeProto, index: int) -> None:
        kind = (node.op_type, index)
        if kind in _INDEXES_DATA:
            limit = self._table_size(node)
            domain.limit = limit if domain.limit is None else min(domain.limit, limit)
        elif kind == ("OneHot", 0):
            depth = self._constant(node.input[1])
            limit = int(depth.flat[0]) if depth is not None and depth.size else 1
            domain.limit = limit if domain.limit is None else min(domain.limit, limit)
        elif node.op_type == "Equal":
            other = self._constant(node.input[1 - index])
            if other is not None and other.dtype.kind in "iuf":
                domain.choices |= {int(v) for v in np.unique(other)[:4096] if v == int(v)}
        elif kind in {("RNN", 4), ("GRU", 4), ("LSTM", 4)}:
            batch_first = _attribute(node, "layout", 0)
            longest = self._size(node.input[0], 1 if batch_first else 0)
            domain.longest = min(longest, domain.longest or longest)
        elif kind in _SIZE_INPUTS:
            domain.size = True

    def _table_size(self, node: onnx.NodeProto) -> int:
        """Smallest dimension that the node's indices may index; 1 if it is not known."""
        data, axis = node.input[0], 0
        if node.op_type in ("Gather", "GatherElements", "ScatterElements", "Scatter"):
            return self._size(data, _attribute(node, "axis", 0))
        axis = _attribute(node, "batch_dims", 0)
        indices, known = self._shape(node.input[1]), self._shape(data)
        depth = indices[-1] if indices else None
        if known is None or depth is None:
            return 1
        return min((size or 1 for size in known[axis : axis + depth]), default=1)

    def _size(self, name: str, axis: int) -> int:
        shape = self._shape(name)
        if shape is None or not -len(shape) <= axis < len(shape):
            return 1
        return shape[axis] or 1

    def _shape(self, name: str) -> tuple[int | None, ...] | None:
        if name in self._tensors:
            return tuple(self._tensors[name].dims)
        if self._shapes is None:
            self._shapes = self._infer()
        return self._shapes.get(name)

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
            inferred = onnx.shape_inference.infer_shapes(inferred, data_prop=True)
        shapes = {}
        for graph in graphs(inferred.graph):
            for value in (*graph.input, *graph.value_info, *graph.output):
                dims = declared_dims(value)
                if dims is not None:
                    shapes[value.name] = tuple(
                        evaluate(dim, self._bound) if isinstance(dim, str) else dim for dim in dims
                    )
        return shapes

    def _constant(self, name: str) -> Array | None:
        """The value of `name` if it is constant, rearranged or not."""
        for _ in range(_DEEPEST):
            if name in self._tensors:
                return _value_of(self._tensors[name])
            node = self._producer.get(name)
            if node is None:
                return None
            if node.op_type == "Constant":
                return _value_of_constant(node)
            if node.op_type == "Range":
                return self._range(node)
            if 0 not in _KEEPS_VALUES.get(node.op_type, ()) or node.op_type == "Concat":
                return None
            name = node.input[0]
        return None

    def _range(self, node: onnx.NodeProto) -> Array | None:
        ends = [self._constant(name) for name in node.input]
        if any(end is None or end.size != 1 for end in ends):
            return None
        start, stop, step = (end.item() for end in ends if end is not None)
        return np.arange(start, stop, step) if step and (stop - start) / step < 1e6 else None


def _attribute(node: onnx.NodeProto, name: str, default: int) -> int:
    return next((a.i for a in node.attribute if a.name == name), default)


def _cast_name(node: onnx.NodeProto) -> str:
    """Name of the type that a Cast casts to; empty for other operators."""
    if node.op_type != "Cast":
        return ""
    number = _attribute(node, "to", 0)
    return helper.tensor_dtype_to_np_dtype(number).name if number else ""


def _value_of(tensor: onnx.TensorProto) -> Array | None:
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        return None
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError):  # a tensor with fewer values than its shape says
        return None


def _value_of_constant(node: onnx.NodeProto) -> Array | None:
    attribute = node.attribute[0] if node.attribute else None
    if attribute is None:
        return None
    if attribute.name == "value":
        return _value_of(attribute.t)
    if attribute.name in ("value_int", "value_ints", "value_float", "value_floats"):
        return np.asarray(helper.get_attribute_value(attribute))
    return None
