from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import arrays, declines, few, prove

from porting.rules import linear as rules

MODEST = np.array([0.0, -0.0, 1e-40, 88.8])


def weights(*shape: int) -> np.ndarray:
    return np.linspace(-1.5, 2.0, int(np.prod(shape)), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize(
    "function", [rules.gemm_without_scales, rules.gemm_without_transposes, rules.gemm_to_matmul]
)
@few
@given(
    x=arrays((2, 3), MODEST),
    trans_a=st.booleans(),
    trans_b=st.booleans(),
    alpha=st.sampled_from([0.5, 3.0]),
    beta=st.sampled_from([1.0, 0.25]),
    bias=st.sampled_from([None, (4,), (1, 4), (2, 1), (), (2, 4)]),
    constants=st.sampled_from([(), (1,), (1, 2)]),
)
def test_gemm_is_the_same_in_every_form(
    function: Any, x: np.ndarray, trans_a: bool, trans_b: bool, alpha: float, beta: float,
    bias: tuple[int, ...] | None, constants: tuple[int, ...],
) -> None:  # fmt: skip
    b = weights(3, 4)
    inputs = [x.T.copy() if trans_a else x, b.T.copy() if trans_b else b]
    if bias is not None:
        inputs.append(weights(*bias))
    attributes = {"transA": int(trans_a), "transB": int(trans_b), "alpha": alpha, "beta": beta}
    case = single("Gemm", inputs, opset=13, constants=constants, **attributes)
    if function is rules.gemm_without_transposes and not (trans_a or trans_b):
        declines(function, case, "it transposes nothing")
        return
    prove(function, case, targets=(11, 13, 17), absolute=1e-5)


def test_scales_of_constants_are_folded_into_them() -> None:
    inputs = [weights(2, 3), weights(3, 4), weights(4)]
    case = single("Gemm", inputs, opset=13, constants=(1, 2), alpha=0.5, beta=2.0)
    assert prove(rules.gemm_without_scales, case) == ["Gemm"]


def test_gemm_with_zero_or_unit_scales_is_declined() -> None:
    inputs = [weights(2, 3), weights(3, 4), weights(4)]
    declines(rules.gemm_without_scales, single("Gemm", inputs, opset=13), "are 1 already")
    declines(rules.gemm_to_matmul, single("Gemm", inputs, opset=13, alpha=0.0), "alpha is 0")
    declines(rules.gemm_to_matmul, single("Gemm", inputs, opset=13, beta=0.0), "beta is 0")


def test_a_scaled_matrix_of_integers_is_declined() -> None:
    inputs = [np.ones((2, 3), np.int32), np.ones((3, 4), np.int32)]
    declines(
        rules.gemm_to_matmul, single("Gemm", inputs, opset=13, alpha=0.5), "of integers is scaled"
    )
    declines(rules.gemm_without_scales, single("Gemm", inputs, opset=13, alpha=0.5), "int32")


@pytest.mark.parametrize(
    ("a", "b"), [((3,), (3,)), ((3,), (3, 4)), ((2, 3), (3,)), ((3,), (2, 3, 4)), ((5, 2, 3), (3,))]
)
@few
@given(data=st.data())
def test_vectors_become_matrices(
    a: tuple[int, ...], b: tuple[int, ...], data: st.DataObject
) -> None:
    inputs = [data.draw(arrays(shape, MODEST)) for shape in (a, b)]
    case = single("MatMul", inputs, opset=13)
    prove(rules.matmul_of_vectors, case, targets=(11, 13), rel=1e-4, absolute=1e-2)


@few
@given(a=arrays((2, 3)))
def test_a_product_of_two_matrices_is_gemm(a: np.ndarray) -> None:
    case = single("MatMul", [a, weights(3, 4)], opset=13)
    assert prove(rules.matmul_to_gemm, case, targets=(11, 13), rel=1e-4, absolute=1e-4) == ["Gemm"]


def test_products_of_another_rank_are_declined() -> None:
    case = single("MatMul", [weights(2, 2, 3), weights(3, 4)], opset=13)
    declines(rules.matmul_to_gemm, case, "an operand is no matrix")
    declines(rules.matmul_of_vectors, case, "neither operand is a vector")
    matrices = single("MatMul", [weights(2, 3), weights(3, 4)], opset=13)
    declines(rules.matmul_to_gemm, matrices, "not optional below opset 11", opset=10)


@pytest.mark.parametrize(("trans_a", "trans_b"), [(0, 0), (1, 0), (0, 1), (1, 1)])
@few
@given(data=st.data(), alpha=st.sampled_from([1.0, 0.125, -2.0]), batch=st.sampled_from([(), (2,)]))
def test_ms_fused_matmul_is_the_same(
    trans_a: int, trans_b: int, data: st.DataObject, alpha: float, batch: tuple[int, ...]
) -> None:
    a = data.draw(arrays((*batch, 4, 3) if trans_a else (*batch, 3, 4), MODEST))
    b = data.draw(arrays((*batch, 5, 4) if trans_b else (*batch, 4, 5), MODEST))
    case = single(
        "FusedMatMul", [a, b], opset=17, domain="com.microsoft",
        transA=trans_a, transB=trans_b, alpha=alpha,
    )  # fmt: skip
    # onnx.reference does not know onnxruntime's own operators
    prove(rules.ms_fused_matmul_to_matmul, case, reference=False, rel=1e-4, absolute=1e-2)


def test_ms_fused_matmul_with_turned_batches_is_declined() -> None:
    inputs = [weights(2, 3, 4), weights(2, 4, 5)]
    case = single("FusedMatMul", inputs, opset=17, domain="com.microsoft", transBatchA=1)
    declines(rules.ms_fused_matmul_to_matmul, case, "transBatchA is set")


def test_an_input_that_an_older_opset_wants_is_not_left_out() -> None:
    case = single("Gemm", [weights(3, 2), weights(3, 4)], opset=13, transA=1)
    declines(rules.gemm_without_transposes, case, "Gemm of opset 10 needs input C", opset=10)
