"""A model's structure without its weights, and shapes for its inputs that agree."""

import ast
import math
import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from porting.errors import ModelError
from porting.model import wire

Dim = int | str | None
"""A declared dimension: a size, a name, or None for one that is free and has no name."""

_MOST_KEPT = 1 << 20
_INLINE = 1 << 16
"""Bytes of a tensor from which on they are not read."""


@dataclass(frozen=True)
class Size:
    """Sizes to try for dimensions that nothing fixes.

    Attributes:
        batch: For the first free dimension of an input.
        length: For the others, of inputs of rank up to 3.
        pixels: For the others, of inputs of rank 4 and more.
    """

    batch: int
    length: int
    pixels: int


SIZES = (
    Size(2, 4, 32),
    Size(1, 7, 64),
    Size(1, 1, 48),
    Size(1, 32, 224),
    Size(1, 576, 320),
    Size(2, 576, 96),
)


def load_structure(path: Path) -> onnx.ModelProto:
    """Read a model without its weights: large tensors keep only their shape and type.

    Raises:
        ModelError: The file cannot be read, or is not an ONNX model.
    """
    model = onnx.ModelProto()
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            model.ParseFromString(wire.skim(data, path.name, _INLINE))
    except Exception as error:  # protobuf's own error has no types to catch it by
        raise ModelError("model-unreadable", f"{path}: {error}") from error
    if not model.HasField("graph"):  # an empty message is a valid one
        raise ModelError("model-unreadable", f"{path} holds no graph")
    for graph in graphs(model.graph):
        for tensor in graph.initializer:
            count = math.prod(tensor.dims)
            is_int = tensor.data_type in (onnx.TensorProto.INT32, onnx.TensorProto.INT64)
            if count > (_MOST_KEPT if is_int else 4096):
                for name in ("raw_data", "float_data", "int32_data", "int64_data", "double_data"):
                    tensor.ClearField(name)
                tensor.data_location = onnx.TensorProto.EXTERNAL
    return model


def graph_inputs(model: onnx.ModelProto) -> dict[str, onnx.ValueInfoProto]:
    """Inputs that must be fed, by name in graph order: those without an initializer."""
    given = {tensor.name for tensor in model.graph.initializer}
    given |= {tensor.values.name for tensor in model.graph.sparse_initializer}
    return {value.name: value for value in model.graph.input if value.name not in given}


def declared_type(value: onnx.ValueInfoProto) -> np.dtype[Any] | None:
    """Element type as declared; None if it is not."""
    number = value.type.tensor_type.elem_type
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(number)) if number else None


def declared_dims(value: onnx.ValueInfoProto) -> tuple[Dim, ...] | None:
    """Dimensions as declared; None if the rank is not.

    A size of zero or less, and the name `?`, are exporters' ways to say "free".
    """
    if not value.type.tensor_type.HasField("shape"):
        return None
    dims: list[Dim] = []
    for dim in value.type.tensor_type.shape.dim:
        if dim.dim_value > 0:
            dims.append(dim.dim_value)
        else:
            dims.append(dim.dim_param if dim.dim_param.strip("? ") else None)
    return tuple(dims)


def bind(
    model: onnx.ModelProto,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> dict[str, int]:
    """Sizes of symbolic dimensions: `dims`, and what `shapes` of inputs implies.

    Args:
        model: Declares the inputs.
        dims: Symbolic dimension name to size.
        shapes: Input name to shape; comes before `dims` where both say something.
    """
    bound = dict(dims or {})
    for name, value in graph_inputs(model).items():
        declared = declared_dims(value)
        shape = (shapes or {}).get(name)
        if declared is None or shape is None or len(declared) != len(shape):
            continue
        bound |= {d: size for d, size in zip(declared, shape, strict=True) if isinstance(d, str)}
    return bound


def is_free(model: onnx.ModelProto, bound: Mapping[str, int], fixed: Mapping[str, Any]) -> bool:
    """Whether a dimension of an input is left open by `bound` names and `fixed` input shapes."""
    for name, value in graph_inputs(model).items():
        declared = None if name in fixed else declared_dims(value)
        for dim in declared or ():
            if dim is None or (isinstance(dim, str) and evaluate(dim, bound) is None):
                return True
    return False


def input_shapes(
    model: onnx.ModelProto,
    *,
    bound: Mapping[str, int],
    shapes: Mapping[str, tuple[int, ...]],
    size: Size,
) -> tuple[dict[str, tuple[int, ...]], dict[str, int]]:
    """A shape for each input; dimensions of one name have one size.

    Args:
        model: Declares the inputs.
        bound: Symbolic dimension name to size.
        shapes: Input name to shape, taken as it is.
        size: Sizes for what is left.

    Returns:
        Input name to shape, and `bound` with the sizes chosen for the other names.

    Raises:
        ValueError: An input has no declared rank, or is not a tensor; the message names it.
    """
    names = dict(bound)
    result: dict[str, tuple[int, ...]] = {}
    inputs = graph_inputs(model)
    declared = {name: _known_rank(name, value) for name, value in inputs.items()
                if name not in shapes}  # fmt: skip
    for dims in declared.values():  # plain names first: expressions are made of them
        for dim, chosen in zip(dims, _by_role(dims, size), strict=True):
            if isinstance(dim, str) and dim.isidentifier():
                names.setdefault(dim, chosen)
    for name, dims in declared.items():
        shape = []
        for dim, chosen in zip(dims, _by_role(dims, size), strict=True):
            if isinstance(dim, str):
                known = evaluate(dim, names)
                shape.append(names.setdefault(dim, chosen if known is None else known))
            else:
                shape.append(chosen if dim is None else dim)
        result[name] = tuple(shape)
    return {name: tuple(shapes.get(name, result.get(name, ()))) for name in inputs}, names


def _known_rank(name: str, value: onnx.ValueInfoProto) -> tuple[Dim, ...]:
    if value.type.WhichOneof("value") != "tensor_type":
        raise ValueError(f"input {name} is not a tensor; give a value for it")
    dims = declared_dims(value)
    if dims is None:
        raise ValueError(f"input {name} declares no shape; give one")
    return dims


def _by_role(dims: tuple[Dim, ...], size: Size) -> list[int]:
    """What each dimension would be if it were free."""
    rest = size.pixels if len(dims) >= 4 else size.length
    roles = [rest] * len(dims)
    first = next((i for i, dim in enumerate(dims) if not isinstance(dim, int)), None)
    if first is not None:
        roles[first] = size.batch
    return roles


def evaluate(expression: str, names: Mapping[str, int]) -> int | None:
    """The size that a name, or a formula of names such as `past + 1`, stands for.

    Returns:
        The size; None if a name is not in `names`, or the text is no formula of + - * //.
    """
    if expression in names:
        return names[expression]
    if len(expression) > 200:
        return None
    try:
        value = _evaluate(ast.parse(expression, mode="eval").body, names)
    except (SyntaxError, KeyError, ValueError, ZeroDivisionError):
        return None
    return value if value >= 0 else None


def _evaluate(node: ast.expr, names: Mapping[str, int]) -> int:
    if isinstance(node, ast.Name):
        return names[node.id]
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.BinOp):
        left, right = _evaluate(node.left, names), _evaluate(node.right, names)
        match node.op:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.FloorDiv() | ast.Div():
                return left // right
    raise ValueError("not a formula of sizes")


def graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph, and those inside its nodes at any depth."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from graphs(attribute.g)
            for inner in attribute.graphs:
                yield from graphs(inner)
