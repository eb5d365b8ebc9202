import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import FINITE, arrays, declines, few, prove

from porting.rules import spellings_matmul as rules

STACKS = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(lambda d: (*d, 2, 3))
B = np.random.default_rng(2).standard_normal((3, 4)).astype(np.float32)


@few
@given(a=arrays(STACKS, FINITE[:0]))
def test_a_stack_times_a_matrix_is_one_product_of_all_rows(a: np.ndarray) -> None:
    case = single("MatMul", [a, B], opset=13)
    made = prove(rules.matmul_of_rows, case, targets=(11, 17))
    assert made == ["Reshape", "MatMul", "Reshape"]


def test_one_length_of_a_stack_may_be_unknown() -> None:
    model, feed = single("MatMul", [np.ones((2, 5, 3), np.float32), B], opset=13)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    prove(rules.matmul_of_rows, (model, feed))
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "depth"
    declines(rules.matmul_of_rows, (model, feed), "length of a row")


@few
@given(a=arrays(st.sampled_from([(2, 3), (5, 2, 3), (1, 1, 3)])))
def test_two_matrices_are_stacks_of_one(a: np.ndarray) -> None:
    prove(rules.matmul_in_stacks, single("MatMul", [a, B], opset=13), targets=(11, 17))


@few
@given(
    b=arrays(st.sampled_from([(3, 4), (5, 3, 4), (2, 1, 3, 1)]), FINITE[:0]),
    rank=st.integers(2, 4),
)
def test_a_constant_in_front_comes_behind(b: np.ndarray, rank: int) -> None:
    a = np.arange(6, dtype=np.float32).reshape(*[1] * (rank - 2), 2, 3)
    case = single("MatMul", [a, b], opset=13, constants=[0])
    made = prove(rules.matmul_transposed, case, targets=(11, 17), absolute=1e-5)
    assert made == ["Transpose", "MatMul", "Transpose"]


@few
@given(leading=st.lists(st.integers(1, 3), min_size=2, max_size=4), seed=st.integers(0, 99))
def test_stacks_of_several_axes_are_stacks_of_one(leading: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    a, b = (random.standard_normal((*leading, *s)).astype(np.float32) for s in [(2, 3), (3, 4)])
    case = single("MatMul", [a, b], opset=13)
    made = prove(rules.matmul_of_rank_three, case, targets=(11, 17))
    assert made == ["Reshape", "Reshape", "MatMul", "Reshape"]


@pytest.mark.parametrize(
    ("name", "a", "b", "reason"),
    [
        ("matmul_of_rank_three", (2, 2, 3), (2, 3, 4), "no stack has several"),
        ("matmul_of_rank_three", (2, 1, 2, 3), (1, 2, 3, 4), "other axes"),
        ("matmul_of_rank_three", (2, 0, 2, 3), (2, 0, 3, 4), "empty"),
        ("matmul_of_rows", (2, 3), (3, 4), "not a stack"),
        ("matmul_of_rows", (2, 2, 3), (2, 3, 4), "not a stack"),
        ("matmul_of_rows", (0, 2, 3), (3, 4), "empty"),
        ("matmul_of_rows", (2, 3, 0), (0, 4), "length of a row"),
        ("matmul_of_rows", (2, 2, 3), (3, 0), "width"),
        ("matmul_of_rows", (3,), (3, 4), "vector"),
        ("matmul_in_stacks", (1, 2, 2, 3), (3, 4), "not a matrix"),
        ("matmul_in_stacks", (2, 3), (1, 3, 4), "not a matrix"),
        ("matmul_transposed", (2, 3), (3, 4), "not a constant"),
    ],
)
def test_products_that_stay(name: str, a: tuple[int, ...], b: tuple[int, ...], reason: str) -> None:
    case = single("MatMul", [np.ones(a, np.float32), np.ones(b, np.float32)], opset=13)
    declines(getattr(rules, name), case, reason)
