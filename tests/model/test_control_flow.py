"""What flows into bodies of If, Loop and Scan, and out of them."""

import numpy as np
import pytest
from capability.helpers import info, ints, model_of
from onnx import TensorProto, helper

from porting.model.build import build
from porting.model.graph import Graph
from porting.model.load import load


def built(nodes, inputs, outputs=("y",), **more) -> Graph:
    return build(load(model_of(nodes, inputs, list(outputs), **more)))


def branch(nodes, output, kind=None):
    declared = kind or info(output, None)
    if kind is None:
        declared.ClearField("type")
    return helper.make_graph(list(nodes), "b", [], [declared])


def choice(then, other, outputs=("y",), **more):
    node = helper.make_node("If", ["c"], list(outputs), then_branch=then, else_branch=other)
    inputs = {"c": (), "x": (2, 3), "z": ("n", 3)}
    return built([node], inputs, outputs, dtypes={"c": "bool"}, **more)


def made(op_type, inputs, outputs, **attributes):
    return helper.make_node(op_type, inputs.split(), outputs.split(), **attributes)


# --- If ---


def test_an_if_has_the_shape_on_which_its_branches_agree():
    graph = choice(branch([made("Relu", "x", "a")], "a"), branch([made("Neg", "x", "b")], "b"))
    assert (graph.value("y").dtype, graph.value("y").shape) == ("float32", (2, 3))


def test_where_branches_differ_an_if_is_open():
    graph = choice(branch([made("Relu", "x", "a")], "a"), branch([made("Neg", "z", "b")], "b"))
    first, last = graph.value("y").shape
    assert last == 3
    assert not isinstance(first, int)


def test_branches_of_different_rank_or_type_leave_nothing_known():
    flat = made("Flatten", "x", "f")
    then = branch([flat, made("Squeeze", "f", "a")], "a")
    other = branch(
        [
            made("ReduceMax", "x", "m", keepdims=0, axes=[0]),
            made("Cast", "m", "b", to=TensorProto.INT64),
        ],
        "b",
    )
    graph = choice(then, other)
    assert graph.value("y").dtype is None
    assert graph.value("y").shape is None


def test_a_branch_may_return_a_value_from_outside():
    node = made("Relu", "x", "h")
    choose = helper.make_node(
        "If",
        ["c"],
        ["y"],
        then_branch=branch([made("Identity", "h", "a")], "a"),
        else_branch=branch([made("Identity", "x", "b")], "b"),
    )
    graph = built([node, choose], {"c": (), "x": (2, 3)}, dtypes={"c": "bool"})
    assert graph.value("y").shape == (2, 3)
    assert [n.op_type for n in graph.consumers("h")] == ["If"]
    inner = graph.nodes[1].subgraphs["then_branch"]
    assert inner.producer("h") is graph.nodes[0]
    assert inner.value("h").shape == (2, 3)
    assert inner.path.endswith(".then_branch")


def test_an_if_of_sequences_is_a_sequence():
    def sequence(name):
        return branch([made("SequenceConstruct", "x x", name)], name)

    graph = choice(sequence("a"), sequence("b"))
    assert graph.value("y").kind == "sequence"


def test_what_a_branch_makes_constant_is_not_so_outside():
    one = helper.make_node("Constant", [], ["a"], value_int=1)
    two = helper.make_node("Constant", [], ["b"], value_int=2)
    graph = choice(branch([one], "a"), branch([two], "b"))
    assert not graph.value("y").is_const
    assert graph.nodes[0].subgraphs["then_branch"].value("a").value() == 1


def test_a_missing_branch_output_leaves_the_result_open():
    graph = choice(
        branch([made("Relu", "x", "a")], "a"),
        branch([made("Neg", "x", "b")], "b"),
        outputs=("y", "more"),
    )
    assert graph.value("more").shape is None


# --- Loop ---


def loop(body_nodes, carried=("s",), results=("go2", "s2"), inputs=("x",), shapes=None, **more):
    shapes = shapes or {}
    body = helper.make_graph(
        [made("Identity", "go", "go2"), *body_nodes],
        "body",
        [open_(n, shapes.get(n)) for n in ("i", "go", *carried)],
        [open_(n) for n in results],
    )
    outputs = [f"y{k}" for k in range(len(results) - 1)]
    more.setdefault("imports", {"my.ops": 1})
    node = helper.make_node("Loop", ["n", "", *inputs], outputs, body=body)
    given = {"n": ints(3).reshape(()), "x": (2, 3)}
    return built([node], given, outputs, **more)


def open_(name, shape=None):
    declared = info(name, shape)
    if shape is None:
        declared.ClearField("type")
    return declared


def test_a_loop_knows_its_number_and_condition_and_the_type_of_what_it_carries():
    graph = loop([made("Relu", "s", "s2")])
    body = graph.nodes[0].subgraphs["body"]
    assert (body.value("i").dtype, body.value("i").shape) == ("int64", ())
    assert (body.value("go").dtype, body.value("go").shape) == ("bool", ())
    assert body.value("s").dtype == "float32"
    assert graph.value("y0").dtype == "float32"


