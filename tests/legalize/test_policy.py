import pytest

from porting.errors import UsageError
from porting.legalize.policy import DEFAULT, policy_of
from porting.legalize.rule import EXACTNESS, Registry, Rule


def named(name: str, exactness: str = "exact") -> Rule:
    return Rule(name, "Relu", exactness, lambda op, node: [])  # type: ignore[arg-type]


PLAIN = named("plain")
ROUGH = named("rough/Relu", "approximate")
RULES = Registry([PLAIN, ROUGH])


def test_strong_classes_are_applied_by_default_and_weak_ones_are_not():
    refused = [c for c in EXACTNESS if DEFAULT.refusal(named("x", c))]
    assert refused == ["conditional", "approximate"]
    assert DEFAULT.refusal(ROUGH) == "it is approximate; allow it with --allow approximate"


@pytest.mark.parametrize("word", ["approximate", "rough", "rough/Relu"])
def test_a_class_a_family_or_a_rule_is_allowed(word):
    assert policy_of([word], [], RULES).refusal(ROUGH) == ""


def test_a_rule_that_is_allowed_opens_its_class_for_no_other():
    assert policy_of(["rough"], [], RULES).refusal(named("other", "approximate"))


@pytest.mark.parametrize("word", ["exact", "plain"])
def test_a_class_or_a_rule_is_denied(word):
    assert policy_of([], [word], RULES).refusal(PLAIN)


def test_the_name_of_a_rule_outweighs_its_family_and_its_class():
    policy = policy_of(["rough/Relu"], ["rough", "approximate"], RULES)
    assert policy.refusal(ROUGH) == ""


def test_what_is_denied_and_allowed_under_one_name_is_denied():
    refusal = policy_of(["plain"], ["plain"], RULES).refusal(PLAIN)
    assert refusal == "it is denied with --deny plain"


def test_a_word_that_is_neither_is_refused_with_a_guess():
    with pytest.raises(UsageError) as error:
        policy_of(["plane"], [], RULES)
    assert error.value.code == "rule-unknown"
    assert "did you mean plain?" in error.value.help
