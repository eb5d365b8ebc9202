"""What `port check` says of models for ONNX Runtime's CPU kernels, held against ONNX Runtime."""

from typing import Any

import onnx
import onnxruntime
import pytest
from capability.helpers import Given, floats, ints, node_model, ones
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidGraph
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NotImplemented_

import porting
from porting.capability.targets import load_target
from porting.results import worst

MEASURED = "1.31.1"


def said(model: onnx.ModelProto) -> tuple[str, str]:
    """The verdict on the model, and the reasons for it."""
    result = porting.check(model, "ort-cpu")
    found = [*result.findings, *(f for n in result.nodes for f in n.findings)]
    verdict = worst([f.verdict for f in found])
    return verdict, "; ".join(f.message for f in found if f.verdict == verdict)


def of(op_type: str, *inputs: Given, **more: Any) -> onnx.ModelProto:
    return node_model(op_type, dict(zip("abcdefgh", inputs, strict=False)), **more)


def typed(op_type: str, dtype: str, *inputs: Given, **more: Any) -> onnx.ModelProto:
    return of(op_type, *inputs, dtypes=dict.fromkeys("abc", dtype), **more)


def recurrent(**more: Any) -> onnx.ModelProto:
    weights = (ones(1, 16, 6), ones(1, 16, 4))
    return of("LSTM", (5, 2, 6), *weights, outputs=["y"], hidden_size=4, **more)


CASES = [
    (of("Relu", (3,)), "supported", ""),
    (typed("Cos", "float64", (3,)), "supported", ""),
    (typed("Acos", "float64", (3,)), "unsupported", "float16 or float32"),
    (typed("Add", "bfloat16", (3,), (3,)), "unsupported", "A is"),
    (typed("Clip", "float64", (3,), (), opset=11), "unsupported", "version 12 is the first"),
    (typed("Clip", "float64", (3,), (), opset=12), "supported", ""),
    (of("RoiAlign", (1, 1, 8, 8), (1, 4), ints(0), opset=22), "unsupported", "taken at ..16"),
    (of("RoiAlign", (1, 1, 8, 8), (1, 4), ints(0), opset=21), "supported", ""),
    (recurrent(), "supported", ""),
    (recurrent(layout=1), "unsupported", "layout"),
    (typed("Conv", "float64", (1, 1, 5, 5), (1, 1, 3, 3)), "unsupported", "X is"),
    (typed("Gemm", "int32", (3, 4), (4, 5)), "unsupported", "A is"),
    (of("HardSwish", (3,)), "supported", ""),
    (of("Pad", (3,), ints(1, 1), dtypes={"a": "uint8"}), "supported", ""),
    (of("Pad", (3,), ints(1, 1), dtypes={"a": "int16"}), "unsupported", "data is"),
    (of("Cast", (3,), to=23, opset=23), "unsupported", "float4e2m1"),
]


def test_every_entry_is_well_formed() -> None:
    table = load_target("ort-cpu")
    table.validate()
    assert list(table.data.ops) == sorted(table.data.ops, key=lambda op: ("::" in op, op))


@pytest.mark.parametrize(("model", "verdict", "reason"), CASES)
def test_limits(model: onnx.ModelProto, verdict: str, reason: str) -> None:
    said_verdict, why = said(model)
    assert said_verdict == verdict, why
    assert reason in why


def test_opsets_at_the_ends() -> None:
    assert said(of("Relu", (3,), opset=6))[0] == "unknown"
    assert said(of("Relu", (3,), opset=26))[0] == "supported"
    assert said(of("Relu", (3,), opset=27)) == (
        "unsupported",
        "the model imports opset 27; the toolchain takes 1..26",
    )


def test_floats_without_fmod_fail_at_run_time() -> None:
    assert "it builds and fails at run time" in said(of("Mod", (3,), floats(1, 2, 3)))[1]


@pytest.mark.skipif(onnxruntime.__version__ != MEASURED, reason=f"measured with {MEASURED}")
@pytest.mark.parametrize(("model", "verdict", "reason"), CASES)
def test_onnxruntime_says_the_same(model: onnx.ModelProto, verdict: str, reason: str) -> None:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    typed_model = onnx.shape_inference.infer_shapes(model)
    loaded = True
    try:
        onnxruntime.InferenceSession(
            typed_model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except (Fail, InvalidGraph, NotImplemented_):
        loaded = False
    assert loaded == (verdict == "supported")