def test_what_a_loop_carries_may_change_its_shape_so_none_is_taken_for_granted():
    grow = made("Concat", "s s", "s2", axis=0)
    graph = loop([grow])
    assert graph.nodes[0].subgraphs["body"].value("s").shape is None
    assert graph.value("y0").shape is None


def test_a_shape_that_the_body_declares_is_believed():
    graph = loop([made("Relu", "s", "s2")], shapes={"s": (2, 3)})
    assert graph.nodes[0].subgraphs["body"].value("s2").shape == (2, 3)


def test_what_a_loop_collects_has_one_open_dimension_in_front():
    graph = loop([made("Identity", "s", "s2"), made("Relu", "x", "o")], results=("go2", "s2", "o"))
    assert graph.value("y1").shape == (None, 2, 3)
    assert graph.value("y1").dtype == "float32"


def test_a_loop_over_a_result_without_any_shape_collects_something_open():
    own = made("Own", "x", "o", domain="my.ops")
    graph = loop([made("Identity", "s", "s2"), own], results=("go2", "s2", "o"))
    assert graph.value("y1").shape is None


# --- Scan ---


def scan(inputs, body_inputs, nodes, results, count=1, opset=17, **attributes):
    body = helper.make_graph(
        list(nodes), "body", [open_(n) for n in body_inputs], [open_(n) for n in results]
    )
    outputs = [f"y{k}" for k in range(len(results))]
    node = helper.make_node(
        "Scan", list(inputs), outputs, body=body, num_scan_inputs=count, **attributes
    )
    return built([node], inputs, outputs, opset=opset)


def test_a_scan_gives_its_body_one_slice_at_a_time():
    graph = scan(
        {"s": (4,), "rows": (5, 4)},
        ["state", "row"],
        [made("Add", "row row", "next"), made("Relu", "row", "out")],
        ["next", "out"],
    )
    body = graph.nodes[0].subgraphs["body"]
    assert body.value("row").shape == (4,)
    assert (body.value("state").dtype, body.value("state").shape) == ("float32", None)
    assert graph.value("y0").shape == (4,)
    assert graph.value("y1").shape == (5, 4)


@pytest.mark.parametrize(("axis", "shape"), [(1, (5,)), (-1, (5,)), (0, (4,))])
def test_a_scan_slices_and_stacks_along_the_axes_that_it_names(axis, shape):
    graph = scan(
        {"rows": (5, 4)},
        ["row"],
        [made("Relu", "row", "out")],
        ["out"],
        scan_input_axes=[axis],
        scan_output_axes=[axis],
    )
    assert graph.nodes[0].subgraphs["body"].value("row").shape == shape
    assert graph.value("y0").shape == (5, 4), "what is sliced along an axis is stacked along it"


def test_a_scan_over_an_input_without_shape_or_of_opset_8_knows_nothing():
    relu = [made("Relu", "row", "out")]
    graph = scan({"rows": (5, 4)}, ["row"], relu, ["out"], opset=8)
    assert graph.nodes[0].subgraphs["body"].value("row").shape is None
    assert graph.value("y0").shape is None
    own = made("Own", "x", "rows", domain="my.ops")
    body = helper.make_graph(relu, "body", [open_("row")], [open_("out")])
    node = helper.make_node("Scan", ["rows"], ["y"], body=body, num_scan_inputs=1)
    assert built([own, node], {"x": (2,)}).value("y").shape is None


def test_scans_of_symbolic_slices_keep_the_symbol():
    graph = scan({"rows": (5, "n")}, ["row"], [made("Relu", "row", "out")], ["out"])
    assert graph.value("y0").shape == (5, "n")
    turned = scan(
        {"rows": (5, "n")}, ["row"], [made("Relu", "row", "out")], ["out"], scan_input_axes=[1]
    )
    assert turned.value("y0").shape == ("n", 5)


# --- others ---


def test_bodies_of_other_domains_are_read_and_nothing_is_assumed_of_them():
    body = branch([made("Relu", "x", "a")], "a")
    node = helper.make_node("If", ["c"], ["y"], domain="my.ops", then_branch=body)
    graph = built([node], {"c": (), "x": (2, 3)}, dtypes={"c": "bool"})
    assert graph.value("y").shape is None
    assert [n.op_type for _, n in graph.walk()] == ["If", "Relu"]
    assert graph.nodes[0].subgraphs["then_branch"].value("a").shape == (2, 3)


def test_constants_from_outside_are_seen_inside():
    target = np.array([3, 2], np.int64)
    then = branch([made("Reshape", "x t", "a")], "a")
    other = branch([made("Reshape", "x t", "b")], "b")
    node = helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other)
    graph = built([node], {"c": (), "x": (2, 3), "t": target}, dtypes={"c": "bool"})
    assert graph.value("y").shape == (3, 2)
