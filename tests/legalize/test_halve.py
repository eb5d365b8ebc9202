"""Half precision: what becomes a half, what stays, and that the model stays the same function."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import porting
from porting.errors import UsageError
from porting.legalize.halve import Halved, halve
from porting.legalize.normalise import clean, normalise
from porting.model.graph import Context, Graph
from porting.model.infer import infer
from porting.model.read import read_graph
from porting.model.write import write_model

FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
node = helper.make_node
LOWEST = np.finfo(np.float32).min


def model_of(
    nodes: list[NodeProto],
    inputs: dict[str, list[Any]],
    outputs: list[str] | None = None,
    opset: int = 17,
    **given: Any,
) -> Any:
    infos = [helper.make_tensor_value_info(n, FLOAT, s) for n, s in inputs.items()]
    names = outputs or [nodes[-1].output[0]]
    graph = helper.make_graph(
        nodes,
        "g",
        infos,
        [helper.make_tensor_value_info(n, FLOAT, None) for n in names],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in given.items()],
    )
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", opset)])


def halved(model: Any, to: str = "float16", *, keep_io: bool = True) -> tuple[Any, Halved]:
    copy = type(model)()
    copy.CopyFrom(model)
    opset = model.opset_import[0].version
    context = Context({"ai.onnx": opset}, 8, numpy_helper.to_array)
    graph: Graph = read_graph(copy.graph, context, None, "")
    infer(graph)
    normalise(graph)
    done = halve(graph, to, keep_io=keep_io)
    clean(graph)
    result = write_model(graph, copy, {"ai.onnx": opset})
    onnx.checker.check_model(result, full_check=True)
    return result, done


def kept(done: Halved) -> dict[str, str]:
    return {n.op_type: reason for n, reason in done.nodes.kept}


def run(model: Any, feed: dict[str, np.ndarray]) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(ReferenceEvaluator(model).run(None, feed)[0])


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_weights_and_products_become_halves_and_the_borders_stay() -> None:
    nodes = [node("MatMul", ["x", "w"], ["h"]), node("Relu", ["h"], ["y"])]
    model = model_of(nodes, {"x": [2, 4]}, w=random(4, 3))
    result, done = halved(model)
    assert [n.op_type for n in result.graph.node] == ["Cast", "MatMul", "Relu", "Cast"]
    assert [t.data_type for t in result.graph.initializer] == [HALF]
    assert result.graph.input[0].type.tensor_type.elem_type == FLOAT
    assert result.graph.output[0].type.tensor_type.elem_type == FLOAT
    assert done.nodes.kept == []
    x = random(2, 4, seed=1)
    np.testing.assert_allclose(run(result, {"x": x}), run(model, {"x": x}), rtol=1e-2, atol=1e-2)


def test_inputs_and_outputs_become_halves_if_asked() -> None:
    model = model_of([node("MatMul", ["x", "w"], ["y"])], {"x": [2, 4]}, w=random(4, 3))
    result, _ = halved(model, keep_io=False)
    assert [n.op_type for n in result.graph.node] == ["MatMul"]
    assert result.graph.input[0].type.tensor_type.elem_type == HALF
    assert result.graph.output[0].type.tensor_type.elem_type == HALF


def norm() -> Any:
    """LayerNorm as exporters spell it."""
    nodes = [
        node("MatMul", ["x", "w"], ["h"]),
        node("ReduceMean", ["h"], ["m"], axes=[-1]),
        node("Sub", ["h", "m"], ["d"]),
        node("Pow", ["d", "two"], ["s"]),
        node("ReduceMean", ["s"], ["v"], axes=[-1]),
        node("Add", ["v", "eps"], ["e"]),
        node("Sqrt", ["e"], ["r"]),
        node("Div", ["d", "r"], ["n"]),
        node("Mul", ["n", "gamma"], ["y"]),
    ]
    two, eps = np.array(2, np.float32), np.array(1e-5, np.float32)
    given = {"w": random(4, 4) * 400, "gamma": random(4), "two": two, "eps": eps}
    return model_of(nodes, {"x": [2, 4]}, **given)


def test_the_statistics_of_a_norm_stay() -> None:
    result, done = halved(norm())
    stayed = {n.name or n.outputs[0] for n, _ in done.nodes.kept}
    assert stayed == {"s", "v", "e", "r"}
    x = random(2, 4, seed=1) * 3  # squares are beyond float16
    want, got = run(norm(), {"x": x}), run(result, {"x": x})
    np.testing.assert_allclose(got, want, rtol=2e-2, atol=2e-2)


def test_a_square_by_mul_is_one_too() -> None:
    nodes = [
        node("Mul", ["x", "x"], ["s"]),
        node("ReduceMean", ["s"], ["v"], axes=[-1]),
        node("Sqrt", ["v"], ["r"]),
        node("Div", ["x", "r"], ["y"]),
    ]
    _, done = halved(model_of(nodes, {"x": [2, 4]}))
    assert set(kept(done)) == {"Mul", "ReduceMean", "Sqrt"}
    _, done = halved(model_of([node("Mul", ["x", "x"], ["y"])], {"x": [2, 4]}))
    assert kept(done) == {}


@pytest.mark.parametrize(
    ("op_type", "attributes"),
    [("Exp", {}), ("Softmax", {}), ("LogSoftmax", {}), ("ReduceL2", {}), ("ReduceSumSquare", {}),
     ("Softplus", {}), ("Sin", {})],
)  # fmt: skip
def test_operators_that_overflow_or_lose_digits_stay(
    op_type: str, attributes: dict[str, Any]
) -> None:
    nodes = [node("Relu", ["x"], ["h"]), node(op_type, ["h"], ["e"], **attributes)]
    result, done = halved(model_of([*nodes, node("Relu", ["e"], ["y"])], {"x": [2, 4]}))
    assert set(kept(done)) == {op_type}
    types = [n.op_type for n in result.graph.node]
    assert types == ["Cast", "Relu", "Cast", op_type, "Cast", "Relu", "Cast"]


def test_a_probability_that_the_model_returns_stays() -> None:
    nodes = [node("MatMul", ["x", "w"], ["h"]), node("Sigmoid", ["h"], ["y"])]
    result, done = halved(model_of(nodes, {"x": [2, 4]}, w=random(4, 3) * 8))
    assert [n.op_type for n in result.graph.node] == ["Cast", "MatMul", "Cast", "Sigmoid"]
    assert set(kept(done)) == {"Sigmoid"}


def test_constants_that_a_half_does_not_hold_keep_their_node() -> None:
    big = model_of([node("Mul", ["x", "c"], ["y"])], {"x": [2]}, c=np.array(1e6, np.float32))
    assert kept(halved(big)[1]) == {"Mul": "'c' is beyond float16"}
    assert kept(halved(big, "bfloat16")[1]) == {}
    tiny = model_of([node("Add", ["x", "c"], ["y"])], {"x": [2]}, c=np.array(1e-7, np.float32))
    assert kept(halved(tiny)[1]) == {"Add": "'c' is too small for float16"}


def attention(opset: int = 17) -> Any:
    """Scores under a mask, as BERT's exporters write it."""
    nodes = [
        node("MatMul", ["q", "k"], ["s"]),
        node("Sub", ["one", "mask"], ["hidden"]),
        node("Mul", ["hidden", "lowest"], ["far"]),
        node("Add", ["s", "far"], ["t"]),
        node("Softmax", ["t"], ["p"], axis=-1),
        node("MatMul", ["p", "v"], ["y"]),
    ]
    one, lowest = np.array(1, np.float32), np.array(LOWEST)
    return model_of(
        nodes, {"q": [2, 4], "mask": [2, 3]}, opset=opset, one=one, lowest=lowest,
        k=random(4, 3), v=random(3, 4),
    )  # fmt: skip


