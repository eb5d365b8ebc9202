from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from legalize.toy import model
from onnx import ModelProto, numpy_helper
from rules.harness import difference, node_tests, rewrite, run_ort, the_rule
from rules.support import Case, arrays, declines, fed, few, plain, prove

from porting.legalize.normalise import normalise
from porting.model.build import build
from porting.model.load import LoadedModel
from porting.rules import bounded_loops
from porting.rules import control_flow as rules


def operators(made: ModelProto) -> list[str]:
    return [n.op_type for n in made.graph.node]


LOOP = """g (float[3] x) => (float[3] y, float[n, 3] all)
    <int64 trips = {{{trips}}}, bool go = {{{go}}}> {{
  y, all = Loop(trips, {start}, x) < body = b (int64 i, bool c, float[3] s) => (
      bool d, float[3] t, float[3] u) {{
    k = Constant<value = int64[1] {{{stop}}}>()
    less = Less(i, k)
    axes = Constant<value = int64[1] {{0}}>()
    d = {condition}
    f = Cast<to = 1>(i)
    p = Add(s, f)
    q = Tanh(p)
    t = Mul(q, x)
    u = Neg(q)
  }} >
}}"""


def loop(
    trips: int, x: Any = (0.5, -1.0, 2.0), *, start: str = "go", go: int = 1,
    condition: str = "Identity(c)", stop: int = 99,
) -> Case:  # fmt: skip
    body = LOOP.format(trips=trips, go=go, start=start, condition=condition, stop=stop)
    return fed(body, x=np.asarray(x, np.float32))


@few
@given(trips=st.integers(1, 6), x=arrays((3,)), start=st.sampled_from(["go", ""]))
def test_a_loop_of_known_length_is_unrolled(trips: int, x: np.ndarray, start: str) -> None:
    made = loop(trips, x, start=start)
    # without a condition onnx.reference cannot run a loop that stacks results
    result = prove(rules.loop_unrolled, made, reference=start == "go")
    assert "Loop" not in result
    assert result.count("Tanh") == trips
    assert "Cast" not in result, "the iteration number is folded"


@few
@given(trips=st.sampled_from([1, 2, 8, 2**31 - 1, 2**63 - 1]), stop=st.integers(0, 5))
def test_a_loop_ends_where_its_condition_is_known_to(trips: int, stop: int) -> None:
    made = loop(trips, condition="Squeeze(less, axes)", stop=stop)
    result = prove(rules.loop_unrolled, made)
    assert result.count("Tanh") == min(trips, stop + 1)


@pytest.mark.parametrize(("trips", "go"), [(0, 1), (-1, 1), (3, 0)])
def test_a_loop_that_never_runs_gives_what_it_was_given(trips: int, go: int) -> None:
    # onnx.reference has no stack of nothing
    result = prove(rules.loop_unrolled, loop(trips, go=go), reference=False)
    assert set(result) == {"Identity"}


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (loop(3, condition="Greater(s, x)"), "after iteration 1 is not known"),
        (loop(5000), "would have over 4096 nodes"),
        (loop(2**40), "would have over 4096 nodes"),
        (loop(3, start="", condition="Squeeze(less, axes)", stop=1), "runtimes disagree"),
    ],
)
def test_a_loop_that_cannot_be_unrolled_is_declined(made: Case, reason: str) -> None:
    declines(rules.loop_unrolled, made, reason)


@pytest.mark.parametrize(
    ("arguments", "given", "reason"),
    [
        ("n, go, x", "int64 n, float[2] x", "the trip count is not a constant"),
        ("three, c, x", "bool c, float[2] x", "the condition is not a constant"),
    ],
)
def test_a_loop_whose_length_is_computed_is_declined(
    arguments: str, given: str, reason: str
) -> None:
    body = f"""g ({given}) => (float[2] y) <int64 three = {{3}}, bool go = {{1}}> {{
      y = Loop({arguments}) < body = b (int64 i, bool c_in, float[2] s) => (bool d, float[2] t) {{
        d = Identity(c_in) t = Neg(s) }} >
    }}"""
    declines(rules.loop_unrolled, (model(body), {}), reason)


