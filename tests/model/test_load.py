import hashlib
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from porting.errors import ModelError
from porting.model import wire
from porting.model.calls import MAX_CALL_DEPTH
from porting.model.inline import inline_functions
from porting.model.load import load

BIG = np.arange(2000, dtype=np.float32)
FLOAT = TensorProto.FLOAT


def info(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, FLOAT, None)


def relu(source: str, target: str, name: str = "", **more) -> onnx.NodeProto:
    return helper.make_node("Relu", [source], [target], name=name, **more)


def make(nodes, inputs=("x",), outputs=("y",), initializers=(), opsets=(("", 17),), functions=()):
    graph = helper.make_graph(
        list(nodes), "g", [info(i) for i in inputs], [info(o) for o in outputs], list(initializers)
    )
    imports = [helper.make_opsetid(*pair) for pair in opsets]
    return helper.make_model(graph, opset_imports=imports, functions=list(functions))


def weighted(values: np.ndarray = BIG) -> onnx.ModelProto:
    return make(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        initializers=[numpy_helper.from_array(values, "w")],
    )


def write(folder: Path, proto: onnx.ModelProto | bytes, name: str = "m.onnx") -> Path:
    path = folder / name
    path.write_bytes(proto if isinstance(proto, bytes) else proto.SerializeToString())
    return path


def refuse(source, code: str) -> ModelError:
    with pytest.raises(ModelError) as caught:
        load(source)
    assert caught.value.code == code, caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.help
    return caught.value


def test_a_file_is_loaded_without_its_weights_and_read_back_exactly(tmp_path: Path):
    model = load(write(tmp_path, weighted()))
    held = model.proto.graph.initializer[0]
    assert not held.HasField("raw_data")
    assert model.is_embedded(held)
    values = model.tensor(held)
    np.testing.assert_array_equal(values, BIG)
    assert not values.flags.writeable


def test_an_object_is_copied_and_never_modified():
    proto = make([relu("a", "y"), relu("x", "a")])
    before = proto.SerializeToString()
    model = load(proto)
    assert model.path is None
    assert [n.output[0] for n in model.proto.graph.node] == ["a", "y"]
    assert proto.SerializeToString() == before


def test_a_path_may_be_text(tmp_path: Path):
    assert load(str(write(tmp_path, weighted()))).path == tmp_path / "m.onnx"


def test_sha256_is_that_of_the_file(tmp_path: Path):
    path = write(tmp_path, weighted())
    assert load(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_sha256_of_an_object_is_that_of_its_serialization():
    proto = weighted()
    assert load(proto).sha256 == hashlib.sha256(proto.SerializeToString()).hexdigest()


def test_opsets_name_the_default_domain():
    assert load(make([relu("x", "y")], opsets=[("", 17), ("ai.onnx.ml", 3)])).opsets == {
        "ai.onnx": 17,
        "ai.onnx.ml": 3,
    }


def test_parameters_count_initializers_everywhere_but_not_constants():
    def body(size: int) -> onnx.GraphProto:
        weight = numpy_helper.from_array(np.zeros(size, np.float32), "b")
        return helper.make_graph([relu("b", "o")], "body", [], [info("o")], [weight])

    choice = helper.make_node("If", ["x"], ["y"], then_branch=body(3), else_branch=body(4))
    constant = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(BIG))
    weight = numpy_helper.from_array(np.zeros((2, 5), np.float32), "w")
    proto = make([constant, choice], initializers=[weight])
    proto.graph.sparse_initializer.append(
        onnx.SparseTensorProto(
            values=numpy_helper.from_array(np.ones(2, np.float32), "s"),
            indices=numpy_helper.from_array(np.arange(2)),
            dims=[100],
        )
    )
    assert load(proto).parameters == 10 + 3 + 4 + 2


def test_input_names_leave_out_initializers_listed_as_inputs():
    proto = weighted()
    proto.ir_version = 3
    proto.graph.input.append(info("w"))
    model = load(proto)
    assert model.input_names == ["x"]
    assert len(model.proto.graph.input) == 2


