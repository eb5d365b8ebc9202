import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from legalize.toy import model
from onnx import ModelProto
from rules.harness import rewrite, run_ort, the_rule
from rules.support import arrays, declines, fed, few, plain, prove

from porting.rules import sequences as rules

X = np.arange(12, dtype=np.float32).reshape(2, 6)


def same_when_plain(made: ModelProto, feed: dict[str, np.ndarray]) -> list[str]:
    """The operators that normalising leaves; the results are the same."""
    result = plain(made)
    for before, after in zip(run_ort(made, feed), run_ort(result, feed), strict=True):
        assert before.shape == after.shape
        assert np.array_equal(before, after, equal_nan=True)
    return [n.op_type for n in result.graph.node]


EDITS = ["SequenceInsert(s{i}, {v})", "SequenceInsert(s{i}, {v}, p{i})", "SequenceErase(s{i})",
         "SequenceErase(s{i}, p{i})", "Identity(s{i})"]  # fmt: skip


@st.composite
def edited(draw: st.DrawFn) -> tuple[str, str, int]:
    """Nodes that build the sequence `s`, the positions that they use, and its length."""
    count = draw(st.integers(1, 3))
    values = draw(st.lists(st.sampled_from("xy"), min_size=count, max_size=count))
    lines, weights = [f"s0 = SequenceConstruct({', '.join(values)})"], []
    steps = draw(st.integers(0, 4))
    for i in range(steps):
        edit = draw(st.sampled_from(EDITS if count > 1 else EDITS[:2]))
        bounds = (-count, count) if "Insert" in edit else (-count, count - 1)
        weights.append(f"int64 p{i} = {{{draw(st.integers(*bounds))}}}")
        lines.append(f"s{i + 1} = {edit.format(i=i, v=draw(st.sampled_from('xy')))}")
        count += ("Insert" in edit) - ("Erase" in edit)
    lines.append(f"s = Identity(s{steps})")
    return "\n".join(lines), ", ".join(weights), count


def weights(*declared: str) -> str:
    given = ", ".join(d for d in declared if d)
    return f"<{given}>" if given else ""


@few
@given(built=edited(), data=st.data(), x=arrays((2, 3)), y=arrays((2, 3)))
def test_an_element_at_a_known_position_is_the_tensor(
    built: tuple[str, str, int], data: st.DataObject, x: np.ndarray, y: np.ndarray
) -> None:
    lines, declared, count = built
    at = data.draw(st.integers(-count, count - 1))
    head = "g (float[2, 3] x, float[2, 3] y) => (float[2, 3] z)"
    body = (
        f"{head} {weights(declared, f'int64 at = {{{at}}}')} {{ {lines}\n z = SequenceAt(s, at) }}"
    )
    made = fed(body, x=x, y=y)
    # onnx.reference inserts at the front what belongs behind the last element
    prove(rules.sequence_at_to_element, made, reference=", p" not in lines)
    assert same_when_plain(*made) == ["Identity"]


@few
@given(built=edited(), data=st.data(), x=arrays((2, 3)), y=arrays((2, 3)))
def test_an_element_at_a_computed_position_is_gathered(
    built: tuple[str, str, int], data: st.DataObject, x: np.ndarray, y: np.ndarray
) -> None:
    lines, declared, count = built
    at = data.draw(st.integers(-count, count - 1))
    head = "g (float[2, 3] x, float[2, 3] y, int64 at) => (float[2, 3] z)"
    body = f"{head} {weights(declared)} {{ {lines}\n z = SequenceAt(s, at) }}"
    made = fed(body, x=x, y=y, at=np.int64(at))
    # onnx.reference inserts at the front what belongs behind the last element
    prove(rules.sequence_at_to_gather, made, reference=", p" not in lines)


@few
@given(built=edited(), axis=st.integers(-2, 1), new_axis=st.integers(0, 1))
def test_a_concatenated_sequence_is_a_concat(
    built: tuple[str, str, int], axis: int, new_axis: int
) -> None:
    lines, declared, _ = built
    head = "g (float[2, 3] x, float[2, 3] y) => (float z, int64 n)"
    body = f"""{head} {weights(declared)} {{ {lines}
      z = ConcatFromSequence<axis = {axis}, new_axis = {new_axis}>(s)
      n = SequenceLength(s) }}"""
    values = np.random.default_rng(0).standard_normal((2, 2, 3)).astype(np.float32)
    made = fed(body, x=values[0], y=values[1])
    made[0].graph.output[0].type.tensor_type.ClearField("shape")
    # onnx.reference inserts at the front what belongs behind the last element
    prove(rules.concat_from_sequence_to_concat, made, reference=", p" not in lines)
    prove(rules.sequence_length_to_constant, made)
    left = set(same_when_plain(*made))
    assert left <= {"Concat", "Unsqueeze", "Identity"}


