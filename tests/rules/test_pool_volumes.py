import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import declines, few, prove

from porting.rules import pool_volumes as rules

SIDES = st.tuples(*[st.integers(0, 1)] * 6).map(list)
STEPS = st.tuples(*[st.integers(1, 2)] * 3).map(list)


def numbers(*shape: int) -> np.ndarray:
    x = np.random.default_rng(sum(shape)).standard_normal(shape)
    return (x - 2).astype(np.float32)  # mostly below zero: a padded zero would show


@pytest.mark.parametrize("op_type", rules.POOLS)
@few
@given(
    kernel=st.tuples(*[st.integers(2, 3)] * 3).map(list), strides=STEPS, dilations=STEPS,
    pads=SIDES, flag=st.integers(0, 1), odd=st.sampled_from([None, np.inf, -np.inf]),
)  # fmt: skip
def test_volumes_are_pooled_plane_by_plane(
    op_type: str, kernel: list[int], strides: list[int], dilations: list[int], pads: list[int],
    flag: int, odd: float | None,
) -> None:  # fmt: skip
    x = numbers(2, 3, 6, 7, 8)
    if odd is not None:
        x[0, 0, 2, 3, 4] = odd
    more = {"MaxPool": "ceil_mode", "AveragePool": "count_include_pad", "LpPool": "p"}[op_type]
    attributes = {more: flag + (op_type == "LpPool")}
    if op_type == "AveragePool" and any(pads) and not flag:
        dilations = [1, 1, 1]  # runtimes count the padding of dilated windows differently
    case = single(
        op_type, [x], opset=19, ir_version=9, kernel_shape=kernel, strides=strides,
        dilations=dilations, pads=pads, **attributes,
    )  # fmt: skip
    # onnx.reference is off in padded volumes, and slow
    operators = prove(
        rules.pool_of_volumes_to_images, case, op_type=op_type, targets=(19, 22), reference=False
    )
    assert operators == ["Reshape", op_type, "Reshape", op_type, "Reshape"]


def test_what_is_no_volume_or_open_between_runtimes_is_declined() -> None:
    rule, x = rules.pool_of_volumes_to_images, numbers(1, 2, 4, 4, 4)
    kernel = {"kernel_shape": [2, 2, 2]}
    places = single("MaxPool", [x], opset=19, outputs=2, ir_version=9, **kernel)
    declines(rule, places, "the places of the maxima", op_type="MaxPool")
    ceil = single("AveragePool", [x], opset=19, ir_version=9, ceil_mode=1, **kernel)
    declines(rule, ceil, "ceil_mode is set", op_type="AveragePool")
    image = single("MaxPool", [x[0]], opset=19, ir_version=9, kernel_shape=[2, 2])
    declines(rule, image, "it does not pool volumes", op_type="MaxPool")
    dilated = single(
        "AveragePool", [x], opset=19, ir_version=9, dilations=[2, 1, 1], pads=[1] * 6, **kernel
    )
    declines(rule, dilated, "padding of dilated windows", op_type="AveragePool")
    same = single("MaxPool", [x], opset=19, ir_version=9, auto_pad="SAME_LOWER", **kernel)
    declines(rule, same, "auto_pad is SAME_LOWER", op_type="MaxPool")
