import numpy as np
import onnx
import pytest
from legalize.toy import graph, model
from rules.harness import graph_of, run_ort

from porting.legalize.normalise import normalise
from porting.model.write import write_model


def normalised(body, opset=17):
    m = model(body, opset)
    g = graph_of(m)
    normalise(g)
    return m, write_model(g, m, {"ai.onnx": opset})


def operators(m):
    return [n.op_type for n in m.graph.node]


def test_constants_become_initializers():
    _, result = normalised(
        "g (float[2] x) => (float[2] y) { c = Constant<value = float[2] {1., 2.}>() y = Add(x, c) }"
    )
    assert operators(result) == ["Add"]
    assert [t.name for t in result.graph.initializer] == ["c"]


@pytest.mark.parametrize("form", ["value_float = 2.0", "value_floats = [2.0]"])
def test_every_form_of_constant_becomes_an_initializer(form):
    m, result = normalised(
        f"g (float[1] x) => (float[1] y) {{ c = Constant<{form}>() y = Add(x, c) }}"
    )
    assert operators(result) == ["Add"]
    x = np.array([3.0], np.float32)
    assert np.array_equal(run_ort(m, {"x": x})[0], run_ort(result, {"x": x})[0])


def test_shape_arithmetic_disappears_when_shapes_are_known():
    _, result = normalised(
        """g (float[2,3,4] x) => (float[6,4] y) {
             s = Shape(x)
             i = Constant<value = int64[1] {2}>()
             last = Gather(s, i)
             rest = Constant<value = int64[1] {-1}>()
             target = Concat<axis = 0>(rest, last)
             y = Reshape(x, target)
           }"""
    )
    assert operators(result) == ["Reshape"]
    assert onnx.numpy_helper.to_array(result.graph.initializer[0]).tolist() == [-1, 4]


def test_a_constant_that_the_graph_returns_stays_a_node():
    _, result = normalised(
        "g (float[2] x) => (float[2] y, int64[1] s) { y = Relu(x) s = Shape(x) }"
    )
    assert sorted(operators(result)) == ["Relu", "Shape"]


def test_identities_and_dead_nodes_go():
    _, result = normalised(
        "g (float[2] x) => (float[2] y) { a = Identity(x) b = Exp(a) d = Neg(a) y = Relu(a) }"
    )
    assert [(n.op_type, list(n.input)) for n in result.graph.node] == [("Relu", ["x"])]


def test_an_identity_that_makes_an_output_stays():
    _, result = normalised("g (float[2] x) => (float[2] y) { y = Identity(x) }")
    assert operators(result) == ["Identity"]


CONSTANT_IF = """
g (float[2] x) => (float[2] y) {{
  c = Constant<value = bool {{{flag}}}>()
  a = Exp(x)
  y = If (c) <
    then_branch = t () => (float[2] r) {{ a_in = Neg(a) r = Add(a_in, x) }},
    else_branch = e () => (float[2] r) {{ a_in = Abs(a) r = Mul(a_in, x) }}
  >
}}
"""


@pytest.mark.parametrize(
    ("flag", "expected"), [("1", ["Exp", "Neg", "Add"]), ("0", ["Exp", "Abs", "Mul"])]
)
def test_an_if_with_a_known_condition_becomes_its_branch(flag, expected):
    m, result = normalised(CONSTANT_IF.format(flag=flag))
    onnx.checker.check_model(result, full_check=True)
    assert operators(result) == expected
    x = np.array([0.5, -2.0], np.float32)
    assert np.array_equal(run_ort(m, {"x": x})[0], run_ort(result, {"x": x})[0])


def test_a_branch_that_returns_an_outer_value_or_one_value_twice_is_inlined_right():
    m, result = normalised(
        """g (float[2] x) => (float[2] p, float[2] q, float[2] r) {
             c = Constant<value = bool {1}>()
             p, q, r = If (c) <
               then_branch = t () => (float[2] a, float[2] a2, float[2] b) {
                 a = Neg(x) a2 = Identity(a) b = Identity(x) },
               else_branch = e () => (float[2] a, float[2] a2, float[2] b) {
                 a = Abs(x) a2 = Identity(a) b = Identity(x) }
             >
           }"""
    )
    onnx.checker.check_model(result, full_check=True)
    assert "If" not in operators(result)
    x = np.array([0.5, -2.0], np.float32)
    for before, after in zip(run_ort(m, {"x": x}), run_ort(result, {"x": x}), strict=True):
        assert np.array_equal(before, after)


def test_two_branches_with_the_same_inner_names_do_not_collide():
    body = """g (float[2] x) => (float[2] y) {
      c = Constant<value = bool {1}>()
      u = If (c) < then_branch = t () => (float[2] r) { k = Neg(x) r = Exp(k) },
                   else_branch = e () => (float[2] r) { r = Abs(x) } >
      y = If (c) < then_branch = t () => (float[2] r) { k = Abs(u) r = Sqrt(k) },
                   else_branch = e () => (float[2] r) { r = Abs(u) } >
    }"""
    m, result = normalised(body)
    onnx.checker.check_model(result, full_check=True)
    assert operators(result) == ["Neg", "Exp", "Abs", "Sqrt"]
    x = np.array([0.5, -2.0], np.float32)
    assert np.allclose(run_ort(m, {"x": x})[0], run_ort(result, {"x": x})[0])