SPLITS = ["", "int64 sizes = {2}", "int64 sizes = {4}", "int64[2] sizes = {5, 1}",
          "int64[3] sizes = {2, 0, 4}", "int64[1] sizes = {6}"]  # fmt: skip


@few
@given(
    sizes=st.sampled_from(SPLITS), keep=st.integers(0, 1), axis=st.sampled_from([1, -1]),
    data=st.data(),
)  # fmt: skip
def test_the_parts_of_a_tensor_are_slices(
    sizes: str, keep: int, axis: int, data: st.DataObject
) -> None:
    count = {"": 6, SPLITS[1]: 3, SPLITS[2]: 2, SPLITS[3]: 2, SPLITS[4]: 3, SPLITS[5]: 1}[sizes]
    at = data.draw(st.integers(-count, count - 1))
    given = "x, sizes" if sizes else "x"
    body = f"""g (float[2, 6] x) => (float z, int64 n) {weights(sizes, f"int64 at = {{{at}}}")} {{
      s = SplitToSequence<axis = {axis}, keepdims = {keep}>({given})
      z = SequenceAt(s, at) n = SequenceLength(s) }}"""
    made = fed(body, x=X)
    made[0].graph.output[0].type.tensor_type.ClearField("shape")
    # keepdims does not count where sizes are given; onnxruntime trips over it
    runs = keep == 1 or not sizes
    prove(rules.sequence_at_to_element, made, ort=runs)
    if runs:
        assert set(same_when_plain(*made)) <= {"Slice", "Squeeze", "Identity"}


@pytest.mark.parametrize(
    ("keep", "axis", "new_axis", "left"),
    [
        (1, 1, 0, ["Identity"]),
        (0, 1, 1, ["Identity"]),
        (1, 0, 0, ["Slice"] * 6 + ["Concat"]),
        (0, 0, 0, ["Slice", "Squeeze"] * 6 + ["Concat"]),
    ],
)
def test_all_parts_of_a_tensor_joined_again_are_the_tensor(
    keep: int, axis: int, new_axis: int, left: list[str]
) -> None:
    body = f"""g (float[2, 6] x) => (float z) {{
      s = SplitToSequence<axis = 1, keepdims = {keep}>(x)
      z = ConcatFromSequence<axis = {axis}, new_axis = {new_axis}>(s) }}"""
    made = fed(body, x=X)
    made[0].graph.output[0].type.tensor_type.ClearField("shape")
    prove(rules.concat_from_sequence_to_concat, made)
    assert same_when_plain(*made) == left


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("s = SequenceConstruct(x, x) z = SequenceAt(s, two)", "outside of the sequence"),
        ("s = SequenceEmpty() z = SequenceAt(s, one)", "outside of the sequence"),
        ("s = SplitToSequence<axis = 0>(w) z = SequenceAt(s, one)", "length of what is split"),
        ("s = SplitToSequence(x, n) z = SequenceAt(s, one)", "sizes of the parts are not const"),
        ("s = SplitToSequence(w, two) z = SequenceAt(s, one)", "length of what is split"),
        ("a = SequenceConstruct(x, x) s = SequenceErase(a, n) z = SequenceAt(s, one)",
         "a position is not a constant"),
        ("s = SequenceConstruct(x, x) z = SequenceAt(s, n)", "a position is not a constant"),
        ("e = SequenceEmpty() s = SequenceErase(e) z = SequenceAt(s, one)", "outside of the seq"),
        ("s = If (c) < then_branch = t () => (seq(float) p) { p = SequenceConstruct(x, x) }, "
         "else_branch = e () => (seq(float) q) { q = SequenceConstruct(x) } > "
         "z = SequenceAt(s, one)", "the sequence is made by a If"),
    ],
)  # fmt: skip
def test_a_sequence_that_is_not_known_is_declined(lines: str, reason: str) -> None:
    body = f"""g (float[2, 6] x, float[m, 6] w, int64 n, bool c) => (float z)
      <int64 one = {{1}}, int64 two = {{2}}> {{ {lines} }}"""
    declines(rules.sequence_at_to_element, (model(body), {}), reason)


def test_a_sequence_from_outside_is_declined() -> None:
    body = "g (seq(float[2]) s, int64 i) => (float[2] z, int64 n, float[k] c) {{ {} }}".format(
        "z = SequenceAt(s, i) n = SequenceLength(s) c = ConcatFromSequence<axis = 0>(s)"
    )
    for function in (
        rules.sequence_at_to_gather,
        rules.sequence_length_to_constant,
        rules.concat_from_sequence_to_concat,
    ):
        declines(function, (model(body), {}), "the sequence is not made in the model")


