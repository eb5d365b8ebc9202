"""The shapes that a user gives: put in where they fit, refused in one line where they do not."""

import pytest
from capability.helpers import info, model_of, ones
from onnx import helper

import porting.model.build
from porting.errors import UsageError
from porting.model.build import build
from porting.model.graph import Graph
from porting.model.load import load


def built(inputs=None, nodes=None, outputs=("y",), shapes=None, dims=None, value_info=()) -> Graph:
    inputs = inputs or {"x": ("n", 3, "h"), "z": ("n", 5)}
    model = model_of(
        nodes or [helper.make_node("Relu", ["x"], ["y"])],
        inputs,
        list(outputs),
        imports={"my.ops": 1},
    )
    model.graph.value_info.extend(value_info)
    return build(load(model), shapes, dims)


def refuse(code: str, **given) -> UsageError:
    with pytest.raises(UsageError) as caught:
        built(**given)
    assert caught.value.code == code
    assert "\n" not in caught.value.message
    assert caught.value.help or code == "shape-size"
    return caught.value


def test_without_shapes_symbols_stay_symbols():
    graph = built()
    assert graph.value("y").shape == ("n", 3, "h")
    assert graph.value("x").dtype == graph.value("y").dtype == "float32"


def test_a_shape_replaces_symbols_and_reaches_every_node():
    graph = built(shapes={"x": [2, 3, 4]})
    assert graph.value("x").shape == graph.value("y").shape == (2, 3, 4)


def test_a_symbol_that_a_shape_decides_is_decided_for_the_other_inputs_too():
    assert built(shapes={"x": [2, 3, 4]}).value("z").shape == (2, 5)
    assert built(dims={"n": 7}).value("z").shape == (7, 5)
    assert built(dims={"h": 7}).value("z").shape == ("n", 5)


def test_inputs_that_are_given_different_sizes_for_one_symbol_keep_them():
    inputs = {"x": ("n",), "z": ("n",), "w": ("n",)}
    graph = built(inputs, shapes={"x": [2], "z": [3]})
    assert graph.value("x").shape == (2,)
    assert graph.value("z").shape == (3,)
    assert graph.value("w").shape == ("n",)


def test_shapes_and_dims_go_together():
    graph = built(shapes={"z": [2, 5]}, dims={"h": 9})
    assert graph.value("y").shape == (2, 3, 9)


def test_an_input_without_any_shape_takes_the_one_that_is_given():
    model = model_of([helper.make_node("Relu", ["x"], ["y"])], {"x": (1,)}, ["y"])
    model.graph.input[0].type.tensor_type.ClearField("shape")
    assert build(load(model)).value("y").shape is None
    assert build(load(model), {"x": (4, 5)}).value("y").shape == (4, 5)


@pytest.mark.parametrize("declared", [0, -1, None])
def test_a_size_that_means_not_known_may_be_given(declared):
    model = model_of([helper.make_node("Relu", ["x"], ["y"])], {"x": (1, 3)}, ["y"])
    dim = model.graph.input[0].type.tensor_type.shape.dim[0]
    dim.Clear()
    if declared is not None:
        dim.dim_value = declared
    assert build(load(model), {"x": (8, 3)}).value("y").shape == (8, 3)


def test_an_unknown_input_is_refused_with_the_ones_there_are():
    error = refuse("input-unknown", shapes={"X": [1, 3, 4]})
    assert "no input 'X'" in error.message
    assert "x, z" in error.help


def test_an_initializer_is_not_an_input():
    error = refuse(
        "input-unknown",
        inputs={"x": (2,), "w": ones(2)},
        nodes=[helper.make_node("Add", ["x", "w"], ["y"])],
        shapes={"w": [3]},
    )
    assert error.help == "its inputs are: x"


def test_a_shape_of_another_rank_is_refused():
    error = refuse("shape-rank", shapes={"x": [1, 3]})
    assert "3 dimensions, --shape gives 2" in error.message
    assert error.help == "declared: [n, 3, h]"


def test_a_size_that_the_model_fixes_cannot_be_changed():
    error = refuse("shape-fixed", shapes={"x": [1, 4, 5]})
    assert "dimension 1 of input 'x' is 3 in the model, --shape says 4" in error.message


@pytest.mark.parametrize("size", [0, -1])
def test_a_size_below_one_is_refused(size):
    assert "--shape x" in refuse("shape-size", shapes={"x": [1, 3, size]}).message
    assert f"--dim n={size}" in refuse("shape-size", dims={"n": size}).message