def test_a_loop_without_trip_count_runs_until_its_condition_is_false() -> None:
    body = """g (float[2] x) => (float[2] y, int64 n) <int64 zero = {0}, bool go = {1}> {
      y, n = Loop("", go, x, zero) < body = b (int64 i, bool c, float[2] s, int64 k) => (
          bool d, float[2] t, int64 m) {
        one = Constant<value = int64 {1}>()
        four = Constant<value = int64 {4}>()
        m = Add(k, one)
        d = Less(m, four)
        t = Add(s, x)
      } >
    }"""
    body = body.replace('""', "")
    result = prove(rules.loop_unrolled, fed(body, x=np.float32([1, -2])))
    assert result.count("Add") == 4


def test_a_value_that_grows_from_iteration_to_iteration_is_followed() -> None:
    body = """g (float[1, 2] x) => (float[n, 2] y, int64[3] sizes) <int64 t = {3}, bool go = {1}> {
      y, sizes = Loop(t, go, x) < body = b (int64 i, bool c, float[n, 2] s) => (
          bool d, float[m, 2] r, int64 size) {
        d = Identity(c) r = Concat<axis = 0>(s, x)
        shape = Shape(r) zero = Constant<value = int64 {0}>() size = Gather(shape, zero) } >
    }"""
    made = fed(body, x=np.float32([[1, -2]]))
    # onnx.reference stacks numbers as columns
    result = prove(rules.loop_unrolled, made, reference=False)
    assert result.count("Concat") == 4
    shape = plain(made[0]).graph.output[0].type.tensor_type.shape
    assert [d.dim_value for d in shape.dim] == [4, 2]


NESTED = """g (float[2] x, bool flag) => (float[2] y) <int64 two = {2}, bool go = {1}> {
  y = Loop(two, go, x) < body = b (int64 i, bool c, float[2] s) => (bool d, float[2] t) {
    d = Identity(c)
    inner = Loop(i, c, s) < body = b2 (int64 j, bool e, float[2] p) => (bool f, float[2] q) {
      f = Identity(e) h = Add(p, x) q = Exp(h) } >
    t = If (flag) < then_branch = u () => (float[2] r) { a = Neg(inner) r = Add(a, s) },
                    else_branch = v () => (float[2] w) { b0 = Abs(inner) w = Mul(b0, s) } >
  } >
}"""


@pytest.mark.parametrize("flag", [True, False])
def test_bodies_inside_of_a_body_are_copied_too(flag: bool) -> None:
    made = fed(NESTED, x=np.float32([0.5, -1.5]), flag=flag)
    result = prove(rules.loop_unrolled, made)
    assert result.count("If") == 2
    assert result.count("Loop") == 2


@pytest.mark.parametrize("flag", [True, False])
def test_normalising_unrolls_from_the_outside_in(flag: bool) -> None:
    made = fed(NESTED, x=np.float32([0.5, -1.5]), flag=flag)
    result = plain(made[0])
    assert operators(result) == ["If", "Add", "Exp", "If"]
    assert np.array_equal(run_ort(made[0], made[1])[0], run_ort(result, made[1])[0])


BOUNDED = """g (float[3] x, float[1] low, bool c0) => (float[3] y, int64 k)
    <int64 t = {{{trips}}}, bool go = {{1}}, int64 zero = {{0}}> {{
  y, k = Loop(t, {start}, x, zero) < body = b (int64 i, bool c, float[3] s, int64 n) => (
      bool d, float[3] r, int64 m) {{
    p = {inner}
    r = Add(p, x)
    one = Constant<value = int64 {{1}}>()
    m = Add(n, one)
    all = ReduceSum<keepdims = 0>(r)
    d = {condition}
  }} >
}}"""


@few
@given(
    trips=st.integers(1, 5), x=arrays((3,)), low=st.floats(-9, 9, width=32), c0=st.booleans(),
    start=st.sampled_from(["go", "c0"]), condition=st.sampled_from(["Less(all, low)", "Or(c, c)"]),
)  # fmt: skip
def test_a_loop_that_may_end_early_runs_to_its_last_iteration(
    trips: int, x: np.ndarray, low: float, c0: bool, start: str, condition: str
) -> None:
    body = BOUNDED.format(trips=trips, start=start, condition=condition, inner="Tanh(s)")
    made = fed(body, x=x, low=np.float32([low]), c0=c0)
    for function in (bounded_loops.bounded_loop_to_where,
                     bounded_loops.bounded_loop_to_where_if_all_run):  # fmt: skip
        if start == "go" and (trips == 1 or "Or" in condition):
            declines(function, made, "when it ends is known")
            continue
        result = prove(function, made)
        assert "Loop" not in result
        assert result.count("Tanh") == trips


