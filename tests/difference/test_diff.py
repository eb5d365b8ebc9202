"""`porting.diff`: what changed, and what is only called otherwise."""

import tracemalloc

import numpy as np
import onnx
import pytest
from difference.models import copy, model, models, renamed
from hypothesis import given
from hypothesis import strategies as st
from legalize.toy import model as parsed
from legalize.toy import write_table
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import porting
from porting.difference.outcome import Count, DiffResult
from porting.errors import UsageError


def names(result: DiffResult) -> tuple[list[str], list[str]]:
    """Added and removed nodes."""
    return [n.name for n in result.nodes.added], [n.name for n in result.nodes.removed]


@given(models())
def test_a_model_does_not_differ_from_itself(proto):
    result = porting.diff(proto, proto)
    assert result.same
    assert result.passed
    assert not result.operators
    assert result.nodes.matched == result.old.nodes


@given(models())
def test_other_names_are_no_difference(proto):
    result = porting.diff(proto, renamed(proto))
    assert result.same, result.to_dict()["nodes"]
    assert result.nodes.renamed == result.old.nodes
    assert result.parameters.renamed == len(proto.graph.initializer)


@given(models(), models())
def test_swapping_the_models_swaps_what_came_and_what_went(a, b):
    forth, back = porting.diff(a, b), porting.diff(b, a)
    assert forth.same == back.same
    assert set(forth.nodes.added) == set(back.nodes.removed)
    assert set(forth.nodes.removed) == set(back.nodes.added)
    assert forth.operators == tuple(Count(c.op_type, c.new, c.old) for c in back.operators)
    assert {(c.old, c.new) for c in forth.nodes.changed} == {
        (c.new, c.old) for c in back.nodes.changed
    }
    first, second = forth.parameters.tensors, back.parameters.tensors
    assert set(first.added) == set(second.removed)
    assert set(first.changed) == {(n, o) for o, n in second.changed}


@given(models(), st.data())
def test_a_node_put_in_between_is_the_only_one_added(proto, data):
    made = renamed(proto)
    at = data.draw(st.integers(0, len(made.graph.node) - 1))
    node = made.graph.node[at]
    planted = helper.make_node("Tanh", [node.output[0] + "_in"], [node.output[0]], "planted")
    node.output[0] += "_in"
    made.graph.node.insert(at + 1, planted)
    result = porting.diff(proto, made)
    assert names(result) == (["planted"], [])
    assert result.operators == (Count("Tanh", 0, 1),)


@given(models(), st.data())
def test_other_contents_of_a_weight_are_the_only_difference(proto, data):
    made = renamed(proto)
    weights = made.graph.initializer
    if not weights:
        return
    weight = data.draw(st.sampled_from(list(weights)))
    changed = numpy_helper.to_array(weight) + 10
    weight.CopyFrom(numpy_helper.from_array(changed, weight.name))
    result = porting.diff(proto, made)
    assert names(result) == ([], [])
    assert not result.nodes.changed
    (pair,) = result.parameters.tensors.changed
    assert pair[1].name == weight.name
    assert not result.parameters.tensors.added


@given(models(), st.data())
def test_models_that_are_called_the_same_compute_the_same(proto, data):
    made = renamed(proto)
    at = data.draw(st.integers(0, len(made.graph.node) - 1))
    node = made.graph.node[at]
    slots = [i for i, name in enumerate(node.input) if name != "flag"]
    if not slots:
        return
    known = ["x", "z", *(o for n in made.graph.node[:at] for o in n.output)]
    node.input[data.draw(st.sampled_from(slots))] = data.draw(st.sampled_from(known))
    if porting.diff(proto, made).same:
        for before, after in zip(outputs(proto), outputs(made), strict=True):
            np.testing.assert_array_equal(before, after)


def outputs(proto: onnx.ModelProto) -> list[np.ndarray]:
    """What a model gives for both sides of its branches."""
    run = ReferenceEvaluator(proto)
    values = {"x": np.float32([-1, 0.5, 2, 3]), "z": np.float32([4, -2, 0.25, 1])}
    return [run.run(None, {**values, "flag": np.array(f)})[0] for f in (True, False)]


def edit(text: str, old: str, new: str) -> DiffResult:
    return porting.diff(parsed(text), parsed(text.replace(old, new)))


BODY = "g (float[2,4] x) => (float[2,4] y) { a = LeakyRelu<alpha=0.5>(x) b = Neg(x) y = Add(a, b) }"


