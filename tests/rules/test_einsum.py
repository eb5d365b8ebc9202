import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import arrays, declines, few, prove

from porting.rules.einsum import einsum_to_matmul

SIZES = {c: n for n, c in enumerate("ijklmn", start=2)} | {"b": 2, "h": 3}


def case(equation: str, inputs: list[np.ndarray], dynamic: bool = False):
    model, feed = single("Einsum", inputs, opset=12, equation=equation)
    if dynamic:
        for number, value in enumerate(model.graph.input):
            for axis, dim in enumerate(value.type.tensor_type.shape.dim):
                dim.dim_param = f"d{number}_{axis}"
        for dim in model.graph.output[0].type.tensor_type.shape.dim:
            dim.Clear()
    return model, feed


def operands(equation: str, ellipsis: tuple[int, ...] = ()) -> list[np.ndarray]:
    random = np.random.default_rng(len(equation))
    found = []
    for part in equation.replace(" ", "").split("->")[0].split(","):
        before, dots, after = part.partition("...")
        shape = [SIZES[c] for c in before] + list(ellipsis if dots else ())
        found.append(random.standard_normal(shape + [SIZES[c] for c in after]).astype(np.float32))
    return found


EQUATIONS = [
    "ij->ji",
    "ij->i",
    "ij->",
    "i->i",
    "ijk->kij",
    "ij,jk->ik",
    "ij,jk->ki",
    "ij,kj->ik",
    "ji,jk->ik",
    "ij,jk",
    "bij,bjk->bik",
    "bhik,bhjk->bhij",
    "bihk,bjhk->bhij",
    "bijk,kl->bijl",
    "bijk,lmk->bijlm",
    "bijk,bjkl->bil",
    "bijk,jk->bi",
    "bij,ij->b",
    "bij,bij->b",
    "bij,bij->",
    "i,j->ij",
    "i,j->ji",
    "i,i->",
    "i,i->i",
    ",ij->ij",
    "ij,i->ij",
    "ij,k->ik",
    "bij,bkl->bijkl",
    "bijk,blmk->bijlm",
    "bij,jkl->bkl",
    "bij,bjkl->bikl",
    "hij,bjk->bhik",
    "ij,jk,kl->il",
    "bi,bj,bk->ijk",
    "ij,jk,kl,lm->im",
    "b,bi,bij,bijk->k",
    "bh k , b h k -> b h",
]


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("equation", EQUATIONS)
def test_equation_gives_the_same_with_known_and_unknown_sizes(equation: str, dynamic: bool) -> None:
    model, feed = case(equation, operands(equation), dynamic)
    operators = prove(einsum_to_matmul, (model, feed), targets=(11, 13, 18), absolute=1e-5)
    allowed = {"MatMul", "Transpose", "ReduceSum", "Mul", "Reshape", "Unsqueeze", "Squeeze"}
    assert set(operators) <= allowed | {"Identity"}


@pytest.mark.parametrize(
    "equation",
    [
        "...ij,...jk->...ik",
        "...ij,jk->...ik",
        "i...,i...->...",
        "...i->...",
        "b...,b...",
        "...->...",
    ],
)
@pytest.mark.parametrize("rank", [0, 1, 2])
def test_ellipsis_stands_for_any_number_of_axes(equation: str, rank: int) -> None:
    inputs = operands(equation, (2, 3)[:rank])
    prove(einsum_to_matmul, case(equation, inputs), targets=(11, 18), absolute=1e-5)


def test_axes_of_size_one_are_stretched() -> None:
    random = np.random.default_rng(0)
    a, b = (random.standard_normal(s).astype(np.float32) for s in [(1, 3, 4), (2, 4, 5)])
    prove(einsum_to_matmul, case("bij,bjk->bik", [a, b]), absolute=1e-5)
    prove(einsum_to_matmul, case("...ij,...jk->...ik", [a, b]), absolute=1e-5)
    c = random.standard_normal((3, 1)).astype(np.float32)
    prove(einsum_to_matmul, case("ij,jk->ik", [c, b[0]]), absolute=1e-5)


