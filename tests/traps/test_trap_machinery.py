"""Inlining of functions, and rewriting as such."""

import itertools

import numpy as np
import onnx
import pytest
from legalize.toy import graph, judge_for, rules
from onnx import inliner, parser
from rules.harness import rewrite, run_ort, the_rule
from rules.support import declines
from rules.test_opset_support import attempt
from traps.trap import floats, model, ort, reference, same

from porting.legalize.driver import legalize
from porting.legalize.rule import rule
from porting.model.inline import inline_functions
from porting.model.load import load
from porting.model.write import write_graph
from porting.rules import activations, gelu, normalization

HEAD = '<ir_version: 10, opset_import: ["": 17, "l": 1]> g (float[3] x) => (float[3] y) '
LOCAL = '<domain: "l", opset_import: ["": 17]> '


def inlined(text: str) -> onnx.ModelProto:
    return inline_functions(load(parser.parse_model(text))).proto


def with_schema_functions(case: onnx.ModelProto, op_type: str) -> onnx.ModelProto:
    """The bodies of onnx itself, put in by its own inliner."""
    return inliner.inline_selected_functions(case, [("", op_type)], inline_schema_functions=True)


def test_an_attribute_that_a_call_leaves_out_has_the_default_of_the_function() -> None:
    body = LOCAL + "F <alpha: float = 2.0>(a) => (b) { b = Elu<alpha: float = @alpha>(a) }"
    text, feed = HEAD + "{ y = l.F(x) } " + body, {"x": floats(-1, -2, 3)}
    case = parser.parse_model(text)
    theirs = inliner.inline_local_functions(case)
    assert not same(ort(theirs, feed), ort(case, feed))
    assert same(ort(inlined(text), feed), ort(case, feed))


def test_an_attribute_of_a_call_goes_before_the_default() -> None:
    body = LOCAL + "F <alpha: float = 2.0>(a) => (b) { b = Elu<alpha: float = @alpha>(a) }"
    text = HEAD + "{ y = l.F<alpha = 0.5>(x) } " + body
    feed = {"x": floats(-1, -2, 3)}
    assert same(ort(inlined(text), feed), ort(parser.parse_model(text), feed))


def test_defaults_hold_in_bodies_and_in_functions_that_call_functions() -> None:
    text = (
        '<ir_version: 10, opset_import: ["": 17, "l": 1]> '
        "g (float[3] x, bool c) => (float[3] y) { y = If(c) <"
        "then_branch = t () => (float[3] p) { p = l.G(x) }, "
        "else_branch = e () => (float[3] q) { q = l.F(x) }> } "
        + LOCAL + "F <alpha: float = 2.0>(a) => (b) { b = Elu<alpha: float = @alpha>(a) } "
        '<domain: "l", opset_import: ["": 17, "l": 1]> G (a) => (b) { b = l.F(a) }'
    )  # fmt: skip
    for condition in (True, False):
        feed = {"x": floats(-1, -2, 3), "c": np.array(condition)}
        assert same(ort(inlined(text), feed), np.where(feed["x"] > 0, feed["x"],
                                                       2 * np.expm1(feed["x"])))  # fmt: skip


def test_the_axes_that_a_normalisation_leaves_out_are_onnx_s() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)
    case = model(13, "(float[2,3,4,5] x) => (float[2,3,4,5] y) "
                     "{ y = MeanVarianceNormalization(x) }")  # fmt: skip
    theirs = with_schema_functions(case, "MeanVarianceNormalization")
    assert not same(ort(theirs, {"x": x}), ort(case, {"x": x}))
    ours = rewrite(case, the_rule(normalization.mean_variance_normalization_to_means))
    assert same(ort(ours, {"x": x}), ort(case, {"x": x}))


def test_an_alpha_that_is_left_out_is_onnx_s() -> None:
    case = model(22, "(float[3] x) => (float[3] y) { y = Elu(x) }", ir_version=10)
    with pytest.raises(Exception, match="value"):
        onnx.checker.check_model(with_schema_functions(case, "Elu"), full_check=True)
    feed = {"x": floats(-1, 0, 2)}
    assert same(ort(rewrite(case, the_rule(activations.elu_to_exp)), feed), ort(case, feed))


def test_an_input_may_be_skipped_in_a_call() -> None:
    body = LOCAL + "F (a, low, high) => (b) { b = Clip(a, low, high) }"
    text = HEAD + "<float u = {6}> { y = l.F(x, , u) } " + body
    feed = {"x": floats(-9, 5, 7)}
    assert same(ort(inlined(text), feed), floats(-9, 5, 6))
    skipped = model(13, "(float[3] x) => (float[3] y) <float u = {6}> { y = Clip(x, , u) }")
    with pytest.raises(Exception, match="Type unknown"):
        with_schema_functions(skipped, "Clip")
    from porting.rules.elementwise import clip_to_min_max

    assert same(ort(rewrite(skipped, the_rule(clip_to_min_max)), feed), floats(-9, 5, 6))


