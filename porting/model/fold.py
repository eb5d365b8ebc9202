"""Evaluates the small integer arithmetic with which models compute shapes.

Only what shape computations are made of, in numpy, with ONNX's semantics; anything else is left
alone. Results are bounded: a node that would read or produce more than `SMALL` elements is not
folded, unless the caller asks for more.
"""

from collections.abc import Callable

import numpy as np

from porting.model.fold_moving import MOVING
from porting.model.fold_numbers import NUMBERS
from porting.model.fold_operands import Folder, limited_to, most
from porting.model.graph import Node
from porting.model.value import Array, Value


def fold_up_to(limit: int, node: Node) -> list[Array] | None:
    """As `fold`, of constants of up to `limit` elements."""
    with limited_to(limit):
        return fold(node)


def may_fold(node: Node, *, is_const: bool) -> bool:
    """Whether `fold` could answer for a node, all of whose inputs are constants or not."""
    return node.key in _SHAPE_READERS or (is_const and node.key in _FOLDERS)


def fold(node: Node) -> list[Array] | None:
    """The outputs of a node that are the same in every run; None if that is not known.

    Source: the operators' definitions in ONNX, at the version the model imports.

    Args:
        node: The node, its inputs inferred.
    """
    folder = _FOLDERS.get(node.key)
    if folder is None:
        shape_of = _SHAPE_READERS.get(node.key)
        return shape_of(node) if shape_of is not None else None
    values = node.input_values()
    for value in values:
        if value is not None and not value.is_const:
            return None
    contents = [_contents(v) for v in values]
    if any(v is not None and c is None for v, c in zip(values, contents, strict=True)):
        return None
    if _result_is_large(node):
        return None
    try:
        with np.errstate(all="ignore"):
            results = folder(node, contents)
    except (ValueError, IndexError, TypeError, KeyError, OverflowError, ZeroDivisionError):
        return None  # an invalid node: shape inference or the checker has the better message
    if results is None or any(r.size > most() for r in results):
        return None
    return results


def _contents(value: Value | None) -> Array | None:
    return value.value(most()) if value is not None else None


def _result_is_large(node: Node) -> bool:
    output = node.output()
    return output is not None and output.size is not None and output.size > most()


def _shape(node: Node) -> list[Array] | None:
    """Shape-1..: from 15 on, of the axes from `start` to `end`."""
    data = node.input(0)
    if data is None or data.shape is None:
        return None
    start, end = node.attribute("start"), node.attribute("end")
    dims = data.shape[
        start if isinstance(start, int) else 0 : end if isinstance(end, int) else None
    ]
    if any(not isinstance(d, int) for d in dims):
        return None
    return [np.array(dims, dtype=np.int64)]


def _size(node: Node) -> list[Array] | None:
    data = node.input(0)
    if data is None or data.size is None:
        return None
    return [np.array(data.size, dtype=np.int64)]


_SHAPE_READERS: dict[str, Callable[[Node], list[Array] | None]] = {
    "Shape": _shape,
    "Size": _size,
}


_FOLDERS: dict[str, Folder] = {**NUMBERS, **MOVING}
