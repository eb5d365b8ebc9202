"""What `port check` says of models for the Canaan K230, limit by limit."""

from typing import Any

import onnx
import pytest
from capability.helpers import Given, floats, info, ints, model_of, node_model, ones
from onnx import helper

import porting
from porting.capability.targets import load_target
from porting.results import CheckResult, Finding, worst

TARGET = "canaan-k230"
IMAGE = (1, 4, 8, 8)


def said(model: onnx.ModelProto, precision: str = "uint8") -> tuple[str, str]:
    """The verdict on the nodes, and the reasons for it."""
    found = nodes_of(porting.check(model, TARGET, precision=precision))
    verdict = worst([f.verdict for f in found])
    return verdict, "; ".join(f.message for f in found if f.verdict == verdict)


def nodes_of(result: CheckResult) -> list[Finding]:
    return [f for n in result.nodes for f in n.findings]


def of(op_type: str, *inputs: Given, **more: Any) -> onnx.ModelProto:
    return node_model(op_type, dict(zip("abcdefgh", inputs, strict=False)), **more)


def pool(op_type: str = "MaxPool", shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    return of(op_type, shape, **{"kernel_shape": [3] * (len(shape) - 2), **more})


def chain(*op_types: str, last: Any = None) -> onnx.ModelProto:
    """Operators of one input, one behind the other; `last` are attributes of the last."""
    nodes = [
        helper.make_node(
            t, [f"x{i}"], [f"x{i + 1}"], **(last or {} if i == len(op_types) - 1 else {})
        )
        for i, t in enumerate(op_types)
    ]
    return model_of(nodes, {"x0": IMAGE}, [f"x{len(op_types)}"])


def resized(*scales: float, **more: Any) -> onnx.ModelProto:
    return of("Resize", IMAGE, None, floats(*scales), **{"mode": "linear", **more})


def recurrent(batch: int = 1, outputs: Any = 3) -> onnx.ModelProto:
    return of("LSTM", (5, batch, 6), ones(1, 16, 6), ones(1, 16, 4), outputs=outputs, hidden_size=4)


def product_of_product(*, behind: bool) -> onnx.ModelProto:
    factors = ["m", "w"] if behind else ["w", "m"]
    nodes = helper.make_node("Mul", ["x", "r"], ["m"]), helper.make_node("Mul", factors, ["y"])
    return model_of(nodes, {"x": (1, 4, 8), "r": (1, 4, 1), "w": ones(8)}, ["y"])


def split_twice() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Split", ["x", "s"], ["a", "b"], axis=0),
        helper.make_node("Split", ["a", "s"], ["c", "d"], axis=1),
        helper.make_node("Add", ["c", "d"], ["y"]),
    ]
    return model_of(nodes, {"x": (2, 2), "s": ints(1, 1)}, ["y"])


def of_lstm(*outputs: str) -> onnx.ModelProto:
    nodes = [
        helper.make_node("LSTM", ["x", "w", "r"], outputs, hidden_size=4),
        helper.make_node("Reshape", ["y", "s"], ["z"]),
    ]
    inputs = {"x": (5, 1, 6), "w": ones(1, 16, 6), "r": ones(1, 16, 4), "s": ints(5, -1)}
    return model_of(nodes, inputs, ["z"])


def shape_of_padded() -> onnx.ModelProto:
    nodes = [helper.make_node("Pad", ["x", "p"], ["y"]), helper.make_node("Shape", ["y"], ["z"])]
    return model_of(nodes, {"x": (3, 4), "p": (4,)}, ["z"], dtypes={"p": "int64"})


def test_every_entry_is_well_formed() -> None:
    table = load_target("k230")
    table.validate()
    assert table.data.target == TARGET
    assert list(table.data.ops) == sorted(table.data.ops)


def test_a_float_model_stays_on_the_cpu() -> None:
    model = of("Conv", IMAGE, ones(4, 4, 3, 3))
    plain, quantised = porting.check(model, TARGET), porting.check(model, TARGET, precision="uint8")
    assert [(f.verdict, "RISC-V" in f.message) for f in plain.findings] == [("fallback", True)]
    assert not quantised.findings
    assert nodes_of(plain) == nodes_of(quantised) == []


