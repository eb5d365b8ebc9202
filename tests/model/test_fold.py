"""Folding agrees with a runtime on every operator that it knows, and knows what to leave alone."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import TensorProto, helper, numpy_helper
from rules.harness import run_ort

from porting.model.build import build
from porting.model.dtypes import NUMBER_OF
from porting.model.fold import _FOLDERS, _SHAPE_READERS
from porting.model.graph import Graph
from porting.model.load import load
from porting.model.value import SMALL

INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)


class Case(NamedTuple):
    """A node over constants: arrays, or None for an input that is left out."""

    inputs: list[np.ndarray | None]
    attributes: Mapping[str, Any] = MappingProxyType({})
    opset: int = 17
    outputs: int = 1


def model(op_type: str, case: Case, dtypes: list[str] | None = None):
    given_ = {f"i{k}": v for k, v in enumerate(case.inputs) if v is not None}
    node = helper.make_node(
        op_type,
        [f"i{k}" if v is not None else "" for k, v in enumerate(case.inputs)],
        [f"o{k}" for k in range(case.outputs)],
        **case.attributes,
    )
    kinds = dtypes or ["float32"] * case.outputs
    outputs = [
        helper.make_tensor_value_info(f"o{k}", NUMBER_OF[kinds[k]], None)
        for k in range(case.outputs)
    ]
    graph = helper.make_graph(
        [node], "g", [], outputs, [numpy_helper.from_array(v, n) for n, v in given_.items()]
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", case.opset)], ir_version=8
    )


def graph_of(op_type: str, case: Case) -> Graph:
    made = model(op_type, case)
    for output in made.graph.output:
        output.ClearField("type")
    return build(load(made))


def folded(op_type: str, case: Case) -> list[np.ndarray] | None:
    """What folding found; None where it left the node alone."""
    graph = graph_of(op_type, case)
    found = [graph.value(f"o{k}").contents for k in range(case.outputs)]
    return None if any(f is None for f in found) else [f for f in found if f is not None]


def runtime(op_type: str, case: Case, dtypes: list[str]) -> list[np.ndarray]:
    return run_ort(model(op_type, case, dtypes), {})


# --- what is drawn ---

HALVES = st.sampled_from([-2.5, -1.0, -0.5, 0.0, 0.25, 1.0, 1.5, 3.0])
DTYPES = ("int64", "int32", "float32")


def array(dtype: str, shape: tuple[int, ...] | st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    if dtype == "bool":
        return hnp.arrays(np.bool_, shape)
    elements = HALVES if dtype.startswith("float") else st.integers(-9, 9)
    return hnp.arrays(np.dtype(dtype), shape, elements=elements)


def shapes(low: int = 0, high: int = 3, side: int = 1) -> st.SearchStrategy[tuple[int, ...]]:
    return hnp.array_shapes(min_dims=low, max_dims=high, min_side=side, max_side=4) | (
        st.just(()) if low == 0 else st.nothing()
    )


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


@st.composite
def data(draw, low: int = 0, high: int = 3, side: int = 1, dtypes: tuple[str, ...] = DTYPES):
    return draw(array(draw(st.sampled_from(dtypes)), shapes(low, high, side)))


@st.composite
def broadcast(draw, count: int, dtypes: tuple[str, ...] = DTYPES):
    kind = draw(st.sampled_from(dtypes))
    drawn = draw(
        hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=3, min_side=0, max_side=3)
    )
    return [draw(array(kind, s)) for s in drawn.input_shapes]


def unary(*dtypes: str) -> st.SearchStrategy[Case]:
    return data(dtypes=dtypes or DTYPES, side=0).map(lambda x: Case([x]))


def binary(*dtypes: str) -> st.SearchStrategy[Case]:
    return broadcast(2, dtypes or DTYPES).map(Case)


@st.composite
def division(draw):
    a, b = draw(broadcast(2))
    return Case([a, np.where(b == 0, b.dtype.type(3), b)])


@st.composite
def variadic(draw):
    return Case(draw(broadcast(draw(st.integers(1, 3)))))


@st.composite
def choice(draw):
    drawn = draw(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3))
    kind = draw(st.sampled_from(DTYPES))
    kinds = ("bool", kind, kind)
    return Case([draw(array(k, s)) for k, s in zip(kinds, drawn.input_shapes, strict=True)])


@st.composite
def cast(draw):
    x = draw(data(dtypes=("int64", "int32", "float32", "bool")))
    to = draw(st.sampled_from(["int64", "int32", "int8", "uint8", "float32", "float16", "bool"]))
    if x.dtype.kind == "f" and to == "uint8":
        x = np.abs(x)
    return Case([x], {"to": NUMBER_OF[to]})


@st.composite
def concat(draw):
    shape = draw(shapes(1))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    kind = draw(st.sampled_from(DTYPES))
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        other = list(shape)
        other[axis] = draw(st.integers(0, 3))
        parts.append(draw(array(kind, tuple(other))))
    return Case(parts, {"axis": axis})


@st.composite
def filled(draw):
    shape = draw(st.lists(st.integers(0, 3), max_size=3))
    kind = draw(st.sampled_from(["int64", "float32", "bool", None]))
    value = helper.make_tensor("v", NUMBER_OF[kind], [1], [1]) if kind else None
    return Case([ints(*shape)], {"value": value} if value is not None else {})


@st.composite
def expanded(draw):
    drawn = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3))
    x = draw(array(draw(st.sampled_from(DTYPES)), drawn.input_shapes[0]))
    return Case([x, ints(*drawn.input_shapes[1])])


@st.composite
def flattened(draw):
    x = draw(data(low=1))
    return Case([x], {"axis": draw(st.integers(-x.ndim, x.ndim))})


@st.composite
def gathered(draw):
    x = draw(data(low=1))
    axis = draw(st.integers(-x.ndim, x.ndim - 1))
    size = x.shape[axis]
    where = draw(hnp.arrays(np.int64, shapes(high=2), elements=st.integers(-size, size - 1)))
    return Case([x, where.astype(draw(st.sampled_from([np.int64, np.int32])))], {"axis": axis})


@st.composite
def counted(draw):
    kind = draw(st.sampled_from(DTYPES))
    start, limit = draw(st.integers(-20, 20)), draw(st.integers(-20, 20))
    step = draw(st.integers(-5, 5).filter(bool))
    return Case([np.array(v, dtype=kind) for v in (start, limit, step)])


@st.composite
def reduced(draw, since: int):
    """Axes as an attribute until `since`, as an input from there on."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, max_side=3))
    x = draw(hnp.arrays(np.int64, shape, elements=st.integers(-2, 2)))
    x = x.astype(draw(st.sampled_from(DTYPES)))
    axes = draw(st.none() | st.lists(st.integers(0, max(x.ndim - 1, 0)), unique=True))
    axes = [a - x.ndim if draw(st.booleans()) else a for a in axes or []] if x.ndim else []
    attributes: dict[str, Any] = draw(st.sampled_from([{}, {"keepdims": 0}, {"keepdims": 1}]))
    if draw(st.booleans()):
        return Case([x], attributes | ({"axes": axes} if axes else {}), opset=since - 1)
    noop = draw(st.sampled_from([{}, {"noop_with_empty_axes": 1}, {"noop_with_empty_axes": 0}]))
    given_ = [ints(*axes)] if axes or draw(st.booleans()) else []
    return Case([x, *given_], attributes | noop, opset=max(since, 18))


