"""What `port check` says for Rockchip's other chips, where they differ from the RK3588."""

from typing import Any

import numpy as np
import onnx
import pytest
from capability.helpers import Given, floats, ints, node_model, ones

import porting
from porting.capability.targets import load_target
from porting.errors import PortError
from porting.results import CheckResult, worst

CHAPTERS = {
    "rk3576": range(197, 247),
    "rk3566": range(12, 54),
    "rk3562": range(108, 153),
    "rv1106": range(154, 195),
    "rv1103b": range(286, 317),
    "rk2118": range(249, 284),
}
"""Pages of the vendor's list."""
MEASURED = list(CHAPTERS)
FULL_RUNTIME = ["rk3588", "rk3576", "rk3566", "rk3562"]
SMALL_RUNTIME = ["rv1106", "rv1103b"]
IMAGE = (1, 8, 12, 12)
SIX = (1, 2, 4, 3, 2, 2)


def x(op_type: str, shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    return node_model(op_type, {"x": shape}, **more)


def of(op_type: str, *inputs: Given, **more: Any) -> onnx.ModelProto:
    return node_model(op_type, dict(zip("abcdefgh", inputs, strict=False)), **more)


def permuted(shape: tuple[int, ...], *perm: int) -> onnx.ModelProto:
    return x("Transpose", shape, perm=list(perm))


def transposed(stride: int) -> onnx.ModelProto:
    return of("ConvTranspose", IMAGE, ones(8, 4, 3, 3), strides=[stride, stride])


def resized(scale: float) -> onnx.ModelProto:
    more = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return of("Resize", IMAGE, None, floats(1, 1, scale, scale), **more)


def recurrent(op_type: str, batch: int = 1) -> onnx.ModelProto:
    gates = 3 if op_type == "GRU" else 4
    weights = (ones(1, gates * 4, 8), ones(1, gates * 4, 4), ones(1, gates * 8))
    outputs = 2 if op_type == "GRU" else 3
    return of(op_type, (5, batch, 8), *weights, outputs=outputs, hidden_size=4)


def normalized(scale: Given) -> onnx.ModelProto:
    return of("LayerNormalization", (1, 10, 16), scale, ones(16), epsilon=1e-5, axis=-1)


def said(model: onnx.ModelProto, target: str) -> tuple[str, str]:
    """The verdict on the model as a whole, and the reasons for it."""
    result: CheckResult = porting.check(model, target)
    found = [*result.findings, *(f for n in result.nodes for f in n.findings)]
    verdict = worst([f.verdict for f in found])
    return verdict, "; ".join(f.message for f in found if f.verdict == verdict)


@pytest.mark.parametrize("target", MEASURED)
def test_every_entry_is_well_formed_and_cites_its_own_chapter(target: str) -> None:
    table = load_target(target)
    table.validate()
    assert table.data.target == f"rockchip-{target}"
    assert set(table.data.ops) == set(load_target("rk3588").data.ops)
    cited = [s for e in table.data.ops.values() for s in e.source if s.startswith("s1 p.")]
    assert cited
    assert {int(s.removeprefix("s1 p.")) for s in cited} <= set(CHAPTERS[target])


@pytest.mark.parametrize("target", MEASURED)
def test_common_networks_stay_on_the_npu(target: str) -> None:
    for model in (
        of("Conv", IMAGE, ones(8, 8, 3, 3)),
        x("Relu"),
        of("Add", IMAGE, IMAGE),
        x("MaxPool", kernel_shape=[3, 3]),
        of("Gather", IMAGE, ints(0, 2), axis=1),
        x("Softmax", axis=1) if target != "rk3566" else x("Sigmoid"),
    ):
        assert said(model, target)[0] == "supported"


@pytest.mark.parametrize(
    ("target", "precision"),
    [("rv1106", "float16"), ("rv1103b", "float16"), ("rk2118", "int8")],
)
def test_kinds_of_arithmetic_that_the_compiler_refuses(target: str, precision: str) -> None:
    with pytest.raises(PortError, match=precision):
        porting.check(x("Relu"), target, precision=precision)


@pytest.mark.parametrize("target", MEASURED)
def test_the_importer_is_the_same(target: str) -> None:
    assert said(x("Relu", opset=20), target)[0] == "unsupported"
    assert "shape must be a constant" in said(of("Reshape", IMAGE, (3,)), target)[1]
    assert "custom operator" in said(x("FastGelu", domain="com.microsoft"), target)[1]
    assert said(x("QuickGelu", domain="com.microsoft"), target)[0] == "unknown"


@pytest.mark.parametrize(
    ("model", "verdicts"),
    [
        # rk3588, rk3576, rk3566, rk3562
        pytest.param(x("Cos"), "fallback supported fallback fallback", id="cos"),
        pytest.param(x("Sin", (2, 3)), "fallback supported fallback fallback", id="sin"),
        pytest.param(
            of("Greater", IMAGE, IMAGE), "fallback supported fallback fallback", id="greater"
        ),
        pytest.param(
            of("Greater", IMAGE, (12,)), "fallback fallback fallback fallback", id="computed row"
        ),
        pytest.param(
            x("ReduceMax", axes=[1]), "fallback supported fallback fallback", id="max of channels"
        ),
        pytest.param(
            x("ReduceMax", axes=[2, 3]), "fallback fallback fallback fallback", id="max of H, W"
        ),
        pytest.param(x("Cast", to=9), "fallback supported fallback fallback", id="cast to bool"),
        pytest.param(
            x("Cast", to=3), "supported supported unsupported unsupported", id="cast to int8"
        ),
        pytest.param(transposed(3), "fallback supported fallback supported", id="stride 3"),
        pytest.param(transposed(2), "supported supported supported supported", id="stride 2"),
        pytest.param(x("Softmax", axis=1), "supported supported fallback supported", id="softmax"),
        pytest.param(
            x("Softmax", (1, 4, 4, 9000)), "fallback supported fallback supported", id="wide"
        ),
        pytest.param(
            of("Reshape", IMAGE, ints(1, 8, 144)),
            "supported supported fallback supported",
            id="reshape",
        ),
        pytest.param(
            of("Reshape", (2, 3), ints(3, 2)),
            "supported supported supported supported",
            id="reshape of rank 2",
        ),
        pytest.param(x("Flatten"), "supported supported fallback supported", id="flatten"),
        pytest.param(resized(1.5), "fallback fallback fallback supported", id="resize"),
        pytest.param(
            permuted(IMAGE, 0, 2, 3, 1), "supported supported fallback supported", id="to NHWC"
        ),
        pytest.param(
            permuted((4, 8, 1, 1), 2, 1, 0, 3),
            "supported supported supported supported",
            id="what the RK3566 permutes",
        ),
        pytest.param(
            permuted((1, 9000, 2, 4), 0, 2, 3, 1),
            "fallback supported fallback supported",
            id="many channels",
        ),
        pytest.param(
            permuted((3, 4, 8, 3), 2, 1, 3, 0), "fallback fallback fallback fallback", id="N*W"
        ),
        pytest.param(
            permuted((2, 3, 4, 5, 6), 4, 3, 2, 1, 0),
            "supported fallback fallback fallback",
            id="five groups of axes",
        ),
        pytest.param(
            x("Relu", SIX), "supported supported unsupported unsupported", id="rank 6 on the NPU"
        ),
        pytest.param(
            permuted(SIX, 0, 1, 4, 2, 5, 3),
            "supported fallback unsupported unsupported",
            id="rank 6 permuted",
        ),
        pytest.param(x("Exp", SIX), "fallback fallback fallback fallback", id="rank 6 on the CPU"),
        pytest.param(
            of("Add", IMAGE, IMAGE, dtypes={"a": "int32", "b": "int32"}),
            "supported supported fallback supported",
            id="sum of integers",
        ),
        pytest.param(
            of("Clip", IMAGE, (), ()),
            "supported unsupported supported supported",
            id="bounds at run time",
        ),
    ],
)
def test_chips_differ_in_what_their_npu_does(model: onnx.ModelProto, verdicts: str) -> None:
    assert [said(model, target)[0] for target in FULL_RUNTIME] == verdicts.split()


@pytest.mark.parametrize("target", SMALL_RUNTIME)
@pytest.mark.parametrize(
    "model",
    [
        pytest.param(x("Sin"), id="listed for larger chips"),
        pytest.param(x("Sqrt"), id="square root"),
        pytest.param(of("Min", IMAGE, IMAGE), id="as in the report"),
        pytest.param(recurrent("GRU"), id="gru"),
        pytest.param(x("AveragePool", kernel_shape=[3, 3], pads=[1] * 4), id="padding not counted"),
        pytest.param(x("ReduceL2", axes=[1]), id="written with Pow"),
        pytest.param(of("Einsum", (2, 3, 4), (2, 4, 5), equation="bij,bjk->bik"), id="einsum"),
        pytest.param(permuted((5, 16384, 1, 16), 3, 0, 2, 1), id="permutation beyond its limit"),
    ],
)
def test_without_a_cpu_kernel_the_board_fails(model: onnx.ModelProto, target: str) -> None:
    verdict, why = said(model, target)
    assert verdict == "unsupported"
    assert "no CPU kernel for it; it builds and fails when it is loaded" in why


@pytest.mark.parametrize("target", SMALL_RUNTIME)
@pytest.mark.parametrize(
    "model",
    [
        pytest.param(x("Exp"), id="exp"),
        pytest.param(of("Div", IMAGE, IMAGE), id="div"),
        pytest.param(x("ReduceMax", axes=[1]), id="reduce"),
        pytest.param(normalized(ones(16)), id="layer normalization"),
        pytest.param(
            of("Gather", IMAGE, (3,), dtypes={"b": "int32"}), id="indices computed at run time"
        ),
    ],
)
def test_kernels_of_the_small_runtime(model: onnx.ModelProto, target: str) -> None:
    assert said(model, target)[0] == "fallback"


@pytest.mark.parametrize(
    ("model", "verdicts", "reason"),
    [
        # rv1106, rv1103b, rk2118
        pytest.param(recurrent("LSTM"), "supported unsupported supported", "no CPU kernel"),
        pytest.param(x("Relu", SIX), "unsupported supported unsupported", "rank 6"),
        pytest.param(x("Exp"), "fallback fallback unsupported", "no CPU kernels"),
        pytest.param(x("Softmax", axis=-1), "supported fallback supported", ""),
        pytest.param(x("Cast", to=9), "supported unsupported unsupported", "no CPU kernel"),
        pytest.param(x("Cast", to=3), "unsupported unsupported unsupported", "no CPU kernel"),
        pytest.param(of("Div", IMAGE, floats(2)), "supported supported supported", ""),
        pytest.param(of("Div", IMAGE, IMAGE), "fallback fallback supported", ""),
        pytest.param(normalized((16,)), "unsupported unsupported unsupported", "fails when it"),
        pytest.param(
            of("Greater", IMAGE, (8, 1, 1)), "unsupported unsupported unsupported", "last axis"
        ),
        pytest.param(
            of("Einsum", (1, 2, 3, 4), (1, 2, 5, 4), equation="bhid,bhjd->bhij"),
            "supported supported supported",
            "",
        ),
        pytest.param(
            of("Where", ones(4).astype(bool), ones(4), (2, 4)),
            "supported supported unsupported",
            "constant branch",
        ),
        pytest.param(
            of("Pad", IMAGE, ints(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect"),
            "supported unsupported supported",
            "no CPU kernel",
        ),
        pytest.param(
            of("QuantizeLinear", IMAGE, np.float32(0.1), np.int8(0)),
            "unsupported unsupported unsupported",
            "quantised",
        ),
    ],
)
def test_small_chips_differ(model: onnx.ModelProto, verdicts: str, reason: str) -> None:
    answers = [said(model, target) for target in ("rv1106", "rv1103b", "rk2118")]
    assert [verdict for verdict, _ in answers] == verdicts.split()
    refused = [why for verdict, why in answers if verdict == "unsupported"]
    assert not refused or any(reason in why for why in refused)


@pytest.mark.parametrize(
    ("target", "model", "wanted", "reason"),
    [
        ("rk3562", recurrent("LSTM", batch=6), "fallback", "no multiple of 4"),
        ("rk3562", recurrent("LSTM", batch=8), "supported", ""),
        ("rk2118", x("GlobalMaxPool", (1, 8, 1, 1)), "unsupported", "no CPU kernels"),
        ("rv1103b", x("GlobalMaxPool", (1, 8, 1, 1)), "unsupported", "1 x 1"),
        ("rk2118", x("MaxPool", kernel_shape=[1, 1]), "unsupported", "no CPU kernels"),
        ("rk2118", of("Conv", (1, 2, 4, 17000), ones(2, 2, 3, 3)), "unsupported", "16383"),
        ("rv1106", of("Conv", (1, 2, 4, 17000), ones(2, 2, 3, 3)), "supported", ""),
        (
            "rv1106",
            of("Conv", (1, 2, 90, 90), ones(2, 2, 3, 3), dilations=[40, 40]),
            "fallback",
            "gathered by the host CPU",
        ),
        ("rk2118", of("MatMul", (2, 9000), ones(9000, 2)), "unsupported", "8192"),
        ("rv1103b", of("MatMul", (2, 9000), ones(9000, 2)), "supported", ""),
    ],
)
def test_sizes(target: str, model: onnx.ModelProto, wanted: str, reason: str) -> None:
    verdict, why = said(model, target)
    assert (verdict, reason in why) == (wanted, True), why


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (of("Clip", IMAGE, (), ()), "bounds computed at run time"),
        (
            of("Squeeze", (1, 4), (1,), dtypes={"b": "int64"}),
            "optimiser drops the input",
        ),
        (x("GroupNormalization", opset=18, num_groups=2), "quantisation fails"),
    ],
)
def test_what_quantisation_cannot_do(model: onnx.ModelProto, reason: str) -> None:
    verdict, why = said(model, "rv1106")
    assert (verdict, reason in why) == ("unsupported", True), why


def test_who_says_that_a_kernel_is_missing_is_cited() -> None:
    (node,) = porting.check(x("Sin"), "rv1106").nodes
    source = node.findings[0].source
    assert "register_*_cpu_op" in source
    assert "issues/482" in source
