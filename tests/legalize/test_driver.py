import pytest
from legalize.toy import graph, judge_for, model, rules

from porting.legalize.driver import legalize
from porting.legalize.normalise import clean
from porting.legalize.policy import DEFAULT_CLASSES, Policy
from porting.legalize.rule import DeclinedError, decline, rule
from porting.model.write import write_graph, write_model


@rule("Selu", exactness="reordered")
def selu_to_elu(op, node):
    """Selu as a scaled Elu."""
    return op.Mul(op.Elu(node.inputs[0], alpha=1.67), op.const(1.05, like=node.inputs[0]))


@rule("Elu", exactness="reordered")
def elu_to_celu(op, node):
    """Elu as Celu, alike for alpha 1 only; enough for a search."""
    return op.Celu(node.inputs[0])


@rule("Elu", exactness="reordered")
def elu_to_relu(op, node):
    """Elu as Relu; enough for a search."""
    return op.Relu(node.inputs[0])


@rule("Celu", exactness="reordered")
def celu_to_elu(op, node):
    """Back again."""
    return op.Elu(node.inputs[0])


@rule("Celu", exactness="reordered")
def celu_to_relu(op, node):
    """Not the same function: the driver does not look at numbers."""
    return op.Relu(node.inputs[0])


@rule("Celu", exactness="exact")
def celu_to_long(op, node):
    """The same in more nodes."""
    return op.Relu(op.Relu(op.Relu(node.inputs[0])))


@rule("Celu", exactness="approximate")
def celu_approximately(op, node):
    """Allowed on request only."""
    return op.Relu(node.inputs[0])


@rule("Celu", exactness="exact")
def celu_never(op, node):
    """Always declines."""
    decline("the moon is full")


CELU = "g (float[2,3] x) => (float[2,3] y) { y = Celu(x) }"
SELU = "g (float[2,3] x) => (float[2,3] y) { y = Selu(x) }"


def operators(g):
    return [n.op_type for _, n in g.walk()]


def test_an_illegal_node_becomes_what_its_rule_builds():
    g = graph(CELU)
    rewrites, declined = legalize(g, judge_for("Relu: {}"), rules(celu_to_relu))
    assert operators(g) == ["Relu"]
    assert [(r.rule, r.op_type, r.produced) for r in rewrites] == [
        ("celu-to-relu", "Celu", ("Relu",))
    ]
    assert not declined


def test_what_a_rule_produces_is_legalized_in_turn():
    g = graph(SELU)
    registry = rules(selu_to_elu, elu_to_celu, celu_to_relu)
    rewrites, _ = legalize(g, judge_for("Relu: {}\nMul: {}"), registry)
    assert operators(g) == ["Relu", "Mul"]
    assert [r.rule for r in rewrites] == ["selu-to-elu", "elu-to-celu", "celu-to-relu"]
    assert g.nodes[-1].outputs == ("y",)


def test_nothing_is_changed_when_no_result_is_legal():
    g = graph(SELU)
    before = write_graph(g).SerializeToString(deterministic=True)
    rewrites, declined = legalize(g, judge_for("Relu: {}"), rules(selu_to_elu, elu_to_celu))
    assert write_graph(g).SerializeToString(deterministic=True) == before
    assert rewrites == []
    assert "Elu" in declined[0].reason
    assert "toyc does not take Elu" in declined[0].reason


def test_rules_that_undo_each_other_end():
    g = graph(CELU)
    rewrites, declined = legalize(g, judge_for("Relu: {}"), rules(celu_to_elu, elu_to_celu))
    assert rewrites == []
    assert operators(g) == ["Celu"]
    assert declined[0].rule == "celu-to-elu"


def test_the_cheapest_legal_result_wins_whatever_the_order():
    for order in ([celu_to_long, celu_to_relu], [celu_to_relu, celu_to_long]):
        g = graph(CELU)
        legalize(g, judge_for("Relu: {}"), rules(*order))
        assert operators(g) == ["Relu"]


def test_of_two_ways_to_the_same_cost_the_shorter_wins():
    registry = rules(celu_to_elu, elu_to_relu, celu_to_relu)
    rewrites, _ = legalize(graph(CELU), judge_for("Relu: {}"), registry)
    assert [r.rule for r in rewrites] == ["celu-to-relu"]


def test_a_result_on_the_host_costs_more_than_several_nodes_on_the_chip():
    judge = judge_for("Relu: {}\nElu: {verdict: fallback, why: no kernel}")
    g = graph(CELU)
    legalize(g, judge, rules(celu_to_elu, celu_to_long))
    assert operators(g) == ["Relu", "Relu", "Relu"]


def test_a_weaker_class_is_applied_only_when_allowed():
    g = graph(CELU)
    judge = judge_for("Relu: {}")
    _, declined = legalize(g, judge, rules(celu_approximately))
    assert declined[0].reason == "it is approximate; allow it with --allow approximate"
    legalize(g, judge, rules(celu_approximately), Policy(DEFAULT_CLASSES | {"approximate"}))
    assert operators(g) == ["Relu"]


