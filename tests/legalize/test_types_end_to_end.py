"""Models in element types that a chip lacks, converted for it and proven."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

import porting

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def model_of(nodes: list[NodeProto], inputs: dict[str, tuple[int, list[int]]], **given: Any) -> Any:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, t, s) for n, (t, s) in inputs.items()],
        [helper.make_empty_tensor_value_info(nodes[-1].output[0])],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in given.items()],
    )
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)])


node = helper.make_node


def masks() -> Any:
    nodes = [
        node("Cast", ["x"], ["b"], to=TensorProto.BOOL),
        node("Concat", ["b", "b"], ["bb"], axis=1),
        node("Transpose", ["bb"], ["t"], perm=[1, 0]),
        node("Cast", ["t"], ["f"], to=FLOAT),
        node("Relu", ["f"], ["y"]),
    ]
    return model_of(nodes, {"x": (FLOAT, [4, 8])})


def indices() -> Any:
    nodes = [
        node("ArgMax", ["x"], ["a"], axis=1, keepdims=0),
        node("Max", ["a", "c"], ["m"]),
        node("Mul", ["m", "c"], ["k"]),
        node("Where", ["w", "k", "c"], ["i"]),
        node("Cast", ["i"], ["y"], to=FLOAT),
    ]
    inputs = {"x": (FLOAT, [4, 8]), "w": (TensorProto.BOOL, [4])}
    return model_of(nodes, inputs, c=[1, 2, 3, 4])


def embedding() -> Any:
    nodes = [
        node("Where", ["w", "ids", "c"], ["i"]),
        node("Gather", ["table", "i"], ["y"], axis=0),
    ]
    inputs = {"ids": (INT64, [4]), "w": (TensorProto.BOOL, [4])}
    table = np.random.default_rng(0).standard_normal((30, 8)).astype(np.float32)
    return model_of(nodes, inputs, c=[1, 2, 3, 4], table=table)


def moved_doubles() -> Any:
    nodes = [
        node("Cast", ["x"], ["d"], to=TensorProto.DOUBLE),
        node("Concat", ["d", "d"], ["t"], axis=1),
        node("Gather", ["t", "i"], ["s"], axis=1),
        node("Cast", ["s"], ["f"], to=FLOAT),
        node("Relu", ["f"], ["y"]),
    ]
    return model_of(nodes, {"x": (FLOAT, [4, 8])}, i=[0, 2, 3])


def computed_doubles() -> Any:
    nodes = [
        node("Cast", ["x"], ["d"], to=TensorProto.DOUBLE),
        node("Mul", ["d", "c"], ["t"]),
        node("Sigmoid", ["t"], ["s"]),
        node("Cast", ["s"], ["f"], to=FLOAT),
        node("Relu", ["f"], ["y"]),
    ]
    return model_of(nodes, {"x": (FLOAT, [4, 8])}, c=0.7)


CASES = [
    (masks, "ascend-310p", (), ["Cast", "Cast", "Concat", "Transpose", "Cast", "Relu"]),
    (indices, "ascend-310p", (), ["ArgMax", "Cast", "Max", "Mul", "Where", "Cast", "Cast"]),
    (embedding, "ascend-310p", (), ["Cast", "Where", "Cast", "Gather"]),
    (moved_doubles, "ascend-310p", (), ["Concat", "Gather", "Relu"]),
    (moved_doubles, "kunlunxin-r200-xtcl", (), ["Concat", "Gather", "Relu"]),
    (computed_doubles, "ascend-310p", ("approximate",), ["Mul", "Sigmoid", "Relu"]),
    (computed_doubles, "kunlunxin-r200-xtcl", ("approximate",), ["Mul", "Sigmoid", "Relu"]),
    (computed_doubles, "nvidia-tensorrt", ("approximate",), ["Mul", "Sigmoid", "Relu"]),
    (moved_doubles, "nvidia-tensorrt", ("approximate",), ["Concat", "Gather", "Relu"]),
    (computed_doubles, "thead-hhb", ("approximate",), ["Mul", "Sigmoid", "Relu"]),
]


@pytest.mark.parametrize(("build", "target", "allow", "operators"), CASES)
def test_a_chip_without_the_type_gets_the_model_in_another(
    build: Any, target: str, allow: tuple[str, ...], operators: list[str], tmp_path: Path
) -> None:
    result = porting.convert(build(), target, tmp_path / "out.onnx", allow=allow)
    assert not result.before.passed or not result.before.legal
    assert result.after.legal
    assert result.verified
    assert [n.op_type for n in onnx.load(tmp_path / "out.onnx").graph.node] == operators


def test_doubles_that_are_computed_are_not_rounded_unasked(tmp_path: Path) -> None:
    result = porting.convert(computed_doubles(), "ascend-310p", tmp_path / "out.onnx")
    assert not result.after.legal
    assert any("allow approximate" in d.reason for d in result.declined)


def test_integers_from_outside_need_the_users_word(tmp_path: Path) -> None:
    nodes = [node("Mul", ["n", "c"], ["k"]), node("Cast", ["k"], ["y"], to=FLOAT)]
    model = model_of(nodes, {"n": (INT64, [4])}, c=[1, 2, 3, 4])
    result = porting.convert(model, "ascend-310p", tmp_path / "out.onnx")
    assert any("'n' is int64 and not proven to fit" in d.reason for d in result.declined)
    result = porting.convert(model, "ascend-310p", tmp_path / "out.onnx", allow=["conditional"])
    assert result.after.legal
    assert result.verified
