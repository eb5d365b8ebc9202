import pytest
from legalize.toy import graph, judge_for, rules

from porting.legalize.policy import DEFAULT
from porting.legalize.window import candidates, enter_window

RELU = "g (float[2,3] x) => (float[2,3] y) { y = Relu(x) }"
REDUCE = """g (float[2,3] x) => (float[2,1] y) {
  axes = Constant<value = int64[1] {1}>() y = ReduceL2(x, axes) }"""


def table(ops, opset):
    return judge_for(ops, opset).table


def test_a_model_inside_the_window_stays():
    chosen = candidates(graph(RELU, 13), table("Relu: {}", "{range: 11..18}"))
    assert chosen[0] == 13


@pytest.mark.parametrize(("opset", "expected"), [(21, 18), (9, 11)])
def test_a_model_outside_goes_to_the_nearest_end(opset, expected):
    chosen = candidates(graph(RELU, opset), table("Relu: {}", "{range: 11..18}"))
    assert chosen[0] == expected


def test_the_version_that_most_operators_allow_wins_over_the_nearest():
    ops = "ReduceL2: {opset: 8..17}\nConstant: {}"
    chosen = candidates(graph(REDUCE, 20), table(ops, "{range: 11..18, match: model}"))
    assert chosen[0] == 17


def test_matching_by_since_compares_operator_versions():
    ops = "ReduceL2: {opset: 1..13}\nConstant: {}"
    chosen = candidates(graph(REDUCE, 18), table(ops, "{range: 11..18, match: since}"))
    assert chosen[0] == 17


def test_lowering_is_reported_and_changes_the_graph():
    g = graph(REDUCE, 18)
    ops = "ReduceL2: {opset: 8..17}\nConstant: {}"
    result = enter_window(g, table(ops, "{range: 11..18, match: model}"), rules(), DEFAULT)
    assert result.opset == 17
    assert g.context.opset == 17
    (reduce,) = [n for n in g.nodes if n.op_type == "ReduceL2"]
    assert reduce.attribute("axes") == (1,)
    assert [r.op_type for r in result.rewrites] == ["ReduceL2"]


@pytest.mark.parametrize(("op_type", "expected"), [("Not", 11), ("And", 1)])
def test_an_older_model_is_raised_where_its_operators_are_the_same(op_type, expected):
    operands = "x" if op_type == "Not" else "x, x"
    g = graph(f"g (bool[2] x) => (bool[2] y) {{ y = {op_type}({operands}) }}", 1)
    result = enter_window(g, table(f"{op_type}: {{}}", "{range: 11..13}"), rules(), DEFAULT)
    assert (result.opset, g.context.opset) == (expected, expected)


def test_a_model_that_cannot_be_lowered_stays_and_says_why():
    body = "g (int32[2] x) => (int32[2] y) { y = BitwiseNot(x) }"
    g = graph(body, 18)
    result = enter_window(g, table("BitwiseNot: {}", "{range: 11..13}"), rules(), DEFAULT)
    assert result.opset == 18
    assert g.context.opset == 18
    assert result.declined[0].op_type == "BitwiseNot"
    assert result.declined[0].reason