def test_elements_of_different_shapes_are_not_gathered() -> None:
    body = """g (float[2] x, float[3] y, int64 i) => (float[n] z) {
      s = SequenceConstruct(x, y) z = SequenceAt(s, i) }"""
    declines(rules.sequence_at_to_gather, (model(body), {}), "different shapes")


def test_nothing_is_concatenated_of_an_empty_sequence() -> None:
    body = "g (int64 i) => (float[n] z) { s = SequenceEmpty() z = ConcatFromSequence<axis = 0>(s) }"
    declines(rules.concat_from_sequence_to_concat, (model(body), {}), "the sequence is empty")


MAP = """g (float[2, 6] x, float[2] y) => (float[2] z, float[2] r, int64 n) <int64 at = {{{at}}}> {{
  s = SplitToSequence<axis = 1, keepdims = 0>(x)
  t = SequenceConstruct(y, y, y, y, y, y)
  m, k = SequenceMap(s, y, t) < body = b (float[2] a, float[2] c, float[2] d) => (
      float[2] e, float[2] f) {{ h = Mul(a, c) e = Sub(h, d) f = Add(h, y) }} >
  z = SequenceAt(m, at) r = SequenceAt(k, at) n = SequenceLength(k) }}"""


@few
@given(at=st.integers(-6, 5), y=arrays((2,)))
def test_a_mapped_sequence_is_a_copy_per_element(at: int, y: np.ndarray) -> None:
    made = fed(MAP.format(at=at), x=X, y=y)
    # onnx.reference hands the body another shape than the element's
    result = prove(rules.sequence_map_unrolled, made, reference=False)
    assert result.count("Mul") == 6
    assert set(same_when_plain(*made)) == {"Slice", "Squeeze", "Mul", "Sub", "Add", "Identity"}


def test_a_mapped_sequence_of_unknown_length_is_declined() -> None:
    body = """g (seq(float[2]) s) => (int64 n) {
      m = SequenceMap(s) < body = b (float[2] a) => (float[2] e) { e = Neg(a) } >
      n = SequenceLength(m) }"""
    declines(rules.sequence_map_unrolled, (model(body), {}), "not made in the model")
    declines(rules.sequence_length_to_constant, (model(body), {}), "made by a SequenceMap")


@pytest.mark.parametrize("trips", [3, 200])
def test_a_list_that_a_loop_fills_becomes_tensors(trips: int) -> None:
    body = """g (float[2] x) => (float[n, 2] y, int64 n) <int64 t = {trips}, bool go = {1}> {
      empty = SequenceEmpty()
      s = Loop(t, go, empty) < body = b (int64 i, bool c, seq(float) a) => (bool d, seq(float) r) {
        d = Identity(c) f = Cast<to = 1>(i) v = Mul(x, f) r = SequenceInsert(a, v) } >
      y = ConcatFromSequence<axis = 0, new_axis = 1>(s) n = SequenceLength(s) }"""
    made = fed(body.replace("{trips}", f"{{{trips}}}"), x=np.float32([1, -2]))
    left = same_when_plain(*made)
    assert sorted(left) == ["Concat", "Identity", *["Mul"] * trips, *["Unsqueeze"] * trips]


@few
@given(x=arrays((2,)))
def test_an_optional_that_holds_something_is_what_it_holds(x: np.ndarray) -> None:
    body = """g (float[2] x) => (float[2] y, bool has, bool none) {
      o = Optional(x) p = Identity(o) y = OptionalGetElement(p) has = OptionalHasElement(p)
      e = Optional<type = float[2]>() none = OptionalHasElement(e) }"""
    body = body.replace("e = Optional<type = float[2]>() none = OptionalHasElement(e)",
                        "none = OptionalHasElement(x)")  # fmt: skip
    made = fed(body, opset=18, x=x)
    # onnx.reference has no Optional without a type attribute
    prove(rules.optional_get_element_to_element, made, reference=False)
    prove(rules.optional_has_element_to_constant, made, reference=False)
    assert same_when_plain(*made) == ["Identity"] * 3


def test_an_optional_from_outside_is_declined() -> None:
    body = "g (optional(float[2]) o) => (float[2] y, bool b) {{ {} }}".format(
        "y = OptionalGetElement(o) b = OptionalHasElement(o)"
    )
    reason = "whether the optional is empty is not known"
    declines(rules.optional_get_element_to_element, (model(body), {}), reason)
    declines(rules.optional_has_element_to_constant, (model(body), {}), reason)


def test_nothing_has_no_element() -> None:
    body = "g (float[2] x) => (float[2] y, bool b) { y = Neg(x) b = OptionalHasElement() }"
    made = model(body, opset=18)
    result = rewrite(made, the_rule(rules.optional_has_element_to_constant))
    assert not run_ort(result, {"x": np.float32([1, 2])})[1]
