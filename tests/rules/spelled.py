"""Patterns in tests: models written as text, and a rule tried on the last node of one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, helper, numpy_helper
from rules.harness import assert_equivalent, graph_of, the_rule

from porting.legalize.apply import Names, apply, splice
from porting.legalize.normalise import clean
from porting.legalize.rule import DeclinedError
from porting.model.graph import Context
from porting.model.write import write_model

Case = tuple[ModelProto, Mapping[str, np.ndarray]]


def spelled(
    body: str,
    inputs: Mapping[str, np.ndarray],
    constants: Mapping[str, Any] | None = None,
    *,
    opset: int = 17,
) -> Case:
    """A model of nodes in ONNX's text form, whose last one gives the output.

    Args:
        body: Such as `a = Mul(x, c) y = Add(a, x)`.
        inputs: What the model is fed.
        constants: Initializers; numbers take the type of the first input.
        opset: Of the default domain.
    """
    text = f'<domain: "p", opset_import: ["": {opset}]> p () => () {{ {body} }}'
    nodes = list(onnx.parser.parse_function(text).node)
    for index, node in enumerate(nodes):
        node.name = f"n{index}"
    dtype = next(iter(inputs.values())).dtype
    arrays = {
        n: c if isinstance(c, np.ndarray) else np.array(c, dtype)
        for n, c in (constants or {}).items()
    }
    infos = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for n, a in inputs.items()
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        infos,
        [helper.make_empty_tensor_value_info(o) for o in nodes[-1].output],
        [numpy_helper.from_array(a, n) for n, a in arrays.items()],
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", opset)])
    return onnx.shape_inference.infer_shapes(model), dict(inputs)


def rewrite_last(model: ModelProto, function: Any, opset: int | None = None) -> ModelProto:
    """The model with its last node replaced, and without what nobody reads any more."""
    copy = ModelProto()
    copy.CopyFrom(model)
    graph = graph_of(copy)
    opsets = dict(graph.context.opsets) | ({"ai.onnx": opset} if opset else {})
    context = Context(opsets, graph.context.ir_version, graph.context.read)
    last = graph.nodes[-1]
    made = apply(the_rule(function, last.key), last, Names(), context)
    splice(graph, {last: made})
    clean(graph)
    result = write_model(graph, copy, opsets)
    onnx.checker.check_model(result, full_check=True)
    return result


def prove_last(
    function: Callable[..., Any], case: Case, *, targets: Sequence[int] = (), **tolerances: Any
) -> list[str]:
    """The rule gives the same for the pattern that the last node ends.

    Returns:
        The operators of the result.
    """
    model, feed = case
    for target in targets or (None,):
        result = rewrite_last(model, function, target)
        with np.errstate(all="ignore"):
            assert_equivalent(model, result, feed, **tolerances)
    return [node.op_type for node in result.graph.node]


def declines_last(
    function: Callable[..., Any], case: Case, reason: str, *, opset: int | None = None
) -> None:
    """The rule does not apply to the last node, for this reason (a regular expression)."""
    with pytest.raises(DeclinedError, match=reason):
        rewrite_last(case[0], function, opset)
