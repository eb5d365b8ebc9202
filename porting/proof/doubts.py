"""What makes agreement on an output prove little: it hardly depends on what the model computes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, numpy_helper

from porting.proof.compare import OutputComparison
from porting.proof.exchange import Array
from porting.proof.shapes import declared_dims

Pairs = Sequence[tuple[Array | None, Array | None]]

SATURATED = 0.99
"""Share of an output's elements at the ends from which on it counts as saturated."""

FEW = 8
"""Elements in all below which being alike says nothing."""

_ENDS: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(("Sigmoid", "HardSigmoid", "Softmax"), (0.0, 1.0)),
    **dict.fromkeys(("Tanh", "Erf", "Softsign"), (-1.0, 1.0)),
    "LogSoftmax": (0.0,),
    "Relu": (0.0,),
}
"""Values at which an operator loses what went in."""
_ROUNDED = frozenset({"Sigmoid", "HardSigmoid", "Softmax", "Tanh", "Erf", "Softsign"})
"""Operators that kernels compute by way of numbers near 1: so many digits behind the point.

onnxruntime's own Sigmoid is off by 1e-8 where the result is 1e-8.
"""
_REARRANGES = frozenset(
    {"Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Flatten", "Concat"}
)
_DEEPEST = 16


@dataclass(frozen=True)
class Role:
    """What the graph tells of an output.

    Attributes:
        scores: It comes from a Softmax over the last axis.
        ends: Where the operator that computes it saturates.
        unit: Magnitude of the numbers from which that operator computes even what is tiny; 0 if
            there is none.
    """

    scores: bool = False
    ends: tuple[float, ...] = ()
    unit: float = 0.0


def roles(model: onnx.ModelProto) -> dict[str, Role]:
    """By output name."""
    made_by = {name: node for node in model.graph.node for name in node.output}
    constants = {t.name: t for t in model.graph.initializer}
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 1)
    found = {}
    for value in model.graph.output:
        dims = declared_dims(value)
        maker = _maker(value.name, made_by, ("Identity", "Cast"))
        scores = maker is not None and _over_last(maker, opset, None if dims is None else len(dims))
        maker = _maker(value.name, made_by, _REARRANGES)
        ends = () if maker is None else _ends(maker, constants)
        unit = 1.0 if maker is not None and maker.op_type in _ROUNDED else 0.0
        found[value.name] = Role(scores, ends, unit)
    return found


def _maker(name: str, made_by: dict[str, NodeProto], through: Any) -> NodeProto | None:
    for _ in range(_DEEPEST):
        node = made_by.get(name)
        if node is None or node.op_type not in through:
            return node
        name = node.input[0]
    return None


def _over_last(node: NodeProto, opset: int, rank: int | None) -> bool:
    if node.domain or node.op_type not in ("Softmax", "LogSoftmax"):
        return False
    axis = next((a.i for a in node.attribute if a.name == "axis"), -1 if opset >= 13 else 1)
    return axis == -1 or (rank is not None and axis == rank - 1)


def _ends(node: NodeProto, constants: dict[str, onnx.TensorProto]) -> tuple[float, ...]:
    if node.op_type != "Clip":
        return _ENDS.get(node.op_type, ())
    limits = [float(a.f) for a in node.attribute if a.name in ("min", "max")]
    for name in node.input[1:]:
        tensor = constants.get(name)
        if tensor is not None and tensor.data_location != onnx.TensorProto.EXTERNAL:
            limits.append(float(numpy_helper.to_array(tensor).reshape(())))
    return tuple(limits)


def doubts(result: OutputComparison, pairs: Pairs, groups: Sequence[int], role: Role) -> list[str]:
    """What makes agreement on this output prove little, one line each.

    Args:
        result: The comparison.
        pairs: The original's value and the converted model's, for each run.
        groups: A number for each run; runs of one number had inputs of the same shapes.
        role: What the original's graph tells of the output.
    """
    name = result.name
    arrays = [(group, x) for group, (x, _) in zip(groups, pairs, strict=True) if x is not None]
    lines = []
    if arrays[0][1].dtype != next(y for _, y in pairs if y is not None).dtype:
        lines.append(f"output {name} is {result.dtype} in the original only")
    if result.passed and result.elements == 0:
        return [*lines, f"output {name} is empty; the comparison proves nothing"]
    if all(is_all_nan(x) for _, x in arrays):
        return [*lines, f"output {name} is all NaN; the comparison proves little"]
    if _is_the_same(arrays):
        text = f"output {name} does not depend on the inputs drawn; the comparison proves little"
        return [*lines, text]
    for doubt in (_nan, _constant, _saturated):
        text = doubt([x for _, x in arrays], role)
        if text:
            return [*lines, f"output {name} {text}; the comparison proves little"]
    return lines


def is_all_nan(array: Array) -> bool:
    """Whether there are elements and each is NaN."""
    return array.size > 0 and bool(_isnan(array).all())


def _isnan(array: Array) -> Array:
    if array.dtype.kind in "iubOSU" or "int" in array.dtype.name:
        return np.zeros(array.shape, bool)
    values = array if array.dtype.kind == "c" else array.astype(np.float64)
    return np.asarray(np.isnan(values))


def _is_the_same(arrays: Sequence[tuple[int, Array]]) -> bool:
    """Whether every run at the same sizes gave the same, where there are several."""
    by_group: dict[int, list[bytes]] = {}
    for group, x in arrays:
        key = str(x.tolist()).encode() if x.dtype.kind == "O" else x.tobytes()
        by_group.setdefault(group, []).append(key)
    several = [values for values in by_group.values() if len(values) > 1]
    return bool(several) and all(len(set(values)) == 1 for values in several)


def _nan(arrays: Sequence[Array], role: Role) -> str:
    count, whole = sum(int(_isnan(x).sum()) for x in arrays), sum(x.size for x in arrays)
    return f"is NaN in {count} of {whole} elements" if count > whole / 2 else ""


def _constant(arrays: Sequence[Array], role: Role) -> str:
    """Every element of every run is the same number."""
    if any(x.dtype.kind == "O" for x in arrays) or sum(x.size for x in arrays) < FEW:
        return ""
    flat = np.concatenate([x.reshape(-1) for x in arrays])
    return f"is {flat[0]} everywhere" if flat.size and bool((flat == flat[0]).all()) else ""


def _saturated(arrays: Sequence[Array], role: Role) -> str:
    """Nearly every element is at an end of what the operator, or the type, can give."""
    ends, within = role.ends, 1e-7
    dtype = arrays[0].dtype
    if dtype.kind in "iu" and dtype.itemsize == 1:
        ends, within = (float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)), 0.0
    elif dtype == np.float16:
        ends = (*ends, -65504.0, 65504.0)
    elif dtype.kind in "iubOSUc" or (dtype.kind != "f" and not ends):
        return ""
    if sum(x.size for x in arrays) < FEW:
        return ""
    ends = (*ends, -np.inf, np.inf)
    flat = np.concatenate([x.reshape(-1) for x in arrays]).astype(np.float64)
    near: Callable[[float], Array] = lambda end: (  # noqa: E731
        flat == end if np.isinf(end) else np.abs(flat - end) <= within
    )
    share = float(np.mean(np.logical_or.reduce([near(end) for end in ends])))
    if share < SATURATED:
        return ""
    shown = ", ".join(f"{end:g}" for end in ends if bool(near(end).any()))
    return f"is saturated: {share:.1%} of its elements are at {shown}"
