from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper
from rules.harness import SPECIAL, graph_of, single, with_nodes
from rules.support import arrays, declines, few, prove, shapes

from porting.rules import powers as rules

TARGETS = (11, 13, 18)
POSITIVE = np.array([np.nan, np.inf, 0.0, 1.0, 1e-30, 88.8, 65504.0, 1e30])


def power(x: np.ndarray, exponent: Any, **options: Any) -> Any:
    return single("Pow", [x, np.asarray(exponent)], opset=13, constants=(1,), **options)


@few
@given(
    x=arrays(shapes(smallest=0), SPECIAL), n=st.sampled_from([1, 2, 3, 4, 5, 7, 16, -1, -2, -3]),
    kind=st.sampled_from(["float32", "int64", "int32"]),
)  # fmt: skip
def test_whole_powers_are_products(x: np.ndarray, n: int, kind: str) -> None:
    targets = (13, 18) if kind != "float32" else TARGETS
    prove(rules.pow_to_products, power(x, np.array(n, kind)), targets=targets, rel=1e-4)


@few
@given(seed=st.integers(0, 99), n=st.sampled_from([1, 2, 3, 5]), kind=st.sampled_from(["int32"]))
def test_whole_powers_of_integers(seed: int, n: int, kind: str) -> None:
    x = np.random.default_rng(seed).integers(-40, 40, (3, 4)).astype(kind)
    prove(rules.pow_to_products, power(x, np.array(n, kind)), targets=(11, 13, 18))


def test_other_exponents_are_no_products() -> None:
    x = np.ones((2, 3), np.float32)
    for exponent, reason in ((0.0, "not a whole number"), (0.5, "not a whole number"),
                             (17.0, "above 16"), (np.inf, "not a whole number")):  # fmt: skip
        declines(rules.pow_to_products, power(x, np.float32(exponent)), reason)
    declines(rules.pow_to_products, power(x, np.ones(3, np.float32)), "more than one exponent")
    wide = np.full((1, 1, 1), 2, np.float32)
    declines(rules.pow_to_products, power(x, wide), "the exponent widens the result")
    computed = single("Pow", [x, np.float32(2).reshape(())], opset=13)
    declines(rules.pow_to_products, computed, "the exponent is not a constant")
    whole = power(x.astype(np.int32), np.int32(-1))
    declines(rules.pow_to_products, whole, "int32 has no reciprocals")


def squared(x: np.ndarray, exponent: float, route: str = "square") -> Any:
    """A power of x * x + 1/4, of |x| + 1/4, or of x + 1/4."""
    before = {
        "square": helper.make_node("Mul", ["in0", "in0"], ["s"]),
        "size": helper.make_node("Abs", ["in0"], ["s"]),
        "itself": helper.make_node("Identity", ["in0"], ["s"]),
    }[route]
    nodes = [
        before,
        helper.make_node("Add", ["s", "epsilon"], ["sum"]),
        helper.make_node("Pow", ["sum", "exponent"], ["out0"]),
    ]
    inputs = [x, *(np.array(v, np.float32) for v in (0.25, exponent))]
    return with_nodes(nodes, ["in0", "epsilon", "exponent"], inputs, opset=13, constants=(1, 2))


HALVES = [0.5, -0.5, 1.5, -1.5, 2.5, 3.5, -3.5]


@pytest.mark.parametrize("route", ["square", "size"])
@few
@given(x=arrays(shapes(), np.array([np.nan, np.inf, -0.0, 30.0])), n=st.sampled_from(HALVES))
def test_half_powers_of_what_is_never_negative(route: str, x: np.ndarray, n: float) -> None:
    case = squared(x, n, route)
    prove(rules.pow_to_roots, case, targets=TARGETS, rel=1e-4)
    prove(rules.pow_to_exponential, case, targets=TARGETS, rel=1e-4)


def test_what_may_be_negative_is_declined() -> None:
    model, feed = squared(np.ones(3, np.float32), 0.5, "itself")
    declines(rules.pow_to_roots, (model, feed), "the base may be -inf or -0")
    declines(rules.pow_to_exponential, (model, feed), "the base may be negative")


@pytest.mark.parametrize(
    ("op_type", "names", "clear"),
    [("Pow", ["in0", "two"], True), ("Pow", ["in0", "three"], False), ("Exp", ["in0"], True),
     ("Mul", ["in0", "two"], False), ("Relu", ["in0"], False), ("Sum", ["in0"], False)],
)  # fmt: skip
def test_signs_of_values(op_type: str, names: list[str], clear: bool) -> None:
    node = helper.make_node(op_type, names, ["out0"])
    numbers = [np.ones(3, np.float32), *(np.array(v, np.float32) for v in (2, 3))]
    model, _ = with_nodes([node], ["in0", "two", "three"], numbers, opset=13, constants=(1, 2))
    assert rules.never_negative(graph_of(model), "out0") == clear


@few
@given(x=arrays(shapes(), POSITIVE), n=st.sampled_from(HALVES))
def test_half_powers_of_what_is_assumed_positive(x: np.ndarray, n: float) -> None:
    case = power(np.asarray(np.abs(x)), np.float32(n))
    prove(rules.pow_to_roots_assuming_positive, case, targets=TARGETS, rel=1e-4)
    declines(rules.pow_to_roots, case, "the base may be -inf or -0")


def test_other_exponents_are_no_roots() -> None:
    for exponent in (2.0, 0.3, 4.5, 0.0):
        case = power(np.ones(3, np.float32), np.float32(exponent))
        declines(rules.pow_to_roots_assuming_positive, case, "not an odd number of halves")
    zero = squared(np.ones(3, np.float32), 0.0)
    declines(rules.pow_to_exponential, zero, "the exponent is 0 or not finite")


@few
@given(
    y=arrays(shapes(), np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 30.0])),
    base=st.sampled_from([0.5, 2.0, 10.0, 10000.0, 1e-3]), several=st.booleans(),
)  # fmt: skip
def test_powers_of_a_constant_are_exponentials(y: np.ndarray, base: float, several: bool) -> None:
    bases = np.array([base, 3.0] if several else base, np.float32)
    y = y[..., None] if several else y
    case = single("Pow", [bases, y], opset=13, constants=(0,))
    prove(rules.pow_of_constant_to_exponential, case, targets=TARGETS, rel=1e-4)


def test_powers_of_other_constants_are_declined() -> None:
    y = np.ones(3, np.float32)
    for base in (1.0, 0.0, -2.0, np.inf):
        case = single("Pow", [np.float32(base).reshape(()), y], opset=13, constants=(0,))
        declines(rules.pow_of_constant_to_exponential, case, "1, infinite or not above 0")
    other = single("Pow", [np.float32(2).reshape(()), y.astype(int)], opset=13, constants=(0,))
    declines(rules.pow_of_constant_to_exponential, other, "the exponent has another type")


@few
@given(x=arrays(shapes(), SPECIAL[-np.inf != SPECIAL]))
def test_square_root_is_a_power(x: np.ndarray) -> None:
    prove(rules.sqrt_to_pow, single("Sqrt", [x], opset=13), targets=TARGETS)
