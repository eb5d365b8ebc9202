import mmap
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from porting.errors import ModelError
from porting.model import stored, wire
from porting.model.wire import skim

BIG = np.arange(2000, dtype=np.float32)
OPSETS = [helper.make_opsetid("", 17)]


def tensor(name: str = "w", values: np.ndarray = BIG) -> TensorProto:
    return numpy_helper.from_array(values, name)


def model(graph: onnx.GraphProto, **more: object) -> onnx.ModelProto:
    return helper.make_model(graph, opset_imports=OPSETS, **more)


def graph(nodes=(), initializers=(), name: str = "g", **more) -> onnx.GraphProto:
    return helper.make_graph(list(nodes), name, [], [], list(initializers), **more)


def resolve(skimmed: TensorProto, data: bytes) -> bytes:
    where = stored.Reference.of(skimmed)
    return data[where.offset : where.offset + where.length]


def skim_model(proto: onnx.ModelProto, threshold: int = 1024) -> tuple[onnx.ModelProto, bytes]:
    data = proto.SerializeToString()
    return onnx.ModelProto.FromString(skim(data, "m.onnx", threshold)), data


def assert_external(skimmed: TensorProto, data: bytes, original: TensorProto) -> None:
    assert skimmed.data_location == TensorProto.EXTERNAL
    assert not skimmed.HasField("raw_data")
    assert stored.Reference.of(skimmed).location == "m.onnx"
    assert resolve(skimmed, data) == original.raw_data
    assert (skimmed.name, skimmed.dims, skimmed.data_type) == (
        original.name,
        original.dims,
        original.data_type,
    )


def test_initializer_above_the_threshold_is_referred_to_and_not_copied():
    skimmed, data = skim_model(model(graph(initializers=[tensor()])))
    assert_external(skimmed.graph.initializer[0], data, tensor())
    assert skimmed.ByteSize() < 300


def test_tensors_up_to_the_threshold_stay_inline():
    exact, above = np.zeros(1024, np.uint8), np.zeros(1025, np.uint8)
    skimmed, data = skim_model(
        model(graph(initializers=[tensor("a", exact), tensor("b", above)])), threshold=1024
    )
    assert skimmed.graph.initializer[0] == tensor("a", exact)
    assert_external(skimmed.graph.initializer[1], data, tensor("b", above))


def test_a_model_without_large_tensors_is_returned_byte_for_byte():
    data = model(graph([helper.make_node("Relu", ["x"], ["y"])])).SerializeToString()
    assert skim(data, "m.onnx") == data


def test_constant_attributes_single_and_repeated_are_skimmed():
    node = helper.make_node("Constant", [], ["c"], value=tensor("v"))
    node.attribute.append(helper.make_attribute("many", [tensor("p"), tensor("q")]))
    skimmed, data = skim_model(model(graph([node])))
    value, many = skimmed.graph.node[0].attribute
    assert_external(value.t, data, tensor("v"))
    assert_external(many.tensors[0], data, tensor("p"))
    assert_external(many.tensors[1], data, tensor("q"))


def test_tensors_in_nested_graphs_are_skimmed():
    inner = graph([helper.make_node("Constant", [], ["c"], value=tensor("in"))], [tensor("i")])
    middle = graph([helper.make_node("If", ["x"], ["y"], then_branch=inner)], name="middle")
    node = helper.make_node("If", ["x"], ["z"], then_branch=middle)
    node.attribute.append(helper.make_attribute("more", [graph(initializers=[tensor("j")])]))
    skimmed, data = skim_model(model(graph([node])))
    first, more = skimmed.graph.node[0].attribute
    deep = first.g.node[0].attribute[0].g
    assert_external(deep.initializer[0], data, tensor("i"))
    assert_external(deep.node[0].attribute[0].t, data, tensor("in"))
    assert_external(more.graphs[0].initializer[0], data, tensor("j"))


def test_tensors_in_functions_are_skimmed():
    body = [helper.make_node("Constant", [], ["y"], value=tensor("f"))]
    function = helper.make_function("d", "F", [], ["y"], body, OPSETS)
    skimmed, data = skim_model(model(graph(), functions=[function]))
    assert_external(skimmed.functions[0].node[0].attribute[0].t, data, tensor("f"))


def test_sparse_initializers_and_attributes_are_skimmed():
    sparse = onnx.SparseTensorProto(
        values=tensor("s"), indices=tensor("s_i", np.arange(2000)), dims=[4000]
    )
    node = helper.make_node("Constant", [], ["c"], sparse_value=sparse)
    proto = model(graph([node]))
    proto.graph.sparse_initializer.append(sparse)
    skimmed, data = skim_model(proto)
    for found in (
        skimmed.graph.sparse_initializer[0],
        skimmed.graph.node[0].attribute[0].sparse_tensor,
    ):
        assert_external(found.values, data, sparse.values)
        assert_external(found.indices, data, sparse.indices)