def test_the_reason_of_a_rule_that_declines_is_kept():
    _, declined = legalize(graph(CELU), judge_for("Relu: {}"), rules(celu_never))
    assert [(d.rule, d.reason) for d in declined] == [("celu-never", "the moon is full")]


def test_a_node_without_a_rule_says_so():
    _, declined = legalize(graph(CELU), judge_for("Relu: {}"), rules(selu_to_elu))
    assert [(d.rule, d.reason) for d in declined] == [("", "no rule rewrites it")]


def test_legal_nodes_are_left_alone():
    g = graph(CELU)
    node = g.nodes[0]
    rewrites, _ = legalize(g, judge_for("Relu: {}\nCelu: {}"), rules(celu_to_relu))
    assert rewrites == []
    assert g.nodes == [node]


def test_an_unsupported_node_may_become_an_undecided_one():
    judge = judge_for("Relu: {verdict: unknown, why: nobody tried}")
    g = graph(CELU)
    legalize(g, judge, rules(celu_to_relu))
    assert operators(g) == ["Relu"]


def test_an_undecided_node_stays_when_its_result_is_undecided_too():
    judge = judge_for("Relu: {verdict: unknown, why: x}\nCelu: {verdict: unknown, why: x}")
    g = graph(CELU)
    _, declined = legalize(g, judge, rules(celu_to_relu))
    assert operators(g) == ["Celu"]
    assert "Relu" in declined[0].reason


IF = """
g (bool c, float[2] x) => (float[2] y) {
  y = If (c) <
    then_branch = t () => (float[2] a) { a = Celu(x) },
    else_branch = e () => (float[2] b) { b = Relu(x) }
  >
}
"""


def test_bodies_are_legalized_where_they_are():
    g = graph(IF)
    rewrites, _ = legalize(g, judge_for("Relu: {}\nIf: {}"), rules(celu_to_relu))
    assert operators(g) == ["If", "Relu", "Relu"]
    assert rewrites[0].scope == "y.then_branch"
    written = write_model(g, model(IF), {"ai.onnx": 17})
    assert written.graph.node[0].attribute[0].g.node[0].op_type == "Relu"


def test_a_body_that_cannot_run_at_these_shapes_is_left_alone_with_the_reason():
    g = graph(IF)
    g.nodes[0].subgraphs["then_branch"].is_frozen = True
    rewrites, declined = legalize(g, judge_for("Relu: {}\nIf: {}"), rules(celu_to_relu))
    assert rewrites == []
    assert operators(g) == ["If", "Celu", "Relu"]
    (only,) = declined
    assert (only.op_type, only.scope) == ("Celu", "y.then_branch")
    assert "does not fit the shapes" in only.reason


def test_two_runs_give_the_same_bytes():
    results = []
    for _ in range(2):
        g = graph(SELU)
        legalize(g, judge_for("Relu: {}\nMul: {}"), rules(selu_to_elu, elu_to_celu, celu_to_relu))
        results.append(write_graph(g).SerializeToString(deterministic=True))
    assert results[0] == results[1]


def test_new_nodes_say_which_node_they_came_from():
    g = graph("g (float[2] x) => (float[2] y) { [act] y = Selu(x) }")
    legalize(g, judge_for("Elu: {}\nMul: {}"), rules(selu_to_elu))
    assert [n.name.split("/")[0] for n in g.nodes] == ["act", "act"]
    assert {n.origin for n in g.nodes} == {"act"}


def test_decline_is_an_exception_with_the_reason():
    with pytest.raises(DeclinedError, match="because"):
        decline("because")


def respelling(number):
    def respell(op, node):
        """Another spelling of Celu, no better."""
        return op.Celu(node.inputs[0], alpha=1.0 + number)

    respell.__name__ = f"respell_{number}"
    return rule("Celu", exactness="exact")(respell)


def test_many_spellings_that_lead_nowhere_do_not_hide_a_short_way():
    registry = rules(*[respelling(i) for i in range(25)], celu_to_relu)
    rewrites, _ = legalize(graph(CELU), judge_for("Relu: {}"), registry)
    assert [r.rule for r in rewrites] == ["celu-to-relu"]


@rule("Celu", exactness="exact")
def celu_to_a_type_it_lacks(op, node):
    """Sin takes no integers."""
    return op.Cast(op.Sin(op.Cast(node.inputs[0], to=6)), to=1)


def test_a_result_that_onnx_itself_forbids_is_declined():
    _, declined = legalize(
        graph(CELU), judge_for("Sin: {}\nCast: {}"), rules(celu_to_a_type_it_lacks)
    )
    (only,) = declined
    assert "Sin" in only.reason
    assert "does not take int32" in only.reason


