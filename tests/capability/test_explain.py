"""What a table says of an operator includes what it says of every node."""

from capability.helpers import table

from porting.capability.explain import explain

GENERAL = [
    {"that": "op_type == 'Constant' or inputs[0].rank > 0", "why": "no scalars"},
    {"when": "op_type == 'Conv'", "that": "inputs[1].size <= 99", "why": "at most 99 weights"},
    {"when": "op_type in ['Relu', 'Conv']", "that": "'x' in option('on')", "why": "named only"},
    {"that": "inputs[0] + 1 == op_type + 1", "why": "cannot be applied"},
]


def said(key: str) -> list[str]:
    ops = (
        "Conv: {require: [{that: group == 1, why: no groups}]}\nRelu: {}\nConstant: {}\nm::Conv: {}"
    )
    options = {"on": "nodes to run there"}
    found = explain(table(ops, require=GENERAL, options=options), key).sentences
    return [s.text for s in found if s.verdict == "unsupported"]


def test_limits_on_every_node_stand_behind_the_operators_own() -> None:
    assert said("Conv") == [
        "no groups",
        "no scalars",
        "at most 99 weights",
        "named only",
        "cannot be applied",
    ]


def test_those_of_other_operators_are_left_out() -> None:
    assert said("Relu") == ["no scalars", "named only", "cannot be applied"]


def test_those_that_its_name_alone_fulfils_are_left_out() -> None:
    assert said("Constant") == ["cannot be applied"]


def test_another_domain_s_operator_is_known_by_its_type() -> None:
    assert "at most 99 weights" in said("m::Conv")


def test_a_supported_operator_needs_no_reason() -> None:
    capabilities = table("Exp: {verdict: supported, why: the base table said so}")
    assert explain(capabilities, "Exp").sentences[0].text == "runs on the accelerator"