@st.composite
def reshaped(draw):
    x = draw(data(side=0))
    if x.size == 0:
        return Case([x, ints(*x.shape)], {"allowzero": draw(st.integers(0, 1))})
    target = list(draw(st.permutations(x.shape)))
    target.insert(draw(st.integers(0, len(target))), 1)
    if draw(st.booleans()):
        target[draw(st.integers(0, len(target) - 1))] = -1
    elif x.ndim and target[0] == x.shape[0]:
        target[0] = 0
    return Case([x, ints(*target)])


EXTREMES = [INT64_MAX, INT64_MIN, 2**31 - 1, -(2**31), 100, -100]


@st.composite
def sliced(draw):
    x = draw(data(low=1, side=0))
    axes = draw(st.lists(st.integers(0, x.ndim - 1), unique=True, min_size=1))
    ends = st.integers(-6, 6) | st.sampled_from(EXTREMES)
    starts = [draw(ends) for _ in axes]
    stops = [draw(ends) for _ in axes]
    signed = [a - x.ndim if draw(st.booleans()) else a for a in axes]
    if draw(st.booleans()):
        attributes = {"starts": starts, "ends": stops, "axes": signed}
        return Case([x], attributes, opset=9)
    steps = [draw(st.sampled_from([1, 2, 3, -1, -2, -3, 50, -50])) for _ in axes]
    optional = [ints(*signed), ints(*steps)][: draw(st.integers(0, 2))]
    if len(optional) == 2:  # what the largest number means going back, runtimes do not agree on
        stops = [99 if s < 0 and e > 100 else e for s, e in zip(steps, stops, strict=True)]
    return Case([x, ints(*starts), ints(*stops), *optional])