def test_an_attribute_is_told_with_both_values():
    result = edit(BODY, "alpha=0.5", "alpha=0.25")
    (change,) = result.nodes.changed
    assert [(d.name, d.old, d.new) for d in change.attributes] == [("alpha", "0.5", "0.25")]


def test_writing_the_default_of_an_attribute_is_no_difference():
    text = "g (float[2,4] x) => (float[2,4] y) { y = LeakyRelu(x) }"
    assert edit(text, "LeakyRelu", "LeakyRelu<alpha=0.01>").same


def test_reading_another_value_is_a_difference():
    (change,) = edit(BODY, "Add(a, b)", "Add(a, a)").nodes.changed
    assert [(d.name, d.old, d.new) for d in change.inputs] == [("B", "b", "a")]


def test_returning_another_value_is_a_difference():
    text = "g (float[2] x) => (float[2] y) { a = Neg(x) b = Neg(a) y = Identity(b) }"
    result = porting.diff(parsed(text), parsed(text.replace("y = Identity(b)", "y = Identity(a)")))
    assert not result.same
    text = "g (float[2] x) => (float[2] p, float[2] q) { p = Neg(x) q = Abs(x) }"
    result = porting.diff(
        parsed(text), parsed(text.replace("p = Neg(x) q = Abs", "q = Neg(x) p = Abs"))
    )
    assert {d.name for d in result.returned} == {"p", "q"}
    assert not result.same


def test_shapes_types_and_versions_are_told():
    old = parsed("g (float[1,4] x) => (float[1,4] y) { y = Relu(x) }")
    new = parsed("g (float[n,4] x, float[4] z) => (float[n,4] y) { y = Relu(x) }", 18, 9)
    new.metadata_props.add(key="stage", value="2")
    result = porting.diff(old, new)
    ((was, now),) = result.inputs.changed
    assert (was.shape, now.shape) == ((1, 4), ("n", 4))
    assert [i.name for i in result.inputs.added] == ["z"]
    assert [(d.name, d.old, d.new) for d in result.opsets] == [("ai.onnx", "17", "18")]
    assert [(d.name, d.new) for d in result.metadata] == [("metadata stage", "2")]
    assert (result.old.ir_version, result.new.ir_version) == (8, 9)


def test_an_attribute_that_only_a_newer_version_has_counts_where_it_is_written():
    text = "g (float[4] x, int64[2] s) => (float[2,2] y) { y = Reshape NEW (x, s) }"
    old = parsed(text.replace("NEW", ""), 13)  # allowzero came with 14
    assert porting.diff(old, parsed(text.replace("NEW", ""), 17)).nodes.changed == ()
    (change,) = porting.diff(old, parsed(text.replace("NEW", "<allowzero = 1>"), 17)).nodes.changed
    assert [(d.name, d.old, d.new) for d in change.attributes] == [("allowzero", "", "1")]


def test_a_default_that_another_version_has_otherwise_is_told():
    text = "g (float[2,3,4] x) => (float[2,3,4] y) { y = Softmax(x) }"
    (change,) = porting.diff(parsed(text, 12), parsed(text, 13)).nodes.changed
    assert [(d.name, d.old, d.new) for d in change.attributes] == [("axis", "1", "-1")]


def test_a_branch_is_compared_within():
    text = """g (bool c, float[2] x) => (float[2] y) {
      y = If(c) <then_branch = t () => (float[2] a) { a = Relu(x) },
                 else_branch = e () => (float[2] b) { b = Neg(x) }> }"""
    result = edit(text, "Relu(x)", "Exp(x)")
    assert names(result) == (["a"], ["a"])
    assert result.nodes.added[0].op_type == "Exp"
    assert result.nodes.added[0].scope.endswith(".then_branch")
    swapped = text.replace("Relu", "X").replace("Neg", "Relu").replace("X", "Neg")
    assert not porting.diff(parsed(text), parsed(swapped)).same


def test_a_function_that_stays_a_call_is_compared_by_its_body():
    head = '<ir_version: 8, opset_import: ["": 17, "my": 1]> g (float[2] x) => (float[2] y)'
    text = (
        head + '{ y = my.f(x) } <domain: "my", opset_import: ["": 16]> f (a) => (b) { b = Neg(a) }'
    )
    old, new = (onnx.parser.parse_model(t) for t in (text, text.replace("Neg", "Abs")))
    assert porting.diff(old, old).same
    assert not porting.diff(old, new).same


@pytest.fixture
def large(tmp_path):
    """A model of 32 MB of weights, and the same with one number changed."""
    array = np.zeros(8 << 20, np.float32)
    made = []
    for number in (0, 1):
        array[-1] = number
        weight = numpy_helper.from_array(array, "w")
        node = helper.make_node("Add", ["w", "w"], ["v"], "node")
        made.append(tmp_path / f"{number}.onnx")
        onnx.save_model(model([node], [weight], "v"), made[-1])
    return made


