"""The conversion as a whole: its tables, bodies, names, blockers, rules."""

import time
from itertools import pairwise

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, defs, helper
from rules.harness import assert_equivalent, graph_of, single
from rules.test_opset_support import assert_converts, attempt, converted, reasons

from porting.legalize.ops import Ops
from porting.legalize.opset import LOWERING, RAISING, convert_opset
from porting.legalize.policy import Policy
from porting.legalize.rule import Registry, Rule
from porting.model.graph import Graph, Node
from porting.model.schema import OpInfo, all_versions
from porting.model.write import write_model
from porting.rules import registry
from porting.rules.opset_history import DECLINED, NO_OLDER_FORM, OTHER, SAME, WIDER

OPERATORS = sorted({s.name for s in defs.get_all_schemas_with_history() if s.domain == ""})


def _adapts(adapters: Registry, op_type: str, version: int) -> bool:
    return any(version in each.versions for each in adapters.for_operator(op_type))


def _form(info: OpInfo) -> tuple[object, ...]:
    attributes = frozenset(info.attributes)
    return attributes, info.required_inputs, info.max_inputs, len(info.outputs)


@pytest.mark.parametrize("op_type", OPERATORS)
def test_every_version_is_accounted_for(op_type: str) -> None:
    """Each version from 8 on is in one table; where the form changed, an adapter or a reason."""
    for old, new in pairwise(all_versions(op_type)):
        step = (op_type, new.since)
        if new.since < 8 or new.deprecated:
            continue
        assert sum(step in table for table in (SAME, OTHER, WIDER)) == 1, step
        changed = _form(old) != _form(new) or step in OTHER or step in WIDER
        assert not changed or _adapts(LOWERING, *step) or step in DECLINED, step


@pytest.mark.parametrize("op_type", OPERATORS)
def test_every_operator_that_is_new_is_accounted_for(op_type: str) -> None:
    first = all_versions(op_type)[0].since
    if first <= 11:
        return
    known = _adapts(LOWERING, op_type, first) or registry().for_operator(op_type)
    assert known or op_type in NO_OLDER_FORM, f"{op_type} is new in {first}"


def test_the_tables_name_nothing_else() -> None:
    steps = {(op, v.since) for op in OPERATORS for v in all_versions(op)[1:]}
    assert {*SAME, *OTHER, *WIDER} <= steps
    assert set(DECLINED) <= steps
    assert set(NO_OLDER_FORM) <= set(OPERATORS)
    for each in (*LOWERING, *RAISING):
        known = {v.since for v in all_versions(each.op_type)}
        assert set(each.versions) <= known, each.name


def test_a_version_that_nobody_has_read_is_not_taken_for_equal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("porting.rules.opset_restamp.SAME", SAME - {("Relu", 14)})
    model, _ = single("Relu", [np.ones(2, np.float32)], opset=14)
    assert "version 14 of Relu is not known here" in reasons(model, 13)


@pytest.mark.parametrize("target", [6, 29])
def test_only_known_opsets(target: int) -> None:
    model, _ = single("Relu", [np.ones(2, np.float32)], opset=14)
    with pytest.raises(ValueError, match="outside"):
        convert_opset(graph_of(model), target, Registry())


def _parsed(text: str) -> ModelProto:
    return onnx.shape_inference.infer_shapes(onnx.parser.parse_model(text))


def test_all_blockers_are_found_and_nothing_is_changed() -> None:
    model = _parsed(
        """<ir_version: 8, opset_import: ["": 18]>
        g (float[2, 3] x, int64[1] axes, bool c) => (float y, float[2, 3] z) {
            m = ReduceMean <keepdims = 0> (x, axes)
            s = Softmax <axis = 0> (x)
            y = ReduceMax <keepdims = 0> (m)
            z = If (c) <
                then_branch = t () => (float[2, 3] a) { a = Mish (s) },
                else_branch = e () => (float[2, 3] b) { b = Identity (x) }
            >
        }"""
    )
    _, report = attempt(model, 12)
    found = {(b.path, b.node.op_type) for b in report.blockers}
    assert {op for _, op in found} == {"ReduceMean", "Mish"}
    assert ("z.then_branch", "Mish") in found
    assert "axes is not a constant" in report.blockers[0].reason
    assert not report.rewrites