@few
@given(trips=st.integers(2, 4), low=st.floats(-9, 9, width=32))
def test_an_iteration_behind_the_end_that_may_fail_needs_permission(trips: int, low: float) -> None:
    body = BOUNDED.format(trips=trips, start="go", condition="Less(all, low)", inner="Gather(s, n)")
    x = np.float32([1, -2, 3])
    made = fed(body, x=x, low=np.float32([low]), c0=True)
    reason = "Gather has no result for some inputs"
    declines(bounded_loops.bounded_loop_to_where, made, reason)
    if trips <= 3:  # the fourth would gather behind the end
        prove(bounded_loops.bounded_loop_to_where_if_all_run, made)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trips": 900}, "over 4096 nodes"),
        ({"inner": "Concat<axis = 0>(s, s)"}, "changes its shape|not known|does not fit"),
        ({"inner": "RandomNormalLike(s)"}, "draws random numbers"),
        ({"start": ""}, "runtimes disagree"),
    ],
)
def test_a_loop_that_cannot_run_to_its_last_iteration_is_declined(
    changes: dict[str, Any], reason: str
) -> None:
    settings = {"trips": 3, "start": "go", "condition": "Less(all, low)", "inner": "Tanh(s)"}
    made = (model(BOUNDED.format(**settings | changes)), {})
    declines(bounded_loops.bounded_loop_to_where_if_all_run, made, reason)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (loop(3, condition="Less(i, k)"), "results are stacked"),
        (fed(NESTED), "when it ends is known"),
    ],
)
def test_other_loops_are_left_to_other_rules(made: Case, reason: str) -> None:
    declines(bounded_loops.bounded_loop_to_where_if_all_run, made, reason)


def test_normalising_leaves_long_loops_alone() -> None:
    assert "Loop" not in operators(plain(loop(50)[0]))
    assert "Loop" in operators(plain(loop(500)[0]))


def test_a_large_constant_of_a_body_is_shared_by_its_copies() -> None:
    made, feed = fed(
        """g (float[1, 80] x) => (float[1, 80] y) <int64 t = {3}, bool go = {1}> {
             y = Loop(t, go, x) < body = b (int64 i, bool c, float[1, 80] s) => (
                 bool d, float[1, 80] r) { d = Identity(c) r = MatMul(s, w) } >
           }""",
        x=np.ones((1, 80), np.float32),
    )
    weights = np.random.default_rng(0).standard_normal((80, 80)).astype(np.float32) / 9
    body = made.graph.node[0].attribute[0].g
    body.initializer.append(numpy_helper.from_array(weights, "w"))
    prove(rules.loop_unrolled, (made, feed), absolute=1e-4)
    result = rewrite(made, the_rule(rules.loop_unrolled))
    assert len([t for t in result.graph.initializer if list(t.dims) == [80, 80]]) == 1
    assert [t.dims for t in plain(made).graph.initializer] == [[80, 80]]


def test_a_body_that_the_shapes_contradict_is_not_unrolled() -> None:
    body = """g (float[1, 3] x) => (float[n] y) <int64 t = {2}, bool go = {1}> {
      y = Loop(t, go, x) < body = b (int64 i, bool c, float[p, q] s) => (bool d, float[r, u] w) {
        d = Identity(c) last = Constant<value = int64[1] {1}>() w = Squeeze(s, last) } >
    }"""
    declines(rules.loop_unrolled, (model(body), {}), "does not fit the shapes at hand")


def test_a_body_is_not_copied_to_another_opset() -> None:
    declines(rules.loop_unrolled, loop(2), "a body of opset 17 cannot be copied", opset=13)


SCAN = """g (float[2] s0, float[{xs}] x, float[{zs}] z) => (
    float[2] s, float[{ys}] y, float[{vs}] v) {{
  s, y, v = Scan(s0, x, z) < num_scan_inputs = 2, {attributes} body = b (
      float[2] a, float[2] e, float[2] h) => (float[2] r, float[2] q, float[2] p) {{
    m = Add(a, e) r = Tanh(m) q = Mul(r, s0) p = Sub(h, a) }} >
}}"""


