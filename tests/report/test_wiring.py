from hypothesis import given
from hypothesis import strategies as st
from report.support import node

from porting.report.wiring import edges_of


def wired(inputs, outputs, scope=""):
    return node("n", scope=scope)._replace(inputs=tuple(inputs), outputs=tuple(outputs))


def test_a_reader_is_joined_to_the_maker():
    nodes = [wired(["x"], ["a"]), wired(["a", "", "w"], ["b"]), wired(["a", "b"], ["y"])]
    assert sorted(edges_of(nodes)) == [(0, 1), (0, 2), (1, 2)]


def test_a_value_read_twice_is_one_edge():
    assert edges_of([wired([], ["a"]), wired(["a", "a"], [])]) == [(0, 1)]


def test_a_body_sees_what_is_around_it_and_its_own_names_first():
    nodes = [
        wired([], ["a", "b"]),
        wired(["a"], ["c"], "If.then_branch"),
        wired([], ["b"], "If.then_branch"),
        wired(["b", "c"], [], "If.then_branch/Loop.body"),
        wired(["c"], ["d"]),
    ]
    assert sorted(edges_of(nodes)) == [(0, 1), (1, 3), (2, 3)]


def test_a_scope_whose_name_another_starts_with_is_not_around_it():
    nodes = [wired([], ["a"], "If"), wired(["a"], [], "If_1")]
    assert edges_of(nodes) == []


VALUES = st.lists(st.sampled_from("abcd"), max_size=3)
SCOPES = st.sampled_from(["", "s", "s/t", "t"])


@given(st.lists(st.builds(wired, VALUES, VALUES, SCOPES), max_size=20))
def test_every_edge_joins_two_nodes_by_a_value_that_both_name(nodes):
    edges = edges_of(nodes)
    assert len(edges) == len(set(edges))
    for maker, reader in edges:
        assert maker != reader
        assert set(nodes[maker].outputs) & set(nodes[reader].inputs)
        inside = f"{nodes[reader].scope}/".startswith(f"{nodes[maker].scope}/")
        assert inside or not nodes[maker].scope
