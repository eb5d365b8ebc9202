"""Masks beyond a compute type: offered, and put within it where that is allowed."""

import pytest
from legalize.toy import graph

from porting.legalize.policy import policy_of
from porting.legalize.tame import tame_masks
from porting.rules import registry

LOW = ", ".join("0" if j <= i else "-3.4e38" for i in range(4) for j in range(4))
MASKED = (
    f"g (float[2,4,4] x) => (float[2,4,4] y) <float[4,4] m = {{{LOW}}}>"
    "{ a = MatMul(x, x) s = Add(a, m) y = Softmax(s) }"
)
AT_RUN_TIME = (
    "g (float[2,4,4] x, float[4,4] h) => (float[2,4,4] y) <float low = {-1e9}>"
    "{ f = Mul(h, low) s = Add(x, f) y = Softmax(s) }"
)


def tamed(text: str, kind: str, *allow: str):
    model = graph(text)
    return tame_masks(model, kind, registry(), policy_of(allow, (), registry())), model


def test_nothing_is_changed_without_being_allowed():
    result, model = tamed(MASKED, "float16")
    assert result.rewrites == ()
    assert [o.rule for o in result.offers] == [
        "mask-below-its-row",
        "mask-of-ten-thousand",
        "mask-constant-of-ten-thousand/Add",
    ]
    assert [n.op_type for n in model.nodes] == ["MatMul", "Add", "Softmax"]


@pytest.mark.parametrize("allow", ["mask-of-ten-thousand", "mask-below-its-row", "conditional"])
def test_an_allowed_rule_is_applied_and_no_more_is_offered(allow: str):
    result, model = tamed(MASKED, "float16", allow)
    assert len(result.rewrites) == 1
    assert result.rewrites[0].node == "y"
    assert [o for o in result.offers if o.node == "y"] == []
    assert list(model.nodes[-1].outputs) == ["y"]


def test_a_mask_at_run_time_is_told_by_its_factor():
    result, _ = tamed(AT_RUN_TIME, "float16")
    assert [(o.node, o.rule) for o in result.offers] == [("f", "mask-constant-of-ten-thousand/Mul")]
    result, _ = tamed(AT_RUN_TIME, "float16", "mask-constant-of-ten-thousand")
    assert [r.node for r in result.rewrites] == ["f"]


@pytest.mark.parametrize(
    ("low", "kind", "count"),
    [
        ("-1e9", "bfloat16", 0),
        ("-20000", "float16", 0),
        ("-1e30", "int8", 1),
        ("-9000", "int8", 0),
    ],
)
def test_only_what_is_beyond_the_type_counts(low: str, kind: str, count: int):
    result, _ = tamed(MASKED.replace("-3.4e38", low), kind)
    assert len({o.node for o in result.offers if o.node == "y"}) == count
