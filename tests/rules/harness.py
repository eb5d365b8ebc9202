"""Runs a rule on every node it is for, and compares the model before and after in two runtimes."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, NodeProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from porting.legalize.apply import Names, apply, splice
from porting.legalize.rule import Rule
from porting.model.graph import Context, Graph
from porting.model.infer import infer
from porting.model.read import read_graph
from porting.model.write import write_model

Arrays = Sequence[np.ndarray | None]
SPECIAL = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-40, 88.8, -88.8, 65504.0, -1e30])
"""Values at which naive rewrites go wrong (float32)."""


def the_rule(function: Any, op_type: str | None = None) -> Rule:
    """The rule that `@rule` made of a function; with several operators, the one for `op_type`."""
    rules = [r for r in function.rules if op_type in (None, r.op_type)]
    assert len(rules) == 1, [r.name for r in function.rules]
    return rules[0]


def graph_of(model: ModelProto) -> Graph:
    """The inferred main graph of a small model."""
    opsets = {o.domain or "ai.onnx": o.version for o in model.opset_import}
    context = Context(opsets, model.ir_version, numpy_helper.to_array)
    graph = read_graph(model.graph, context, None, "")
    infer(graph)
    return graph


def rewrite(model: ModelProto, rule: Rule, opset: int | None = None) -> ModelProto:
    """The model with the rule applied to each node of its operator.

    Args:
        model: Not changed.
        rule: Must apply to every such node.
        opset: Default-domain version of the result; the model's own by default.
    """
    copy = ModelProto()
    copy.CopyFrom(model)
    graph = graph_of(copy)
    opsets = dict(graph.context.opsets) | ({"ai.onnx": opset} if opset else {})
    context = Context(opsets, graph.context.ir_version, graph.context.read)
    names = Names()
    replacements = {n: apply(rule, n, names, context) for n in graph.nodes if n.key == rule.op_type}
    assert replacements, f"the model has no {rule.op_type}"
    splice(graph, replacements)
    result = write_model(graph, copy, opsets)
    onnx.checker.check_model(result, full_check=True)
    return result


def single(
    op_type: str,
    inputs: Arrays,
    *,
    opset: int,
    outputs: int = 1,
    constants: Sequence[int] = (),
    domain: str = "",
    ir_version: int = 8,
    **attributes: Any,
) -> tuple[ModelProto, dict[str, np.ndarray]]:
    """A model of one node and its inputs; those at positions `constants` become initializers."""
    names = ["" if a is None else f"in{i}" for i, a in enumerate(inputs)]
    node = helper.make_node(
        op_type, names, [f"out{i}" for i in range(outputs)], domain=domain, **attributes
    )
    return with_nodes(
        [node], names, inputs, opset=opset, constants=constants, ir_version=ir_version
    )


def with_nodes(
    nodes: Sequence[NodeProto],
    names: Sequence[str],
    inputs: Arrays,
    *,
    opset: int,
    constants: Sequence[int] = (),
    ir_version: int = 8,
) -> tuple[ModelProto, dict[str, np.ndarray]]:
    """A model of some nodes whose last one gives the outputs, with the inputs to feed it."""
    infos, initializers, feed = [], [], {}
    for index, (name, array) in enumerate(zip(names, inputs, strict=True)):
        if array is None:
            continue
        if index in constants:
            initializers.append(numpy_helper.from_array(array, name))
        else:
            dtype = helper.np_dtype_to_tensor_dtype(array.dtype)
            infos.append(helper.make_tensor_value_info(name, dtype, array.shape))
            feed[name] = array
    outs = [helper.make_empty_tensor_value_info(o) for o in nodes[-1].output if o]
    graph = helper.make_graph(list(nodes), "g", infos, outs, initializers)
    domains = sorted({n.domain for n in nodes} | {""})
    opsets = [helper.make_opsetid(d, opset if not d else 1) for d in domains]
    model = helper.make_model(graph, ir_version=ir_version, opset_imports=opsets)
    return onnx.shape_inference.infer_shapes(model), feed


def run_ort(model: ModelProto, feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """onnxruntime on the CPU, without graph optimizations."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    wanted = {i.name for i in session.get_inputs()}
    return list(session.run(None, {k: v for k, v in feed.items() if k in wanted}))


def run_reference(model: ModelProto, feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """onnx.reference."""
    with np.errstate(all="ignore"):
        return list(ReferenceEvaluator(model).run(None, dict(feed)))


def difference(a: np.ndarray, b: np.ndarray, rel: float, absolute: float, steps: int = 0) -> str:
    """What is wrong with `b`, empty if it agrees with `a`; integers up to `steps`."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return f"{a.dtype}{a.shape} became {b.dtype}{b.shape}"
    if a.dtype.kind in "iu" and steps:
        apart = np.abs(a.astype(np.float64) - b.astype(np.float64)).max(initial=0)
        return "" if apart <= steps else f"{a} became {b}"
    if a.dtype.kind not in "fV":
        return "" if np.array_equal(a, b) else f"{a} became {b}"
    x, y = a.astype(np.float64), b.astype(np.float64)
    close = np.isclose(x, y, rtol=rel, atol=absolute, equal_nan=True)
    if close.all():
        return ""
    at = np.unravel_index(np.argmin(close), close.shape) if close.ndim else ()
    return f"at {at}: {x[at]!r} became {y[at]!r} ({(~close).sum()} of {close.size})"


def assert_equivalent(
    model: ModelProto,
    result: ModelProto,
    feed: Mapping[str, np.ndarray],
    *,
    rel: float = 1e-5,
    absolute: float = 1e-6,
    steps: int = 0,
    reference: bool = True,
    ort: bool = True,
) -> None:
    """Both runtimes give for `result` what they give for `model`.

    Where the two runtimes disagree about `model` itself, each is held to its own answer only.
    Set `reference` or `ort` to False only where that runtime is known to be wrong or has no
    kernel, and say so at the call.
    """
    assert reference or ort
    runs = [run_ort] * ort + [run_reference] * reference
    for run in runs:
        before, after = run(model, feed), run(result, feed)
        assert len(before) == len(after)
        for index, (a, b) in enumerate(zip(before, after, strict=True)):
            problem = difference(np.asarray(a), np.asarray(b), rel, absolute, steps)
            assert not problem, f"{run.__name__}, output {index}: {problem}"


@functools.cache
def node_tests(op_type: str) -> list[tuple[str, ModelProto, tuple[Any, ...]]]:
    """The onnx package's own cases in which `op_type` stands alone: name, model, data sets."""
    from onnx.backend.test.case.node import collect_testcases

    found = []
    for case in _all_cases(collect_testcases):
        nodes = case.model.graph.node
        if len(nodes) == 1 and nodes[0].op_type == op_type:
            found.append((case.name, case.model, tuple(case.data_sets)))
    return found


@functools.cache
def _all_cases(collect: Any) -> list[Any]:
    return list(collect(None))
