"""Indices in the other of the two integer types that ONNX has for them.

How the families work is told in `porting.legalize.retype`.
"""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.ranges import fits
from porting.legalize.retype import in_type, proven, recast
from porting.legalize.rule import decline, known_dtype, require, rule
from porting.model.graph import Node

KEYS: dict[str, tuple[int, ...]] = {
    "CumSum": (1,),
    "Gather": (1,),
    "GatherElements": (1,),
    "OneHot": (0, 1),
    "ScatterElements": (1,),
}
"""Operators with indices of an open type, and where those stand."""


@rule(*KEYS, exactness="narrowing")
def indices_in_int32(op: Ops, node: Node) -> list[str]:
    """f(x, i) = f(x, cast(i, int32)) for indices that are proven to be in the range of int32.

    An index that lies in its axis is; one outside is an error in the original.

    Source: ONNX Gather-13: indices are expected to be within bounds; no axis is beyond 2^31 - 1.
    """
    _require_type(node, "int64")
    proven(node, "int32", KEYS[node.op_type])
    return in_type(op, node, "int32", KEYS[node.op_type])


@rule(*KEYS, "Slice", exactness="exact")
def indices_in_int64(op: Ops, node: Node) -> list[str]:
    """f(x, i) = f(x, cast(i, int64)) for indices in int32.

    Source: ONNX Gather-13.
    """
    _require_type(node, "int32")
    return in_type(op, node, "int64", KEYS.get(node.op_type, (1,)))


@rule("Slice", exactness="narrowing", versions=(10, 11, 13))
def slice_bounds_in_int32(op: Ops, node: Node) -> str:
    """Starts, ends, axes and steps in int32; constants beyond its range become its limits.

    Source: ONNX Slice-13 clamps starts and ends to the axis, and no axis is beyond 2^31 - 1. A
    plain Cast would make -1 of the largest int64, which exporters write for "to the end".
    """
    _require_type(node, "int64")
    steps = node.const(4)
    forward = len(node.inputs) < 5 or (steps is not None and bool((steps > 0).all()))
    ends = node.const(2)
    far = ends is not None and bool((ends > _LEAST_AND_MOST[1]).any())
    require(forward or not far, "runtimes differ on going backward from the largest number")
    given: list[str | None] = [node.inputs[0]]
    for index, name in enumerate(node.inputs[1:], 1):
        array = node.const(index)
        if not name or array is None:
            if name and not fits(node.graph, name, "int32"):
                decline(f"'{name}' is int64 and not proven to fit into int32")
            given.append(recast(op, name, "int32") if name else None)
        else:
            given.append(op.const(np.clip(array, *_LEAST_AND_MOST).astype(np.int32)))
    return op.copy(node, given)[0]


_LEAST_AND_MOST = (-(2**31), 2**31 - 1)


def _require_type(node: Node, wanted: str) -> None:
    key = KEYS.get(node.op_type, (1,))[0]
    dtype = known_dtype(node.input(key), f"input {key}")
    require(dtype == wanted, f"the indices are {dtype}")