def test_nodes_out_of_order_are_sorted_and_keep_their_order_otherwise():
    nodes = [relu("c", "y"), relu("x", "p"), relu("b", "c"), relu("x", "b"), relu("x", "q")]
    model = load(make(nodes))
    assert [n.output[0] for n in model.proto.graph.node] == ["p", "b", "c", "y", "q"]


def test_values_that_a_body_takes_from_outside_order_the_outer_nodes():
    body = helper.make_graph([relu("late", "o")], "body", [], [info("o")])
    choice = helper.make_node("If", ["x"], ["y"], then_branch=body, else_branch=body)
    model = load(make([choice, relu("x", "late")]))
    assert [n.op_type for n in model.proto.graph.node] == ["Relu", "If"]


@settings(deadline=None, max_examples=40)
@given(st.permutations(range(8)))
def test_any_order_of_nodes_is_sorted_topologically(order):
    chain = [relu("x" if i == 0 else f"v{i - 1}", f"v{i}") for i in range(8)]
    model = load(make([chain[i] for i in order], outputs=["v7"]))
    assert [n.output[0] for n in model.proto.graph.node] == [f"v{i}" for i in range(8)]


def test_an_imported_custom_domain_and_unknown_operators_load():
    nodes = [relu("x", "a"), helper.make_node("Gadget", ["a"], ["y"], domain="com.huawei")]
    assert load(make(nodes, opsets=[("", 17), ("com.huawei", 1)])).opsets["com.huawei"] == 1
    assert load(make([helper.make_node("NoSuchOperator", ["x"], ["y"])])).opsets


def test_both_spellings_of_the_default_domain_are_one():
    assert load(make([relu("x", "y", domain="ai.onnx")])).opsets == {"ai.onnx": 17}
    assert load(make([relu("x", "y")], opsets=[("", 17), ("ai.onnx", 17)])).opsets


def test_functions_that_call_others_load():
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("d", 1)]
    inner = helper.make_function("d", "In", ["a"], ["b"], [relu("a", "b")], opsets)
    call = helper.make_node("In", ["a"], ["b"], domain="d")
    outer = helper.make_function("d", "Out", ["a"], ["b"], [call], opsets)
    node = helper.make_node("Out", ["x"], ["y"], domain="d")
    model = load(make([node], opsets=[("", 17), ("d", 1)], functions=[outer, inner]))
    assert len(model.proto.functions) == 2


KINDS = ["FLOAT", "FLOAT16", "BFLOAT16", "INT64", "BOOL", "INT4", "UINT4", "FLOAT8E4M3FN"]


@pytest.mark.parametrize("kind", [*KINDS, "COMPLEX64", "FLOAT4E2M1"])
@pytest.mark.parametrize("count", [0, 1, 3001])
def test_tensors_of_every_type_read_as_onnx_reads_them(tmp_path: Path, kind: str, count: int):
    number = TensorProto.DataType.Value(kind)
    typed = helper.make_tensor("w", number, [count], [i % 2 for i in range(count)])
    raw = numpy_helper.from_array(numpy_helper.to_array(typed), "w")
    assert raw.data_type == number
    expected = numpy_helper.to_array(raw)
    for held in (typed, raw):
        model = load(write(tmp_path, make([relu("x", "y")], initializers=[held])))
        values = model.tensor(model.proto.graph.initializer[0])
        assert values.dtype == expected.dtype
        np.testing.assert_array_equal(values, expected)


def test_string_tensors_are_read():
    held = helper.make_tensor("s", TensorProto.STRING, [2], [b"a", "ü".encode()])
    model = load(make([relu("x", "y")], initializers=[held]))
    assert model.tensor(model.proto.graph.initializer[0]).tolist() == ["a", "ü"]


def test_a_tensor_above_the_given_size_is_not_read(tmp_path: Path):
    model = load(write(tmp_path, weighted()))
    held = model.proto.graph.initializer[0]
    assert model.tensor(held, max_bytes=8000).size == 2000
    with pytest.raises(ModelError) as caught:
        model.tensor(held, max_bytes=7999)
    assert caught.value.code == "model-tensor-too-large"


