from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import rewrite, single, the_rule
from rules.support import FINITE, arrays, declines, few, prove

from porting.rules import attributes as rules

ROWS = np.array([[0, 1, 0, 2], [2, 2, 1, 0]])
POINTS = np.random.default_rng(1).uniform(-1.2, 1.2, (1, 3, 3, 2)).astype(np.float32)
SCALES = np.array([1, 1, 2, 1.5], np.float32)


def recurrent(gates: int, layout: int = 0) -> list[np.ndarray]:
    random = np.random.default_rng(gates)
    shapes = [(5, 1, 2), (1, gates * 3, 2), (1, gates * 3, 3)]
    return [random.standard_normal(s).astype(np.float32) for s in shapes]


def operands(op_type: str, x: np.ndarray) -> list[np.ndarray]:
    """Inputs of an operator, the first of them the drawn one where it can be."""
    channel = np.array([0.5, 2], np.float32)
    image = x.reshape(1, 2, 2, 4)
    return {
        "BatchNormalization": [image, channel, channel, channel, channel],
        "GRU": recurrent(3),
        "LSTM": recurrent(4),
        "RNN": recurrent(1),
        "GridSample": [image, POINTS],
        "Resize": [image, None, SCALES],
        "Upsample": [image, np.array([1, 1, 2, 2], np.float32)],
        "RoiAlign": [image, np.array([[0, 0, 2, 2]], np.float32), np.array([0])],
        "NonMaxSuppression": [x.reshape(1, 4, 4), x.reshape(1, 1, 16)[..., :4], np.array([3])],
        "ScatterElements": [x.reshape(4, 4), ROWS, x.reshape(2, 8)[:, :4]],
        "ScatterND": [x.reshape(4, 4), np.array([[1], [3]]), x.reshape(2, 8)[:, :4]],
        "OneHot": [ROWS, np.array(4), np.array([0, 1], np.float32)],
        "LayerNormalization": [x.reshape(4, 4), x.reshape(4, 4)[0]],
        "Gemm": [x.reshape(4, 4), x.reshape(4, 4)],
    }.get(op_type, [x.reshape(4, 4)])


FOREIGN = {"Upsample", "GridSample", "NonMaxSuppression"}
"""onnx.reference has no kernel, one of a later version, or one that needs every input."""

OPSETS = {"Upsample": 9, "GRU": 14, "LSTM": 14, "RNN": 14, "BatchNormalization": 13}
WRITTEN_OUT: dict[str, dict[str, Any]] = {
    "BatchNormalization": {"epsilon": 1e-5, "momentum": 0.9},
    "Cast": {"to": 6, "saturate": 1},
    "GRU": {"hidden_size": 3, "layout": 0, "linear_before_reset": 0, "direction": "forward"},
    "LSTM": {"hidden_size": 3, "layout": 0, "input_forget": 0},
    "RNN": {"hidden_size": 3, "layout": 0},
    "GridSample": {"mode": "bilinear", "padding_mode": "zeros", "align_corners": 0},
    "Upsample": {"mode": "nearest"},
    "RoiAlign": {"mode": "avg", "sampling_ratio": 0},
    "NonMaxSuppression": {"center_point_box": 0},
    "ScatterElements": {"axis": 0, "reduction": "none"},
    "ScatterND": {"reduction": "none"},
    "OneHot": {"axis": -1},
    "LayerNormalization": {"axis": -1, "stash_type": 1, "epsilon": 1e-5},
    "Softmax": {"axis": -1},
    "LogSoftmax": {"axis": -1},
}


@pytest.mark.parametrize("op_type", [o for o in rules.DROPPED if o in WRITTEN_OUT])
@few
@given(data=st.data(), x=arrays((16,), FINITE[:0]))
def test_attributes_that_repeat_a_default_are_left_out(
    op_type: str, data: st.DataObject, x: np.ndarray
) -> None:
    every = WRITTEN_OUT[op_type]
    required = {"to", "hidden_size"} & set(every)
    names = data.draw(st.sets(st.sampled_from(sorted(set(every) - required)), min_size=1))
    attributes = {n: every[n] for n in names | required}
    opset = OPSETS.get(op_type, 19)
    given_ = operands(op_type, x)
    case = single(op_type, given_, opset=opset, ir_version=9, constants=range(1, 5), **attributes)
    reference = op_type not in FOREIGN
    prove(rules.defaults_dropped, case, op_type=op_type, absolute=1e-5, reference=reference)
    (node,) = rewrite(case[0], the_rule(rules.defaults_dropped, op_type)).graph.node
    assert {a.name for a in node.attribute} == required


@pytest.mark.parametrize("op_type", rules.WRITTEN)
@few
@given(x=arrays((16,), FINITE[:0]))
def test_defaults_are_written_out(op_type: str, x: np.ndarray) -> None:
    opset = OPSETS.get(op_type, 17)
    given_ = operands(op_type, x)
    case = single(op_type, given_, opset=opset, constants=range(1, 5))
    reference = op_type not in FOREIGN
    prove(rules.defaults_written, case, op_type=op_type, absolute=1e-5, reference=reference)
    result = rewrite(case[0], the_rule(rules.defaults_written, op_type))
    assert result.graph.node[0].attribute
    declines(rules.defaults_written, (result, {}), "written already", op_type=op_type)


def test_other_values_stay() -> None:
    linear = single("Resize", operands("Resize", SCALES[:1].repeat(16)), opset=17, mode="linear")
    declines(rules.defaults_written, linear, "for nearest alone", op_type="Resize")
    coarse = single("Cast", [SCALES], opset=19, ir_version=9, to=17, saturate=1)
    declines(rules.defaults_dropped, coarse, "8 bits or less", op_type="Cast")
    case = single("LeakyRelu", [np.ones(2, np.float32)], opset=16, alpha=0.3)
    declines(rules.defaults_written, case, "written already", op_type="LeakyRelu")
    x = np.ones((4, 4), np.float32)
    case = single("ScatterElements", [x, ROWS, x[:2]], opset=18, reduction="add")
    declines(rules.defaults_dropped, case, "no attribute repeats", op_type="ScatterElements")
