"""ONNX Runtime's CANN provider, in the three ways in which it can be run."""

from typing import Any

import numpy as np
import onnx
import pytest
from capability.helpers import Given, check, ints, model_of, node_model, ones, shipped
from onnx import helper

from porting.capability.targets import load_target
from porting.results import NodeResult

WHOLE, PARTS, KERNELS = "cann-ort-ep", "cann-ort-ep-subgraph", "cann-ort-kernels"
IMAGE = (1, 3, 8, 8)


def judged(model: onnx.ModelProto, target: str, **more: Any) -> NodeResult:
    return check(model, target, **more).nodes[0]


def verdicts(model: onnx.ModelProto) -> list[str]:
    return [judged(model, target).verdict for target in (WHOLE, PARTS, KERNELS)]


def x(op_type: str, shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    """An operator of one input."""
    return node_model(op_type, {"x": shape}, **more)


def add(dtype: str, **more: Any) -> onnx.ModelProto:
    return node_model("Add", {"a": (4,), "b": (4,)}, dtypes={"a": dtype, "b": dtype}, **more)


def gemm(**more: Any) -> onnx.ModelProto:
    return node_model("Gemm", {"a": (4, 4), "b": (4, 4)}, **more)


@pytest.mark.parametrize("target", [WHOLE, PARTS, KERNELS])
def test_every_entry_is_well_formed(target: str) -> None:
    shipped(target).validate()
    assert load_target("ort-ep").data.target == WHOLE


def test_the_provider_lists_134_operators() -> None:
    ops = load_target(PARTS).data.ops
    standard = [k for k in ops if is_standard(k)]
    assert len(standard) == 134
    assert len(load_target(KERNELS).data.ops) == 31


def is_standard(key: str) -> bool:
    return "::" not in key and onnx.defs.has(key)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (x("Relu", opset=14), ["supported"] * 3),
        (x("Sigmoid"), ["supported", "supported", "fallback"]),
        (x("Tan"), ["supported", "fallback", "fallback"]),
        (x("QuantizeLinear"), ["unsupported", "fallback", "fallback"]),
        (x("Gelu", domain="com.microsoft"), ["unsupported", "fallback", "fallback"]),
        (gemm(alpha=0.5), ["deviates", "deviates", "fallback"]),
        (x("AscendQuant"), ["unsupported", "unsupported", "unsupported"]),
        (x("NPUGiou", domain="npu"), ["unsupported", "unsupported", "fallback"]),
        (x("Relu", (0, 3)), ["unsupported", "unsupported", "supported"]),
        (x("Abs", dtypes={"x": "bfloat16"}), ["unknown", "unknown", "fallback"]),
    ],
    ids=[
        "everywhere",
        "no kernel",
        "parsed, not listed",
        "neither",
        "another domain",
        "what the parser drops",
        "an operator of the vendor's own",
        "a domain of the vendor's own",
        "nothing in it",
        "bfloat16",
    ],
)
def test_three_ways(model: onnx.ModelProto, expected: list[str]) -> None:
    assert verdicts(model) == expected


def test_the_vendors_own_operators_do_not_load() -> None:
    finding = judged(x("NPUGiou", domain="npu"), WHOLE).findings[0]
    assert "ONNX Runtime refuses the model" in finding.message
    assert "fails when it is loaded" in finding.message


def test_opsets_from_8_on() -> None:
    for opset, passes in ((7, False), (8, True), (10, True), (18, True), (19, False)):
        assert check(x("Relu", opset=opset), WHOLE).passed is passes


def test_shapes_may_be_open() -> None:
    assert check(x("Relu", ("n", 3, "h", "w")), WHOLE).passed


def test_what_is_constant_stays_on_the_cpu() -> None:
    nodes = [
        helper.make_node("Trilu", ["c"], ["t"]),
        helper.make_node("Gemm", ["c", "c"], ["g"], alpha=0.5),
        helper.make_node("Add", ["x", "g"], ["s"]),
        helper.make_node("Add", ["s", "t"], ["y"]),
    ]
    model = model_of(nodes, {"x": (4, 4), "c": ones(4, 4)}, ["y"])
    assert check(model, WHOLE).passed


class TestKernels:
    @pytest.mark.parametrize(
        ("model", "words"),
        [
            (x("Transpose", perm=[0, 2, 3, 1]), "taken at 1 only; the model has version"),
            (x("MaxPool", kernel_shape=[3, 3]), "taken at 1..7 only"),
            (x("Cast", to=1, opset=19), "taken at 6..13 only"),
            (node_model("Reshape", {"x": IMAGE, "s": ints(-1)}, opset=19), "taken at 1..14 only"),
            (x("Exp"), "inputs are float16 only"),
            (gemm(), "inputs are float16 only"),
            (add("uint16"), "inputs are float16, float32"),
            (x("Dropout", dtypes={"x": "float64"}), "data is float16 or float32 only"),
        ],
        ids=["transpose", "pool", "cast", "reshape", "exp", "gemm", "add", "dropout"],
    )
    def test_no_kernel(self, model: onnx.ModelProto, words: str) -> None:
        node = judged(model, KERNELS)
        assert node.verdict == "fallback"
        assert words in node.findings[0].message

    @pytest.mark.parametrize(
        "model",
        [
            x("Identity", opset=20),
            x("GlobalAveragePool", opset=21),
            x("Exp", dtypes={"x": "float16"}),
            add("int8", opset=18),
            x("Dropout", dtypes={"x": "float64"}, opset=11),
            node_model("Conv", {"x": IMAGE, "w": ones(4, 3, 3, 3)}),
            node_model("MatMul", {"a": (2, 3), "b": np.ones((3, 4), np.float32)}),
        ],
        ids=["identity", "pool", "exp", "add", "dropout", "conv", "matmul"],
    )
    def test_a_kernel(self, model: onnx.ModelProto) -> None:
        assert judged(model, KERNELS).verdict == "supported"
