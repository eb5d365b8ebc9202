"""Converts small models to other opsets; shared by the tests of the adapters."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import ModelProto
from rules.harness import assert_equivalent, graph_of

from porting.legalize.opset import OpsetResult, convert_opset
from porting.legalize.rule import Registry
from porting.model.write import write_model

NO_RULES = Registry()


def attempt(
    model: ModelProto, target: int, rules: Registry = NO_RULES
) -> tuple[ModelProto, OpsetResult]:
    """The model at another opset, checked; or as it was, with the blockers."""
    copy = ModelProto()
    copy.CopyFrom(model)
    graph = graph_of(copy)
    before = write_model(graph, copy, graph.context.opsets).SerializeToString()
    result = convert_opset(graph, target, rules)
    converted = write_model(graph, copy, graph.context.opsets)
    if result.blockers:
        assert converted.SerializeToString() == before, "a failed conversion changed the graph"
        assert all(b.reason for b in result.blockers)
        return model, result
    assert graph.context.opset == target
    assert all(n.info is not None for _, n in graph.walk() if n.domain == "ai.onnx")
    onnx.checker.check_model(converted, full_check=True)
    return converted, result


def converted(model: ModelProto, target: int, rules: Registry = NO_RULES) -> ModelProto:
    """The model at another opset; it must be possible."""
    result, report = attempt(model, target, rules)
    assert not report.blockers, [b.reason for b in report.blockers]
    return result


def assert_converts(
    model: ModelProto,
    feed: Mapping[str, np.ndarray],
    target: int,
    *,
    rel: float = 1e-5,
    absolute: float = 1e-6,
    reference: bool = True,
    ort: bool = True,
    rules: Registry = NO_RULES,
) -> ModelProto:
    """Converts a model and compares it with itself."""
    result = converted(model, target, rules)
    assert_equivalent(model, result, feed, rel=rel, absolute=absolute, reference=reference, ort=ort)
    return result


def reasons(model: ModelProto, target: int, rules: Registry = NO_RULES) -> str:
    """Why a model cannot be converted."""
    _, report = attempt(model, target, rules)
    assert report.blockers
    return "; ".join(b.reason for b in report.blockers)


def test_nothing_to_do() -> None:
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 13]> g (float[2] x) => (float[2] y) { y = Relu(x) }'
    )
    assert converted(model, 13).SerializeToString() == converted(model, 13).SerializeToString()
