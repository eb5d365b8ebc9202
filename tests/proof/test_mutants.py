"""Wrong rewrites are caught and correct ones pass: a sample of benchmarks/mutants.py."""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from mutants import CORRECT, Collection, verdicts
from mutants_criterion import ACCEPTED, EQUAL, WRONG, Judge
from mutants_edits import KINDS, mutations
from mutants_models import of_rules

RULES = (
    "average-pool-rescaled", "batch-normalization-to-affine", "cosh-to-exp", "cum-sum-by-doubling",
    "dft-to-matmul", "elu-to-exp", "gelu-to-erf", "gemm-to-matmul", "hard-sigmoid-to-clip",
    "instance-normalization-to-means", "layer-normalization-to-means", "lp-normalization-to-sums",
    "lp-pool-to-average-pool", "mean-to-add", "pow-to-products", "reduce-l2-to-sum",
    "reduce-log-sum-exp-to-stable", "reduce-mean-to-sum", "rms-normalization-to-means",
    "rotary-embedding-to-mul", "selu-to-elu", "sigmoid-to-exp", "softmax-to-exp", "sum-to-add",
    "transposed-convolution-to-convolution",
)  # fmt: skip
PLAIN = frozenset(KINDS) - {"epsilon", "number changed", "attribute or input dropped"}
"""Slips that show on whatever numbers; the benchmark has the others, too."""

HEAD = '<ir_version: 8, opset_import: ["": 17]>\n'
NORMALIZATION = """g (float[3,4] x) => (float[3,4] y) <float e = {0.00001}, float one = {1}> {
    ["a/port/0"] s = Mul(x, x) ["a/port/1"] v = ReduceMean <axes = [1]> (s)
    ["a/port/2"] w = Add(v, e) ["a/port/3"] r = Sqrt(w) ["a/port/4"] q = Div(x, r)
    ["a/port/5"] y = Mul(q, one) }"""


@pytest.fixture(scope="module")
def sample() -> Collection:
    collection = Collection(PLAIN)
    for specimen in of_rules(RULES):
        collection.add(specimen, 1)
    return collection


@pytest.fixture(scope="module")
def reasons(sample: Collection) -> dict[int, str]:
    return verdicts(sample.candidates)


def test_wrong_rewrites_are_caught(sample, reasons):
    wrong = [(p, c) for p, c in enumerate(sample.candidates) if c.truth == WRONG]
    assert len(wrong) >= len(RULES)
    assert len({c.kind for _, c in wrong}) >= 8
    missed = [f"{c.specimen.name}: {c.detail}" for p, c in wrong if not reasons[p]]
    assert not missed


def test_no_correct_rewrite_is_flagged(sample, reasons):
    correct = [(p, c) for p, c in enumerate(sample.candidates) if c.kind == CORRECT]
    assert len(correct) == len(RULES)
    assert not [f"{c.specimen.name}: {reasons[p]}" for p, c in correct if reasons[p]]


def truths(kind: str, detail: str) -> set[str]:
    model = onnx.parser.parse_model(HEAD + NORMALIZATION)
    judge = Judge(model, {"x": np.ones((3, 4), np.float32)}, 16, ACCEPTED)
    found = [m for m in mutations(model) if m.kind == kind and detail in m.detail]
    return {judge.judge(m.applied(model))[0] for m in found}


@pytest.mark.parametrize(
    ("kind", "detail", "truth"),
    [
        ("other operator", "Add: became Sub", WRONG),
        ("operands swapped", "Div", WRONG),
        ("epsilon", "outside the root", WRONG),
        ("epsilon", "times 0", WRONG),
        ("number changed", "times 1.02", WRONG),
        ("node left out", "Mul: input 0", EQUAL),
    ],
)
def test_the_criterion_tells_wrong_from_equal(kind, detail, truth):
    assert truth in truths(kind, detail)


def test_slips_of_every_kind_are_made():
    slips = {m.kind for m in mutations(onnx.parser.parse_model(HEAD + NORMALIZATION))}
    assert {"epsilon", "wrong axis", "wrong operand", "node left out"} <= slips <= set(KINDS)
