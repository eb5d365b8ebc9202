"""What is known of every value: types, shapes and constants, and nothing that is not so."""

import numpy as np
import onnx
import pytest
from capability.helpers import floats, info, ints, model_of, node_model, ones
from onnx import TensorProto, helper, numpy_helper

from porting.model.build import build
from porting.model.graph import Graph
from porting.model.infer import infer_node
from porting.model.load import load


def inferred(nodes, inputs, outputs=("y",), **more) -> Graph:
    return build(load(model_of(nodes, inputs, list(outputs), **more)))


def node(op_type, inputs, outputs, **attributes):
    return helper.make_node(op_type, inputs.split(), outputs.split(), **attributes)


# --- shapes through shape arithmetic ---


def test_a_reshape_whose_target_is_computed_from_a_shape_has_dimensions():
    graph = inferred(
        [
            node("Shape", "x", "s"),
            node("Gather", "s zero", "n"),
            node("Unsqueeze", "n zero1", "n1"),
            node("Concat", "n1 rest", "target", axis=0),
            node("Reshape", "x target", "y"),
        ],
        {
            "x": (2, 3, 4, 4),
            "zero": np.array(0, np.int64),
            "zero1": ints(0),
            "rest": ints(-1),
        },
    )
    assert graph.value("y").shape == (2, 48)
    assert graph.value("target").value().tolist() == [2, -1]


def test_arithmetic_on_sizes_reaches_what_depends_on_it():
    graph = inferred(
        [
            node("Shape", "x", "s"),
            node("Mul", "s two", "doubled"),
            node("Slice", "doubled one three", "tail"),
            node("Concat", "one tail", "target", axis=0),
            node("Expand", "seed target", "y"),
        ],
        {
            "x": (1, 3, 4),
            "two": ints(2),
            "one": ints(1),
            "three": ints(3),
            "seed": ones(1),
        },
    )
    assert graph.value("y").shape == (1, 6, 8)


@pytest.mark.parametrize("size", ["n", None])
def test_an_open_dimension_stays_open_and_the_others_stay_known(size):
    graph = inferred(
        [node("Relu", "x", "r"), node("Transpose", "r", "y", perm=[1, 0, 2])], {"x": (size, 3, 4)}
    )
    shape = graph.value("y").shape
    assert (shape[0], shape[2]) == (3, 4)
    assert shape[1] == size or not isinstance(shape[1], int)
    assert not graph.value("y").is_static
    assert graph.value("y").size is None
    assert graph.value("y").rank == 3


def test_constants_decide_shapes_whatever_kind_they_are():
    resized = inferred(
        [node("Resize", "x none scales", "y")],
        {"x": (1, 1, 4, 4), "none": floats(), "scales": floats(1, 1, 2, 0.5)},
    )
    assert resized.value("y").shape == (1, 1, 8, 2)
    top = inferred([node("TopK", "x k", "y i")], {"x": (5,), "k": ints(2)}, ["y", "i"])
    assert top.value("y").shape == top.value("i").shape == (2,)
    assert top.value("i").dtype == "int64"


# --- Constant, in all its forms ---


@pytest.mark.parametrize(
    ("attributes", "dtype", "wanted"),
    [
        ({"value": numpy_helper.from_array(ints(1, 2))}, "int64", [1, 2]),
        ({"value_int": 3}, "int64", 3),
        ({"value_ints": [3, 4]}, "int64", [3, 4]),
        ({"value_float": 0.5}, "float32", 0.5),
        ({"value_floats": [0.5, 2.0]}, "float32", [0.5, 2.0]),
        ({"value_string": "a"}, "string", "a"),
        ({"value_strings": ["a", "b"]}, "string", ["a", "b"]),
    ],
)
def test_a_constant_node_is_known(attributes, dtype, wanted):
    graph = inferred([helper.make_node("Constant", [], ["y"], **attributes)], {})
    value = graph.value("y")
    assert value.is_const
    assert value.dtype == dtype
    assert value.shape == np.shape(wanted)
    assert value.value().tolist() == wanted


def test_a_sparse_constant_is_constant_though_its_contents_are_not_read():
    values = numpy_helper.from_array(floats(1), "v")
    sparse = helper.make_sparse_tensor(values, numpy_helper.from_array(ints(2), "i"), [5])
    graph = inferred([helper.make_node("Constant", [], ["y"], sparse_value=sparse)], {})
    assert graph.value("y").is_const
    assert graph.value("y").value() is None


