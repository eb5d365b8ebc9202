from datetime import date

import pytest
from gate.support import finding, node, result

from porting.gate.evaluate import Policy, evaluate
from porting.gate.waivers import Waiver, takes_everything, waiver_for


def standings(nodes, *waivers):
    entry = evaluate(result(nodes), Policy(waivers=waivers))
    return [(j.standing, j.reason) for j in entry.judged]


def test_a_waived_finding_passes_with_its_reason():
    nodes = [node("a", finding()), node("b", finding(), op="Sin")]
    found = standings(nodes, Waiver("seen", ops=("Tan",)))
    assert found == [("waived", "seen"), ("fails", "")]


@pytest.mark.parametrize(
    "waiver",
    [
        Waiver("r", ops=("T*",)),
        Waiver("r", nodes=("/block.*/tan",)),
        Waiver("r", codes=("cond*",)),
        Waiver("r", ops=("Sin", "Tan"), codes=("condition",)),
    ],
)
def test_every_selector_that_is_given_has_to_fit(waiver):
    assert standings([node("/block.1/head/tan", finding())], waiver) == [("waived", "r")]
    assert standings([node("/other", finding(code="dtype"), op="Abs")], waiver) == [("fails", "")]


def test_one_selector_of_another_finding_is_enough_to_leave_it_out():
    waiver = Waiver("r", ops=("Tan",), codes=("dtype",))
    assert standings([node("a", finding())], waiver) == [("fails", "")]


def test_an_expired_waiver_fails_again_and_says_so():
    waiver = Waiver("seen", date(2026, 1, 31), expired=True, ops=("Tan",))
    said = "the waiver expired on 2026-01-31: seen"
    assert standings([node("a", finding())], waiver) == [("fails", said)]


def test_of_two_waivers_the_one_that_holds_counts():
    over = Waiver("old", date(2026, 1, 31), expired=True, ops=("Tan",))
    found = waiver_for((over, Waiver("new", ops=("T*",))), finding(), node("a"))
    assert found is not None
    assert found.reason == "new"


def test_what_passes_by_its_verdict_needs_no_waiver():
    nodes = [node("a", finding("unknown"))]
    assert standings(nodes, Waiver("r", ops=("Tan",))) == [("passes", "")]


def test_a_waiver_is_about_models_and_targets():
    waiver = Waiver("r", models=("det/**",), targets=("rk-a", "rk-b"))
    assert waiver.concerns("det/x/m.onnx", "rk-b")
    assert not waiver.concerns("det/x/m.onnx", "rk-c")
    assert not waiver.concerns("m.onnx", "rk-b")
    assert Waiver("r", ops=("Tan",)).concerns("anything", "anywhere")


@pytest.mark.parametrize(
    ("selectors", "everything"),
    [
        ([[], []], True),
        ([["*"], ["**"]], True),
        ([["**/*"], []], True),
        ([["x", "*"], []], True),
        ([["*.onnx"], []], False),
        ([["*"], ["Tan"]], False),
    ],
)
def test_what_waives_everything_is_told_from_what_does_not(selectors, everything):
    assert takes_everything(selectors) == everything
