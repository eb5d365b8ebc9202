from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rules.support import contrib, declines, few, numbers, prove

from porting.rules import contrib_rotary as rules

TARGETS = (11, 13, 17)


def case(inputs: list[Any], **attributes: Any) -> Any:
    return contrib("RotaryEmbedding", inputs, **attributes)


@few
@given(
    flat=st.booleans(),
    interleaved=st.booleans(),
    each=st.booleans(),
    constant=st.booleans(),
    part=st.booleans(),
    heads=st.integers(1, 3),
    length=st.integers(1, 4),
)
def test_rotary_embedding_is_the_same(
    flat: bool, interleaved: bool, each: bool, constant: bool, part: bool, heads: int, length: int
) -> None:
    half = 2 if part else 4
    x = numbers(2, length, heads * 8) if flat else numbers(2, heads, length, 8)
    ids = np.random.default_rng(3).integers(0, 9, (2, length)) if each else np.array([3])
    attributes: dict[str, Any] = {"interleaved": int(interleaved)}
    if part:
        attributes |= {"rotary_embedding_dim": 4, "num_heads": heads}
    built = case(
        [x, ids, numbers(9, half, seed=1), numbers(9, half, seed=2)],
        constants=(1, 2, 3) if constant else (),
        **attributes,
    )
    # onnx.reference does not know onnxruntime's own operators
    prove(rules.ms_rotary_embedding_to_mul, built, targets=TARGETS, reference=False)


def test_what_is_declined() -> None:
    x, ids, table = numbers(2, 3, 16), np.array([3]), numbers(9, 4)
    rule = rules.ms_rotary_embedding_to_mul
    declines(rule, case([x, ids, table, table], scale=2.0), "the scale is not 1")
    declines(rule, case([x, ids, table, table], is_packed_batching=1), "the batch is packed")
    declines(rule, case([x, ids, numbers(9, 3), table]), "heads of another size")
    model, feed = case([x, ids, table, table])
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "n"
    declines(rule, (model, feed), "the length of the sequence is not known")
