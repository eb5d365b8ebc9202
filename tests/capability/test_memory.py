"""Equal nodes are judged once, and nodes that differ in what a table looks at are not confused."""

from collections.abc import Callable

import pytest
from legalize.toy import graph, judge_for

from porting.capability.facts import NodeFacts
from porting.capability.memory import Memory
from porting.results import Finding

CHAIN = "g (float[2] x) => (float[2] y) { a = Relu(x) b = Relu(a) y = Relu(b) }"


def verdicts(ops: str, body: str) -> list[str]:
    """What one judge says of the nodes of one graph, in order."""
    judge = judge_for(ops)
    return [judge.verdict(n) for n in graph(body).nodes]


def test_a_node_like_one_before_is_not_judged_again() -> None:
    asked: list[str] = []

    def find(facts: NodeFacts) -> tuple[Finding, ...]:
        asked.append(facts.node.name)
        return ()

    memory = Memory()
    nodes = graph(CHAIN).nodes
    for node in nodes:
        memory.recall(node, NodeFacts, find)
    assert asked == ["a"]


def looks_at_values(facts: NodeFacts) -> object:
    return facts("B").values  # type: ignore[union-attr]


def looks_at_producer(facts: NodeFacts) -> object:
    return facts("A").producer  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("look", "count"), [(looks_at_values, 2), (looks_at_producer, 2), (lambda facts: 0, 1)]
)
def test_what_was_looked_at_is_compared(look: Callable[[NodeFacts], object], count: int) -> None:
    asked: list[object] = []

    def find(facts: NodeFacts) -> tuple[Finding, ...]:
        asked.append(look(facts))
        return ()

    memory = Memory()
    body = """g (float[2] x) => (float[2] y) <float[1] one = {1}, float[1] two = {2}> {
        a = Add(x, one) b = Add(a, two) c = Add(b, one) y = Add(c, two) }"""
    for node in graph(body).nodes:
        memory.recall(node, NodeFacts, find)
    assert len(asked) == count


def test_limits_on_constants_see_each_constant() -> None:
    ops = 'Add: {require: [{that: "B.value == 1", else: unsupported, why: "B is one"}]}'
    body = """g (float[2] x) => (float[2] y) <float[1] one = {1}, float[1] two = {2}> {
        a = Add(x, one) b = Add(a, two) y = Add(b, one) }"""
    assert verdicts(ops, body) == ["supported", "unsupported", "supported"]


def test_limits_on_neighbours_see_each_neighbour() -> None:
    ops = "Relu: {require: [{that: \"X.producer != 'Neg'\", else: unsupported, why: w}]}\nNeg:"
    body = "g (float[2] x) => (float[2] y) { a = Relu(x) b = Neg(a) c = Relu(b) y = Relu(c) }"
    assert verdicts(ops.replace("Neg:", "Neg: {}"), body) == [
        "supported",
        "supported",
        "unsupported",
        "supported",
    ]


def test_a_path_that_asks_more_is_remembered_too() -> None:
    ops = (
        'Add: {require: [{when: "A.producer == \'Neg\'", that: "B.value == 1", '
        "else: unsupported, why: w}]}\nNeg: {}"
    )
    body = """g (float[2] x) => (float[2] y) <float[1] one = {1}, float[1] two = {2}> {
        a = Add(x, two) n = Neg(a) b = Add(n, two) m = Neg(b) c = Add(m, one) y = Add(c, two) }"""
    adds = [
        v for v, n in zip(verdicts(ops, body), graph(body).nodes, strict=True) if n.key == "Add"
    ]
    assert adds == ["supported", "unsupported", "supported", "supported"]


def test_shapes_and_attributes_tell_nodes_apart() -> None:
    ops = "Elu: {attributes: {alpha: {in: [1.0]}}}\nTranspose: {}"
    body = """g (float[2,3] x) => (float[3,2] y) {
        a = Elu <alpha = 1.0> (x) b = Elu <alpha = 2.0> (a) y = Transpose(b) }"""
    assert verdicts(ops, body) == ["supported", "unsupported", "supported"]
