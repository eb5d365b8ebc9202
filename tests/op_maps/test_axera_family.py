"""What sets the other chips of Axera apart from the AX650."""

from collections.abc import Mapping

import onnx
import pytest
from capability.helpers import Given, check, ints, node_model, ones, shipped

from porting.capability.targets import load_target
from porting.results import Finding

IMAGE = (1, 3, 8, 8)
NEITHER_620E_NOR_615 = """
    And Cos Floor GatherElements GatherND GroupNormalization InverseSigmoid LogSoftmax Not
    RMSNormalization ReduceMin RoiAlign RotaryEmbedding Round ScatterElements ScatterND Tile Xor
"""
LACKING: Mapping[str, list[str]] = {
    "axera-ax615": [
        *NEITHER_620E_NOR_615.split(),
        "ConstantOfShape",
        "GridSample",
        "ReduceSum",
        "Where",
    ],
    "axera-ax620e": NEITHER_620E_NOR_615.split(),
    "axera-ax637": [],
    "axera-m57": [],
}
BEYOND: Mapping[str, list[str]] = {
    "axera-ax615": ["Neg"],
    "axera-ax620e": [],
    "axera-ax637": ["Bevpool", "CumSum", "Neg"],
    "axera-m57": ["Bevpool", "CumSum", "Neg"],
}
SMALL = ["InstanceNormalization", "LayerNormalization", "LpNormalization", "SpatialTransformer"]


def x(op_type: str, shape: Given = IMAGE, **more: object) -> onnx.ModelProto:
    return node_model(op_type, {"x": shape}, **more)


def layer_norm(axis: int) -> onnx.ModelProto:
    return node_model("LayerNormalization", {"x": (2, 4, 8), "s": ones(8)}, axis=axis)


def running_sum(**more: int) -> onnx.ModelProto:
    return node_model("CumSum", {"x": (2, 4), "a": ints(1)[0]}, **more)


def average(**more: object) -> onnx.ModelProto:
    return x("AveragePool", kernel_shape=[3, 3], strides=[2, 2], count_include_pad=1, **more)


def told(model: onnx.ModelProto, target: str) -> tuple[str, str]:
    """The verdict, and the worst thing said."""
    node = check(model, target).nodes[0]
    found: tuple[Finding, ...] = node.findings
    return node.verdict, found[0].message if found else ""


@pytest.mark.parametrize("target", LACKING)
def test_the_table_is_well_formed_and_has_a_short_name(target: str) -> None:
    shipped(target).validate()
    assert load_target(target.removeprefix("axera-")).data.target == target


@pytest.mark.parametrize("target", LACKING)
def test_operators_beside_those_of_the_ax650(target: str) -> None:
    base, own = (set(shipped(t).data.ops) for t in ("axera-ax650", target))
    assert sorted(base - own) == sorted(LACKING[target])
    assert sorted(own - base) == BEYOND[target]


@pytest.mark.parametrize("target", LACKING)
def test_each_cites_its_own_list(target: str) -> None:
    chip = target.removeprefix("axera-")
    source = check(x("DFT"), target).nodes[0].findings[0].source
    assert f"op_support_list_{chip}.md" in source
    assert chip.upper() in source


@pytest.mark.parametrize("target", LACKING)
def test_limits_of_the_ax650_hold(target: str) -> None:
    assert told(x("Relu"), target)[0] == "supported"
    verdict, words = told(x("MaxPool", kernel_shape=[2, 2], dilations=[2, 2]), target)
    assert verdict == "unsupported"
    assert "dilations is 1 only" in words
    assert told(layer_norm(1), target)[0] == "unsupported"
    assert not check(x("Relu", opset=10), target).passed


@pytest.mark.parametrize(
    ("model", "ax615", "ax620e", "ax637", "m57"),
    [
        (x("Floor"), "unsupported", "unsupported", "supported", "supported"),
        (x("Neg"), "supported", "unsupported", "supported", "supported"),
        (x("Sin"), "supported", "unknown", "supported", "supported"),
        (x("ReduceSum"), "unsupported", "supported", "supported", "supported"),
        (running_sum(), "unsupported", "unsupported", "supported", "supported"),
        (running_sum(reverse=1), *["unsupported"] * 4),
        (running_sum(exclusive=1), *["unsupported"] * 4),
        (
            x("DepthToSpace", (1, 4, 8, 8), blocksize=2, mode="CRD"),
            *["unsupported"] * 2,
            *["supported"] * 2,
        ),
        (layer_norm(-1), "unknown", "supported", "supported", "supported"),
        (x("LpNormalization"), "unknown", "supported", "supported", "supported"),
        (average(), *["supported"] * 4),
        (average(ceil_mode=1), "supported", "supported", "supported", "unknown"),
        (x("Bevpool"), "unsupported", "unsupported", "supported", "supported"),
    ],
    ids=[
        "floor",
        "neg",
        "sin",
        "reduce sum",
        "running sum",
        "running sum, reverse",
        "running sum, exclusive",
        "depth to space, CRD",
        "layer normalization",
        "lp normalization",
        "average pool",
        "average pool, ceil",
        "bev pool",
    ],
)
def test_where_they_differ(
    model: onnx.ModelProto, ax615: str, ax620e: str, ax637: str, m57: str
) -> None:
    verdicts = [told(model, target)[0] for target in LACKING]
    assert verdicts == [ax615, ax620e, ax637, m57]


@pytest.mark.parametrize(
    ("model", "target", "words"),
    [
        (x("Sin"), "axera-ax620e", "was reported to fail"),
        (layer_norm(-1), "axera-ax615", "small sizes only"),
        (average(ceil_mode=1), "axera-m57", "ceil_mode is mentioned for the vendor's other chips"),
    ],
    ids=["reported", "small", "not mentioned"],
)
def test_what_the_list_leaves_open(model: onnx.ModelProto, target: str, words: str) -> None:
    assert words in told(model, target)[1]


def test_four_operators_of_the_ax615_are_for_small_sizes() -> None:
    ops = load_target("axera-ax615").data.ops
    assert [name for name, entry in sorted(ops.items()) if entry.verdict == "unknown"] == SMALL