def test_tensors_that_are_external_already_stay_as_they_are():
    external = wire.external_entries("weights.bin", 64, 8000)
    external.MergeFrom(TensorProto(name="w", dims=[2000], data_type=1, doc_string="d" * 2000))
    proto = model(graph(initializers=[external]))
    assert skim_model(proto)[0] == proto


def test_large_typed_fields_stay_inline():
    typed = helper.make_tensor("w", TensorProto.FLOAT, [2000], BIG.tolist())
    proto = model(graph(initializers=[typed]))
    assert skim_model(proto)[0] == proto


def test_unknown_fields_are_kept():
    data = model(graph(initializers=[tensor()])).SerializeToString()
    unknown = wire.header(999, 3) + b"abc"
    assert skim(data + unknown, "m.onnx").endswith(unknown)


def test_a_memory_map_gives_the_same_result_as_bytes(tmp_path: Path):
    data = model(graph(initializers=[tensor()])).SerializeToString()
    (tmp_path / "m.onnx").write_bytes(data)
    with (
        (tmp_path / "m.onnx").open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        assert skim(mapped, "m.onnx") == skim(data, "m.onnx")


@pytest.mark.parametrize("cut", [1, 100, 4000, 8000])
def test_a_model_cut_short_is_truncated(cut: int):
    data = model(graph(initializers=[tensor()])).SerializeToString()
    with pytest.raises(ModelError) as caught:
        skim(data[:-cut], "m.onnx")
    assert caught.value.code == "model-truncated"


def test_a_varint_cut_short_is_truncated():
    with pytest.raises(ModelError) as caught:
        skim(b"\x08\xff", "m.onnx")
    assert caught.value.code == "model-truncated"


@pytest.mark.parametrize(
    "data",
    [
        b"\x08" + b"\xff" * 11,  # a number longer than any
        b"\x0b\x0c",  # a group
        b"\x02\x00",  # field 0
        b"\x3a\x00\x40\x01",  # opset_import as a number
    ],
)
def test_bytes_that_no_model_holds_are_not_onnx(data: bytes):
    with pytest.raises(ModelError) as caught:
        skim(data, "m.onnx")
    assert caught.value.code == "model-not-onnx"


def nested(levels: int) -> bytes:
    """A serialized model whose deepest graph is inside `levels` others."""
    body = wire.header(2, 1) + b"x"
    for _ in range(levels):
        for number in (6, 5, 1):  # the graph of an attribute of a node of a graph
            body = wire.header(number, len(body)) + body
    return b"\x08\x08" + wire.header(7, len(body)) + body


def test_graphs_nested_to_the_limit_are_read_and_one_more_is_too_deep():
    data = nested(wire.MAX_GRAPH_DEPTH)
    assert onnx.ModelProto.FromString(skim(data, "m.onnx", 0)).HasField("graph")
    for levels in (wire.MAX_GRAPH_DEPTH + 1, 5000):
        with pytest.raises(ModelError) as caught:
            skim(nested(levels), "m.onnx", 0)
        assert caught.value.code == "model-too-deep"


arrays = st.builds(
    lambda kind, count, seed: np.random.default_rng(seed).integers(0, 100, count).astype(kind),
    st.sampled_from([np.float32, np.int8, np.float16, np.int64]),
    st.integers(0, 600),
    st.integers(0, 99),
)


@settings(deadline=None, max_examples=50)
@given(st.lists(arrays, max_size=6), st.lists(arrays, max_size=3), st.integers(0, 2000))
def test_every_tensor_reads_the_same_after_skimming(weights, constants, threshold):
    nodes = [
        helper.make_node("Constant", [], [f"c{i}"], value=tensor(f"c{i}", values))
        for i, values in enumerate(constants)
    ]
    branch = graph(nodes, [tensor(f"w{i}", values) for i, values in enumerate(weights)])
    proto = model(graph([*nodes, helper.make_node("If", ["x"], ["y"], then_branch=branch)]))
    skimmed, data = skim_model(proto, threshold)

    def restore(part: TensorProto) -> None:
        if part.data_location == TensorProto.EXTERNAL:
            raw = resolve(part, data)
            assert len(raw) > threshold
            del part.external_data[:]
            part.ClearField("data_location")
            part.raw_data = raw
        else:
            assert len(part.raw_data) <= threshold

    for part in (skimmed.graph, skimmed.graph.node[-1].attribute[0].g):
        for held in part.initializer:
            restore(held)
        for node in part.node:
            if node.op_type == "Constant":
                restore(node.attribute[0].t)
    assert skimmed == proto


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=200), st.integers(0, 64))
def test_arbitrary_bytes_are_skimmed_or_refused_with_a_model_error(data: bytes, threshold: int):
    code = "skimmed"
    try:
        skim(data, "m.onnx", threshold)
    except ModelError as error:
        code = error.code
    assert code in {"skimmed", "model-truncated", "model-not-onnx", "model-too-deep"}
