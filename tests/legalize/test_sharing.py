import numpy as np
from legalize.toy import graph, judge_for, rules

from porting.legalize.driver import legalize
from porting.legalize.rule import rule
from porting.legalize.sharing import LARGE, share_constants

SIZE = LARGE // 4 + 1
BODY = f"""g (float[{SIZE}] x) => (float[{SIZE}] y) {{
    a = Celu <alpha = 1.0> (x) b = Celu <alpha = 2.0> (a) y = Celu <alpha = 3.0> (b) }}"""


def adding(contents):
    @rule("Celu", exactness="exact")
    def add(op, node):
        """Celu as Add of a constant; enough here."""
        return op.Add(node.inputs[0], op.const(contents(node)))

    return add


def legalized(contents):
    g = graph(BODY)
    legalize(g, judge_for("Add: {}"), rules(adding(contents)))
    return g


def test_equal_constants_of_several_nodes_are_stored_once():
    g = legalized(lambda node: np.ones(SIZE, np.float32))
    assert len(g.initializers) == 3
    share_constants(g)
    assert len(g.initializers) == 1
    assert {n.inputs[1] for n in g.nodes} == set(g.initializers)


def test_constants_that_differ_stay_apart():
    g = legalized(lambda node: np.full(SIZE, node.attribute("alpha"), np.float32))
    share_constants(g)
    assert len(g.initializers) == 3


def test_small_constants_stay_beside_their_nodes():
    g = legalized(lambda node: np.ones(1, np.float32))
    share_constants(g)
    assert len(g.initializers) == 3


def test_weights_of_the_model_are_left_alone():
    ones = ", ".join(["1"] * SIZE)
    weights = f"<float[{SIZE}] a = {{{ones}}}, float[{SIZE}] b = {{{ones}}}>"
    head = f"g (float[{SIZE}] x) => (float[{SIZE}] y)"
    g = graph(f"{head} {weights} {{ c = Add(x, a) y = Add(c, b) }}")
    share_constants(g)
    assert set(g.initializers) == {"a", "b"}