@pytest.mark.parametrize(
    "equation", ["ii->i", "ii->", "ii", "bii->bi", "iji->j", "iii->i", "ii,ij->j"]
)
def test_repeated_letter_takes_the_diagonal(equation: str) -> None:
    prove(einsum_to_matmul, case(equation, operands(equation)), targets=(11, 13), absolute=1e-5)


def test_infinity_beside_a_diagonal_does_not_reach_it() -> None:
    x = np.array([[1.0, np.inf], [np.nan, 2.0]], np.float32)
    prove(einsum_to_matmul, case("ii->i", [x]))


def test_upper_case_letters_come_first_in_an_implicit_result() -> None:
    inputs = [np.arange(6, dtype=np.float32).reshape(2, 3)]
    # onnxruntime refuses upper case where the result is implicit
    prove(einsum_to_matmul, case("aB", inputs), ort=False)


@few
@given(data=st.data())
def test_any_equation_of_two_or_three_operands_gives_the_same(data: st.DataObject) -> None:
    terms = data.draw(st.lists(st.text("ijkb", max_size=4).filter(lambda t: len(set(t)) == len(t)),
                               min_size=1, max_size=3))  # fmt: skip
    letters = sorted(set("".join(terms)))
    kept = data.draw(st.permutations(letters))[: data.draw(st.integers(0, len(letters)))]
    inputs = [data.draw(arrays([SIZES[c] for c in t], np.array([0.0, 1e-40]))) for t in terms]
    equation = ",".join(terms) + "->" + "".join(kept)
    dynamic = data.draw(st.booleans())
    # onnxruntime refuses some degenerate equations, such as one without letters
    ort = all(terms) and len(terms) > 1
    tolerances = {"rel": 1e-4, "absolute": 1e-3}
    prove(einsum_to_matmul, case(equation, inputs, dynamic), ort=ort, **tolerances)


def test_integers_are_multiplied_too() -> None:
    inputs = [
        np.arange(6, dtype=np.int64).reshape(2, 3),
        np.arange(12, dtype=np.int64).reshape(3, 4),
    ]
    prove(einsum_to_matmul, case("ij,jk->ik", inputs))


def test_merged_free_axes_make_one_matrix_product() -> None:
    model, feed = case("bijk,lmk->bijlm", operands("bijk,lmk->bijlm"))
    assert prove(einsum_to_matmul, (model, feed)).count("MatMul") == 1


@pytest.mark.parametrize(
    ("equation", "shapes", "reason"),
    [
        ("ii->i", [(2, 1)], "a repeated i is broadcast"),
        ("ij,jk->ik", [(2, 3), (4, 5)], "the axes j have different sizes"),
        ("ij->iij", [(2, 3)], "repeated in the result"),
        ("ij->ik", [(2, 3)], "a letter that no operand has"),
        ("ij->i", [(2, 0)], "an operand is empty"),
        ("...i->i", [(2, 3)], "an ellipsis is summed over"),
        ("i1->i", [(2, 3)], "malformed"),
        ("ij,jk->ik", [(2, 3)], "another number of operands"),
        ("ijk->ik", [(2, 3)], "does not fit the rank"),
        ("...ijk->ik...", [(2, 3)], "does not fit the rank"),
        ("...i,...j->...ij", [(2, 3), (4,)], "different numbers of axes"),
    ],
)
def test_what_is_no_sum_of_products_is_declined(
    equation: str, shapes: list[tuple[int, ...]], reason: str
) -> None:
    declines(einsum_to_matmul, case(equation, [np.ones(s, np.float32) for s in shapes]), reason)


def test_a_diagonal_of_unknown_size_is_declined() -> None:
    model, feed = case("ii->i", [np.ones((2, 2), np.float32)], dynamic=True)
    declines(einsum_to_matmul, (model, feed), "the size of the repeated letter i is not known")


def test_too_many_operands_are_declined() -> None:
    equation = ",".join(["i"] * 17) + "->i"
    declines(
        einsum_to_matmul, case(equation, [np.ones(2, np.float32)] * 17), "more than 16 operands"
    )