def test_a_trial_that_is_given_up_leaves_the_values_of_the_graph_alone():
    g = graph(CELU)
    g.values["y"].dtype = None
    legalize(g, judge_for("Sin: {}"), rules(celu_to_relu))
    assert operators(g) == ["Celu"]
    assert g.values["y"].dtype is None


def test_a_rule_that_declines_says_what_kind_of_reason_it_is():
    _, declined = legalize(
        graph(CELU), judge_for("Relu: {}"), rules(celu_never, celu_to_elu, celu_approximately)
    )
    assert [d.kind for d in declined] == ["form", "result", "policy"]


CHAIN = "g (float[2] x) => (float[2] y) { a = Celu(x) b = Celu(a) y = Celu(b) }"


def counting(calls, lookup=lambda node: None):
    def counted(op, node):
        """Celu as Relu, or nothing; every call is noted."""
        calls.append(node.name)
        lookup(node)
        return op.Relu(node.inputs[0])

    return rule("Celu", exactness="exact")(counted)


def test_what_was_made_of_a_node_is_made_once_for_equal_nodes():
    calls = []
    rewrites, _ = legalize(graph(CHAIN), judge_for("Relu: {}"), rules(celu_never, counting(calls)))
    assert [r.rule for r in rewrites] == ["counted"] * 3
    assert "a" not in calls
    assert calls.count("b") == 1


def test_what_helped_a_node_is_tried_first_on_the_next_like_it():
    calls = []
    around = counting(calls, lambda node: node.graph.producer(node.inputs[0]))
    rewrites, _ = legalize(graph(CHAIN), judge_for("Relu: {}"), rules(celu_never, around))
    assert [r.rule for r in rewrites] == ["counted"] * 3
    assert calls.count("a") == calls.count("b") == 1


def test_that_nothing_helps_is_found_out_once_for_equal_nodes():
    calls = []
    _, declined = legalize(graph(CHAIN), judge_for("Elu: {}"), rules(counting(calls)))
    assert set(calls) == {"b", "y"}  # y is what the graph returns
    assert [d.node for d in declined] == ["a", "b", "y"]


def test_a_rule_that_looks_around_is_asked_again_for_each_node():
    calls = []
    around = counting(calls, lambda node: node.graph.producer(node.inputs[0]))
    legalize(graph(CHAIN), judge_for("Elu: {}"), rules(around))
    assert set(calls) == {"a", "b", "y"}


def test_constants_tell_nodes_apart():
    @rule("Add", exactness="exact")
    def add_of_one(op, node):
        """Adding 1 as Relu; enough for a search."""
        if node.const(1).item() != 1:
            decline("the constant is not 1")
        return op.Relu(node.inputs[0])

    body = """g (float[1] x) => (float[1] y) <float[1] one = {1}, float[1] two = {2}> {
        a = Add(x, two) b = Add(a, one) c = Add(b, two) y = Add(c, one) }"""
    g = graph(body)
    legalize(g, judge_for("Relu: {}"), rules(add_of_one))
    assert operators(g) == ["Add", "Relu", "Add", "Relu"]


@rule("Celu", exactness="exact")
def celu_to_nothing(op, node):
    """Not the same function; it only gives the input another name."""
    return node.inputs[0]


def test_a_node_that_only_renames_need_not_be_legal_within_the_graph():
    g = graph("g (float[2] x) => (float[2] y) { a = Celu(x) y = Relu(a) }")
    legalize(g, judge_for("Relu: {}"), rules(celu_to_nothing))
    clean(g)
    assert operators(g) == ["Relu"]


def test_a_node_that_renames_an_output_of_the_graph_has_to_be_legal():
    g = graph(CELU)
    _, declined = legalize(g, judge_for("Relu: {}"), rules(celu_to_nothing))
    assert operators(g) == ["Celu"]
    assert "its result needs Identity" in declined[0].reason


@rule("Relu", exactness="exact")
def relu_of_celu_to_abs(op, node):
    """Looks back behind a Celu; not the same function."""
    before = node.graph.producer(node.inputs[0])
    if before is None or before.op_type != "Celu":
        decline("no Celu is in front")
    return op.Abs(before.inputs[0])


def test_what_only_a_replaced_node_has_read_is_not_rewritten():
    g = graph("g (float[2] x) => (float[2] y) { a = Celu(x) y = Relu(a) }")
    rewrites, declined = legalize(g, judge_for("Abs: {}"), rules(relu_of_celu_to_abs, celu_never))
    assert operators(g) == ["Abs"]
    assert [r.rule for r in rewrites] == ["relu-of-celu-to-abs"]
    assert not declined


def test_rewrites_are_told_in_the_order_of_the_model():
    rewrites, _ = legalize(graph(CHAIN), judge_for("Relu: {}"), rules(celu_to_relu))
    assert [r.node for r in rewrites] == ["a", "b", "y"]