def test_a_mask_becomes_the_lowest_half() -> None:
    model = attention()
    result, done = halved(model)
    assert done.masks == ("lowest",)
    assert kept(done) == {"Softmax": "its exponentials add up to more digits than a half has"}
    far = next(numpy_helper.to_array(t) for t in result.graph.initializer if "lowest" in t.name)
    assert far == np.finfo(np.float16).min
    feed = {"q": random(2, 4, seed=2), "mask": np.array([[1, 1, 0], [0, 1, 0]], np.float32)}
    np.testing.assert_allclose(run(result, feed), run(model, feed), rtol=1e-2, atol=1e-2)


def test_a_large_number_that_is_read_elsewhere_is_no_mask() -> None:
    nodes = [
        node("Add", ["x", "lowest"], ["t"]),
        node("Softmax", ["t"], ["p"]),
        node("Relu", ["t"], ["r"]),
    ]
    model = model_of(nodes, {"x": [2, 4]}, ["p", "r"], lowest=np.array(LOWEST))
    _, done = halved(model)
    assert done.masks == ()
    assert kept(done)["Add"] == "'lowest' is beyond float16"


def test_a_choice_between_scores_and_a_mask() -> None:
    nodes = [
        node("MatMul", ["q", "k"], ["s"]),
        node("Where", ["open", "s", "lowest"], ["t"]),
        node("Softmax", ["t"], ["y"]),
    ]
    given = {"k": random(4, 3), "open": np.array([True, False, True]), "lowest": np.array(LOWEST)}
    model = model_of(nodes, {"q": [2, 4]}, **given)
    result, done = halved(model)
    assert done.masks == ("lowest",)
    feed = {"q": random(2, 4, seed=2)}
    np.testing.assert_allclose(run(result, feed), run(model, feed), rtol=1e-2, atol=1e-2)