def test_a_large_constant_is_not_read():
    big = numpy_helper.from_array(np.zeros((100, 100), np.float32))
    value = inferred([helper.make_node("Constant", [], ["y"], value=big)], {}).value("y")
    assert value.is_const
    assert value.shape == (100, 100)
    assert value.value() is None
    assert value.value(10_000).shape == (100, 100)


# --- what is constant ---


def test_what_is_computed_from_constants_is_constant_though_it_is_too_large_to_fold():
    graph = inferred(
        [node("Transpose", "w", "t"), node("Add", "t x", "y")],
        {"w": np.zeros((100, 100), np.float32), "x": (100, 100)},
    )
    assert graph.value("t").is_const
    assert graph.value("t").shape == (100, 100)
    assert graph.value("t").value() is None
    assert not graph.value("y").is_const


@pytest.mark.parametrize(
    "op_type", ["Bernoulli", "Dropout", "Multinomial", "RandomNormalLike", "RandomUniformLike"]
)
def test_what_is_drawn_by_chance_is_not_constant(op_type):
    graph = build(load(node_model(op_type, {"w": ones(2, 2)}, ["y"])))
    assert not graph.value("y").is_const


def test_what_no_input_decides_or_onnx_does_not_define_is_not_constant():
    assert not build(load(node_model("RandomNormal", {}, ["y"], shape=[2]))).value("y").is_const
    own = build(load(node_model("Noise", {"w": ones(2)}, ["y"], domain="my.ops")))
    assert not own.value("y").is_const


def test_an_output_that_is_not_asked_for_is_not_defined():
    graph = inferred([node("Split", "w", "a", axis=0)], {"w": ints(1, 2)}, ["a"])
    graph = build(load(split_without_first()))
    assert "" not in graph.values
    assert graph.value("b").value().tolist() == [2]


def split_without_first() -> onnx.ModelProto:
    split = helper.make_node("Split", ["w"], ["", "b"], axis=0)
    return model_of([split], {"w": ints(1, 2)}, ["b"])


# --- what is not known ---


def test_an_operator_that_onnx_does_not_know_leaves_its_outputs_open():
    graph = inferred(
        [node("Own", "x", "h", domain="my.ops"), node("Relu", "h", "y")], {"x": (2, 3)}
    )
    for name in ("h", "y"):
        assert (graph.value(name).dtype, graph.value(name).shape) == (None, None)


def test_a_node_that_is_not_valid_leaves_its_outputs_open_and_the_rest_goes_on():
    graph = inferred(
        [node("MatMul", "x w", "bad"), node("Relu", "x", "y")],
        {"x": (2, 3), "w": ones(4, 5)},
        ["bad", "y"],
    )
    assert graph.value("bad").shape is None
    assert graph.value("y").shape == (2, 3)


def test_a_name_that_nobody_defines_is_open():
    value = inferred([node("Relu", "x", "y")], {"x": (1,)}).value("nowhere")
    assert (value.dtype, value.shape, value.is_const, value.to_type()) == (None, None, False, None)


def test_a_declared_type_is_taken_where_inference_has_none():
    model = model_of(
        [node("Own", "x", "h", domain="my.ops"), node("Relu", "h", "y")], {"x": (2, 3)}, ["y"]
    )
    model.graph.value_info.append(info("h", ("n", 4), "float16"))
    graph = build(load(model))
    assert graph.value("y").dtype == "float16"
    assert graph.value("y").shape == ("n", 4)


def test_a_declared_shape_that_inference_contradicts_loses():
    model = model_of([node("Relu", "x", "y")], {"x": (2, 3)}, ["y"])
    model.graph.output[0].CopyFrom(info("y", (7, 7)))
    assert build(load(model)).value("y").shape == (2, 3)


def test_sequences_keep_their_kind():
    graph = inferred(
        [node("SequenceConstruct", "x x", "s"), node("SequenceAt", "s zero", "y")],
        {"x": (2, 3), "zero": np.array(0, np.int64)},
    )
    assert graph.value("s").kind == "sequence"
    assert graph.value("s").to_type().HasField("sequence_type")
    assert graph.value("y").shape == (2, 3)
    assert graph.value("y").kind == "tensor"


