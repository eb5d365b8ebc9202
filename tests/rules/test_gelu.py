import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import rewrite, single, the_rule
from rules.support import MODEST, arrays, declines, few, prove, shapes

from porting.rules import gelu as rules

X = arrays(shapes(smallest=0))
MICROSOFT = "com.microsoft"


@few
@given(x=X)
def test_gelu_by_erf_is_the_same(x: np.ndarray) -> None:
    operators = prove(
        rules.gelu_to_erf, single("Gelu", [x], opset=20, ir_version=9), targets=(11, 20)
    )
    assert operators == ["Div", "Erf", "Add", "Mul", "Mul"]


@few
@given(x=X)
def test_gelu_by_tanh_is_the_same(x: np.ndarray) -> None:
    case = single("Gelu", [x], opset=20, ir_version=9, approximate="tanh")
    prove(rules.gelu_to_tanh, case, targets=(11, 20))


def test_gelu_multiplies_by_x_before_it_halves() -> None:
    case = single("Gelu", [np.ones(3, np.float32)], opset=20, ir_version=9)
    *_, product, halved = rewrite(case[0], the_rule(rules.gelu_to_erf)).graph.node
    assert "in0" in product.input
    assert product.output[0] in halved.input


def test_gelu_of_the_greatest_half_does_not_overflow() -> None:
    case = single("Gelu", [np.array([60000.0, -60000.0], np.float16)], opset=20, ir_version=9)
    prove(rules.gelu_to_erf, case, rel=1e-3, ort=False)  # onnxruntime has no such kernel


@few
@given(x=arrays(shapes(smallest=0), MODEST))
def test_gelu_by_tanh_instead_of_erf_is_near(x: np.ndarray) -> None:
    case = single("Gelu", [x], opset=20, ir_version=9)
    prove(rules.gelu_erf_by_tanh, case, targets=(11, 20), rel=0, absolute=4.8e-4)


def test_gelu_by_tanh_instead_of_erf_keeps_its_bound() -> None:
    x = np.linspace(-12, 12, 4001, dtype=np.float32)
    case = single("Gelu", [x], opset=20, ir_version=9)
    prove(rules.gelu_erf_by_tanh, case, rel=0, absolute=4.8e-4)
    with pytest.raises(AssertionError, match="became"):
        prove(rules.gelu_erf_by_tanh, case, rel=0, absolute=4e-4)


def test_each_form_of_gelu_declines_the_other() -> None:
    exact = single("Gelu", [np.ones(2, np.float32)], opset=20, ir_version=9)
    tanh = single("Gelu", [np.ones(2, np.float32)], opset=20, ir_version=9, approximate="tanh")
    declines(rules.gelu_to_erf, tanh, "approximate is not none")
    declines(rules.gelu_erf_by_tanh, tanh, "approximate is not none")
    declines(rules.gelu_to_tanh, exact, "approximate is not tanh")


# onnx.reference does not know onnxruntime's own operators.
@few
@given(x=X)
def test_ms_gelu_is_the_same(x: np.ndarray) -> None:
    prove(rules.ms_gelu_to_erf, single("Gelu", [x], opset=17, domain=MICROSOFT), reference=False)


@few
@given(x=arrays((2, 3, 4)), bias=arrays((4,)))
def test_ms_bias_gelu_is_the_same(x: np.ndarray, bias: np.ndarray) -> None:
    case = single("BiasGelu", [x, bias], opset=17, domain=MICROSOFT)
    prove(rules.ms_bias_gelu_to_erf, case, reference=False)


@few
@given(x=arrays((2, 3, 4), np.array([0.0, 88.8, -88.8, 65504.0])), biased=st.booleans())
def test_ms_fast_gelu_is_the_same_with_and_without_bias(x: np.ndarray, biased: bool) -> None:
    inputs = [x, np.linspace(-1, 1, 4, dtype=np.float32)] if biased else [x]
    case = single("FastGelu", inputs, opset=17, domain=MICROSOFT)
    prove(rules.ms_fast_gelu_to_tanh, case, reference=False)


@few
@given(x=arrays((2, 3), np.array([0.0, 88.8, -20.0])), alpha=st.sampled_from([None, 1.0, 0.5]))
def test_ms_quick_gelu_is_the_same(x: np.ndarray, alpha: float | None) -> None:
    attributes = {} if alpha is None else {"alpha": alpha}
    case = single("QuickGelu", [x], opset=17, domain=MICROSOFT, **attributes)
    prove(rules.ms_quick_gelu_to_sigmoid, case, reference=False)