def test_a_rule_does_not_wait_for_the_opset_of_a_function_body() -> None:
    case = model(17, "(float[3] x) => (float[3] y) { y = Softplus(x) }")
    assert [n.op_type for n in with_schema_functions(case, "Softplus").graph.node] == ["Softplus"]
    result = rewrite(case, the_rule(activations.softplus_to_log_exp))
    assert "Softplus" not in {n.op_type for n in result.graph.node}


def test_gelu_needs_no_sum_of_one_and_no_cast_like() -> None:
    case = model(20, "(float[2,3] x) => (float[2,3] y) { y = Gelu(x) }", ir_version=9)
    theirs = {n.op_type for n in with_schema_functions(case, "Gelu").graph.node}
    assert {"Sum", "CastLike"} <= theirs
    ours = {n.op_type for n in rewrite(case, the_rule(gelu.gelu_to_erf)).graph.node}
    assert not ours & {"Sum", "CastLike"}


def test_attributes_are_read_whether_they_are_written_or_not() -> None:
    feed = {"x": floats(-1, 2)}
    text = "(float[2] x) => (float[2] y) { y = Gelu%s(x) }"
    tanh = model(20, text % '<approximate = "tanh">', ir_version=9)
    absent, written = (model(20, text % a, ir_version=9) for a in ("", '<approximate = "none">'))
    assert not same(ort(tanh, feed), ort(absent, feed), 1e-6)
    declines(gelu.gelu_to_erf, (tanh, feed), "approximate is not none")
    declines(gelu.gelu_to_tanh, (absent, feed), "approximate is not tanh")
    results = [rewrite(case, the_rule(gelu.gelu_to_erf)) for case in (absent, written)]
    assert [n.op_type for n in results[0].graph.node] == [n.op_type for n in results[1].graph.node]


@rule("Relu", exactness="exact")
def relu_to_product(op, node):
    """Relu as a product; enough to count constants."""
    return op.Mul(node.inputs[0], op.const(np.array([2, 2], np.float32)))


def test_constants_of_two_rewrites_do_not_take_each_other_s_name() -> None:
    g = graph("g (float[2] x) => (float[2] y) { p = Relu(x)  y = Relu(p) }")
    legalize(g, judge_for("Mul: {}"), rules(relu_to_product))
    proto = write_graph(g)
    names = {t.name for t in proto.initializer}
    factors = [n.input[1] for n in proto.node]
    assert len(set(factors)) == 2
    assert set(factors) <= names
    defined = {i.name for i in proto.input} | names
    for node in proto.node:
        assert defined.issuperset(node.input)
        defined.update(node.output)


@rule("Relu", exactness="exact")
def relu_to_itself(op, node):
    """Relu of something; its result is what it rewrites."""
    return op.Relu(op.Neg(node.inputs[0]))


def test_a_rule_that_gives_what_it_rewrites_comes_to_an_end() -> None:
    text = "g (float[2] x) => (float[2] y) { y = Relu(x) }"
    endless = itertools.islice(iter(lambda: relu_to_itself.rules, None), 100)
    assert len(list(endless)) == 100  # nothing in the rule itself stops it
    g = graph(text)
    rewrites, declined = legalize(g, judge_for("Neg: {}"), rules(relu_to_itself))
    assert (list(rewrites), [n.op_type for n in g.nodes]) == ([], ["Relu"])
    assert declined


@rule("Celu", exactness="exact")
def celu_to_itself(op, node):
    """The same for an operator that an older opset does not have."""
    return op.node("Celu", [op.Neg(node.inputs[0])])[0]


def test_a_conversion_of_opsets_by_such_a_rule_comes_to_an_end() -> None:
    case = model(13, "(float[2] x) => (float[2] y) { y = Celu(x) }")
    result, report = attempt(case, 11, rules(celu_to_itself))
    assert result is case
    assert "Celu is new in opset 12" in report.blockers[0].reason


def test_both_runtimes_run_what_is_inlined() -> None:
    text = HEAD + "{ y = l.F(x) } " + LOCAL + "F (a) => (b) { b = Softsign(a) }"
    feed = {"x": floats(-1, 0, 3)}
    assert same(run_ort(inlined(text), feed)[0], reference(inlined(text), feed))