def test_one_node_may_be_inferred_again_after_its_inputs_have_changed():
    graph = inferred([node("Relu", "x", "y")], {"x": (2, 3)})
    graph.value("x").shape = (5, 3)
    infer_node(graph.nodes[0])
    assert graph.value("y").shape == (5, 3)


def test_sparse_initializers_are_constants_of_a_known_shape():
    model = model_of([node("Relu", "x", "y")], {"x": (2,)}, ["y"])
    values = numpy_helper.from_array(floats(1), "w")
    indices = numpy_helper.from_array(ints(2), "i")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [5]))
    value = build(load(model)).value("w")
    assert (value.kind, value.shape, value.is_const) == ("sparse_tensor", (5,), True)


def test_types_of_every_kind_are_read():
    kinds = {
        "m": helper.make_map_type_proto(
            TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, [])
        ),
        "o": helper.make_optional_type_proto(helper.make_tensor_type_proto(1, [2])),
        "t": helper.make_sparse_tensor_type_proto(TensorProto.FLOAT, [2, 3]),
    }
    graph = helper.make_graph(
        [node("Relu", "x", "y")],
        "g",
        [info("x", (2,)), *(helper.make_value_info(n, k) for n, k in kinds.items())],
        [info("y", (2,))],
    )
    built = build(load(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])))
    assert [built.value(n).kind for n in "mot"] == ["map", "optional", "sparse_tensor"]
    assert built.value("t").shape == (2, 3)
    assert built.value("o").to_type() == kinds["o"]


# --- the graph around ---


def test_producers_and_consumers_follow_changes_when_they_are_told():
    graph = inferred(
        [node("Relu", "x", "h"), node("Add", "h h", "y"), node("Neg", "h", "z")],
        {"x": (2,)},
        ["y", "z"],
    )
    assert graph.producer("h").op_type == "Relu"
    assert graph.producer("x") is None
    assert [n.op_type for n in graph.consumers("h")] == ["Add", "Neg"]
    assert graph.consumers("nowhere") == []
    assert graph.is_output("y")
    graph.nodes.pop()
    graph.changed()
    assert [n.op_type for n in graph.consumers("h")] == ["Add"]


def test_names_that_a_graph_takes_from_outside_are_free():
    graph = inferred([node("Relu", "x", "h"), node("Add", "h x", "y")], {"x": (2,)})
    assert graph.free_names() == set()
    graph.inputs.clear()
    assert graph.free_names() == {"x"}


def test_inputs_by_name_and_by_place():
    conv = inferred([node("Conv", "x w", "y")], {"x": (1, 1, 4, 4), "w": ones(1, 1, 3, 3)}).nodes[0]
    assert conv.input("W").shape == (1, 1, 3, 3)
    assert conv.input("B") is None
    assert conv.input("nothing") is None
    assert conv.input(7) is None
    assert conv.position("W") == 1
    assert conv.const("W").shape == (1, 1, 3, 3)
    assert conv.const("X") is None
    assert conv.output(1) is None
    assert conv.attribute("kernel_shape") == (3, 3)
    assert conv.attribute("auto_pad") == "NOTSET"
    assert conv.attribute("nothing") is None
    assert conv.name == "y"


def test_defaults_in_prose_need_the_rank():
    graph = inferred(
        [node("Own", "x", "h", domain="my.ops"), node("Conv", "h w", "y")],
        {"x": (1,), "w": (1, 1, "k", 3)},
    )
    conv = graph.nodes[1]
    assert conv.attribute("strides") is None
    assert conv.attribute("kernel_shape") is None
    graph.value("h").shape = (1, 1, 4, 4)
    graph.value("h").dtype = "float32"
    assert conv.attribute("strides") == (1, 1)
    assert conv.attribute("pads") == (0, 0, 0, 0)
    assert conv.attribute("kernel_shape") is None


@pytest.mark.parametrize(
    "name", ["value", "value_int", "value_ints", "value_float", "value_string"]
)
@pytest.mark.parametrize("kind", sorted({*range(15)} - {onnx.AttributeProto.TENSOR}))
def test_a_constant_of_another_type_than_its_attribute_says_is_not_known(name: str, kind: int):
    node = helper.make_node("Constant", [], ["y"])
    node.attribute.add(name=name, type=kind, s=b"text", strings=[b"text"])
    output = helper.make_tensor_value_info("y", 1, None)
    proto = helper.make_model(
        helper.make_graph([node], "g", [], [output]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    value = build(load(proto)).value("y")
    assert value.is_const
    value.value()
