"""How types flow into the bodies of If, Loop and Scan, and out of them."""

from collections.abc import Callable

from porting.model.graph import Node
from porting.model.value import Dim, Shape, Value, merge


def bind_inputs(node: Node) -> None:
    """Gives the inputs of a node's bodies what is known outside of them."""
    bind = _BINDERS.get(node.op_type)
    if bind is not None and node.domain == "ai.onnx":
        bind(node)


def collect_outputs(node: Node, outputs: list[Value]) -> None:
    """Gives a node's outputs what its bodies, inferred by now, say of their results."""
    results = _RESULTS.get(node.op_type)
    if results is not None and node.domain == "ai.onnx":
        results(node, outputs)


def _bind_loop(node: Node) -> None:
    """Loop-1..: iteration number, condition, then carried values, which may change their shape."""
    body = node.subgraphs["body"]
    for index, info in enumerate(body.inputs):
        value = body.value(info.name)
        if index == 0:
            merge(value, Value("", "int64", ()))
        elif index == 1:
            merge(value, Value("", "bool", ()))
        else:
            outer = node.input(index)
            if outer is not None:
                merge(value, Value("", outer.dtype, None))


def _bind_scan(node: Node) -> None:
    """Scan-9..: states first, then one slice of every scanned input."""
    body, count = node.subgraphs["body"], node.attribute("num_scan_inputs")
    if not isinstance(count, int) or node.opset < 9:
        return
    states = len(node.inputs) - count
    axes = node.attribute("scan_input_axes")
    for index, info in enumerate(body.inputs):
        outer = node.input(index)
        if outer is None:
            continue
        shape = outer.shape
        if index >= states and shape:
            axis = int(axes[index - states]) if isinstance(axes, tuple) else 0
            axis %= len(shape)
            shape = (*shape[:axis], *shape[axis + 1 :])
        merge(body.value(info.name), Value("", outer.dtype, shape if index >= states else None))


def _if_results(node: Node, outputs: list[Value]) -> None:
    """What both branches agree on."""
    branches = [node.subgraphs.get(n) for n in ("then_branch", "else_branch")]
    for index, value in enumerate(outputs):
        results = [b.value(b.outputs[index].name) for b in branches if b and index < len(b.outputs)]
        if not results:
            continue
        value.dtype = results[0].dtype if len({r.dtype for r in results}) == 1 else None
        if len({r.kind for r in results}) == 1:
            value.kind, value.type_proto = results[0].kind, results[0].type_proto
        value.shape = _common(tuple(r.shape for r in results))


def _common(shapes: tuple[Shape | None, ...]) -> Shape | None:
    first, *rest = shapes
    for other in rest:
        if first is None or other is None or len(first) != len(other):
            return None
        first = tuple(a if a == b else None for a, b in zip(first, other, strict=True))
    return first


def _loop_results(node: Node, outputs: list[Value]) -> None:
    body, carried = node.subgraphs.get("body"), len(node.inputs) - 2
    if body is None:
        return
    for index, value in enumerate(outputs):
        if index + 1 < len(body.outputs):
            result = body.value(body.outputs[index + 1].name)
            value.dtype = result.dtype
            value.shape = None if index < carried else _stacked(result.shape, 0)


def _scan_results(node: Node, outputs: list[Value]) -> None:
    body, count = node.subgraphs.get("body"), node.attribute("num_scan_inputs")
    if body is None or not isinstance(count, int) or node.opset < 9:
        return
    states = len(node.inputs) - count
    length = _scan_length(node, states)
    axes = node.attribute("scan_output_axes")
    for index, value in enumerate(outputs):
        if index < len(body.outputs):
            result = body.value(body.outputs[index].name)
            axis = int(axes[index - states]) if isinstance(axes, tuple) and index >= states else 0
            value.dtype = result.dtype
            value.shape = result.shape if index < states else _stacked(result.shape, axis, length)


def _scan_length(node: Node, states: int) -> Dim:
    """How many slices the first scanned input has."""
    axes, scanned = node.attribute("scan_input_axes"), node.input(states)
    if scanned is None or not scanned.shape:
        return None
    return scanned.shape[int(axes[0]) if isinstance(axes, tuple) else 0]


def _stacked(shape: Shape | None, axis: int, length: Dim = None) -> Shape | None:
    if shape is None:
        return None
    axis %= len(shape) + 1
    return (*shape[:axis], length, *shape[axis:])


_BINDERS: dict[str, Callable[[Node], None]] = {"Loop": _bind_loop, "Scan": _bind_scan}
_RESULTS: dict[str, Callable[[Node, list[Value]], None]] = {
    "If": _if_results,
    "Loop": _loop_results,
    "Scan": _scan_results,
}