@st.composite
def split(draw):
    x = draw(data(low=1))
    axis = draw(st.integers(-x.ndim, x.ndim - 1))
    length, ways = x.shape[axis], draw(st.integers(0, 2))
    if ways == 0:  # the parts are not given
        count = draw(st.sampled_from([n for n in range(1, length + 1) if length % n == 0]))
        return Case([x], {"axis": axis}, outputs=count, opset=draw(st.sampled_from([11, 13, 17])))
    cut = draw(st.integers(0, length))
    if ways == 1:
        return Case([x, ints(cut, length - cut)], {"axis": axis}, outputs=2)
    if draw(st.booleans()):
        return Case([x], {"axis": axis, "split": [cut, length - cut]}, opset=11, outputs=2)
    count = draw(st.sampled_from([n for n in range(1, 4) if -(-length // n) * (n - 1) < length]))
    return Case([x], {"axis": axis, "num_outputs": count}, opset=18, outputs=count)


@st.composite
def squeezed(draw):
    shape = draw(st.lists(st.sampled_from([1, 1, 2, 3]), max_size=4))
    x = draw(array(draw(st.sampled_from(DTYPES)), tuple(shape)))
    ones = [i - draw(st.sampled_from([0, len(shape)])) for i, d in enumerate(shape) if d == 1]
    chosen = draw(st.lists(st.sampled_from(ones), unique=True)) if ones else []
    if not chosen:
        return Case([x], opset=draw(st.sampled_from([11, 13])))
    if draw(st.booleans()):
        return Case([x], {"axes": chosen}, opset=11)
    return Case([x, ints(*chosen)])


@st.composite
def unsqueezed(draw):
    x = draw(data(side=0))
    count = draw(st.integers(1, 2))
    rank = x.ndim + count
    axes = draw(st.lists(st.integers(0, rank - 1), unique=True, min_size=count, max_size=count))
    axes = [a - rank if draw(st.booleans()) else a for a in axes]
    if draw(st.booleans()):
        return Case([x], {"axes": axes}, opset=11)
    return Case([x, ints(*axes)])


@st.composite
def tiled(draw):
    x = draw(data())
    return Case([x, ints(*(draw(st.integers(0, 3)) for _ in x.shape))])


@st.composite
def clipped(draw):
    x, bounds = draw(data()), draw(st.sampled_from([(), (0,), (None, 3), (-2, 3), (2, 2)]))
    return Case([x, *(None if b is None else np.array(b, x.dtype) for b in bounds)])


@st.composite
def remainder(draw):
    case = draw(binary("int64", "int32"))
    a, b = case.inputs
    return Case([a, np.where(b == 0, 3, b).astype(b.dtype)], {"fmod": draw(st.integers(0, 1))})


@st.composite
def transposed(draw):
    x = draw(data(side=0))
    perm = draw(st.none() | st.permutations(range(x.ndim))) if x.ndim else None
    return Case([x], {"perm": list(perm)} if perm else {})


CASES: dict[str, st.SearchStrategy[Case]] = {
    "Abs": unary(),
    "Add": binary(),
    "And": binary("bool"),
    "Cast": cast(),
    "Ceil": unary("float32"),
    "Clip": clipped(),
    "Concat": concat(),
    "ConstantOfShape": filled(),
    "Div": division(),
    "Equal": binary("int64", "int32", "float32", "bool"),
    "Expand": expanded(),
    "Flatten": flattened(),
    "Floor": unary("float32"),
    "Gather": gathered(),
    "Greater": binary(),
    "GreaterOrEqual": binary(),
    "Identity": unary(),
    "Less": binary(),
    "LessOrEqual": binary(),
    "Max": variadic(),
    "Min": variadic(),
    "Mod": remainder(),
    "Mul": binary(),
    "Neg": unary(),
    "Not": unary("bool"),
    "Or": binary("bool"),
    "Range": counted(),
    "ReduceMax": reduced(18),
    "ReduceMin": reduced(18),
    "ReduceProd": reduced(18),
    "ReduceSum": reduced(13),
    "Reshape": reshaped(),
    "Round": unary("float32"),
    "Sign": unary(),
    "Slice": sliced(),
    "Split": split(),
    "Sqrt": unary("float32"),
    "Squeeze": squeezed(),
    "Sub": binary(),
    "Tile": tiled(),
    "Transpose": transposed(),
    "Unsqueeze": unsqueezed(),
    "Where": choice(),
    "Xor": binary("bool"),
}


def test_every_folder_is_tested():
    assert set(CASES) == set(_FOLDERS)
    assert set(_SHAPE_READERS) == {"Shape", "Size"}


@pytest.mark.parametrize("op_type", sorted(CASES))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_folding_gives_what_the_runtime_gives(op_type, data):
    case = data.draw(CASES[op_type])
    found = folded(op_type, case)
    assert found is not None, "a valid node of constants is folded"
    wanted = runtime(op_type, case, [str(f.dtype) for f in found])
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


# --- numbers at the edge ---


def one(op_type: str, *inputs: Any, **attributes: Any) -> np.ndarray | None:
    arrays = [None if i is None else np.asarray(i) for i in inputs]
    found = folded(op_type, Case(arrays, attributes))
    return None if found is None else found[0]


@pytest.mark.parametrize(("a", "b"), [(7, 2), (-7, 2), (7, -2), (-7, -2), (INT64_MIN, 3)])
def test_integer_division_truncates_toward_zero(a, b):
    wanted = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    assert one("Div", ints(a), ints(b)) == [wanted]


def test_bounds_that_contradict_each_other_and_remainders_of_floats_are_left_alone():
    x = np.float32([1, 2])
    assert one("Clip", x, np.float32(1), np.float32(0)) is None
    assert one("Clip", x, np.float32(np.nan)) is None
    assert one("Mod", x, x, fmod=1) is None
    assert one("Mod", ints(1), ints(0)) is None


def test_divisions_that_a_machine_does_not_define_are_left_alone():
    assert one("Div", ints(1), ints(0)) is None
    assert one("Div", ints(INT64_MIN), ints(-1)) is None
    assert one("Div", np.uint8([7]), np.uint8([2])) == [3]
    assert one("Div", np.float32([1]), np.float32([0])) == [np.inf]


@pytest.mark.parametrize(
    ("value", "to", "wanted"),
    [
        (np.float32(-1.9), "int64", -1),
        (np.float32(np.nan), "int64", None),
        (np.float32(np.inf), "int32", None),
        (np.float32(3e9), "int32", None),
        (np.float32(-1), "uint8", None),
        (np.float32(2**63), "int64", None),
        (np.float32(-(2.0**63)), "int64", INT64_MIN),
        (np.int64(300), "uint8", 44),
        (np.float32(1.5), "string", None),
        (np.float32(1.5), "bfloat16", None),
        (np.float32(1.5), "float8e4m3fn", None),
        (np.array("1.5", dtype=object), "float32", None),
    ],
)
def test_a_cast_is_folded_where_every_machine_agrees(value, to, wanted):
    found = folded("Cast", Case([np.asarray(value)], {"to": NUMBER_OF[to]}, opset=19))
    assert (found[0].item() if found else None) == wanted


def test_a_cast_to_no_type_at_all_is_left_alone():
    assert one("Cast", ints(1), to=99) is None
    assert one("Cast", ints(1)) is None


def test_a_range_of_fractions_is_left_alone_because_steps_that_are_rounded_add_up():
    assert one("Range", np.float32(0), np.float32(1), np.float32(0.1)) is None
    assert one("Range", np.float32(0), np.float32(np.inf), np.float32(1)) is None
    assert one("Range", np.int64(0), np.int64(5), np.int64(0)) is None


def test_reductions_that_runtimes_round_are_left_alone():
    assert one("ReduceSum", ints(2**30, 2**30)) == [2**31]
    assert one("ReduceProd", ints(2**30, 2**30)) is None
    assert one("ReduceProd", ints(2**30, 2**20)) == [2**50]
    assert one("ReduceSum", ints(2**53, -(2**53))) is None
    assert one("ReduceMax", ints(INT64_MAX, 1)) == [INT64_MAX]


def test_arithmetic_wraps_as_machines_do():
    assert one("Add", ints(INT64_MAX), ints(1)) == [INT64_MIN]
    assert one("Neg", ints(INT64_MIN)) == [INT64_MIN]


@pytest.mark.parametrize(
    ("start", "end", "step", "wanted"),
    [
        (0, INT64_MAX, 1, [0, 1, 2, 3]),
        (INT64_MIN, INT64_MAX, 2, [0, 2]),
        (-1, INT64_MIN, -1, [3, 2, 1, 0]),
        (INT64_MAX, INT64_MIN, -2, [3, 1]),
        (-1, -100, -1, [3, 2, 1, 0]),
        (3, -1, -1, []),
        (-2, -1, 1, [2]),
        (2, -4, -1, [2, 1]),
        (0, 4, INT64_MAX, [0]),
        (3, 0, INT64_MIN, [3]),
    ],
)
def test_the_ends_of_a_slice_are_clamped(start, end, step, wanted):
    x = np.arange(4)
    found = one("Slice", x, ints(start), ints(end), ints(0), ints(step))
    assert found is not None
    assert found.tolist() == wanted


@pytest.mark.parametrize("end", [INT64_MAX, 2**31 - 1])
def test_a_slice_that_goes_back_to_the_largest_number_is_left_alone(end):
    assert one("Slice", np.arange(4), ints(2), ints(end), ints(0), ints(-1)) is None


# --- what is not folded ---


@pytest.mark.parametrize(
    ("op_type", "case"),
    [
        ("Relu", Case([np.float32([1])])),
        ("Add", Case([ints(1)])),
        ("Add", Case([ints(1, 2), ints(1, 2, 3)])),
        ("Gather", Case([ints(1, 2), ints(7)])),
        ("Gather", Case([ints(1, 2)])),
        ("Slice", Case([ints(1, 2), ints(0), ints(2), ints(0), ints(0)])),
        ("Slice", Case([ints(1, 2), ints(0), ints(2), ints(5)])),
        ("Slice", Case([ints(1, 2), None, ints(2)])),
        ("Slice", Case([np.array(3), ints(0), ints(1)])),
        ("Concat", Case([ints(1), np.int64([[1]])], {"axis": 0})),
        ("Unsqueeze", Case([ints(1)])),
        ("Unsqueeze", Case([ints(1), ints(0, 0)])),
        ("Squeeze", Case([ints(1, 2), ints(0)])),
        ("Squeeze", Case([ints(1), ints()])),
        ("Reshape", Case([ints(1, 2, 3), ints(2, 2)])),
        ("Reshape", Case([ints(1), ints(1, 0)])),
        ("Transpose", Case([ints(1, 2)], {"perm": [1, 0]})),
        ("ConstantOfShape", Case([ints(-1)])),
        ("Expand", Case([ints(1, 2), ints(3)])),
        ("Tile", Case([ints(1, 2), ints(2, 2)])),
        ("Tile", Case([ints(1, 2), ints(-1)])),
        ("Tile", Case([ints(1, 2), ints(2), ints(0)], opset=5)),
        ("Split", Case([ints(1, 2, 3), ints(1, 1)], outputs=2)),
        ("Split", Case([ints(1, 2, 3), ints(4, -1)], outputs=2)),
        ("Add", Case([np.ones((2, 3)), np.ones(2)], {"broadcast": 1, "axis": 0}, opset=6)),
        ("ReduceMax", Case([np.zeros((0, 2), np.float32)], {"axes": [0]})),
        ("Max", Case([ints(1, 2), ints(1, 2, 3)])),
    ],
)
def test_nodes_that_are_not_valid_or_not_known_are_left_alone(op_type, case):
    assert folded(op_type, case) is None


def test_another_domain_is_left_alone():
    made = model("Add", Case([ints(1), ints(2)]))
    made.graph.node[0].domain = "my.ops"
    made.opset_import.append(helper.make_opsetid("my.ops", 1))
    assert build(load(made)).value("o0").contents is None


def test_a_run_time_value_is_left_alone():
    made = model("Add", Case([ints(1), ints(2)]))
    del made.graph.initializer[1]
    made.graph.input.append(helper.make_tensor_value_info("i1", TensorProto.INT64, [1]))
    assert build(load(made)).value("o0").contents is None


# --- bounds ---

WIDE, TALL = np.zeros((1, SMALL), np.int64), np.zeros((SMALL, 1), np.int64)


@pytest.mark.parametrize(
    ("op_type", "case"),
    [
        ("Add", Case([WIDE, TALL])),
        ("Max", Case([WIDE, TALL, np.zeros((SMALL, 1, 1), np.int64)])),
        ("Where", Case([np.zeros((2, 1), bool), WIDE, TALL[:2]])),
        ("Expand", Case([ints(1), ints(SMALL + 1)])),
        ("Expand", Case([ints(1), ints(2**40, 2**40)])),
        ("Tile", Case([ints(1), ints(SMALL + 1)])),
        ("Tile", Case([ints(1), ints(2**62)])),
        ("ConstantOfShape", Case([ints(SMALL + 1)])),
        ("ConstantOfShape", Case([ints(2**40, 2**40)])),
        ("Range", Case([np.int64(0), np.int64(SMALL + 1), np.int64(1)])),
        ("Range", Case([np.int64(INT64_MIN), np.int64(INT64_MAX), np.int64(1)])),
        ("Range", Case([np.float32(0), np.float32(5000), np.float32(1)])),
        ("Gather", Case([WIDE, np.zeros(SMALL, np.int64)], {"axis": 0})),
        ("Concat", Case([TALL, TALL], {"axis": 0})),
        ("Identity", Case([np.zeros(SMALL + 1, np.int64)])),
        # a type that inference refuses, so that it does not know how large the result is
        ("Add", Case([WIDE.astype(np.bool_), TALL.astype(np.bool_)])),
        ("And", Case([WIDE, TALL])),
        ("Concat", Case([TALL, TALL.astype(np.int32)], {"axis": 0})),
    ],
)
def test_nothing_larger_than_the_bound_is_ever_made(op_type, case):
    assert folded(op_type, case) is None


@pytest.mark.parametrize(
    ("op_type", "case"),
    [
        ("Expand", Case([ints(1), ints(SMALL)])),
        ("Tile", Case([ints(1), ints(SMALL)])),
        ("ConstantOfShape", Case([ints(SMALL)])),
        ("Range", Case([np.int64(0), np.int64(SMALL), np.int64(1)])),
        ("Identity", Case([np.zeros(SMALL, np.int64)])),
        ("Gather", Case([ints(1, 2), np.zeros(SMALL, np.int64)])),
    ],
)
def test_what_is_as_large_as_the_bound_is_made(op_type, case):
    found = folded(op_type, case)
    assert found is not None
    assert found[0].size == SMALL


# --- shapes ---


def reader(op_type: str, shape, opset: int = 17, **attributes):
    made = model(op_type, Case([], attributes, opset))
    made.graph.node[0].input.append("x")
    made.graph.input.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, shape))
    return build(load(made)).value("o0").contents


def test_a_shape_that_is_known_is_a_constant_whatever_the_data():
    assert reader("Shape", [2, 3]).tolist() == [2, 3]
    assert reader("Size", [2, 3]) == 6
    assert reader("Shape", []).tolist() == []
    assert reader("Size", []) == 1
    for shape in (["n", 3], None):
        assert reader("Shape", shape) is None
        assert reader("Size", shape) is None


@pytest.mark.parametrize("start", [None, 0, 1, -1, -9, 9])
@pytest.mark.parametrize("end", [None, 0, 2, -1, -9, 9])
def test_part_of_a_shape_may_be_known_where_the_whole_is_not(start, end):
    shape = (2, 3, 4, 5)
    given_ = {k: v for k, v in (("start", start), ("end", end)) if v is not None}
    assert reader("Shape", shape, **given_).tolist() == list(shape[start:end])
    assert reader("Shape", ["n", 3, 4], start=1).tolist() == [3, 4]
    assert math.prod(reader("Shape", ["n", 3, 4], start=1)) == 12
