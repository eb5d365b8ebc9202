"""What a rule computes from constants alone becomes a constant of its replacement."""

import numpy as np
from legalize.toy import graph

from porting.legalize.apply import MOST_FOLDED, Names, apply, splice
from porting.legalize.rule import Rule
from porting.model.graph import Graph
from porting.model.value import SMALL


def operators(g: Graph) -> list[str]:
    return [n.op_type for n in g.nodes]


def replaced(text: str, build: object) -> Graph:
    """The graph with its first node replaced by what `build` makes."""
    g = graph(text)
    node = g.nodes[0]
    splice(g, {node: apply(Rule("r", node.key, "exact", build), node, Names())})  # type: ignore[arg-type]
    return g


INNER = "g (float[2,3] x) => (float[2,3] y) { a = Celu(x) y = Relu(a) }"
LARGE = "g (float[2,3,1] x) => (float[2,3,1] y) { a = Celu(x) y = Relu(a) }"
LAST = "g (float[2,3] x) => (float[2,3] y) { y = Celu(x) }"


def test_nodes_over_constants_become_one_constant() -> None:
    def build(op, node):
        two = op.Cast(op.Floor(op.const([2.5], "float32")), to=7)
        return op.Mul(node.inputs[0], op.cast(op.Add(two, two), "float32"))

    g = replaced(INNER, build)
    assert operators(g) == ["Mul", "Relu"]
    held = g.value(g.nodes[0].inputs[1])
    assert held.name in g.initializers
    assert held.value().tolist() == [4.0]
    assert len(g.initializers) == 1, "what went into it is not kept"


def test_a_constant_result_is_renamed_within_a_graph_and_computed_at_its_end() -> None:
    def build(op, node):
        ones = op.const(np.ones((2, 3)), "float32")
        return op.Neg(op.Add(ones, ones))

    assert operators(replaced(INNER, build)) == ["Identity", "Relu"]
    assert operators(replaced(LAST, build)) == ["Neg"]


def test_large_constants_are_computed_where_they_do_not_grow_much() -> None:
    def scaled(op, node):
        weights = op.const(np.ones((SMALL, 2, 3)), "float32")
        table = op.transpose(op.Add(weights, weights), [1, 2, 0])
        return op.Mul(node.inputs[0], op.slice(table, [0], [1], [2]))

    def spread(op, node):
        wide = op.Expand(op.const(1.0, "float32"), op.shape([SMALL, 2, 3]))
        return op.Mul(node.inputs[0], op.ReduceMax(wide, axes=[0], keepdims=0))

    def huge(op, node):
        wide = op.const(np.ones((MOST_FOLDED // 6 + 1, 2, 3)), "float32")
        return op.Mul(node.inputs[0], op.ReduceMax(op.Neg(wide), axes=[0], keepdims=0))

    assert operators(replaced(LARGE, scaled)) == ["Mul", "Relu"]
    assert operators(replaced(INNER, spread))[0] == "Expand"
    assert operators(replaced(INNER, huge))[0] == "Neg"