def test_weights_are_hashed_without_being_held(large):
    tracemalloc.start()
    result = porting.diff(*large)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(result.parameters.tensors.changed) == 1
    assert peak < 16 << 20


@pytest.fixture
def beside(tmp_path):
    """Two models whose weights lie in files beside them and differ."""
    made = []
    for number in (0, 1):
        weight = numpy_helper.from_array(np.full(2048, number, np.float32), "w")
        node = helper.make_node("Add", ["w", "w"], ["v"], "node")
        path = tmp_path / f"{number}.onnx"
        proto = model([node], [weight], "v")
        onnx.save_model(proto, path, save_as_external_data=True, location=f"{number}.data")
        made.append(path)
    return made


def test_data_files_stay_unread_unless_asked_for(beside):
    result = porting.diff(*beside)
    assert [t.name for t in result.parameters.unread] == ["w"]
    assert result.parameters.tensors.is_empty
    asked = porting.diff(*beside, external=True)
    assert not asked.parameters.unread
    assert len(asked.parameters.tensors.changed) == 1


def test_one_place_in_one_data_file_is_equal_unread(beside, tmp_path):
    other = tmp_path / "other.onnx"
    other.write_bytes(beside[0].read_bytes())
    result = porting.diff(beside[0], other)
    assert result.same
    assert not result.parameters.unread


def test_a_sparse_weight_is_compared_by_its_values_and_places():
    def sparse(value: float, place: int) -> onnx.ModelProto:
        values = helper.make_tensor("w", 1, [1], [value])
        places = helper.make_tensor("w_places", 7, [1], [place])
        made = model([helper.make_node("Add", ["w", "x"], ["v"], "node")], [], "v")
        made.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [4]))
        return made

    assert porting.diff(sparse(1, 2), sparse(1, 2)).same
    for other in (sparse(3, 2), sparse(1, 3)):
        (pair,) = porting.diff(sparse(1, 2), other).parameters.tensors.changed
        assert pair[0].shape == (4,)


def test_how_a_weight_is_stored_is_no_difference():
    node = helper.make_node("Add", ["w", "x"], ["v"], "node")
    raw = numpy_helper.from_array(np.float32([1, 2, 3, 4]), "w")
    typed = helper.make_tensor("w", 1, [4], [1.0, 2.0, 3.0, 4.0])
    assert porting.diff(model([node], [raw], "v"), model([node], [typed], "v")).same


def test_a_new_failing_node_fails_and_a_gone_one_does_not(tmp_path):
    table = write_table(tmp_path, "LeakyRelu: {}\nNeg: {}\nAdd: {}")
    old, new = parsed(BODY), parsed(BODY.replace("Neg(x)", "Exp(x)"))
    result = porting.diff(old, new, op_map=table)
    assert not result.passed
    assert result.verdicts is not None
    assert [f.node.op_type for f in result.verdicts.failing if f.node] == ["Exp"]
    assert result.verdicts.operators["Exp"] == ({}, {"unsupported": 1})
    back = porting.diff(new, old, op_map=table)
    assert back.passed
    assert back.verdicts is not None
    assert [f.node.op_type for f in back.verdicts.gone if f.node] == ["Exp"]


def test_a_node_that_failed_before_is_not_new_under_another_name(tmp_path):
    table = write_table(tmp_path, "LeakyRelu: {}\nNeg: {}")
    old = parsed(BODY)
    result = porting.diff(old, renamed(old), op_map=table)
    assert result.passed
    assert result.verdicts is not None
    assert not result.verdicts.appeared
    assert not result.verdicts.gone
    assert not result.verdicts.new.passed


def test_a_size_is_given_to_the_model_that_has_a_place_for_it():
    old = parsed("g (float[n] x) => (float[n] y) { y = Relu(x) }")
    new = copy(old)
    new.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 3
    result = porting.diff(old, new, dims={"n": 3})
    assert result.inputs.is_empty
    with pytest.raises(UsageError):
        porting.diff(old, new, dims={"batch": 1})
    with pytest.raises(UsageError):
        porting.diff(old, new, shapes={"nobody": (1,)})


def test_the_form_for_programs_has_a_name():
    form = porting.diff(parsed(BODY), parsed(BODY)).to_dict()
    assert form["schema"] == "port.diff/1"
    assert form["same"] is True
    assert form["verdicts"] is None