CONTROL = """<ir_version: 8, opset_import: ["": 18]>
g (float[2, 3] x, bool c, int64 n) => (float[2, 3] y, float[2, 3] z)
<int64[1] axes = {1}> {
    u = Unsqueeze (x, axes)
    s = Squeeze (u, axes)
    yes = Constant <value_int = 1> ()
    t = Cast <to = 9> (yes)
    y = If (c) <
        then_branch = tb () => (float[2, 3] a) {
            m = ReduceMean <keepdims = 1> (s, axes)
            a = Sub (x, m)
        },
        else_branch = eb () => (float[2, 3] b) {
            m = ReduceSum <keepdims = 1> (s, axes)
            b0 = Softmax <axis = 0> (s)
            b = Add (b0, m)
        }
    >
    z = Loop (n, t, s) <
        body = lb (int64 i, bool go, float[2, 3] v) => (bool more, float[2, 3] w) {
            more = Identity (go)
            p, q = Split <axis = 1, num_outputs = 2> (v)
            j = Concat <axis = 1> (q, p)
            w = Mul (j, s)
        }
    >
}"""


@pytest.mark.parametrize("target", [17, 15, 13, 12, 11])
@pytest.mark.parametrize("condition", [True, False])
def test_bodies_are_converted(target: int, condition: bool) -> None:
    rng = np.random.default_rng(0)
    feed = {
        "x": rng.standard_normal((2, 3)).astype(np.float32),
        "c": np.array(condition),
        "n": np.array(3, np.int64),
    }
    result = assert_converts(_parsed(CONTROL), feed, target)
    names = [n.name for _, n in graph_of(result).walk() if n.proto.name]
    assert len(names) == len(set(names))


def test_down_and_up_again() -> None:
    feed = {
        "x": np.arange(6, dtype=np.float32).reshape(2, 3),
        "c": np.array(False),
        "n": np.array(2, np.int64),
    }
    model = _parsed(CONTROL)
    back = converted(converted(model, 11), 18)
    assert_equivalent(model, back, feed)


def test_twice_gives_the_same() -> None:
    model = _parsed(CONTROL)
    assert converted(model, 11).SerializeToString() == converted(model, 11).SerializeToString()


def test_other_domains_are_left_alone() -> None:
    model = _parsed(
        """<ir_version: 8, opset_import: ["": 18, "com.microsoft": 1, "mine": 7]>
        g (float[2] x) => (float[2] z) {
            y = com.microsoft.Gelu (x)
            w = mine.Anything (y)
            z = Relu (w)
        }"""
    )
    graph = graph_of(model)
    result = convert_opset(graph, 11, Registry())
    assert not result.blockers
    assert not result.rewrites
    assert graph.context.opsets == {"ai.onnx": 11, "com.microsoft": 1, "mine": 7}
    assert [n.key for n in graph.nodes] == ["com.microsoft::Gelu", "mine::Anything", "Relu"]
    assert graph.nodes[2].info is not None
    assert graph.nodes[2].info.since == 6


def test_types_are_kept() -> None:
    graph = graph_of(_parsed(CONTROL))
    convert_opset(graph, 11, Registry())
    assert graph.value("s").shape == (2, 3)
    assert all(g.context.opset == 11 for g, _ in graph.walk())
    for owner, node in graph.walk():
        assert node.graph is owner
        for name in node.outputs:
            assert owner.value(name).dtype, name


def test_rewrites_are_listed_with_the_node_they_are_for() -> None:
    rng = np.random.default_rng(0)
    data = rng.standard_normal((2, 4)).astype(np.float32)
    pads, axes = np.array([1, 1]), np.array([1])
    model, _ = single("Pad", [data, pads, None, axes], opset=19, constants=(1, 3), mode="wrap")
    _, report = attempt(model, 11)
    assert {r.node for r in report.rewrites} == {"out0"}
    assert [r.rule for r in report.rewrites] == ["opset-pad-wrap"]
    assert report.rewrites[0].produced == ("Slice", "Slice", "Concat")
    assert {r.exactness for r in report.rewrites} == {"exact"}