def test_moving_follows_the_type_that_it_is_given() -> None:
    nodes = [
        node("Transpose", ["x"], ["t"], perm=[1, 0]),
        node("Softmax", ["t"], ["p"]),
        node("Reshape", ["p", "shape"], ["r"]),
        node("MatMul", ["r", "w"], ["h"]),
        node("Transpose", ["h"], ["y"], perm=[1, 0]),
    ]
    result, done = halved(model_of(nodes, {"x": [4, 2]}, shape=np.array([2, 4]), w=random(4, 3)))
    types = [n.op_type for n in result.graph.node]
    assert types == ["Transpose", "Softmax", "Reshape", "Cast", "MatMul", "Transpose", "Cast"]
    assert set(kept(done)) == {"Softmax"}


def test_sizes_and_scales_of_a_resize_stay() -> None:
    nodes = [
        node("Relu", ["x"], ["h"]),
        node("Resize", ["h", "", "scales"], ["y"], mode="linear"),
    ]
    scales = np.array([1, 1, 2, 2], np.float32)
    result, _ = halved(model_of(nodes, {"x": [1, 1, 3, 3]}, scales=scales))
    assert [n.op_type for n in result.graph.node] == ["Cast", "Relu", "Resize", "Cast"]
    assert [t.data_type for t in result.graph.initializer] == [FLOAT]


def test_readers_of_other_types_take_what_there_is() -> None:
    nodes = [
        node("MatMul", ["x", "w"], ["h"]),
        node("Greater", ["h", "zero"], ["g"]),
        node("ArgMax", ["h"], ["a"], axis=1),
        node("Where", ["g", "h", "zero"], ["y"]),
    ]
    model = model_of(nodes, {"x": [2, 4]}, ["y", "a"], w=random(4, 3), zero=np.float32(0))
    model.graph.output[1].type.tensor_type.elem_type = TensorProto.INT64
    result, _ = halved(model)
    assert sorted(n.op_type for n in result.graph.node) == sorted(
        ["Cast", "MatMul", "Greater", "ArgMax", "Where", "Cast"]
    )


