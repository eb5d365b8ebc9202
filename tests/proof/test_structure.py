"""Outputs that are proved identical by their computation alone."""

import pytest
from legalize.toy import model

from porting.conversion import Rewrite
from porting.proof.structure import unchanged_outputs

HEAD = "g (float[2,3] x) => (float[2,3] y, float[2,3] z)"
BEFORE = model(f"{HEAD} {{ a = Relu(x) [n] b = Celu(a) y = Neg(b) z = Neg(a) }}")


def rewrite(exactness: str, node: str = "n") -> Rewrite:
    return Rewrite(node, "Celu", "some-rule", exactness, ("Elu",), "")  # type: ignore[arg-type]


def proved(after: str, *rewrites: Rewrite, before: object = BEFORE) -> tuple[str, ...]:
    return unchanged_outputs(before, model(after), rewrites)  # type: ignore[arg-type]


def test_a_model_is_identical_to_itself():
    assert unchanged_outputs(BEFORE, BEFORE, []) == ("y", "z")


AFTER = f"{HEAD} {{ a = Relu(x) b = Elu(a) y = Neg(b) z = Neg(a) }}"


@pytest.mark.parametrize(
    ("exactness", "outputs"),
    [("exact", ("y", "z")), ("narrowing", ("y", "z")), ("reordered", ("z",))],
)
def test_only_exact_rewrites_keep_what_depends_on_them_identical(exactness, outputs):
    assert proved(AFTER, rewrite(exactness)) == outputs


def test_an_exact_rewrite_whose_result_is_rewritten_in_turn_is_as_weak_as_that():
    assert proved(AFTER, rewrite("exact"), rewrite("reordered")) == ("z",)


def test_a_node_that_no_rewrite_explains_is_not_proved():
    assert proved(AFTER) == ("z",)


@pytest.mark.parametrize(
    "node", ["z = Neg(x)", "z = Abs(a)", "z = Neg(b)", "c = Neg(a) z = Neg(c)"]
)
def test_another_operator_or_another_operand_is_not_proved(node):
    after = f"{HEAD} {{ a = Relu(x) b = Celu(a) y = Neg(b) {node} }}"
    assert proved(after) == ("y",)


def test_other_attributes_are_another_computation():
    after = f"{HEAD} {{ a = Relu(x) b = Celu <alpha=2.0> (a) y = Neg(b) z = Neg(a) }}"
    assert proved(after) == ("z",)


def test_nodes_that_do_nothing_may_go():
    before = model(f"{HEAD} {{ i = Identity(x) j = Identity(i) y = Neg(j) z = Neg(i) }}")
    assert proved(f"{HEAD} {{ y = Neg(x) z = Neg(x) }}", before=before) == ("y", "z")


WEIGHTS = "<float[3] w = {{1, 2, {}}}>"


def test_weights_are_compared():
    before = model(f"{HEAD} {WEIGHTS.format(3)} {{ y = Add(x, w) z = Neg(x) }}")
    same = f"{HEAD} {WEIGHTS.format(3)} {{ y = Add(x, w) z = Neg(x) }}"
    other = f"{HEAD} {WEIGHTS.format(4)} {{ y = Add(x, w) z = Neg(x) }}"
    assert proved(same, before=before) == ("y", "z")
    assert proved(other, before=before) == ("z",)


def test_folded_constants_are_what_they_were():
    before = model(f"{HEAD} {{ s = Shape(x) y = Reshape(x, s) z = Neg(x) }}")
    after = f"{HEAD} <int64[2] s = {{2, 3}}> {{ y = Reshape(x, s) z = Neg(x) }}"
    assert proved(after, before=before) == ("y", "z")


def test_random_numbers_are_never_identical():
    before = model(f"{HEAD} {{ y = RandomNormalLike(x) z = Neg(x) }}")
    assert unchanged_outputs(before, before, []) == ("z",)
