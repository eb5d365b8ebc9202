"""onnx.reference ignores sequence_lens, clip, input_forget and activation functions, so that what
uses them is compared in onnxruntime alone; onnxruntime has no kernel for layout 1.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto
from rules.harness import SPECIAL, rewrite, single, the_rule
from rules.support import arrays, declines, few, prove

from porting.rules import recurrent as rules
from porting.rules.recurrent_cells import GATES, RECURRENT

DIRECTIONS = ["forward", "reverse", "bidirectional"]
NONE: tuple[str, ...] = ()


def case(
    kind: str,
    *,
    length: int = 4,
    batch: int = 3,
    hidden: int = 3,
    has: tuple[str, ...] = ("bias",),
    lengths: list[int] | None = None,
    computed: bool = False,
    seed: int = 0,
    opset: int = 14,
    dtype: str = "float32",
    scale: float = 1.0,
    x: np.ndarray | None = None,
    **attributes: Any,
) -> tuple[ModelProto, dict[str, np.ndarray]]:
    """A recurrent node; `has` names which of bias, states and peepholes it has."""
    random, gates = np.random.default_rng(seed), GATES[kind]
    count = 2 if attributes.get("direction") == "bidirectional" else 1
    first = attributes.get("layout", 0)

    def made(*shape: int) -> np.ndarray:
        return (scale * random.standard_normal(shape)).astype(dtype)

    def state() -> np.ndarray | None:
        shape = (batch, count, hidden) if first else (count, batch, hidden)
        return made(*shape) if "states" in has else None

    size = 2
    if x is None:
        x = made(batch, length, size) if first else made(length, batch, size)
    inputs = [
        x,
        made(count, gates * hidden, size),
        made(count, gates * hidden, hidden),
        made(count, 2 * gates * hidden) if "bias" in has else None,
        None if lengths is None else np.array(lengths, np.int32),
        state(),
    ]
    if kind == "LSTM":
        inputs += [state(), made(count, 3 * hidden) if "peepholes" in has else None]
    return single(
        kind,
        inputs,
        opset=opset,
        outputs=3 if kind == "LSTM" else 2,
        constants=() if computed else (1, 2, 3, 7),
        hidden_size=hidden,
        **attributes,
    )


@st.composite
def shaped(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """Sizes, inputs that are there, and a direction."""
    names = ["bias", "states"] + ["peepholes"] * (kind == "LSTM")
    return {
        "length": draw(st.integers(1, 5)),
        "batch": draw(st.integers(1, 3)),
        "hidden": draw(st.integers(1, 4)),
        "has": tuple(draw(st.sets(st.sampled_from(names)))),
        "computed": draw(st.booleans()),
        "direction": draw(st.sampled_from(DIRECTIONS)),
        "seed": draw(st.integers(0, 99)),
    }


@pytest.mark.parametrize("kind", RECURRENT)
@few
@given(data=st.data())
def test_steps_are_unrolled(kind: str, data: st.DataObject) -> None:
    shape = data.draw(shaped(kind))
    if kind == "GRU":
        shape["linear_before_reset"] = data.draw(st.integers(0, 1))
    operators = prove(
        rules.unrolled_steps, case(kind, **shape), op_type=kind, targets=(11, 13, 18), absolute=1e-5
    )
    assert kind not in operators


@pytest.mark.parametrize("kind", RECURRENT)
@few
@given(data=st.data(), constant=st.booleans())
def test_sequences_that_end_early_are_unrolled(
    kind: str, data: st.DataObject, constant: bool
) -> None:
    shape = data.draw(shaped(kind))
    ends = st.integers(0, shape["length"])
    lengths = data.draw(st.lists(ends, min_size=shape["batch"], max_size=shape["batch"]))
    model, feed = case(kind, lengths=lengths, **shape)
    if constant:
        model, feed = fixed(model, feed, "in4")
    prove(rules.unrolled_steps, (model, feed), op_type=kind, reference=False, absolute=1e-5)


def fixed(
    model: ModelProto, feed: dict[str, np.ndarray], name: str
) -> tuple[ModelProto, dict[str, np.ndarray]]:
    """The case with one input made an initializer."""
    from onnx import numpy_helper

    copy = ModelProto()
    copy.CopyFrom(model)
    index = [i.name for i in copy.graph.input].index(name)
    del copy.graph.input[index]
    copy.graph.initializer.append(numpy_helper.from_array(feed[name], name))
    return copy, {k: v for k, v in feed.items() if k != name}


@pytest.mark.parametrize("kind", RECURRENT)
@few
@given(data=st.data(), clip=st.sampled_from([0.05, 0.4, 2.0]))
def test_clipped_steps_are_unrolled(kind: str, data: st.DataObject, clip: float) -> None:
    shape = data.draw(shaped(kind))
    extra = {"input_forget": data.draw(st.integers(0, 1))} if kind == "LSTM" else {}
    if kind == "GRU":
        extra = {"linear_before_reset": data.draw(st.integers(0, 1))}
    made = case(kind, clip=clip, **shape, **extra)
    prove(rules.unrolled_steps, made, op_type=kind, reference=False, absolute=1e-5)


PARAMETERS = {
    "Relu": (), "Tanh": (), "Sigmoid": (), "Softsign": (), "Softplus": (),
    "Affine": (0.7, 0.2), "LeakyRelu": (0.05,), "ThresholdedRelu": (0.3,),
    "ScaledTanh": (0.6, 1.3), "HardSigmoid": (0.3, 0.4), "Elu": (0.8,),
}  # fmt: skip


@st.composite
def functions(draw: st.DrawFn, count: int) -> dict[str, Any]:
    """Activation functions with their parameters, in the order in which they are used up."""
    names = [draw(st.sampled_from(sorted(PARAMETERS))) for _ in range(count)]
    alphas = [PARAMETERS[n][0] for n in names if PARAMETERS[n]]
    betas = [PARAMETERS[n][1] for n in names if len(PARAMETERS[n]) > 1]
    found: dict[str, Any] = {"activations": names}
    if alphas:
        found["activation_alpha"] = alphas
    if betas:
        found["activation_beta"] = betas
    return found


@pytest.mark.parametrize("kind", RECURRENT)
@pytest.mark.parametrize("direction", DIRECTIONS)
@few
@given(data=st.data())
def test_all_activation_functions_are_unrolled(
    kind: str, direction: str, data: st.DataObject
) -> None:
    per = {"LSTM": 3, "GRU": 2, "RNN": 1}[kind]
    chosen = data.draw(functions(per * (2 if direction == "bidirectional" else 1)))
    # small numbers, since onnxruntime's Softplus in these operators overflows at 88
    made = case(kind, has=("bias", "states"), length=3, direction=direction, scale=0.5, **chosen)
    settings = {"op_type": kind, "reference": False, "absolute": 1e-4, "rel": 1e-4}
    prove(rules.unrolled_steps, made, **settings)
    if direction == "bidirectional":
        prove(rules.bidirectional_to_single_directions, made, **settings)


@pytest.mark.parametrize("name", ["Relu", "LeakyRelu", "HardSigmoid", "Elu"])
def test_activation_functions_have_the_defaults_of_their_operators(name: str) -> None:
    made = case("RNN", activations=[name])
    prove(rules.unrolled_steps, made, op_type="RNN", reference=False, absolute=1e-5)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"activations": ["Affine"]}, "no agreed default for the alpha of Affine"),
        ({"activations": ["ThresholdedRelu"]}, "no agreed default for the alpha of Thresholded"),
        ({"activations": ["Swish"]}, "the activation Swish is not known"),
        ({"activations": ["relu"]}, "the activation relu is not known"),
        ({"activations": ["Tanh", "Tanh"]}, "activations has another length"),
        ({"activation_alpha": [0.5]}, "activation_alpha has another length"),
        ({"clip": 0.0}, "clip is not positive"),
        ({"layout": 1}, "layout is 1"),
        ({"length": 257, "batch": 1, "hidden": 1}, "over 256"),
    ],
)
def test_what_cannot_be_unrolled_is_declined(attributes: dict[str, Any], reason: str) -> None:
    declines(rules.unrolled_steps, case("RNN", **attributes), reason, op_type="RNN")


def test_unrolling_needs_the_number_of_steps_and_lengths_within_it() -> None:
    model, feed = case("GRU")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "t"
    declines(rules.unrolled_steps, (model, feed), "give it with --shape or --dim", op_type="GRU")
    longer = fixed(*case("GRU", lengths=[1, 2, 5]), "in4")
    declines(rules.unrolled_steps, longer, "longer than the input", op_type="GRU")


def test_the_batch_need_not_be_known() -> None:
    model, feed = case("LSTM")
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "n"
    prove(rules.unrolled_steps, (model, feed), op_type="LSTM", absolute=1e-5)


@pytest.mark.parametrize("kind", RECURRENT)
@few
@given(x=arrays((3, 2, 2), odd=SPECIAL))
def test_odd_inputs_are_unrolled(kind: str, x: np.ndarray) -> None:
    made = case(kind, length=3, batch=2, x=x)
    prove(rules.unrolled_steps, made, op_type=kind, ort=False, absolute=1e-4, rel=1e-4)
    # onnxruntime's approximations of the activation functions take NaN for a number
    finite = case(kind, length=3, batch=2, x=np.nan_to_num(x, posinf=1e30, neginf=-1e30))
    prove(rules.unrolled_steps, finite, op_type=kind, absolute=1e-4, rel=1e-4)


def test_weights_that_are_not_finite_are_multiplied_by_a_state_of_zeros() -> None:
    model, feed = case("RNN", length=1)
    weights = next(t for t in model.graph.initializer if t.name == "in2")
    values = np.frombuffer(weights.raw_data, np.float32).copy()
    values[0] = np.inf
    weights.raw_data = values.tobytes()
    operators = prove(rules.unrolled_steps, (model, feed), op_type="RNN", ort=False)
    assert operators.count("MatMul") == 2


def test_weights_that_are_computed_are_transposed_once() -> None:
    made = case("LSTM", computed=True, has=("bias", "states", "peepholes"), length=5)
    operators = prove(rules.unrolled_steps, made, op_type="LSTM", absolute=1e-5)
    assert operators.count("Transpose") == 2
    assert operators.count("Unsqueeze") == 5  # the bias, three peepholes, the axis of directions


def test_half_precision_is_unrolled() -> None:
    made = case("GRU", dtype="float16", has=("bias", "states"))
    # onnxruntime has no kernel for it
    prove(rules.unrolled_steps, made, op_type="GRU", ort=False, rel=2e-2, absolute=1e-2)


def test_the_steps_of_a_long_network_share_one_product_of_the_input() -> None:
    made = case("LSTM", length=64, hidden=2)
    operators = prove(rules.unrolled_steps, made, op_type="LSTM", absolute=1e-4)
    assert operators.count("MatMul") == 64  # one for all inputs, and one per state but the first
    assert operators.count("Split") == 65


@pytest.mark.parametrize("kind", RECURRENT)
@few
@given(data=st.data())
def test_layout_1_becomes_layout_0(kind: str, data: st.DataObject) -> None:
    made = case(kind, layout=1, **data.draw(shaped(kind)))
    # onnxruntime has no kernel for layout 1
    prove(rules.batch_first_to_time_first, made, op_type=kind, ort=False, targets=(11, 14, 22))
    result = rewrite(made[0], the_rule(rules.batch_first_to_time_first, kind))
    (node,) = [n for n in result.graph.node if n.op_type == kind]
    assert "layout" not in {a.name for a in node.attribute}


def test_layout_0_is_declined() -> None:
    declines(rules.batch_first_to_time_first, case("GRU"), "layout is 0", op_type="GRU")


@pytest.mark.parametrize("kind", RECURRENT)
@few
@given(data=st.data(), ends_early=st.booleans())
def test_both_directions_become_two_nodes(kind: str, data: st.DataObject, ends_early: bool) -> None:
    shape = data.draw(shaped(kind)) | {"direction": "bidirectional"}
    lengths = [1] * shape["batch"] if ends_early else None
    operators = prove(
        rules.bidirectional_to_single_directions,
        case(kind, lengths=lengths, **shape),
        op_type=kind,
        targets=(11, 13),
        absolute=1e-6,
        reference=not ends_early,  # it ignores sequence_lens
    )
    assert operators.count(kind) == 2


def test_one_direction_is_not_split() -> None:
    split = rules.bidirectional_to_single_directions
    declines(split, case("GRU"), "it has one direction", op_type="GRU")
    other = case("GRU", direction="bidirectional", layout=1)
    declines(split, other, "layout is 1", op_type="GRU")


@pytest.mark.parametrize("kind", RECURRENT)
@few
@given(data=st.data())
def test_reverse_becomes_forward(kind: str, data: st.DataObject) -> None:
    shape = data.draw(shaped(kind)) | {"direction": "reverse"}
    made = case(kind, **shape)
    prove(rules.reverse_to_forward, made, op_type=kind, targets=(11, 13), absolute=1e-6)
    result = rewrite(made[0], the_rule(rules.reverse_to_forward, kind))
    (node,) = [n for n in result.graph.node if n.op_type == kind]
    assert "direction" not in {a.name for a in node.attribute}


def test_reverse_of_sequences_that_may_end_early_is_declined() -> None:
    made = case("RNN", direction="reverse", lengths=[1, 2, 4])
    declines(rules.reverse_to_forward, made, "may end before the input", op_type="RNN")
    declines(rules.reverse_to_forward, case("RNN"), "direction is another", op_type="RNN")


@pytest.mark.parametrize("kind", RECURRENT)
@few
@given(data=st.data())
def test_lengths_of_full_sequences_are_left_out(kind: str, data: st.DataObject) -> None:
    shape = data.draw(shaped(kind))
    model, feed = fixed(*case(kind, lengths=[shape["length"]] * shape["batch"], **shape), "in4")
    prove(rules.full_lengths_to_none, (model, feed), op_type=kind, targets=(11, 14))
    result = rewrite(model, the_rule(rules.full_lengths_to_none, kind))
    assert (*result.graph.node[0].input, *[""] * 5)[4] == ""


def test_lengths_of_other_sequences_are_kept() -> None:
    short = fixed(*case("GRU", lengths=[4, 3, 4]), "in4")
    reason = "may end before the input"
    declines(rules.full_lengths_to_none, short, reason, op_type="GRU")
    declines(rules.full_lengths_to_none, case("GRU", lengths=[4, 4, 4]), reason, op_type="GRU")
    declines(rules.full_lengths_to_none, case("GRU"), reason, op_type="GRU")


@pytest.mark.parametrize("kind", RECURRENT)
@few
@given(data=st.data())
def test_outputs_get_names(kind: str, data: st.DataObject) -> None:
    model, feed = case(kind, **data.draw(shaped(kind)))
    kept = data.draw(st.integers(0, len(model.graph.output) - 1))
    declines(rules.all_outputs_named, (model, feed), "have names", op_type=kind)
    for index in range(len(model.graph.output)):
        if index != kept:
            model.graph.node[0].output[index] = ""
    output = model.graph.output[kept]
    del model.graph.output[:]
    model.graph.output.append(output)
    prove(rules.all_outputs_named, (model, feed), op_type=kind, targets=(11, 14))
    result = rewrite(model, the_rule(rules.all_outputs_named, kind))
    assert all(result.graph.node[0].output)
    prove(rules.unrolled_steps, (model, feed), op_type=kind, absolute=1e-5)