def test_a_file_that_changed_since_it_was_loaded_is_not_read(tmp_path: Path):
    model = load(write(tmp_path, weighted()))
    write(tmp_path, weighted(BIG[:1500]))
    with pytest.raises(ModelError) as caught:
        model.tensor(model.proto.graph.initializer[0])
    assert caught.value.code == "model-changed"


def external(location: str, offset: int = 0, count: int = 4, **entries: str) -> onnx.ModelProto:
    held = wire.external_entries(location, offset, count * 4)
    held.MergeFrom(TensorProto(name="w", dims=[count], data_type=FLOAT))
    for entry in held.external_data:
        entry.value = entries.get(entry.key, entry.value)
    proto = weighted()
    proto.graph.initializer[0].CopyFrom(held)
    return proto


def test_external_weights_are_read_from_the_models_folder(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "w.bin").write_bytes(b"123" + BIG.tobytes())
    model = load(write(tmp_path, external("sub/w.bin", 3, 2000)))
    held = model.proto.graph.initializer[0]
    assert not model.is_embedded(held)
    np.testing.assert_array_equal(model.tensor(held), BIG)


def test_external_data_without_a_length_takes_what_the_shape_says(tmp_path: Path):
    (tmp_path / "w.bin").write_bytes(BIG.tobytes())
    proto = external("w.bin", 8)
    del proto.graph.initializer[0].external_data[2]
    model = load(write(tmp_path, proto))
    assert model.tensor(model.proto.graph.initializer[0]).tolist() == [2, 3, 4, 5]


def test_a_linked_model_has_its_data_beside_the_link_or_its_target(tmp_path: Path):
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    snapshot.mkdir()
    (blobs / "123").write_bytes(BIG.tobytes())
    write(blobs, external("m.data"), "456")
    (snapshot / "m.data").symlink_to(blobs / "123")
    (snapshot / "m.onnx").symlink_to(blobs / "456")
    model = load(snapshot / "m.onnx")
    assert model.tensor(model.proto.graph.initializer[0]).tolist() == [0, 1, 2, 3]


def test_missing_external_data(tmp_path: Path):
    error = refuse(write(tmp_path, external("gone.bin")), "model-external-missing")
    assert "gone.bin" in error.message
    assert "'w'" in error.message


@pytest.mark.parametrize("name", ["pipe", "folder", "loop"])
def test_external_data_that_is_no_regular_file(tmp_path: Path, name: str):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    refuse(write(tmp_path, external(name)), "model-external-missing")


def test_external_data_of_an_object_has_no_folder():
    refuse(external("w.bin"), "model-external-missing")


def test_external_data_outside_the_models_folder(tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir()
    outside = tmp_path / "w.bin"
    outside.write_bytes(BIG.tobytes())
    (home / "link").symlink_to(outside)
    (home / "up").symlink_to(tmp_path)
    (home / "w.bin").write_bytes(BIG.tobytes())
    for location in ("../w.bin", str(outside), "link", "up/w.bin", str(home / "w.bin")):
        refuse(write(home, external(location)), "model-external-outside")


@pytest.mark.parametrize("offset", [1, 8000, 10**12])
def test_external_data_too_short(tmp_path: Path, offset: int):
    (tmp_path / "w.bin").write_bytes(BIG.tobytes())
    refuse(write(tmp_path, external("w.bin", offset, 2000)), "model-external-short")


@pytest.mark.parametrize("entries", [{"offset": "-1"}, {"length": "many"}, {"offset": "9" * 5000}])
def test_malformed_external_data(tmp_path: Path, entries: dict[str, str]):
    refuse(write(tmp_path, external("w.bin", **entries)), "model-external-malformed")


def test_external_data_that_names_no_file(tmp_path: Path):
    refuse(write(tmp_path, external("")), "model-external-malformed")


def test_external_data_of_another_length_than_the_shape_asks_for(tmp_path: Path):
    (tmp_path / "w.bin").write_bytes(BIG.tobytes())
    refuse(write(tmp_path, external("w.bin", length="12")), "model-tensor-size")


def test_a_file_that_does_not_exist(tmp_path: Path):
    for path in (tmp_path / "m.onnx", tmp_path / "no" / "m.onnx", tmp_path / "\0"):
        refuse(path, "model-not-found")
    refuse(write(tmp_path, b"x", "file") / "m.onnx", "model-not-found")


def test_a_folder(tmp_path: Path):
    refuse(tmp_path, "model-is-directory")


def test_a_pipe_is_not_read(tmp_path: Path):
    os.mkfifo(tmp_path / "m.onnx")
    refuse(tmp_path / "m.onnx", "model-unreadable")


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write(tmp_path, weighted())

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)
    assert "Permission denied" in refuse(path, "model-unreadable").message


