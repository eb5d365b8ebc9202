import re

import pytest

from porting.legalize.rule import EXACTNESS, Registry, Rule, rule
from porting.rules import registry

RULES = sorted(registry(), key=lambda r: r.name)


@pytest.mark.parametrize("each", RULES, ids=lambda r: r.name)
def test_a_rule_says_what_it_computes_and_where_that_is_from(each: Rule) -> None:
    assert each.summary.endswith((".", ":")), each.summary
    assert re.search(r"^Source: ", each.doc, re.MULTILINE)
    assert each.exactness in EXACTNESS
    if each.exactness == "conditional":
        assert "unless" in each.doc.lower(), "a condition is to be stated"


def test_operators_that_exporters_write_and_chips_lack_have_a_rule() -> None:
    wanted = (
        "HardSwish Gelu Mish LayerNormalization GroupNormalization InstanceNormalization "
        "ReduceL2 ReduceLogSumExp Einsum Softplus Celu Upsample Conv Transpose Gemm Split Clip "
        "GlobalAveragePool Resize com.microsoft::Gelu"
    )
    assert [w for w in wanted.split(" ") if not registry().for_operator(w)] == []


def test_two_rules_of_one_name_are_refused() -> None:
    first = RULES[0]
    with pytest.raises(ValueError, match=f"two rules are named {first.name}"):
        Registry([first, first])


def test_a_rule_for_several_operators_is_named_after_each() -> None:
    @rule("Max", "Min", exactness="exact")
    def some_thing(op: object, node: object) -> str:
        return ""

    assert [r.name for r in some_thing.rules] == ["some-thing/Max", "some-thing/Min"]  # type: ignore[attr-defined]