def test_a_dimension_that_no_input_has_is_refused_with_the_ones_there_are():
    error = refuse("dim-unknown", dims={"batch": 1})
    assert "no input has a dimension 'batch'" in error.message
    assert error.help == "symbolic dimensions of this model: h, n"
    assert refuse("dim-unknown", inputs={"x": (1,)}, dims={"n": 1}).help.endswith("none")


OPAQUE = helper.make_node("Opaque", ["x"], ["y"], domain="my.ops")


def declared(shape, **given):
    return built(nodes=[OPAQUE], value_info=[info("y", shape)], outputs=[], **given).value("y")


def test_a_declared_shape_fills_in_what_inference_cannot_know():
    assert declared((1, 8)).shape == (1, 8)
    assert declared(("n", 8)).shape == ("n", 8)


def test_a_declared_shape_of_numbers_alone_is_not_trusted_once_sizes_are_given():
    stale = declared((1, 8), dims={"n": 4})
    assert stale.shape == (None, None)
    assert stale.dtype == "float32"


def test_a_declared_shape_with_symbols_follows_the_sizes_that_are_given():
    assert declared(("n", 8), dims={"n": 4}).shape == (4, 8)
    assert declared(("n", 8), shapes={"x": (4, 3, 2)}).shape == (4, 8)
    assert declared(("n", 8), dims={"h": 4}).shape == ("n", 8)


def test_a_declared_output_is_held_to_the_same():
    model = model_of([OPAQUE], {"x": ("n",)}, ["y"])
    model.graph.output[0].CopyFrom(info("y", (1, 8)))
    assert build(load(model)).value("y").shape == (1, 8)
    assert build(load(model), None, {"n": 4}).value("y").shape == (None, None)


def test_a_stale_declaration_never_outdoes_inference():
    graph = built(value_info=[info("y", (1, 3, 8))], dims={"n": 4, "h": 2}, outputs=[])
    assert graph.value("y").shape == (4, 3, 2)


def test_a_symbol_that_flows_from_an_input_is_not_taken_for_a_stale_size():
    graph = built(value_info=[info("y", (1, 3, 8))], outputs=[])
    assert graph.value("y").shape == ("n", 3, "h")


def test_bodies_forget_stale_shapes_too_and_keep_what_is_inferred():
    body = helper.make_graph(
        [
            helper.make_node("Add", ["s", "row"], ["s2"]),
            helper.make_node("Opaque", ["row"], ["out"], domain="my.ops"),
        ],
        "body",
        [info("s", (99,)), info("row", (99,))],
        [info("s2", (99,)), info("out", ("n", 99))],
    )
    scan = helper.make_node("Scan", ["s0", "rows"], ["y", "all"], body=body, num_scan_inputs=1)
    inputs = {"s0": ("n",), "rows": (5, "n")}
    graph = built(inputs, [scan], ["y", "all"], dims={"n": 4})
    inner = graph.nodes[0].subgraphs["body"]
    assert inner.value("row").shape == (4,)
    assert inner.value("s2").shape == (4,)
    assert inner.value("out").shape == (4, 99)
    assert built(inputs, [scan], ["y", "all"]).nodes[0].subgraphs["body"].value("s").shape == (99,)


def test_types_that_are_no_tensors_are_left_as_they_are_declared():
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, [2]))
    sequence = helper.make_value_info("y", kind)
    graph = built(nodes=[OPAQUE], value_info=[sequence], outputs=[], dims={"n": 4})
    assert graph.value("y").kind == "sequence"


def test_symbols_follow_the_arithmetic_on_shapes():
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Reshape", ["x2", "s"], ["y"]),
    ]
    graph = built({"x": ("n", "h"), "x2": ("m",)}, nodes)
    assert graph.value("y").rank == 2
    assert graph.value("y").shape == ("n", "h")
    assert built({"x": ("n", "h"), "x2": ("m",)}, nodes, shapes={"x": (2, 3)}).value("y").shape == (
        2,
        3,
    )


@pytest.mark.parametrize(("op_type", "asked"), [("Relu", 0), ("NonZero", 1)])
def test_onnx_infers_the_whole_model_only_where_something_is_open(op_type, asked, monkeypatch):
    models = []
    real = porting.model.build.infer_with_data
    monkeypatch.setattr(
        porting.model.build, "infer_with_data", lambda model: models.append(model) or real(model)
    )
    built(nodes=[helper.make_node(op_type, ["x"], ["y"])])
    assert len(models) == asked


def test_a_model_that_whole_model_inference_refuses_is_still_built():
    nodes = [
        helper.make_node("MatMul", ["x", "z"], ["m"]),
        helper.make_node("Relu", ["x"], ["y"]),
    ]
    graph = built({"x": ("n", 3), "z": (5, 4)}, nodes)
    assert graph.value("y").shape == ("n", 3)
    assert graph.value("m").shape is None
