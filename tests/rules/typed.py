"""The onnx package's own cases in other element types, with numbers drawn for the first input."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, helper, numpy_helper
from rules.harness import node_tests

from porting.model.dtypes import numpy_dtype
from porting.model.schema import op_info

Case = tuple[ModelProto, dict[str, np.ndarray]]

NEWEST = 21
"""The newest opset that the onnxruntime of the tests has all of."""

LARGEST = 2000
"""Elements above which onnx.reference takes its time."""

_ODD = {
    "f": np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 88.8, -7.0, 1e-7]),
    "i": np.array([0, 1, -1, 127, -128, 5]),
    "u": np.array([0, 1, 127, 255]),
    "b": np.array([0, 1]),
}


@functools.cache
def retyped(op_type: str, dtype: str, key: int = 0) -> tuple[Case, ...]:
    """The cases of an operator with input `key`, and what shares its type, in another type.

    All inputs but the first are constants.
    """
    return tuple(_cases(op_type, dtype, key))


def _cases(op_type: str, dtype: str, key: int) -> Iterator[Case]:
    for _, model, data_sets in node_tests(op_type):
        try:
            found = _retype(model, data_sets[0][0], dtype, key)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
            continue  # the type is not for this case
        if found is not None:
            yield found


def _retype(model: ModelProto, arrays: Any, dtype: str, key: int) -> Case | None:
    node = model.graph.node[0]
    opset = min(NEWEST, next(o.version for o in model.opset_import if not o.domain))
    info = op_info(node.op_type, "ai.onnx", opset)
    if info is None or any(not i.type.HasField("tensor_type") for i in model.graph.input):
        return None
    feed = {i.name: np.asarray(a) for i, a in zip(model.graph.input, arrays, strict=True)}
    if max(a.size for a in feed.values()) > LARGEST:
        return None
    formals = list(info.schema.inputs)
    variable = formals[min(key, len(formals) - 1)].type_str
    for index, name in enumerate(node.input):
        if name and formals[min(index, len(formals) - 1)].type_str == variable:
            if feed[name].dtype.kind not in "biuf":
                return None
            feed[name] = _as_type(feed[name], dtype)
    return _model(node, feed, opset)


def _as_type(array: np.ndarray, dtype: str) -> np.ndarray:
    wanted = numpy_dtype(dtype)
    if array.dtype.kind == "f" and wanted.kind in "iub":
        array = np.round(array * 5)
    return (np.abs(array) if wanted.kind in "ub" else array).astype(wanted)


def _model(node: onnx.NodeProto, feed: dict[str, np.ndarray], opset: int) -> Case:
    names = list(feed)
    types = {n: helper.np_dtype_to_tensor_dtype(feed[n].dtype) for n in names}
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info(n, types[n], feed[n].shape) for n in names[:1]],
        [helper.make_empty_tensor_value_info(o) for o in node.output if o],
        [numpy_helper.from_array(feed[n], n) for n in names[1:]],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", opset)])
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    onnx.checker.check_model(model)
    return model, {n: feed[n] for n in names[:1]}


def redrawn(case: Case, seed: int, spread: float = 8.0) -> Case:
    """The case with other numbers in its input, odd ones among them."""
    random = np.random.default_rng(seed)
    feed = {}
    for name, array in case[1].items():
        kind = "f" if array.dtype.name == "bfloat16" else array.dtype.kind
        drawn = random.standard_normal(array.shape) * spread
        if kind != "f":
            drawn = np.round(np.abs(drawn) if kind in "ub" else drawn)
        odd = random.choice(_ODD[kind], array.shape)
        drawn = np.where(random.random(array.shape) < 0.15, odd, drawn)
        feed[name] = drawn.astype(array.dtype)
    return case[0], feed


def runs(runtime: Callable[..., Any], case: Case) -> bool:
    """Whether a runtime has the kernels for a case."""
    try:
        runtime(*case)
    except Exception:  # noqa: BLE001 - no kernel, or none for this type: whatever it is
        return False
    return True
