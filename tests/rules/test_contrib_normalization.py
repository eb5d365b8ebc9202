from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import CLOSE, MODEST, arrays, contrib, declines, few, numbers, prove, shapes

from porting.rules import contrib_normalization as rules

TARGETS = (11, 13, 17, 18)


@few
@given(
    x=arrays(shapes(least=2, size=5), MODEST),
    axis=st.sampled_from([None, -1, 1]),
    epsilon=st.sampled_from([None, 1e-6]),
    outputs=st.sampled_from([1, 2]),
)
def test_a_simplified_normalization_is_the_same(
    x: np.ndarray, axis: Any, epsilon: Any, outputs: int
) -> None:
    scale = numbers(*(x.shape[1:] if axis == 1 else x.shape[-1:]))
    built = single(
        "SimplifiedLayerNormalization", [x, scale], opset=17, outputs=outputs, axis=axis,
        epsilon=epsilon,
    )  # fmt: skip
    prove(rules.simplified_layer_normalization_to_means, built, targets=TARGETS, **CLOSE)


@few
@given(
    x=arrays(shapes(least=3, most=3, size=5), MODEST),
    skip=st.sampled_from(["whole", "one", "row"]),
    beta=st.booleans(),
    bias=st.booleans(),
    total=st.booleans(),
    epsilon=st.sampled_from([None, 1e-5]),
)
def test_a_normalization_of_a_sum_is_the_same(
    x: np.ndarray, skip: str, beta: bool, bias: bool, total: bool, epsilon: Any
) -> None:
    shape = {"whole": x.shape, "one": (1, *x.shape[1:]), "row": x.shape[1:]}[skip]
    row = x.shape[-1]
    operands = [x, numbers(*shape, seed=1), numbers(row, seed=2)]
    last = numbers(row, seed=4) if bias else None
    inputs = [*operands, numbers(row, seed=3) if beta else None, last]
    built = contrib("SkipLayerNormalization", inputs, 1, epsilon=epsilon)
    plain = contrib("SkipSimplifiedLayerNormalization", [*operands, last], 1, epsilon=epsilon)
    for model, _ in (built, plain):
        if total:
            model.graph.node[0].output.extend(["", "", "total"])
            model.graph.output.add().name = "total"
    prove(rules.ms_skip_layer_normalization_to_sum, built, targets=TARGETS, **CLOSE)
    prove(rules.ms_skip_simplified_layer_normalization_to_sum, plain, targets=TARGETS, **CLOSE)


@few
@given(
    segments=st.booleans(),
    positions=st.sampled_from([None, "one", "each"]),
    mask=st.booleans(),
    outputs=st.integers(2, 3),
    length=st.integers(1, 4),
)
def test_a_normalization_of_embeddings_is_the_same(
    segments: bool, positions: Any, mask: bool, outputs: int, length: int
) -> None:
    random = np.random.default_rng(length)

    def ids(most: int, batch: int = 2) -> np.ndarray:
        return random.integers(0, most, (batch, length)).astype(np.int32)

    inputs: list[Any] = [ids(9), ids(2) if segments else None, numbers(9, 6), numbers(5, 6)]
    inputs += [numbers(2, 6) if segments else None, numbers(6), numbers(6, seed=1)]
    inputs += [ids(2) if mask else None]
    inputs += [ids(5, 1 if positions == "one" else 2)] if positions else []
    built = contrib("EmbedLayerNormalization", inputs, outputs)
    prove(rules.ms_embed_layer_normalization_to_gather, built, targets=TARGETS, **CLOSE)


def test_half_precision_does_not_overflow() -> None:
    x = np.full((1, 2, 4), 300.0, np.float16)
    ones = np.ones(4, np.float16)
    built = contrib("SkipSimplifiedLayerNormalization", [x, x, ones])
    prove(rules.ms_skip_simplified_layer_normalization_to_sum, built, targets=(13, 17), rel=1e-2,
          absolute=1e-2, reference=False)  # fmt: skip


def test_what_is_declined() -> None:
    x = numbers(2, 3, 4)
    row = numbers(4)
    training = contrib("SkipLayerNormalization", [x, x, row, row], 3)
    declines(rules.ms_skip_layer_normalization_to_sum, training, "statistics for training")
    double = single("SimplifiedLayerNormalization", [x, row], opset=17, stash_type=11)
    declines(rules.simplified_layer_normalization_to_means, double, "not kept in float32")