def branch(name: str, operator: str) -> Any:
    out = helper.make_tensor_value_info(f"{name}_out", FLOAT, [2, 3])
    nodes = [
        node(operator, ["h"], [f"{name}_in"]),
        node("Mul", [f"{name}_in", "c"], [f"{name}_out"]),
    ]
    return helper.make_graph(nodes, name, [], [out])


def test_bodies_are_changed_inside_and_keep_their_borders() -> None:
    nodes = [
        node("MatMul", ["x", "w"], ["h"]),
        node("ReduceMax", ["h"], ["m"], keepdims=0),
        node("Greater", ["m", "zero"], ["g"]),
        node("If", ["g"], ["i"], then_branch=branch("a", "Relu"), else_branch=branch("b", "Neg")),
        node("Relu", ["i"], ["y"]),
    ]
    given = {"w": random(4, 3), "zero": np.float32(0), "c": np.float32(0.5)}
    model = model_of(nodes, {"x": [2, 4]}, **given)
    result, _ = halved(model)
    choice = next(n for n in result.graph.node if n.op_type == "If")
    for attribute in choice.attribute:
        assert [n.op_type for n in attribute.g.node][-1] == "Cast"
    for seed in range(4):
        x = random(2, 4, seed=seed)
        np.testing.assert_allclose(
            run(result, {"x": x}), run(model, {"x": x}), rtol=1e-2, atol=1e-2
        )


def test_an_operator_that_has_no_such_type_at_the_opset_stays() -> None:
    nodes = [node("Relu", ["x"], ["h"]), node("MatMul", ["h", "w"], ["y"])]
    _, done = halved(model_of(nodes, {"x": [2, 4]}, opset=12, w=random(4, 3)), "bfloat16")
    assert kept(done) == {
        "Relu": "Relu of opset 12 does not take bfloat16",
        "MatMul": "MatMul of opset 12 does not take bfloat16",
    }


OPERATORS = [
    "Relu",
    "Sigmoid",
    "Tanh",
    "Neg",
    "Exp",
    "Softmax",
    "Transpose",
    "Identity",
    "ReduceMean",
]


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.sampled_from(OPERATORS), min_size=1, max_size=8), seed=st.integers(0, 99))
def test_chains_stay_close(steps: list[str], seed: int) -> None:
    nodes = [node("MatMul", ["x", "w"], ["v0"])]
    for index, op_type in enumerate(steps):
        nodes.append(node(op_type, [f"v{index}"], [f"v{index + 1}"]))
        if op_type == "Exp":
            nodes[-1].input[0] = f"bounded{index}"
            nodes.insert(-1, node("Tanh", [f"v{index}"], [f"bounded{index}"]))
    model = model_of(nodes, {"x": [3, 4]}, w=random(4, 3, seed=seed))
    result, _ = halved(model)
    x = random(3, 4, seed=seed + 1)
    np.testing.assert_allclose(run(result, {"x": x}), run(model, {"x": x}), rtol=3e-2, atol=3e-2)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_model_is_converted_and_proven_and_the_report_says_what_stayed(
    dtype: str, tmp_path: Path
) -> None:
    target = "ascend-310p" if dtype == "float16" else "ascend-910b"
    mask = np.array([[1, 1, 0], [0, 1, 0]], np.float32)
    result = porting.convert(
        attention(), target, tmp_path / "out.onnx", dtype=dtype, inputs={"mask": mask}
    )
    assert result.verified, result.verification
    assert {r.rule for r in result.rewrites} >= {"halve"}
    data = result.to_dict()["halving"]
    assert data["dtype"] == dtype
    assert data["keep_io_types"] is True
    assert [k["op_type"] for k in data["kept"]] == ["Softmax"]
    assert data["clamped"] == ["lowest"]
    from report.support import shown

    text = shown(result)
    assert "Softmax  in float32: its exponentials" in text
    assert f"lowest  to the lowest {dtype}; a row masked everywhere differs" in text


def test_no_other_type_can_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be brought to 'int8'"):
        porting.convert(attention(), "ascend-310p", tmp_path / "out.onnx", dtype="int8")