def test_an_empty_file(tmp_path: Path):
    refuse(write(tmp_path, b""), "model-empty")


def test_a_truncated_file(tmp_path: Path):
    whole = weighted().SerializeToString()
    for cut in (1, 500, 7000):
        assert "m.onnx" in refuse(write(tmp_path, whole[:-cut]), "model-truncated").message
    small = make([relu("x", "y")]).SerializeToString()
    refuse(write(tmp_path, small[:-1]), "model-truncated")


def test_a_length_inside_a_small_message_that_runs_past_it(tmp_path: Path):
    refuse(write(tmp_path, b"\x08\x08\x3a\x04\x0a\x7f\x0a\x00"), "model-truncated")


@pytest.mark.parametrize(
    "data",
    [
        b"hello, this is no model\n",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00",
        b"PK\x03\x04\x14\x00",
        b"\x80\x02}q\x00",
        numpy_helper.from_array(BIG).SerializeToString(),
        b"\x08\x08",  # a model without a graph
        bytes(100),
    ],
)
def test_files_that_are_not_onnx(tmp_path: Path, data: bytes):
    refuse(write(tmp_path, data), "model-not-onnx")


def test_a_git_lfs_pointer_says_how_to_get_the_model(tmp_path: Path):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    assert "git lfs pull" in refuse(write(tmp_path, pointer), "model-not-onnx").help


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_a_damaged_file_loads_or_is_refused_with_a_model_error(tmp_path_factory, data):
    whole = bytearray(make([relu("x", "y")], initializers=[]).SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = write(tmp_path_factory.getbasetemp(), bytes(whole), "damaged.onnx")
    message = ""
    try:
        load(path)
    except ModelError as error:
        message = error.message
    assert "\n" not in message


@pytest.mark.parametrize("field", [b"x", b"act", b"Relu", b"other"])
def test_names_that_are_not_utf8(tmp_path: Path, field: bytes):
    proto = make([relu("x", "y", "act", domain="other")], opsets=[("", 17), ("other", 1)])
    data = proto.SerializeToString().replace(field, b"\xff" * len(field))
    refuse(write(tmp_path, data), "model-not-onnx")


def test_no_opset_import():
    proto = make([relu("x", "y")])
    del proto.opset_import[:]
    refuse(proto, "model-no-opset")


def test_two_versions_of_one_domain():
    refuse(make([relu("x", "y")], opsets=[("", 17), ("ai.onnx", 18)]), "model-opset-conflict")


@pytest.mark.parametrize("opset", [("", 1000), ("", 0), ("", -3), ("ai.onnx.ml", 99)])
def test_an_opset_that_onnx_does_not_know(opset: tuple[str, int]):
    refuse(make([], inputs=["y"], opsets=[opset]), "model-opset-unknown")


def test_the_newest_opset_loads():
    assert load(make([relu("x", "y")], opsets=[("", onnx.defs.onnx_opset_version())]))


def test_a_domain_that_is_not_imported():
    error = refuse(make([relu("x", "y", "act", domain="com.huawei")]), "model-domain-not-imported")
    assert "'act'" in error.message
    assert "com.huawei" in error.message


def test_a_domain_not_imported_inside_a_body():
    body = helper.make_graph([relu("x", "o", domain="other")], "body", [], [info("o")])
    refuse(
        make([helper.make_node("If", ["x"], ["y"], then_branch=body)]), "model-domain-not-imported"
    )


def test_a_cycle_names_only_nodes_on_it():
    nodes = [
        helper.make_node("Add", ["x", "b"], ["a"], name="one"),
        relu("a", "b", "two"),
        relu("b", "y", "after"),
    ]
    message = refuse(make(nodes), "model-cycle").message
    assert "'one'" in message
    assert "'two'" in message
    assert "'after'" not in message


def test_a_node_that_needs_its_own_output_is_a_cycle():
    refuse(make([relu("y", "y")]), "model-cycle")


def test_a_body_that_needs_its_own_nodes_output_is_a_cycle():
    body = helper.make_graph([relu("y", "o")], "body", [], [info("o")])
    refuse(make([helper.make_node("If", ["x"], ["y"], then_branch=body)]), "model-cycle")


def test_an_undefined_value_names_node_and_input():
    message = refuse(make([relu("nowhere", "y", "act")]), "model-undefined-value").message
    assert "'nowhere'" in message
    assert "'act'" in message


def test_an_undefined_output_of_the_graph():
    assert "'z'" in refuse(make([relu("x", "y")], outputs=["z"]), "model-undefined-value").message


def test_the_values_of_a_body_are_not_seen_outside():
    body = helper.make_graph([relu("x", "inner")], "body", [], [info("inner")])
    nodes = [helper.make_node("If", ["x"], ["a"], then_branch=body), relu("inner", "y")]
    refuse(make(nodes), "model-undefined-value")


def test_a_function_does_not_see_the_graphs_values():
    function = helper.make_function(
        "d", "F", ["a"], ["b"], [relu("x", "b")], [helper.make_opsetid("", 17)]
    )
    node = helper.make_node("F", ["x"], ["y"], domain="d")
    refuse(make([node], opsets=[("", 17), ("d", 1)], functions=[function]), "model-undefined-value")


def test_an_omitted_optional_input_is_not_undefined():
    assert load(make([helper.make_node("Clip", ["x", "", "x"], ["y"])]))


@pytest.mark.parametrize(
    "proto",
    [
        make([relu("x", "y"), relu("x", "y")]),
        make([relu("x", "x")], outputs=["x"]),
        make([relu("x", "y")], inputs=["x", "x"]),
        make([relu("x", "y")], initializers=[numpy_helper.from_array(BIG[:1], "y")]),
        make([relu("x", "y")], initializers=[numpy_helper.from_array(BIG[:1], "w")] * 2),
    ],
)
def test_a_value_defined_twice(proto: onnx.ModelProto):
    refuse(proto, "model-duplicate-value")


@pytest.mark.parametrize("calls", [("A",), ("B", "A"), ("B", "C", "A")])
def test_functions_that_call_each_other_in_a_circle(calls: tuple[str, ...]):
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("d", 1)]
    functions = [
        helper.make_function(
            "d", name, ["a"], ["b"], [helper.make_node(called, ["a"], ["b"], domain="d")], opsets
        )
        for name, called in zip("ABC", calls, strict=False)
    ]
    error = refuse(
        make([relu("x", "y")], opsets=[("", 17), ("d", 1)], functions=functions),
        "model-recursive-function",
    )
    assert "d::A" in error.message


