from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import declines, few, numbers, prove

from porting.rules import rotary as rules

TARGETS = (11, 13, 17, 18, 23)


def case(inputs: list[Any], constants: Any = (), **attributes: Any) -> Any:
    return single(
        "RotaryEmbedding", inputs, opset=23, ir_version=10, constants=constants, **attributes
    )


@few
@given(
    flat=st.booleans(),
    interleaved=st.booleans(),
    positions=st.booleans(),
    constant=st.booleans(),
    part=st.sampled_from([0, 4]),
    heads=st.integers(1, 3),
    length=st.integers(1, 4),
)
def test_rotary_embedding_is_the_same(
    flat: bool, interleaved: bool, positions: bool, constant: bool, part: int, heads: int,
    length: int,
) -> None:  # fmt: skip
    batch, size = 2, 8
    half = (part or size) // 2
    shape = (batch, length, heads * size) if flat else (batch, heads, length, size)
    table = (10, half) if positions else (batch, length, half)
    inputs: list[Any] = [numbers(*shape), numbers(*table, seed=1), numbers(*table, seed=2)]
    if positions:
        inputs.append(np.random.default_rng(3).integers(0, 10, (batch, length)))
    attributes: dict[str, Any] = {"num_heads": heads} if flat else {}
    attributes |= {"interleaved": int(interleaved), "rotary_embedding_dim": part}
    built = case(inputs, constants=(1, 2) if constant else (), **attributes)
    prove(rules.rotary_embedding_to_mul, built, targets=TARGETS)


def test_any_length_and_batch() -> None:
    inputs = [numbers(2, 2, 3, 8), numbers(9, 4), numbers(9, 4), np.array([[0, 1, 2], [4, 5, 6]])]
    for interleaved in (0, 1):
        model, feed = case(inputs, interleaved=interleaved)
        for info, axes in ((model.graph.input[0], (0, 2)), (model.graph.input[3], (0, 1)),
                           (model.graph.output[0], (0, 2))):  # fmt: skip
            for axis, name in zip(axes, ("batch", "length"), strict=True):
                info.type.tensor_type.shape.dim[axis].dim_param = name
        prove(rules.rotary_embedding_to_mul, (model, feed), targets=TARGETS)


def test_what_is_declined() -> None:
    table = [numbers(9, 4), numbers(9, 4), np.array([[0, 1, 2]])]
    rule = rules.rotary_embedding_to_mul
    declines(rule, case([numbers(1, 3, 16), *table]), "number of heads is not given")
    declines(rule, case([numbers(1, 0, 3, 8), *table]), "an input is empty")
    odd = case([numbers(1, 2, 3, 8), *table], rotary_embedding_dim=3)
    declines(rule, odd, "an odd number")
    more = case([numbers(1, 2, 3, 8), *table], rotary_embedding_dim=10)
    declines(rule, more, "more elements are turned")