@st.composite
def scans(draw: st.DrawFn) -> Case:
    """A Scan over one to four slices, along any axis and in any direction."""
    length = draw(st.integers(1, 4))
    ins, outs = ([draw(st.integers(-2, 1)) for _ in range(2)] for _ in range(2))
    ways = [[draw(st.integers(0, 1)) for _ in range(2)] for _ in range(2)]
    shapes = [f"{length}, 2" if a in {0, -2} else f"2, {length}" for a in (*ins, *outs)]
    attributes = (
        f"scan_input_axes = {ins}, scan_input_directions = {ways[0]}, "
        f"scan_output_axes = {outs}, scan_output_directions = {ways[1]},"
    )
    names = dict(zip(("xs", "zs", "ys", "vs"), shapes, strict=True))
    sizes = [tuple(map(int, s.split(","))) for s in shapes[:2]]
    x, z = (draw(arrays(s)) for s in sizes)
    return fed(SCAN.format(attributes=attributes, **names), s0=np.float32([0.5, -1]), x=x, z=z)


@few
@given(made=scans())
def test_a_scan_of_known_length_is_unrolled(made: Case) -> None:
    # onnx.reference knows no axes or directions but the first
    assert "Scan" not in prove(rules.scan_unrolled, made, reference=False)


@few
@given(length=st.integers(1, 5), x=st.integers(0, 99))
def test_a_scan_from_front_to_back_is_unrolled(length: int, x: int) -> None:
    shape = f"{length}, 2"
    random = np.random.default_rng(x)
    values = [random.standard_normal((length, 2)).astype(np.float32) for _ in range(2)]
    body = SCAN.format(attributes="", xs=shape, zs=shape, ys=shape, vs=shape)
    made = fed(body, s0=np.float32([0.5, -1]), x=values[0], z=values[1])
    prove(rules.scan_unrolled, made)
    result = plain(made[0])
    assert "Scan" not in operators(result)
    assert np.allclose(run_ort(result, made[1])[1], run_ort(*made)[1])


def test_sizes_that_the_user_gives_make_control_flow_disappear() -> None:
    body = SCAN.format(attributes="", xs="t, 2", zs="t, 2", ys="t, 2", vs="t, 2")
    graph = build(LoadedModel(model(body), None, None), dims={"t": 3})
    normalise(graph)
    assert [n.op_type for n in graph.nodes].count("Tanh") == 3
    assert "Scan" not in {n.op_type for n in graph.nodes}


def test_a_scan_of_unknown_length_is_declined() -> None:
    body = SCAN.format(attributes="", xs="t, 2", zs="t, 2", ys="t, 2", vs="t, 2")
    declines(rules.scan_unrolled, (model(body), {}), "give it with --shape or --dim")
    long = SCAN.format(attributes="", xs="2000, 2", zs="2000, 2", ys="2000, 2", vs="2000, 2")
    declines(rules.scan_unrolled, (model(long), {}), "over 4096 nodes")
    uneven = SCAN.format(attributes="", xs="t, 2", zs="3, 2", ys="t, 2", vs="t, 2")
    declines(rules.scan_unrolled, (model(uneven), {}), "different lengths")


IF = """g (bool{rank} c, float[2, 3] x) => (float[2, 3] y, float[2] z) {{
  y, z = If (c) <
    then_branch = t () => (float[2, 3] p, float[2] q) {{
      p = {one} k = Constant<value = float[2] {{1., 2.}}>() q = Identity(k) }},
    else_branch = e () => (float[2, 3] r, float[2] s) {{
      m = Neg(x) r = Sigmoid(m) w = Constant<value = float[2] {{3., 4.}}>() s = Neg(w) }}
  >
}}"""


@few
@given(x=arrays((2, 3)), c=st.booleans(), rank=st.sampled_from(["", "[1]", "[1, 1]"]))
def test_both_branches_that_cannot_fail_run(x: np.ndarray, c: bool, rank: str) -> None:
    condition = np.array(c).reshape([1] * rank.count("1"))
    made = fed(IF.format(rank=rank, one="Softmax(x)"), c=condition, x=x)
    # onnx.reference takes a condition of rank 0 or 1
    result = prove(rules.if_to_where, made, reference=rank != "[1, 1]")
    assert result.count("Where") == 2
    assert "If" not in result
    prove(rules.if_to_where_if_both_run, made, reference=rank != "[1, 1]")


@pytest.mark.parametrize("c", [True, False])
def test_a_known_condition_leaves_one_branch(c: bool) -> None:
    made, feed = fed(
        IF.format(rank="", one="Softmax(x)"), c=c, x=np.float32([[1, 2, 3], [4, 5, 6]])
    )
    made.graph.initializer.append(numpy_helper.from_array(np.array(c), "c"))
    del made.graph.input[0]
    result = prove(rules.if_to_branch, (made, {"x": feed["x"]}))
    assert "Where" not in result
    assert ("Softmax" in result) == c
    declines(rules.if_to_where, (made, feed), "the condition is a constant")


