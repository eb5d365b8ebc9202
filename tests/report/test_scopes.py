from hypothesis import given
from hypothesis import strategies as st
from report.support import HOSTILE, node

from porting.report.scopes import MOST_LEVELS, MOST_MEMBERS, tree_of

STEP = st.sampled_from(["a", "b", "layers.0", "layers.1", "", *HOSTILE])
NAMES = st.lists(STEP, max_size=MOST_LEVELS + 3).map("/".join)


def tree(*names, scope=""):
    return tree_of([node(name, scope=scope) for name in names])


def members(found):
    """Direct members of each group: its nodes and its groups."""
    counts = [0] * len(found.groups)
    for home in found.homes:
        counts[home] += 1
    for group in found.groups[1:]:
        counts[group.parent] += 1
    return counts


@given(st.lists(NAMES, max_size=150), st.sampled_from(["", "If_0.then_branch", "a/If.body"]))
def test_every_node_has_a_group_and_no_group_holds_too_much(names, scope):
    found = tree(*names, scope=scope)
    assert len(found.homes) == len(names)
    assert all(group.parent < index for index, group in enumerate(found.groups))
    assert found.groups[0].parent == -1
    assert all(0 <= home < len(found.groups) for home in found.homes)
    assert max(members(found)) <= MOST_MEMBERS
    assert all(count > 1 for count in members(found)[1:])


@given(st.lists(NAMES, max_size=60))
def test_a_groups_prefix_starts_the_names_of_its_nodes(names):
    found = tree(*names)
    for name, home in zip(names, found.homes, strict=True):
        assert name.startswith(found.groups[home].prefix)


def test_paths_in_names_are_groups():
    found = tree("/enc/l.0/MatMul", "/enc/l.0/Add", "/enc/l.1/MatMul", "/enc/l.1/Add", "out")
    assert [g.label for g in found.groups] == ["", "enc", "l.0", "l.1"]
    assert found.homes == (2, 2, 3, 3, 0)
    assert found.groups[2].prefix == "/enc/l.0/"


def test_a_group_of_one_member_is_none():
    found = tree("a/b/c/x", "a/b/c/y", "d/z")
    assert [g.label for g in found.groups] == ["", "a/b/c"]
    assert found.homes == (1, 1, 0)


def test_names_without_paths_are_taken_in_runs_of_the_models_order():
    found = tree(*(f"n{i}" for i in range(5000)))
    assert list(found.homes) == sorted(found.homes)
    labels = [g.label for g in found.groups]
    assert "n0 … n39" in labels
    assert members(found)[0] <= MOST_MEMBERS


def test_bodies_stand_under_the_node_that_has_them():
    found = tree_of([node("/m/If"), node("/m/x"), *(node(n, scope="/m/If.body") for n in "ab")])
    assert [g.label for g in found.groups] == ["", "If.body"]
    assert found.homes == (0, 0, 1, 1)


def test_a_path_of_many_steps_is_no_deep_nest():
    names = ["/".join("s" * 5000) + f"/{end}" for end in "xyz"]
    found = tree(*names, "other", "more")
    assert len(found.groups) <= MOST_LEVELS + 1