def test_a_function_that_calls_itself_inside_a_body_is_recursive():
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("d", 1)]
    call = helper.make_node("A", ["a"], ["o"], domain="d")
    body = helper.make_graph([call], "body", [], [info("o")])
    node = helper.make_node("If", ["a"], ["b"], then_branch=body)
    function = helper.make_function("d", "A", ["a"], ["b"], [node], opsets)
    refuse(
        make([relu("x", "y")], opsets=[("", 17), ("d", 1)], functions=[function]),
        "model-recursive-function",
    )


def _raw(length: int) -> TensorProto:
    return TensorProto(name="w", dims=[3], data_type=FLOAT, raw_data=bytes(length))


@pytest.mark.parametrize(
    ("held", "code"),
    [
        (_raw(11), "model-tensor-size"),
        (_raw(13), "model-tensor-size"),
        (_raw(5000), "model-tensor-size"),
        (TensorProto(name="w", dims=[3], data_type=FLOAT), "model-tensor-size"),
        (TensorProto(name="w", dims=[3], data_type=FLOAT, float_data=[1]), "model-tensor-size"),
        (TensorProto(name="w", dims=[3], data_type=8, raw_data=b"123"), "model-tensor-size"),
        (TensorProto(name="w", dims=[2, -1], data_type=FLOAT), "model-tensor-dims"),
        (TensorProto(name="w", dims=[1] * 65, data_type=FLOAT), "model-tensor-dims"),
        (TensorProto(name="w", dims=[1], data_type=999, raw_data=b"1"), "model-tensor-type"),
        (TensorProto(name="w", dims=[1], raw_data=b"1"), "model-tensor-type"),
    ],
)
def test_tensors_that_do_not_hold_what_they_say(tmp_path: Path, held: TensorProto, code: str):
    as_weight = make([relu("x", "y")], initializers=[held])
    as_constant = make([helper.make_node("Constant", [], ["c"], value=held), relu("x", "y")])
    for proto in (as_weight, as_constant):
        refuse(proto, code)
        assert "'w'" in refuse(write(tmp_path, proto), code).message