@few
@given(x=arrays((2, 3)), c=st.booleans())
def test_a_known_branch_is_inlined_whatever_is_in_it(x: np.ndarray, c: bool) -> None:
    made = fed(IF.format(rank="", one="Dropout(x)"), x=x)
    made[0].graph.initializer.append(numpy_helper.from_array(np.array(c), "c"))
    del made[0].graph.input[0]
    prove(rules.if_to_branch, made)


def test_a_branch_that_may_fail_needs_permission() -> None:
    body = """g (bool c, float[2, 3] x, int64 i) => (float[3] y) {
      y = If (c) < then_branch = t () => (float[3] p) { p = Gather(x, i) },
                   else_branch = e () => (float[3] q) {
                     first = Constant<value = int64 {0}>() q = Gather(x, first) } >
    }"""
    x = np.float32([[1, 2, 3], [4, 5, 6]])
    for c in (True, False):
        made = fed(body, c=c, x=x, i=1)
        declines(rules.if_to_where, made, "Gather has no result for some inputs")
        prove(rules.if_to_where_if_both_run, made)


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        ("RandomNormalLike(x)", "draws random numbers"),
        ("Expand(x, grown)", "different shapes"),
        ("Reshape(x, given)", "not known|different shapes"),
    ],
)
def test_branches_that_cannot_both_run_are_declined(one: str, reason: str) -> None:
    body = IF.format(rank="", one=one)
    body = body.replace("float[2, 3] x)", "float[2, 3] x, int64[2] given)", 1)
    body = body.replace("float[2] z) {", "float[2] z) <int64[3] grown = {2, 2, 3}> {", 1)
    body = body.replace("(float[2, 3] p,", "(float p,").replace("(float[2, 3] y,", "(float y,")
    for function in (rules.if_to_where, rules.if_to_where_if_both_run):
        declines(function, (model(body), {}), reason)


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        ("Div(n, k)", "Div of integers may stop"),
        ("If(c) < then_branch = t2 () => (int64 a) { a = Neg(n) }, "
         "else_branch = e2 () => (int64 b) { b = Abs(n) } >", "If has bodies of its own"),
        ("Squeeze(m, n1)", "the parameters of a Squeeze are not constants|not known"),
        ("ReduceMax<keepdims = 0>(z)", "what goes into a ReduceMax or comes out is empty"),
    ],
)  # fmt: skip
def test_what_may_stop_in_a_branch_is_recognised(one: str, reason: str) -> None:
    body = f"""g (bool c, int64 n, int64 k, int64[1] m, int64[1] n1, int64[0] z) => (int64 y) {{
      y = If (c) < then_branch = t () => (int64 p) {{ w = {one} p = Mul(w, n) }},
                   else_branch = e () => (int64 q) {{ q = Neg(n) }} >
    }}"""
    declines(rules.if_to_where, (model(body), {}), reason)


@pytest.mark.parametrize("op_type", ["Loop", "Scan", "If"])
def test_onnx_cases_with_a_known_length_give_their_outputs(op_type: str) -> None:
    function = {
        "Loop": rules.loop_unrolled, "Scan": rules.scan_unrolled, "If": rules.if_to_branch,
    }[op_type]  # fmt: skip
    applied = 0
    for name, made, data_sets in node_tests(op_type):
        inputs, outputs = data_sets[0]
        if not all(v.type.HasField("tensor_type") for v in (*made.graph.input, *made.graph.output)):
            continue
        if made.opset_import[0].version < 9:
            continue
        copy = ModelProto()
        copy.CopyFrom(made)
        feed = {i.name: np.asarray(a) for i, a in zip(made.graph.input, inputs, strict=True)}
        for info in made.graph.input:
            if info.name in {"trip_count", "cond"}:
                array = feed.pop(info.name)
                copy.graph.initializer.append(numpy_helper.from_array(array, info.name))
                copy.graph.input.remove(info)
        result = rewrite(copy, the_rule(function))
        for want, got in zip(outputs, run_ort(result, feed), strict=True):
            assert not difference(np.asarray(want), got, 1e-5, 1e-6), name
        applied += 1
    assert applied


def test_the_first_scan_is_declined() -> None:
    for _, made, _ in node_tests("Scan"):
        if made.opset_import[0].version == 8:
            declines(rules.scan_unrolled, (made, {}), "Scan-8 has a batch axis of its own")
