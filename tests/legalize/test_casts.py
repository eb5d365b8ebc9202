"""Casts between legalized neighbours disappear where they are nothing, and only there."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import NodeProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from porting.legalize.casts import cancel_casts
from porting.legalize.normalise import clean
from porting.model.dtypes import NUMBER_OF, numpy_dtype
from porting.model.graph import Context, Graph, Node
from porting.model.infer import infer
from porting.model.read import read_graph
from porting.model.write import write_model

TYPES = ["bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64"]


def cast(source: str, output: str, dtype: str) -> NodeProto:
    return helper.make_node("Cast", [source], [output], output, to=NUMBER_OF[dtype])


def model_of(nodes: list[NodeProto], dtype: str, **constants: Any) -> Any:
    """A model of nodes over the input `x`; the last node's output is the model's."""
    return helper.make_model(
        helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("x", NUMBER_OF[dtype], [3])],
            [helper.make_empty_tensor_value_info(nodes[-1].output[0])],
            [numpy_helper.from_array(np.asarray(c), n) for n, c in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
    )


def without_casts(model: Any, *, legal: bool = True) -> Any:
    copy = type(model)()
    copy.CopyFrom(model)
    graph: Graph = read_graph(
        copy.graph, Context({"ai.onnx": 17}, 8, numpy_helper.to_array), None, ""
    )
    infer(graph)
    cancel_casts(graph, lambda node: legal)
    clean(graph)
    return write_model(graph, copy, {"ai.onnx": 17})


def left(model: Any, *, legal: bool = True) -> list[str]:
    return [n.op_type for n in without_casts(model, legal=legal).graph.node]


@settings(max_examples=150, deadline=None)
@given(
    start=st.sampled_from(TYPES),
    steps=st.lists(st.sampled_from([*TYPES, "Reshape", "Neg"]), min_size=1, max_size=7),
    seed=st.integers(0, 2**32 - 1),
)
def test_what_remains_computes_the_same(start: str, steps: list[str], seed: int) -> None:
    nodes, dtype = [], start
    for index, step in enumerate([*steps, start]):
        before, after = f"v{index}" if index else "x", f"v{index + 1}"
        if step in TYPES:
            nodes.append(cast(before, after, step))
            dtype = step
        elif step == "Reshape":
            nodes.append(helper.make_node("Reshape", [before, "shape"], [after]))
        elif dtype.startswith(("int", "float")):
            nodes.append(helper.make_node("Neg", [before], [after]))
        else:
            nodes.append(helper.make_node("Identity", [before], [after]))
    nodes.append(helper.make_node("Identity", [nodes[-1].output[0]], ["y"]))
    model = model_of(nodes, start, shape=[3])
    x = np.random.default_rng(seed).integers(0, 100, 3).astype(numpy_dtype(start))
    with np.errstate(all="ignore"):
        want = ReferenceEvaluator(model).run(None, {"x": x})[0]
        result = without_casts(model, legal=bool(seed % 2))
        got = ReferenceEvaluator(result).run(None, {"x": x})[0]
    np.testing.assert_array_equal(want, got)
    if want.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(want), np.signbit(got))
    count = [n.op_type for n in model.graph.node].count("Cast")
    assert [n.op_type for n in result.graph.node].count("Cast") <= count


def test_a_cast_there_and_back_is_nothing_where_the_type_between_holds_it() -> None:
    relu = helper.make_node("Relu", ["b"], ["y"])
    held = [cast("x", "a", "float64"), cast("a", "b", "float32"), relu]
    assert left(model_of(held, "float32")) == ["Relu"]
    lossy = [cast("x", "a", "float16"), cast("a", "b", "float32"), relu]
    assert left(model_of(lossy, "float32")) == ["Cast", "Cast", "Relu"]


def test_a_whole_number_that_was_computed_as_a_float_is_one() -> None:
    nodes = [
        cast("x", "f", "float32"),
        helper.make_node("Mul", ["f", "two"], ["d"]),
        cast("d", "i", "int64"),
        cast("i", "g", "float32"),
        helper.make_node("Relu", ["g"], ["y"]),
    ]
    two = np.array([2], np.float32)
    assert left(model_of(nodes, "uint8", two=two)) == ["Cast", "Mul", "Relu"]
    half = np.array([0.5], np.float32)
    assert left(model_of(nodes, "uint8", two=half)).count("Cast") == 3
    minus = np.array([-2], np.float32)  # 0 * -2 is -0.0, which an integer is not
    assert left(model_of(nodes, "uint8", two=minus)).count("Cast") == 3


def test_two_casts_become_one_that_is_legal() -> None:
    relu = helper.make_node("Relu", ["b"], ["y"])
    nodes = [cast("x", "a", "int64"), cast("a", "b", "float32"), relu]
    assert left(model_of(nodes, "int32")) == ["Cast", "Relu"]
    assert left(model_of(nodes, "int32"), legal=False) == ["Cast", "Cast", "Relu"]


def test_an_integer_that_loses_its_upper_bits_is_no_float() -> None:
    relu = helper.make_node("Relu", ["c"], ["y"])
    nodes = [cast("x", "f", "float32"), cast("f", "a", "int32"), cast("a", "b", "int8")]
    model = model_of([*nodes, cast("b", "c", "float32"), relu], "uint8")
    result = without_casts(model)
    x = np.array([200, 3, 128], np.uint8)
    for each in (model, result):
        got = ReferenceEvaluator(each).run(None, {"x": x})[0]
        np.testing.assert_array_equal(got, [0, 3, 0])


def test_a_value_is_cast_to_a_type_once() -> None:
    nodes = [
        cast("x", "a", "float16"),
        cast("x", "b", "float16"),
        helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    assert left(model_of(nodes, "float32")) == ["Cast", "Add"]


def test_outputs_of_the_graph_keep_their_names_and_types() -> None:
    nodes = [cast("x", "a", "int64"), cast("a", "y", "int32")]
    result = without_casts(model_of(nodes, "int32"))
    assert [o.name for o in result.graph.output] == ["y"]
    assert result.graph.output[0].type.tensor_type.elem_type == NUMBER_OF["int32"]


@pytest.mark.parametrize("wide", ["int64", "float64"])
def test_a_body_takes_the_value_from_outside(wide: str) -> None:
    body = [cast("a", "b", "int32"), helper.make_node("Neg", ["b"], ["r"])]
    other = [helper.make_node("Identity", ["x"], ["s"])]
    graphs = [
        helper.make_graph(n, "b", [], [helper.make_empty_tensor_value_info(n[-1].output[0])])
        for n in (body, other)
    ]
    choice = helper.make_node("If", ["c"], ["y"], then_branch=graphs[0], else_branch=graphs[1])
    model = model_of([cast("x", "a", wide), choice], "int32", c=np.array(True))
    result = without_casts(model)
    assert [n.op_type for n in result.graph.node] == ["If"]


def test_the_chip_is_asked_about_the_cast_that_stands_for_two() -> None:
    asked: list[Node] = []
    relu = helper.make_node("Relu", ["b"], ["y"])
    nodes = [cast("x", "a", "int64"), cast("a", "b", "float32"), relu]
    graph = read_graph(
        model_of(nodes, "int32").graph,
        Context({"ai.onnx": 17}, 8, numpy_helper.to_array), None, "",
    )  # fmt: skip
    infer(graph)
    cancel_casts(graph, lambda node: bool(asked.append(node)))
    assert [(n.input(0).dtype, n.output().dtype) for n in asked] == [("int32", "float32")]  # type: ignore[union-attr]