def nested(levels: int) -> bytes:
    body = wire.header(2, 1) + b"x"
    for _ in range(levels):
        for number in (6, 5, 1):
            body = wire.header(number, len(body)) + body
    imports = b"\x42\x02\x10\x11"
    return b"\x08\x08" + wire.header(7, len(body)) + body + imports


@pytest.mark.parametrize("levels", [wire.MAX_GRAPH_DEPTH + 1, 40, 1000])
def test_graphs_nested_too_deep(tmp_path: Path, levels: int):
    refuse(write(tmp_path, nested(levels)), "model-too-deep")


def test_graphs_nested_to_the_limit_load(tmp_path: Path):
    assert load(write(tmp_path, nested(wire.MAX_GRAPH_DEPTH))).opsets == {"ai.onnx": 17}


@pytest.mark.parametrize("levels", [wire.MAX_GRAPH_DEPTH + 1, 200])
def test_an_object_nested_too_deep(levels: int):
    proto = make([])
    del proto.graph.output[:]
    graph = proto.graph
    for _ in range(levels):
        graph = graph.node.add().attribute.add().g
        graph.name = "x"
    refuse(proto, "model-too-deep")


def test_a_long_chain_is_validated_in_linear_time(tmp_path: Path):
    count = 20_000
    chain = [relu("x" if i == 0 else f"v{i - 1}", f"v{i}") for i in range(count)]
    model = load(write(tmp_path, make(reversed(chain), outputs=[f"v{count - 1}"])))
    assert model.proto.graph.node[0].input[0] == "x"


@pytest.mark.parametrize("version", [-1, 0, onnx.IR_VERSION + 1, 2**40])
def test_versions_of_the_format_that_are_unknown(version: int):
    proto = make([relu("x", "y")])
    proto.ir_version = version
    refuse(proto, "model-ir-unknown")


def test_a_value_declared_with_an_unknown_element_type_however_it_is_wrapped():
    plain = helper.make_tensor_type_proto(999, [2])
    in_list = helper.make_sequence_type_proto(plain)
    in_map = helper.make_map_type_proto(TensorProto.INT64, plain)
    for kind in (plain, in_list, in_map, helper.make_optional_type_proto(in_list)):
        for place in ("input", "output", "value_info"):
            proto = make([relu("x", "y")])
            values = getattr(proto.graph, place)
            (values[0] if values else values.add(name="v")).type.CopyFrom(kind)
            refuse(proto, "model-value-type")


def test_data_of_training_and_of_attributes_that_say_two_things_is_looked_at(tmp_path: Path):
    outside = external("../w.bin").graph
    trained = make([relu("x", "y")])
    trained.training_info.add().algorithm.CopyFrom(outside)
    nested = make([relu("x", "y")])
    body = nested.training_info.add().initialization
    body.node.add(op_type="If").attribute.add(name="then_branch").g.CopyFrom(outside)
    two = make([helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(BIG))])
    two.graph.output[0].name = "c"
    two.graph.node[0].attribute[0].tensors.append(outside.initializer[0])
    for proto in (trained, nested, two):
        refuse(write(tmp_path, proto), "model-external-outside")


