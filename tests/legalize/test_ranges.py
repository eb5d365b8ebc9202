"""The interval analysis is sound: what a model computes lies in the interval that is claimed."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from porting.legalize.interval import Range, embeds, extremes, limits_of
from porting.legalize.ranges import fits, whole_range
from porting.model.dtypes import NUMBER_OF, numpy_dtype
from porting.model.graph import Context, Graph
from porting.model.infer import infer
from porting.model.read import read_graph

TYPES = ["int64", "int32", "int8", "uint8", "float32", "float16"]
BINARY = ["Add", "Sub", "Mul", "Div", "Mod", "Max", "Min"]
UNARY = ["Neg", "Abs", "Sign", "Relu", "Floor", "Round", "ReduceSum", "CumSum", "Clip"]
MOVED = ["Transpose", "Concat", "Gather", "Slice", "Pad", "Where", "Reshape", "Tile", "Trilu"]
COUNTED = ["ArgMax", "TopK", "Shape", "NonZero", "ReduceMax"]


def graph_of(model: Any) -> Graph:
    context = Context({"ai.onnx": 17}, 8, numpy_helper.to_array)
    graph = read_graph(model.graph, context, None, "")
    infer(graph)
    return graph


class Builder:
    """Grows a graph of whole numbers, one node at a time."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.nodes: list[NodeProto] = []
        self.arrays: dict[str, np.ndarray] = {}
        self.inputs: dict[str, np.ndarray] = {}
        self.values: list[tuple[str, str]] = []

    def constant(self, array: np.ndarray) -> str:
        name = f"c{len(self.arrays)}"
        self.arrays[name] = array
        return name

    def node(self, op_type: str, inputs: list[str], dtype: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        outputs = [f"{name}_values", name] if op_type == "TopK" else [name]
        self.nodes.append(helper.make_node(op_type, inputs, outputs, **attributes))
        self.values.append((name, dtype))
        return name

    def number(self, dtype: str, shape: tuple[int, ...] = (2, 3)) -> np.ndarray:
        reach = int(self.random.choice([1, 7, 100]))
        low = 0 if dtype.startswith("u") else -reach
        return self.random.integers(low, reach, shape, endpoint=True).astype(numpy_dtype(dtype))

    def fresh(self, dtype: str) -> str:
        """A constant, or an input whose interval is bounded."""
        array = self.number(dtype)
        if self.random.random() < 0.5:
            name = self.constant(array)
        else:
            source = f"x{len(self.inputs)}"
            self.inputs[source] = array
            top = limits_of(dtype)
            assert top is not None
            reach = min(top.high, int(self.random.choice([3, 100, 2**20])))
            low = self.constant(np.array(0 if dtype[0] == "u" else -reach, numpy_dtype(dtype)))
            high = self.constant(np.array(reach, numpy_dtype(dtype)))
            bounded = self.node("Max", [source, low], dtype)
            name = self.node("Min", [bounded, high], dtype)
        self.values.append((name, dtype))
        return name

    def pick(self, dtype: str) -> str:
        """A value of the shape [2, 3] and of this type."""
        known = [n for n, d in self.values if d == dtype and n not in self.odd]
        if not known or self.random.random() < 0.3:
            return self.fresh(dtype)
        return str(self.random.choice(known))

    @property
    def odd(self) -> set[str]:
        """Values of another shape."""
        kept = {*BINARY, "Neg", "Abs", "Sign", "Relu", "Floor", "Round", "CumSum", "Clip"}
        kept |= {"Where", "Trilu", "Cast"}
        return {o for n in self.nodes if n.op_type not in kept for o in n.output}


def grow(builder: Builder, op_type: str, dtype: str) -> None:
    """One node of an operator over values that are there, where it takes the type."""
    x, constant = builder.pick(dtype), builder.constant
    is_float, is_wide = dtype.startswith("float"), dtype in {"int64", "int32", "float32"}
    refused = {
        "Div": is_float,
        "Mod": is_float,
        "CumSum": not is_wide,
        "ReduceSum": not is_wide,
        "Floor": not is_float,
        "Round": not is_float,
        "Relu": dtype == "float16",
    }
    if refused.get(op_type) or (op_type in {"Neg", "Abs", "Sign", "Relu"} and dtype[0] == "u"):
        return
    if op_type in BINARY:
        positive = constant(np.maximum(builder.number(dtype), 1))
        y = positive if op_type in {"Div", "Mod"} else builder.pick(dtype)
        builder.node(op_type, [x, y], dtype)
    elif op_type == "Clip":
        builder.node(op_type, [x, "", constant(np.array(5, numpy_dtype(dtype)))], dtype)
    elif op_type == "Cast":
        to = str(builder.random.choice(["int64", "float32", "int32"]))
        builder.node(op_type, [x], to, to=NUMBER_OF[to])
    elif op_type in {"Concat", "Where"}:
        first = [constant(builder.random.random((2, 3)) < 0.5)] if op_type == "Where" else []
        axis = {} if first else {"axis": 0}
        builder.node(op_type, [*first, x, builder.pick(dtype)], dtype, **axis)
    else:
        others, attributes = FORMS.get(op_type, ([], {}))
        result = "int64" if op_type in COUNTED and op_type != "ReduceMax" else dtype
        given = [constant(np.array(o)) for o in others]
        builder.node(op_type, [x, *given], result, **attributes)


FORMS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "ArgMax": ([], {"axis": 1}),
    "CumSum": ([1], {}),
    "Gather": ([[0, 1]], {"axis": 1}),
    "Pad": ([[0, 1, 0, 1]], {}),
    "ReduceMax": ([], {"axes": [1]}),
    "ReduceSum": ([[1]], {}),
    "Reshape": ([[3, 2]], {}),
    "Slice": ([[1], [2], [1]], {}),
    "Tile": ([[2, 1]], {}),
    "TopK": ([[1]], {"axis": 1}),
}
"""Constant inputs and attributes besides the value itself."""


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32 - 1),
    steps=st.lists(
        st.tuples(st.sampled_from([*BINARY, *UNARY, *MOVED, *COUNTED, "Cast"]),
                  st.sampled_from(TYPES)),
        min_size=1, max_size=14,
    ),
)  # fmt: skip
def test_every_value_lies_in_the_interval_that_is_claimed(
    seed: int, steps: list[tuple[str, str]]
) -> None:
    builder = Builder(np.random.default_rng(seed))
    for op_type, dtype in steps:
        grow(builder, op_type, dtype)
    if not builder.nodes:
        return
    names = [o for n in builder.nodes for o in n.output]
    model = helper.make_model(
        helper.make_graph(
            builder.nodes,
            "g",
            [
                helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
                for n, a in builder.inputs.items()
            ],
            [helper.make_empty_tensor_value_info(n) for n in names],
            [numpy_helper.from_array(a, n) for n, a in builder.arrays.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
    )
    graph = graph_of(model)
    with np.errstate(all="ignore"):
        results = ReferenceEvaluator(model).run(None, builder.inputs)
    for name, array in zip(names, results, strict=True):
        claim = whole_range(graph, name)
        if claim is None:
            continue
        actual = extremes(np.asarray(array))
        assert actual is not None, f"{name} is no whole number: {array}"
        assert not array.size or actual.within(claim), f"{name}: {actual} is not in {claim}"
        assert claim.negative_zero or not actual.negative_zero, f"{name} has -0.0"
        for dtype in TYPES:
            if fits(graph, name, dtype):
                back = array.astype(numpy_dtype(dtype)).astype(array.dtype)
                assert np.array_equal(back, array), f"{name} does not fit into {dtype}"


def small(
    nodes: list[NodeProto], inputs: dict[str, tuple[str, list[Any]]], **constants: Any
) -> Any:
    """The graph of some nodes."""
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info(n, NUMBER_OF[d], s) for n, (d, s) in inputs.items()],
            [helper.make_empty_tensor_value_info(nodes[-1].output[0])],
            [numpy_helper.from_array(np.asarray(c), n) for n, c in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
    )
    return graph_of(model)


def test_dimensions_that_are_not_known_are_those_of_a_tensor() -> None:
    shape = helper.make_node("Shape", ["x"], ["s"])
    twice = helper.make_node("Mul", ["s", "two"], ["d"])
    graph = small([shape, twice], {"x": ("float32", ["n", 3])}, two=[2])
    assert whole_range(graph, "s") == Range(0, 2**31 - 1)
    assert whole_range(graph, "d") == Range(0, 2**32 - 2)
    assert fits(graph, "s", "int32")
    assert not fits(graph, "d", "int32")


def test_an_index_is_within_its_axis() -> None:
    more = helper.make_node("Unsqueeze", ["i", "axes"], ["j"])
    gather = helper.make_node("Gather", ["x", "j"], ["y"], axis=1)
    given = {"x": ("float32", [4, 7]), "i": ("int64", ["n"])}
    graph = small([more, gather], given, axes=[0])
    assert whole_range(graph, "i") == Range(-7, 6)
    assert whole_range(graph, "j") == Range(-7, 6)


def test_a_value_that_a_branch_uses_as_an_index_is_not_bounded() -> None:
    gather = helper.make_node("Gather", ["x", "i"], ["y"])
    other = helper.make_node("Identity", ["x"], ["z"])
    branches = [
        helper.make_graph([n], "b", [], [helper.make_empty_tensor_value_info(n.output[0])])
        for n in (gather, other)
    ]
    choice = helper.make_node("If", ["c"], ["r"], then_branch=branches[0], else_branch=branches[1])
    given = {"x": ("float32", [4]), "i": ("int64", [2]), "c": ("bool", [])}
    graph = small([choice], given)
    assert whole_range(graph, "i") == limits_of("int64")


def test_both_branches_count() -> None:
    names = {"then_branch": "two", "else_branch": "nine"}
    bodies = {
        key: helper.make_graph(
            [helper.make_node("Identity", [name], [f"{name}_out"])],
            key,
            [],
            [helper.make_tensor_value_info(f"{name}_out", TensorProto.INT64, [1])],
        )
        for key, name in names.items()
    }
    graph = small(
        [helper.make_node("If", ["c"], ["r"], **bodies)], {"c": ("bool", [])}, two=[2], nine=[9]
    )
    assert whole_range(graph, "r") == Range(2, 9)


def test_a_result_beyond_the_type_may_be_anything() -> None:
    add = helper.make_node("Add", ["x", "x"], ["y"])
    assert whole_range(small([add], {"x": ("int32", [2])}), "y") == limits_of("int32")
    assert whole_range(small([add], {"x": ("float32", [2])}), "y") is None


@pytest.mark.parametrize(
    ("source", "to", "holds"),
    [
        ("bool", "uint8", True), ("uint8", "int8", False), ("int8", "float16", True),
        ("int16", "float16", False), ("int32", "float32", False), ("int32", "float64", True),
        ("bfloat16", "float32", True), ("float16", "bfloat16", False), ("float32", "int64", False),
        ("int64", "float64", False), ("string", "int64", False),
    ],
)  # fmt: skip
def test_which_type_holds_which(source: str, to: str, holds: bool) -> None:
    assert embeds(source, to) is holds


def test_a_float_zero_may_be_negative_where_a_sign_was_changed() -> None:
    nodes = [
        helper.make_node("Cast", ["b"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Neg", ["x"], ["y"]),
        helper.make_node("Mul", ["x", "minus"], ["z"]),
        helper.make_node("Sub", ["y", "x"], ["d"]),
    ]
    graph = small(nodes, {"b": ("bool", [2])}, minus=np.array([-3], np.float32))
    assert whole_range(graph, "x") == Range(0, 1)
    assert whole_range(graph, "y") == Range(-1, 0, negative_zero=True)
    assert whole_range(graph, "z") == Range(-3, 0, negative_zero=True)
    assert whole_range(graph, "d") == Range(-2, 0, negative_zero=True)
    assert not fits(graph, "y", "int32")
    assert fits(graph, "x", "bool")
