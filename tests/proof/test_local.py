"""Kinds of rewrites, run by themselves."""

import numpy as np
import pytest
from legalize.toy import graph, judge_for, rules

from porting.legalize import exhibits as module
from porting.legalize.driver import legalize
from porting.legalize.exhibits import Exhibits
from porting.legalize.rule import rule
from porting.proof.local import LocalProof, prove_locally

SELU = "g (float[2,3] x) => (float[2,3] y) { a = Selu(x) b = Selu(a) y = Selu(b) }"


@rule("Selu", exactness="reordered")
def selu_to_elu(op, node):
    """Selu as a scaled Elu."""
    alpha, gamma = node.attribute("alpha"), node.attribute("gamma")
    return op.Mul(op.Elu(node.inputs[0], alpha=alpha), op.const(gamma, like=node.inputs[0]))


@rule("Elu", exactness="exact")
def elu_to_where(op, node):
    """Elu by its definition."""
    x = node.inputs[0]
    one, zero = op.const(1.0, like=x), op.const(0.0, like=x)
    below = op.Mul(op.Sub(op.Exp(x), one), op.const(node.attribute("alpha"), like=x))
    return op.Where(op.Less(x, zero), below, x)


@rule("Selu", exactness="reordered")
def selu_wrongly(op, node):
    """Selu without its factor."""
    return op.Elu(node.inputs[0], alpha=node.attribute("alpha"))


@rule("Softmax", exactness="exact")
def softmax_wrongly_along_the_first_axis(op, node):
    """Softmax along another axis."""
    return op.Softmax(node.inputs[0], axis=0)


@rule("Relu", exactness="exact")
def relu_of_neg(op, node):
    """relu(-x) = max(-x, 0), which reads what Neg reads."""
    before = node.graph.producer(node.inputs[0])
    x = before.inputs[0]
    return op.Neg(op.Min(x, op.const(0.0, like=x)))


def proof_of(body: str, ops: str, *functions: object) -> LocalProof:
    exhibits = Exhibits()
    legalize(graph(body), judge_for(ops), rules(*functions), exhibits=exhibits)
    return prove_locally(exhibits)


def test_each_kind_is_run_once_and_stands_for_all_nodes_like_it():
    proof = proof_of(SELU, "Elu: {}\nMul: {}", selu_to_elu)
    assert (proof.proved, proof.kinds) == (3, 1)
    assert proof.differing == ()


def test_rules_behind_one_another_are_run_together():
    ops = "\n".join(f"{o}: {{}}" for o in ("Mul", "Sub", "Exp", "Where", "Less"))
    proof = proof_of(SELU, ops, selu_to_elu, elu_to_where)
    assert (proof.proved, proof.kinds) == (3, 1)


def test_a_wrong_rule_is_named_with_its_node():
    proof = proof_of(SELU, "Elu: {}", selu_wrongly)
    (wrong,) = proof.differing
    assert (wrong.node, wrong.rules) == ("y", ("selu-wrongly",))
    assert "elements differ" in wrong.reason
    assert proof.proved == 0


def test_wrong_and_right_kinds_are_told_apart():
    body = """g (float[2,3] x) => (float[2,3] y) {
        a = Selu(x) b = Softmax <axis=1> (a) y = Selu(b) }"""
    ops = 'Elu: {}\nMul: {}\nSoftmax: {require: [{that: "axis == 0", else: unsupported, why: w}]}'
    proof = proof_of(body, ops, selu_to_elu, softmax_wrongly_along_the_first_axis)
    assert [d.rules for d in proof.differing] == [("softmax-wrongly-along-the-first-axis",)]
    assert (proof.proved, proof.kinds) == (2, 1)


def test_a_rule_that_looks_back_is_shown_with_the_nodes_before():
    body = "g (float[2,3] x) => (float[2,3] y) { a = Neg(x) y = Relu(a) }"
    proof = proof_of(body, "Neg: {}\nMin: {}", relu_of_neg)
    assert (proof.proved, proof.differing) == (1, ())


def test_dimensions_that_are_not_known_get_a_size():
    body = "g (float[n,3] x) => (float[n,3] y) { y = Selu(x) }"
    proof = proof_of(body, "Elu: {}\nMul: {}", selu_to_elu)
    assert proof.proved == 1


def test_what_cannot_be_shown_is_listed_with_the_reason(monkeypatch):
    monkeypatch.setattr(module, "MOST_ELEMENTS", 5)
    proof = proof_of(SELU, "Elu: {}\nMul: {}", selu_to_elu)
    assert proof.proved == 0
    assert proof.unproved == (("y", "it is too large to run by itself"),)


def test_weights_are_read_where_they_are_small_and_drawn_where_not(monkeypatch):
    @rule("MatMul", exactness="reordered")
    def matmul_to_gemm(op, node):
        """A product of matrices as Gemm."""
        return op.Gemm(*node.inputs)

    body = """g (float[2,2] x) => (float[2,2] y) <float[2,2] w = {1, 2, 3, 4}> {
        y = MatMul(x, w) }"""
    exhibits = Exhibits()
    legalize(graph(body), judge_for("Gemm: {}"), rules(matmul_to_gemm), exhibits=exhibits)
    (exhibit,) = exhibits.items.values()
    assert [t.name for t in exhibit.before.graph.initializer] == ["w"]
    assert prove_locally(exhibits).proved == 1


@pytest.mark.parametrize("key", ["proved", "kinds", "differing", "unproved"])
def test_the_json_names_everything(key):
    assert key in LocalProof().to_dict()


def test_numbers_are_drawn_the_same_way_each_time():
    first, second = (proof_of(SELU, "Elu: {}", selu_wrongly) for _ in range(2))
    assert first == second
    assert np.isfinite(first.kinds)
