import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import declines, few, prove, shapes

from porting.rules import integers as rules

UNSIGNED = ["uint8", "uint16", "uint32", "uint64"]
SIGNED = ["int8", "int16", "int32", "int64"]
seeds = st.integers(0, 2**32 - 1)


def whole(dtype: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    limits, random = np.iinfo(dtype), np.random.default_rng(seed)
    drawn = random.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    odd = random.choice(np.array([limits.min, limits.max, 0, 1], dtype), shape)
    return np.asarray(np.where(random.random(shape) < 0.3, odd, drawn))


@few
@given(
    shape=shapes(), seed=seeds, dtype=st.sampled_from(UNSIGNED),
    direction=st.sampled_from(["LEFT", "RIGHT"]), one=st.booleans(),
)  # fmt: skip
def test_shifts_are_products_and_quotients(
    shape: tuple[int, ...], seed: int, dtype: str, direction: str, one: bool
) -> None:
    bits = np.iinfo(dtype).bits
    amount = np.random.default_rng(seed).integers(0, bits, () if one else shape)
    inputs = [whole(dtype, shape, seed), np.asarray(amount).astype(dtype)]
    case = single("BitShift", inputs, opset=17, constants=(1,), direction=direction)
    # onnxruntime has no shifts of 16 bits
    targets = (11, 17) if dtype in {"uint32", "uint64"} else (14, 17)
    prove(rules.shift_to_mul_or_div, case, targets=targets, ort=dtype != "uint16",
          reference=direction == "LEFT" or dtype != "uint64")  # fmt: skip


@few
@given(
    shape=shapes(), seed=seeds, dtype=st.sampled_from(SIGNED),
    direction=st.sampled_from(["LEFT", "RIGHT"]), one=st.booleans(),
)  # fmt: skip
def test_signed_shifts_keep_the_sign(
    shape: tuple[int, ...], seed: int, dtype: str, direction: str, one: bool
) -> None:
    bits = np.iinfo(dtype).bits
    amount = np.random.default_rng(seed).integers(-2, bits + 3, () if one else shape)
    inputs = [whole(dtype, shape, seed), np.asarray(amount).astype(dtype)]
    case = single("BitShift", inputs, opset=28, constants=(1,), direction=direction, ir_version=13)
    targets = (11, 17, 28) if dtype in {"int32", "int64"} else (17, 28)
    # onnxruntime shifts unsigned integers only
    prove(rules.signed_shift_to_mul_or_div, case, targets=targets, ort=False)


def test_signed_shifts_by_computed_amounts_are_declined() -> None:
    x = whole("int8", (3,))
    case = single("BitShift", [x, x], opset=28, direction="LEFT", ir_version=13)
    declines(rules.signed_shift_to_mul_or_div, case, "the amounts are not constants")
    unsigned = single("BitShift", [x.view("uint8")] * 2, opset=17, direction="LEFT")
    declines(rules.signed_shift_to_mul_or_div, unsigned, "it is for signed integers")


def test_shifts_by_other_amounts_are_declined() -> None:
    x = whole("uint8", (3,))
    computed = single("BitShift", [x, x], opset=17, direction="LEFT")
    declines(rules.shift_to_mul_or_div, computed, "the amounts are not constants")
    eight = np.array([8, 1, 1], np.uint8)
    far = single("BitShift", [x, eight], opset=17, constants=(1,), direction="LEFT")
    declines(rules.shift_to_mul_or_div, far, "an amount is not below 8")


@pytest.mark.parametrize(
    ("op_type", "function"),
    [("BitwiseOr", rules.bitwise_or_to_and), ("BitwiseXor", rules.bitwise_xor_to_and)],
)
@few
@given(shape=shapes(), seed=seeds, dtype=st.sampled_from(UNSIGNED + SIGNED))
def test_or_and_xor_follow_from_and(
    op_type: str, function: object, shape: tuple[int, ...], seed: int, dtype: str
) -> None:
    inputs = [whole(dtype, shape, seed), whole(dtype, shape, seed + 1)]
    prove(function, single(op_type, inputs, opset=18), targets=(18, 21))


@few
@given(
    shape=shapes(), seed=seeds, dtype=st.sampled_from(UNSIGNED + SIGNED),
    ones=st.integers(0, 6), swapped=st.booleans(),
)  # fmt: skip
def test_low_bits_are_a_remainder(
    shape: tuple[int, ...], seed: int, dtype: str, ones: int, swapped: bool
) -> None:
    inputs = [whole(dtype, shape, seed), np.array(2**ones - 1, dtype)]
    case = single("BitwiseAnd", inputs[::-1] if swapped else inputs, opset=18,
                  constants=(0 if swapped else 1,))  # fmt: skip
    assert prove(rules.low_bits_to_mod, case, targets=(11, 18)) == ["Mod"]


def test_other_masks_are_declined() -> None:
    x = whole("int8", (3,))
    for mask in (6, -1, 127):
        case = single("BitwiseAnd", [x, np.array(mask, np.int8)], opset=18, constants=(1,))
        declines(rules.low_bits_to_mod, case, "ones in the low bits")


@pytest.mark.parametrize("op_type", ["BitwiseAnd", "BitwiseOr", "BitwiseXor"])
@few
@given(shape=shapes(), seed=seeds, dtype=st.sampled_from(["int8", "uint8", "int16", "uint16"]))
def test_bits_are_combined_digit_by_digit(
    op_type: str, shape: tuple[int, ...], seed: int, dtype: str
) -> None:
    inputs = [whole(dtype, shape, seed), whole(dtype, shape[1:], seed + 1)]
    case = single(op_type, inputs, opset=18)
    prove(rules.bitwise_by_digits, case, op_type=op_type, targets=(11, 13, 18))


def test_wide_integers_need_a_proof() -> None:
    x = whole("int32", (3,))
    case = single("BitwiseAnd", [x, x], opset=18)
    declines(rules.bitwise_by_digits, case, "not proven to be between", op_type="BitwiseAnd")
    held = single("BitwiseAnd", [np.array([5, 9, 70000]), np.array([12, 3, 65536])], opset=18,
                  constants=(0, 1))  # fmt: skip
    prove(rules.bitwise_by_digits, held, op_type="BitwiseAnd")


@few
@given(shape=shapes(), seed=seeds, dtype=st.sampled_from(UNSIGNED + SIGNED))
def test_sign_of_an_integer_is_a_clip(shape: tuple[int, ...], seed: int, dtype: str) -> None:
    case = single("Sign", [whole(dtype, shape, seed)], opset=13)
    # onnxruntime clips 16-bit integers no more than it takes their sign
    prove(rules.sign_of_integers_to_clip, case, targets=(12, 13), ort="16" not in dtype)


@few
@given(shape=shapes(), seed=seeds, dtype=st.sampled_from(UNSIGNED))
def test_absolute_value_of_an_unsigned_integer(
    shape: tuple[int, ...], seed: int, dtype: str
) -> None:
    case = single("Abs", [whole(dtype, shape, seed)], opset=13)
    assert prove(rules.abs_of_unsigned_to_nothing, case, targets=(11, 13)) == ["Identity"]


def test_other_types_are_declined() -> None:
    x = np.ones(3, np.float32)
    declines(rules.sign_of_integers_to_clip, single("Sign", [x], opset=13), "it is for integers")
    signed = single("Abs", [whole("int8", (3,))], opset=13)
    declines(rules.abs_of_unsigned_to_nothing, signed, "it is for unsigned integers")
