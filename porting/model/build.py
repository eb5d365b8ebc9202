"""From a loaded model to graphs, with the shapes that the user gives."""

from collections.abc import Mapping, Sequence

from onnx import ValueInfoProto
from onnx import shape_inference as onnx_inference

from porting.errors import UsageError
from porting.model.graph import Context, Graph
from porting.model.infer import NO_HINTS, Hints, infer
from porting.model.load import LoadedModel
from porting.model.propagate import infer_with_data
from porting.model.read import read_graph
from porting.model.value import Shape, typed


def build(
    model: LoadedModel,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
) -> Graph:
    """The main graph of `model`, with everything known that can be without running it.

    Args:
        model: A loaded model, its local functions inlined already.
        shapes: Shapes of inputs by name, which replace the declared ones.
        dims: Sizes of symbolic dimensions by name.

    Raises:
        UsageError: A shape for an input that does not exist or of another rank, a dimension
            that no input names, a size below one.
    """
    context = Context(model.opsets, model.proto.ir_version, model.tensor)
    graph = read_graph(model.proto.graph, context, None, "", model.messages)
    _apply_shapes(graph, shapes or {}, dims or {})
    infer(graph)
    if not shapes and not dims and _has_open_input(model) and _is_open(graph):
        hints = _whole_model_hints(model)
        if hints:
            infer(graph, hints)
    return graph


def _has_open_input(model: LoadedModel) -> bool:
    return any(
        not d.HasField("dim_value")
        for i in model.proto.graph.input
        for d in i.type.tensor_type.shape.dim
    )


def _is_open(graph: Graph) -> bool:
    """Whether something is not known of a value: not even a symbol stands for a dimension."""
    for value in graph.values.values():
        if value.dtype is None or value.shape is None or None in value.shape:
            return True
    return any(_is_open(body) for node in graph.nodes for body in node.subgraphs.values())


def _whole_model_hints(model: LoadedModel) -> Hints:
    """Symbolic dimensions followed through shape arithmetic."""
    try:
        inferred = infer_with_data(model.proto)
    except (onnx_inference.InferenceError, ValueError, RuntimeError):
        return NO_HINTS
    return {v.name: v.type for v in inferred.graph.value_info}


def _apply_shapes(
    graph: Graph, shapes: Mapping[str, Sequence[int]], dims: Mapping[str, int]
) -> None:
    names = [i.name for i in graph.inputs]
    sizes: dict[str, set[int]] = {}
    for name, shape in shapes.items():
        if name not in names:
            known = ", ".join(names) or "none"
            raise UsageError(
                "input-unknown", f"the model has no input '{name}'", f"its inputs are: {known}"
            )
        value = graph.value(name)
        if value.rank is not None and value.rank != len(shape):
            raise UsageError(
                "shape-rank",
                f"input '{name}' has {value.rank} dimensions, --shape gives {len(shape)}",
                f"declared: {_shown(value.shape)}",
            )
        _check_static(name, value.shape, shape)
        for old, new in zip(value.shape or (), shape, strict=False):
            if isinstance(old, str):
                sizes.setdefault(old, set()).add(new)
        value.shape = tuple(shape)
    _check_dims(graph, dims)
    same = {name: min(found) for name, found in sizes.items() if len(found) == 1}
    if shapes or dims:
        _settle(graph, {**same, **dims})


def _check_static(name: str, declared: Shape | None, given: Sequence[int]) -> None:
    """A size that the model fixes cannot be changed; a declared 0 means "not known"."""
    if any(size < 1 for size in given):
        raise UsageError("shape-size", f"--shape {name}: every size must be at least 1")
    for axis, (old, new) in enumerate(zip(declared or (), given, strict=False)):
        if isinstance(old, int) and old not in (0, new):
            raise UsageError(
                "shape-fixed",
                f"dimension {axis} of input '{name}' is {old} in the model, --shape says {new}",
                f"declared: {_shown(declared)}",
            )


def _check_dims(graph: Graph, dims: Mapping[str, int]) -> None:
    symbols = {
        d for i in graph.inputs for d in graph.value(i.name).shape or () if isinstance(d, str)
    }
    for name, size in dims.items():
        if name not in symbols:
            known = ", ".join(sorted(symbols)) or "none"
            raise UsageError(
                "dim-unknown",
                f"no input has a dimension '{name}'",
                f"symbolic dimensions of this model: {known}",
            )
        if size < 1:
            raise UsageError("shape-size", f"--dim {name}={size}: a size must be at least 1")


def _settle(graph: Graph, sizes: Mapping[str, int]) -> None:
    """Puts sizes for symbols wherever types are declared, and forgets what may hold no longer.

    A declared shape of numbers alone was true of the sizes with which the model was exported.
    """
    for info in graph.inputs:
        value = graph.value(info.name)
        if value.shape is not None:
            body = graph.outer is not None
            value.shape = _settled(value.shape, sizes) if body else _sized(value.shape, sizes)
    for name, info in graph.declared.items():
        value = typed(info.type)
        if value.shape is not None and value.dtype is not None and value.kind == "tensor":
            value.shape = _settled(value.shape, sizes)
            graph.declared[name] = ValueInfoProto(name=name, type=value.to_type())
    for node in graph.nodes:
        for nested in node.subgraphs.values():
            _settle(nested, sizes)


def _settled(shape: Shape, sizes: Mapping[str, int]) -> Shape:
    if any(isinstance(d, str) for d in shape):
        return _sized(shape, sizes)
    return (None,) * len(shape)


def _sized(shape: Shape, sizes: Mapping[str, int]) -> Shape:
    return tuple(sizes.get(d, d) if isinstance(d, str) else d for d in shape)


def _shown(shape: Shape | None) -> str:
    return "unknown" if shape is None else "[" + ", ".join(str(d or "?") for d in shape) + "]"