def test_an_optional_input_ends_the_import() -> None:
    kind = helper.make_optional_type_proto(helper.make_tensor_type_proto(1, [4]))
    node = helper.make_node("Identity", ["o"], ["y"])
    graph = helper.make_graph([node], "g", [helper.make_value_info("o", kind)], [info("y", [4])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    assert any("is a tensor" in f.message for f in porting.check(model, TARGET).findings)


@pytest.mark.parametrize(
    "model",
    [
        of("Conv", IMAGE, ones(4, 4, 3, 3)),
        of("MatMul", (2, 3, 4), ones(4, 5)),
        of("Add", (2, 3, 4, 2, 3), (2, 3, 4, 2, 3)),
        of("Clip", IMAGE, floats(0)[0], floats(6)[0]),
        chain("Relu", "MaxPool", last={"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
        pool("MaxPool", (1, 4, 9, 9), strides=[2, 2], ceil_mode=1),
        pool("AveragePool", pads=[1, 1, 1, 1]),
        resized(1, 1, 2, 2),
        resized(1, 1, 0.6, 0.6, coordinate_transformation_mode="align_corners"),
        recurrent(),
        of("Split", (2, 6), outputs=2, axis=1),
        of("ConvTranspose", IMAGE, ones(4, 2, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2]),
        of("Gemm", (3, 4), ones(4, 5)),
    ],
)
def test_what_the_kpu_takes(model: onnx.ModelProto) -> None:
    assert said(model)[0] == "supported"


@pytest.mark.parametrize(
    ("model", "verdict", "reason"),
    [
        (of("GRU", (5, 1, 6), ones(1, 12, 6), ones(1, 12, 4)), "unsupported", "does not have it"),
        (of("Reciprocal", IMAGE), "unsupported", "does not take Reciprocal"),
        (of("Softmax", IMAGE), "fallback", "RISC-V"),
        (of("Add", IMAGE, IMAGE, dtypes={"a": "int32", "b": "int32"}), "fallback", "float32 alone"),
        (of("Conv", IMAGE, (4, 4, 3, 3)), "fallback", "constant"),
        (of("MatMul", (2, 3, 4), (4, 5)), "fallback", "one operand"),
        (of("Concat", (1, 1, 1, 1, 1, 2), (1, 1, 1, 1, 1, 2), axis=5), "fallback", "at this rank"),
        (of("Neg", IMAGE, dtypes={"a": "bfloat16"}), "unsupported", "Not supported Datatype"),
        (of("Cast", IMAGE, to=16), "unsupported", "of the result"),
        (of("Cast", IMAGE, to=11), "deviates", "float64"),
        (product_of_product(behind=False), "deviates", "in front of another product"),
        (split_twice(), "deviates", "another Split"),
        (of("Conv", (1, 4, 8, 8, 8), ones(4, 4, 3, 3, 3)), "unsupported", "rank"),
        (of("Conv", (1, 4, 8), ones(4, 4, 3)), "unsupported", "abort"),
        (pool(pads=[1, 1, 1, 1]), "deviates", "minus infinity"),
        (pool(strides=[2, 2], ceil_mode=1), "deviates", "do not fit"),
        (pool(auto_pad="SAME_UPPER"), "deviates", "not read"),
        (pool(outputs=2), "unsupported", "Indices"),
        (pool("AveragePool", count_include_pad=1, pads=[1, 1, 1, 1]), "deviates", "of the mean"),
        (of("Clip", IMAGE, dtypes={"a": "int8"}), "unsupported", "bound left out"),
        (of("Max", IMAGE, IMAGE, IMAGE), "deviates", "behind the second"),
        (of("Min", IMAGE), "unsupported", "alone"),
        (of("Einsum", (2, 3), (3, 4), equation="ij,jk->ik"), "unsupported", "Einsum"),
        (of("Einsum", (2,), (3,), equation="p,q->pq"), "supported", ""),
        (of("Reshape", IMAGE, ints(1, -1), allowzero=1), "unsupported", "allowzero"),
        (of_lstm("y"), "unsupported", "a node behind it"),
        (of_lstm("y", "h", "c"), "fallback", "RISC-V"),
        (recurrent(2), "deviates", "batch"),
        (recurrent(outputs=1), "deviates", "left out"),
        (resized(1, 1, 0.6, 0.6), "deviates", "whole number"),
        (resized(1, 2, 1, 1), "deviates", "channels"),
        (resized(1, 1, 2, 2, mode="cubic"), "unsupported", "mode"),
        (
            of("OneHot", (2, 3), ints(5)[0], floats(0, 1), dtypes={"a": "int64"}),
            "unsupported",
            "axis",
        ),
        (of("Pad", IMAGE, ints(*range(8)), dtypes={"a": "int32"}), "unsupported", "float32"),
        (of("Pad", IMAGE, ints(1, 1), None, ints(2), opset=18), "unsupported", "axes"),
        (shape_of_padded(), "unsupported", "Only Can Get It"),
        (of("Unsqueeze", (3, 4, 5), ints(5, 4, 2)), "unsupported", "one by one"),
        (of("Unsqueeze", (3, 4, 5), ints(2, 0)), "fallback", "RISC-V"),
        (of("Tile", (1, 1, 1, 1, 2), ints(1, 1, 1, 1, 2)), "deviates", "rank 4"),
        (of("ReduceSum", (2, 3), ints()), "deviates", "empty axes"),
        (of("Split", (7,), outputs=2, num_outputs=2, opset=18), "unsupported", "not equal"),
        (
            of("ScatterND", (4,), ints(0).reshape(1, 1), (1,), reduction="add"),
            "deviates",
            "not read",
        ),
    ],
)
def test_limits(model: onnx.ModelProto, verdict: str, reason: str) -> None:
    said_verdict, why = said(model)
    assert said_verdict == verdict, why
    assert reason in why


def test_padding_with_axes_is_taken_and_wrong_in_float() -> None:
    verdict, why = said(of("Pad", IMAGE, ints(1, 1), None, ints(2), opset=18), "float32")
    assert verdict == "deviates"
    assert "other dimensions" in why
