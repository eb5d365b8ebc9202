from report.support import node

from porting.conversion import Rewrite
from porting.report.origins import origins, place_of


def rewrite(name, scope=""):
    return Rewrite(name, "Gelu", "gelu-to-erf", "reordered", ("Erf",), scope)


def found(nodes, rewrites, loaded):
    return origins(nodes, rewrites, {place_of(n) for n in loaded})


def test_a_new_node_is_traced_to_the_rewrites_of_the_node_it_is_named_after():
    after = [node("act/port/Erf_0"), node("act/port/Mul_1/port/Add_0"), node("conv")]
    rewrites = [rewrite("act"), rewrite("act"), rewrite("other")]
    assert found(after, rewrites, [node("act"), node("conv")]) == {0: (0, 1), 1: (0, 1)}


def test_a_node_that_keeps_its_name_is_touched_by_its_own_rewrite_only():
    after = [node("a"), node("a/b")]
    assert found(after, [rewrite("a")], after) == {0: (0,)}


def test_the_longest_name_is_taken():
    rewrites = [rewrite("a"), rewrite("a/b")]
    assert found([node("a/b/port/Mul_0")], rewrites, []) == {0: (1,)}


def test_a_new_node_of_no_rewrite_has_none():
    assert found([node("made")], [rewrite("a")], []) == {0: ()}


def test_the_place_decides_before_the_name():
    rewrites = [rewrite("a", "If.then_branch"), rewrite("a", "If.else_branch")]
    assert found([node("a/port/X", scope="If.else_branch")], rewrites, []) == {0: (1,)}
    assert found([node("a/port/X")], rewrites, []) == {0: (0, 1)}
