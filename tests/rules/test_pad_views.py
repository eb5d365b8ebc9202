import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import arrays, declines, few, prove, shapes

from porting.rules import pad_views as rules


@pytest.mark.parametrize(
    ("mode", "opset"), [("reflect", 11), ("edge", 13), ("constant", 18), ("wrap", 19)]
)
@few
@given(data=st.data(), x=arrays(shapes(1, 3, size=4, smallest=3)))
def test_the_last_axes_are_padded_as_an_image(
    mode: str, opset: int, data: st.DataObject, x: np.ndarray
) -> None:
    padded = min(x.ndim, 2)
    sides = [data.draw(st.lists(st.integers(0, 2), min_size=padded, max_size=padded)) for _ in "ab"]
    pads = [p for side in sides for p in ([0] * (x.ndim - padded) + side)]
    if not any(pads):
        pads[-1] = 1
    inputs = [x, np.array(pads, np.int64)]
    if mode == "constant":
        inputs.append(np.array(1.5, np.float32))
    constants = list(range(1, len(inputs)))
    case = single("Pad", inputs, opset=opset, constants=constants, mode=mode, ir_version=9)
    targets = (19,) if mode == "wrap" else (11, 13, 18)
    made = prove(rules.pad_as_image, case, targets=targets)
    assert [m for m in made if m != "Constant"] == ["Unsqueeze", "Pad", "Squeeze"]


def test_named_axes_and_an_old_opset() -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    named = single("Pad", [x, np.array([1, 2]), None, np.array([1])], opset=18, constants=[1, 3])
    prove(rules.pad_as_image, named)
    old = single("Pad", [x], opset=10, pads=[0, 1, 0, 2], mode="edge")
    prove(rules.pad_as_image, old, targets=(13,))
    declines(rules.pad_as_image, old, "an attribute below opset 11")
    filled = single("Pad", [x], opset=10, pads=[0, 1, 0, 2], mode="constant", value=2.0)
    declines(rules.pad_as_image, filled, "a number of its own", opset=13)


def test_what_is_no_image() -> None:
    def pad(shape: tuple[int, ...], *pads: int):
        x = np.ones(shape, np.float32)
        return single("Pad", [x, np.array(pads)], opset=18, constants=[1], mode="constant")

    declines(rules.pad_as_image, pad((2, 3), 0, 0, 0, 0), "pads nothing")
    declines(rules.pad_as_image, pad((1, 1, 2, 3), *[0, 0, 0, 1] * 2), "its rank is 4")
    declines(rules.pad_as_image, pad((2, 2, 3), 1, 0, 1, 0, 0, 0), "more than the last two")