@pytest.mark.parametrize(
    ("values", "indices", "dims"),
    [([1], [0], [4]), ([2], [3], [4]), ([1], [1, 3], [4, 4]), ([1, 1], [1], [4]), ([1], [1], [-4])],
)
def test_sparse_tensors_whose_parts_do_not_agree(values, indices, dims):
    proto = make([relu("x", "y")])
    proto.graph.sparse_initializer.add(
        values=numpy_helper.from_array(np.ones(values, np.float32), "s"),
        indices=numpy_helper.from_array(np.zeros(indices, np.int64)),
        dims=dims,
    )
    refuse(proto, "model-sparse-tensor")


def calling(bodies: list[list[str]]) -> onnx.ModelProto:
    """A model whose functions f0, f1, ... call these, one after the other."""
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    functions = []
    for i, called in enumerate(bodies):
        values = ["a", *(f"v{k}" for k in range(len(called) - 1)), "b"]
        nodes = [
            helper.make_node(name, [values[k]], [values[k + 1]], domain="f")
            for k, name in enumerate(called)
        ]
        functions.append(helper.make_function("f", f"f{i}", ["a"], ["b"], nodes, opsets))
    last = helper.make_node(f"f{len(bodies) - 1}", ["x"], ["y"], domain="f")
    return make([last], opsets=[("", 17), ("f", 1)], functions=functions)


def test_functions_that_call_each_other_as_deep_as_onnx_inlines_load():
    calls = [["leaf"], *([f"f{i}"] for i in range(MAX_CALL_DEPTH - 1))]
    assert len(inline_functions(load(calling(calls))).proto.graph.node) == 1
    calls.append([f"f{MAX_CALL_DEPTH - 1}"])
    refuse(calling(calls), "model-functions-too-deep")


def test_functions_that_stand_for_more_nodes_than_memory_holds():
    doubling = [["leaf"], *([f"f{i}", f"f{i}"] for i in range(40))]
    refuse(calling(doubling), "model-functions-too-large")
    assert len(inline_functions(load(calling(doubling[:6]))).proto.graph.node) == 32


@pytest.mark.parametrize("equation", ["a\u0301,b->ab", "ij%->ji", "i\0->i"])
def test_an_equation_of_other_characters_than_onnx_allows(equation: str):
    node = helper.make_node("Einsum", ["x"], ["y"], equation=equation)
    refuse(make([node]), "model-equation")


def test_a_constant_that_says_it_holds_a_tensor_and_does_not():
    node = helper.make_node("Constant", [], ["y"])
    node.attribute.add(name="value", type=onnx.AttributeProto.TENSOR)
    refuse(make([node]), "model-tensor-type")


def test_two_functions_of_one_name():
    proto = calling([["leaf"], ["f0"]])
    proto.functions.append(proto.functions[0])
    refuse(proto, "model-duplicate-function")


@pytest.mark.parametrize("field", ["op_type", "domain", "name"])
def test_no_name_breaks_the_line_of_a_message(field: str):
    node = relu("nothing", "y")
    setattr(node, field, "a\nb\x1b[31m")
    refuse(make([node], opsets=[("", 17), ("a\nb\x1b[31m", 1)]), "model-undefined-value")
    refuse(make([], opsets=[("a\n", 1), ("a\n", 2)]), "model-opset-conflict")


@pytest.mark.parametrize("op_type", ["If", "Loop", "Scan", "SequenceMap"])
@pytest.mark.parametrize("name", ["body", "then_branch", "other"])
def test_control_flow_without_a_graph_to_run(op_type: str, name: str):
    node = helper.make_node(op_type, ["x"], ["y"])
    refuse(make([node]), "model-body-missing")
    node.attribute.add(name=name, type=onnx.AttributeProto.INT, i=1)
    refuse(make([node]), "model-body-missing")
    other = helper.make_node(op_type, ["x"], ["y"], domain="custom")
    assert load(make([other], opsets=[("", 17), ("custom", 1)])).opsets