def test_an_if_inside_a_branch_that_is_taken_is_inlined_too():
    body = """g (float[2] x) => (float[2] y) {
      c = Constant<value = bool {1}>()
      y = If (c) <
        then_branch = t () => (float[2] r) {
          n = Neg(x)
          r = If (c) < then_branch = t2 () => (float[2] s) { s = Exp(n) },
                       else_branch = e2 () => (float[2] s) { s = Abs(n) } > },
        else_branch = e () => (float[2] r) { r = Abs(x) } >
    }"""
    m, result = normalised(body)
    onnx.checker.check_model(result, full_check=True)
    assert operators(result) == ["Neg", "Exp"]
    x = np.array([0.5, -2.0], np.float32)
    assert np.allclose(run_ort(m, {"x": x})[0], run_ort(result, {"x": x})[0])


def test_an_if_with_a_computed_condition_stays_and_its_bodies_are_cleaned():
    body = """g (bool c, float[2] x) => (float[2] y) {
      i = Identity(x)
      y = If (c) <
        then_branch = t () => (float[2] r) { d = Neg(i) k = Identity(i) r = Exp(k) },
        else_branch = e () => (float[2] r) { r = Abs(i) } >
    }"""
    m, result = normalised(body)
    onnx.checker.check_model(result, full_check=True)
    (node,) = result.graph.node
    then_branch = next(a.g for a in node.attribute if a.name == "then_branch")
    assert [(n.op_type, list(n.input)) for n in then_branch.node] == [("Exp", ["x"])]
    feed = {"x": np.array([0.5, -2.0], np.float32), "c": np.array(True)}
    assert np.array_equal(run_ort(m, feed)[0], run_ort(result, feed)[0])


IMPOSSIBLE = """
g (bool c, float[1,3] x) => (float[n] y) {
  y = If (c) <
    then_branch = t () => (float[n] r) {
      axes = Constant<value = int64[1] {0}>()
      r = Squeeze(x, axes)
    },
    else_branch = e () => (float[n] s) {
      last = Constant<value = int64[1] {1}>()
      s = Squeeze(x, last)
    }
  >
}
"""


def test_a_branch_that_the_shapes_contradict_is_left_as_it_was():
    m = model(IMPOSSIBLE)
    g = graph_of(m)
    normalise(g)
    (node,) = g.nodes
    assert not node.subgraphs["then_branch"].is_frozen
    assert [n.op_type for n in node.subgraphs["then_branch"].nodes] == ["Squeeze"]
    assert node.subgraphs["else_branch"].is_frozen
    assert [n.op_type for n in node.subgraphs["else_branch"].nodes] == ["Constant", "Squeeze"]


def test_unused_initializers_are_dropped_and_captured_ones_kept():
    body = """g (bool c, float[2] x) => (float[2] y)
      <float[2] w = {1., 2.}, float[2] unused = {3., 4.}> {
      y = If (c) < then_branch = t () => (float[2] r) { r = Add(x, w) },
                   else_branch = e () => (float[2] r) { r = Abs(x) } >
    }"""
    _, result = normalised(body)
    assert [t.name for t in result.graph.initializer] == ["w"]


def test_the_graph_that_is_normalised_keeps_its_inputs_and_outputs():
    g = graph("g (float[2] x, float[2] unused) => (float[2] y) { y = Relu(x) }")
    normalise(g)
    assert [i.name for i in g.inputs] == ["x", "unused"]


def test_a_large_constant_node_becomes_an_initializer_without_being_read():
    weights = np.arange(6000, dtype=np.float32)
    m = model("g (float[6000] x) => (float[6000] y) { y = Add(x, w) }")
    node = onnx.helper.make_node("Constant", [], ["w"], value=onnx.numpy_helper.from_array(weights))
    m.graph.node.insert(0, node)
    g = graph_of(m)
    normalise(g)
    result = write_model(g, m, {"ai.onnx": 17})
    assert operators(result) == ["Add"]
    assert np.array_equal(onnx.numpy_helper.to_array(result.graph.initializer[0]), weights)
    assert g.values["w"].contents is None


def test_an_output_that_renames_a_result_is_that_result():
    m, result = normalised(
        """g (float[2] x) => (float[2] y, float[2] z, float[2] a) {
            a = Neg(x) b = Exp(a) c = Identity(b) y = Identity(c) d = Abs(b)
            z = Identity(d) }"""
    )
    assert operators(result) == ["Neg", "Exp", "Abs"]
    x = np.array([3.0, -1.0], np.float32)
    for before, after in zip(run_ort(m, {"x": x}), run_ort(result, {"x": x}), strict=True):
        assert np.array_equal(before, after)


def test_outputs_keep_identities_where_one_result_has_two_names():
    _, result = normalised(
        """g (float[2] x) => (float[2] y, float[2] z) {
            a = Neg(x) y = Identity(a) z = Identity(a) }"""
    )
    assert sorted(operators(result)) == ["Identity", "Neg"]
    assert [o.name for o in result.graph.output] == ["y", "z"]


def test_a_result_that_a_body_uses_is_renamed_there_too():
    m, result = normalised(
        """g (bool c, float[2] x) => (float[2] y, float[2] z) {
            a = Neg(x) y = Identity(a)
            z = If (c) <then_branch = t () => (float[2] r) { r = Exp(a) },
                        else_branch = e () => (float[2] r) { r = Abs(a) }> }"""
    )
    assert operators(result) == ["Neg", "If"]
    feed = {"c": np.array(True), "x": np.array([3.0, -1.0], np.float32)}
    for before, after in zip(run_ort(m, feed), run_ort(result, feed), strict=True):
        assert np.array_equal(before, after)
