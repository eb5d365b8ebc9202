import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.spelled import Case, declines_last, prove_last, spelled
from rules.support import FINITE, arrays, declines, few, prove, shapes

from porting.rules import spellings_casts as rules

NUMBER = {"int8": 3, "int32": 6, "int64": 7, "float32": 1}


def chain(x: np.ndarray, middle: str, target: str) -> Case:
    body = f"m = Cast <to = {NUMBER[middle]}> (x) y = Cast <to = {NUMBER[target]}> (m)"
    return spelled(body, {"x": x})


@few
@given(x=arrays(shapes(least=1), FINITE[:0], "int64"), middle=st.sampled_from(["int32", "int8"]))
def test_a_cast_through_a_narrower_integer_is_one_cast_in_its_range(
    x: np.ndarray, middle: str
) -> None:
    prove_last(rules.cast_through_narrow_integers, chain(x, middle, "float32"), targets=(11, 17))


def test_what_is_no_chain_of_casts_of_integers_stays() -> None:
    rule = rules.cast_through_narrow_integers
    declines_last(rule, chain(np.ones(3, np.float32), "int32", "float32"), "not integers")
    one = spelled("y = Cast <to = 1> (x)", {"x": np.ones(3, np.int32)})
    declines_last(rule, one, "not a Cast")


@few
@given(
    x=arrays(shapes(least=1, smallest=0), np.array([-0.0, 0.5, -0.5, 1.5, -1.5, 99.9])),
    target=st.sampled_from(["int8", "int32", "int64"]),
)
def test_floats_become_integers_in_steps(x: np.ndarray, target: str) -> None:
    case = single("Cast", [x], opset=13, to=NUMBER[target])
    prove(rules.cast_of_whole_numbers, case, targets=(11, 17))
    assert prove(rules.cast_behind_floor, case, targets=(11, 17))[-2:] == ["Floor", "Cast"]
    if target == "int8":
        prove(rules.cast_to_narrow_integer_by_int32, case, targets=(11, 17))
    else:
        declines(rules.cast_to_narrow_integer_by_int32, case, "8 or 16 bits")


def test_other_casts_stay() -> None:
    case = single("Cast", [np.ones(2, np.int32)], opset=13, to=1)
    declines(rules.cast_of_whole_numbers, case, "integers of floats")
    declines(rules.cast_behind_floor, case, "integers of floats")


def test_numbers_that_are_rounded_or_proven_whole_need_less() -> None:
    x = np.float32([-1.5, 0.5, 2.0])
    rounded = spelled("f = Floor (x) y = Cast <to = 6> (f)", {"x": x})
    declines_last(rules.cast_behind_floor, rounded, "rounded right before it")
    whole = spelled("b = Cast <to = 9> (x) f = Cast <to = 1> (b) y = Cast <to = 6> (f)", {"x": x})
    assert prove_last(rules.cast_behind_floor, whole)[-2:] == ["Floor", "Cast"]