def test_defaults_that_differ_are_written_out() -> None:
    model, feed = single("Softmax", [np.ones((2, 3), np.float32)], opset=13)
    result = assert_converts(model, feed, 11)
    assert [(a.name, a.i) for a in result.graph.node[0].attribute] == [("axis", -1)]
    _, report = attempt(model, 11)
    assert [r.rule for r in report.rewrites] == ["opset-restamp"]


def test_rules_stand_in_for_operators_that_are_new() -> None:
    x = np.linspace(-3, 3, 7, dtype=np.float32)
    model, feed = single("Mish", [x], opset=18)
    result = assert_converts(model, feed, 13, rules=registry())
    assert "Mish" not in {n.op_type for n in result.graph.node}
    assert "Mish is new in opset 18" in reasons(model, 13)


def _rule(name: str, op_type: str, made: str, **attributes: object) -> Rule:
    def function(op: Ops, node: Node) -> str:
        return op.node(made, node.inputs, **attributes)[0]

    return Rule(name, op_type, "exact", function)


def test_what_a_rule_gives_has_to_be_valid() -> None:
    model, _ = single("Mish", [np.ones(3, np.float32)], opset=18)
    newer = _rule("to-gelu", "Mish", "Gelu")
    wrong = _rule("to-relu", "Mish", "Relu", alpha=1.0)
    assert "there is no Gelu of opset 13" in reasons(model, 13, Registry([newer]))
    assert "Relu of opset 13 has no attribute alpha" in reasons(model, 13, Registry([wrong]))
    right = _rule("to-tanh", "Mish", "Tanh")
    result = converted(model, 13, Registry([newer, wrong, right]))
    assert [n.op_type for n in result.graph.node] == ["Tanh"]


def test_rules_in_a_circle_come_to_an_end() -> None:
    model, _ = single("Mish", [np.ones(3, np.float32)], opset=18)
    circle = Registry([_rule("one", "Mish", "Mish"), _rule("two", "HardSwish", "Mish")])
    assert "do not come to an end" in reasons(model, 13, circle)


def test_a_conditional_rule_is_not_used_unasked() -> None:
    x = np.random.default_rng(0).random((1, 2, 8, 8)).astype(np.float32)
    rois = np.array([[1, 1, 6, 6]], np.float32)
    inputs = [x, rois, np.array([0])]
    model, feed = single("RoiAlign", inputs, opset=16, output_height=2, output_width=2)
    assert "conditional" in reasons(model, 13)
    copy = ModelProto()
    copy.CopyFrom(model)
    graph = graph_of(copy)
    assert not convert_opset(
        graph, 13, Registry(), Policy(frozenset({"exact", "conditional"}))
    ).blockers
    result = write_model(graph, copy, graph.context.opsets)
    # onnx.reference takes opset 13 for half_pixel, too.
    assert_equivalent(model, result, feed, rel=1e-4, reference=False)


def test_time_grows_with_the_nodes_only() -> None:
    def seconds(count: int) -> float:
        nodes = [
            helper.make_node("Softmax", [f"v{i}"], [f"v{i + 1}"], axis=0) for i in range(count)
        ]
        infos = [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, [2, 3]) for n in ("v0", f"v{count}")
        ]
        body = helper.make_graph(nodes, "g", infos[:1], infos[1:])
        graph = graph_of(helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)]))
        start = time.perf_counter()
        result = convert_opset(graph, 11, Registry())
        assert not result.blockers
        return time.perf_counter() - start

    small, large = seconds(100), seconds(1000)
    assert large < 40 * small + 1


def test_unknown_operators_are_blockers() -> None:
    model = _parsed(
        '<ir_version: 8, opset_import: ["": 18]> g (float[2] x) => (float[2] y) { y = Relu(x) }'
    )
    model.graph.node[0].op_type = "Nothing"
    graph: Graph = graph_of(model)
    result = convert_opset(graph, 13, Registry())
    assert "ONNX defines no operator Nothing" in result.blockers[0].reason
