"""What `port check` says of models for Espressif's chips, limit by limit."""

from typing import Any

import onnx
import pytest
from capability.helpers import Given, floats, node_model, ones

import porting
from porting.capability.targets import load_target
from porting.results import worst

IMAGE = (1, 4, 8, 8)


def said(model: onnx.ModelProto, precision: str = "") -> tuple[str, str]:
    """The verdict on the model, and the reasons for it."""
    result = porting.check(model, "esp32p4", precision=precision)
    found = [*result.findings, *(f for n in result.nodes for f in n.findings)]
    verdict = worst([f.verdict for f in found])
    return verdict, "; ".join(f.message for f in found if f.verdict == verdict)


def of(op_type: str, *inputs: Given, **more: Any) -> onnx.ModelProto:
    return node_model(op_type, dict(zip("abcdefgh", inputs, strict=False)), **more)


@pytest.mark.parametrize("target", ["esp32p4", "esp32s3", "espressif-esp32"])
def test_every_entry_is_well_formed(target: str) -> None:
    table = load_target(target)
    table.validate()
    assert table.data.evidence == ("measured" if "p4" in target else "vendor-doc")
    assert list(table.data.ops) == sorted(table.data.ops)
    assert table.precision == "int8"


@pytest.mark.parametrize(
    ("model", "verdict", "reason"),
    [
        (of("Conv", IMAGE, ones(4, 4, 3, 3)), "supported", ""),
        (of("Conv", IMAGE, ones(4, 2, 3, 3), group=2), "unsupported", "number of channels"),
        (of("ConvTranspose", IMAGE, ones(4, 2, 3, 3), group=2), "unknown", "inferred"),
        (of("Conv", (2, 4, 8, 8), ones(4, 4, 3, 3)), "unsupported", "the batch is 1"),
        (of("Relu", (1, 4, "h", 8)), "unsupported", "is a number"),
        (of("Abs", IMAGE), "unsupported", "it builds and fails when it is loaded"),
        (of("Add", (1, 1, 1, 1, 2), (1, 1, 1, 1, 2)), "unsupported", "rank"),
        (
            of("Div", IMAGE, IMAGE, dtypes={"a": "int32", "b": "int32"}),
            "unsupported",
            "floats alone",
        ),
        (of("Mod", IMAGE, IMAGE, fmod=1), "supported", ""),
        (of("Mod", (4,), (4,), dtypes={"a": "int32", "b": "int32"}), "unsupported", "fmod"),
        (of("MaxPool", IMAGE, kernel_shape=[2, 2], dilations=[2, 2]), "unsupported", "dilations"),
        (of("Resize", IMAGE, None, floats(1, 1, 2, 2), mode="cubic"), "unsupported", "mode"),
        (of("TopK", IMAGE, ones(1).astype("int64"), outputs=2), "unsupported", "does not take"),
    ],
)
def test_limits(model: onnx.ModelProto, verdict: str, reason: str) -> None:
    said_verdict, why = said(model)
    assert said_verdict == verdict, why
    assert reason in why


def test_what_the_quantiser_refuses_does_not_build() -> None:
    assert "it builds" not in said(of("Round", IMAGE))[1]


def test_some_kernels_are_integer_only() -> None:
    model = of("Gemm", (1, 4), ones(4, 5))
    assert said(model)[0] == "supported"
    assert said(model, "float32") == (
        "unsupported",
        "the accelerator computes it in int8, int16 only (precision=float32); "
        "it builds and fails when it is loaded",
    )
