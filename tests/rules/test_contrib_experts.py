from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rules.support import contrib, declines, few, numbers, prove

from porting.rules import contrib_experts as rules


def case(inputs: list[Any], **attributes: Any) -> Any:
    return contrib("MoE", inputs, **attributes)


def experts(count: int, bias: bool = True, more: int = 0) -> list[Any]:
    first = [numbers(count, 6, 4, seed=2), numbers(count, 6, seed=3) if bias else None]
    last = [numbers(count, 4, 6, seed=4), numbers(count, 4, seed=5) if bias else None]
    return [*first, *last, *[numbers(count, 6, 4, seed=6)] * more]


@few
@given(
    kind=st.sampled_from(["relu", "silu", "gelu", "identity"]),
    normalized=st.booleans(),
    k=st.integers(1, 3),
    bias=st.booleans(),
    stacked=st.booleans(),
    seed=st.integers(0, 99),
)
def test_all_experts_at_once_give_the_same(
    kind: str, normalized: bool, k: int, bias: bool, stacked: bool, seed: int
) -> None:
    x = numbers(2, 3, 4) if stacked else numbers(6, 4)
    scores = numbers(6, 4, seed=seed)
    built = case(
        [x, scores, *experts(4, bias)], activation_type=kind, k=k,
        normalize_routing_weights=int(normalized),
    )  # fmt: skip
    # onnx.reference does not know onnxruntime's own operators
    prove(rules.ms_experts_to_matmul, built, targets=(11, 13, 17), reference=False, rel=1e-4,
          absolute=1e-4)  # fmt: skip


def test_what_is_declined() -> None:
    rule, rows = rules.ms_experts_to_matmul, [numbers(6, 4), numbers(6, 3)]
    declines(rule, case([*rows, *experts(3, more=1)]), "it has a third matrix")
    declines(rule, case([*rows, *experts(3)], activation_type="swiglu"), "swiglu is not covered")
    declines(rule, case([*rows, *experts(65)]), "more than 64 experts")
    declines(rule, case([*rows, *experts(3)], use_sparse_mixer=1), "use_sparse_mixer is set")
    declines(rule, case([*rows, *experts(3)], k=4), "k is not among")
