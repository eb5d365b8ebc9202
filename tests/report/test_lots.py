from dataclasses import replace

from report.support import checked, converted, finding, node, standing

from porting.conversion import Declined, Rewrite
from porting.gate.evaluate import evaluate
from porting.report.lots import (
    lots,
    outcome,
    rewrites_by_kind,
    rules_by_reason,
    sentence,
    subject,
    troubles,
)


def test_equal_findings_are_together_and_what_fails_comes_first():
    nodes = (node("a", "fallback"), node("b"), node("c"), node("d", op="Relu"), node("e"))
    entry = standing(evaluate(checked(*nodes)), "passes", "fails", "fails", "waived", "known")
    assert [(lot.first.standing, lot.title) for lot in lots(entry.judged)] == [
        ("fails", "Conv x2"),
        ("known", "Conv"),
        ("waived", "Relu"),
        ("passes", "Conv"),
    ]


def test_what_decides_nothing_is_left_out():
    harmless = finding("unknown", message="not known")
    mixed = node("a")._replace(findings=(finding(), harmless))
    assert [lot.message for lot in lots(evaluate(checked(mixed)).judged)] == ["too large"]


def test_operators_outside_the_opset_are_one_lot_with_what_they_share():
    nodes = [node("a", op=o, code="opset", message=f"{o} is new", reason="new") for o in ("A", "B")]
    (lot,) = lots(evaluate(checked(*nodes)).judged)
    assert (lot.title, lot.message) == ("A, B", "new")


def test_a_finding_on_the_model_is_told_as_such():
    (lot,) = lots(evaluate(checked(findings=(finding(code="model-opset"),))).judged)
    assert (lot.title, lot.nodes) == ("the model", ())


def test_the_outcome_says_why():
    entry = evaluate(checked(node("a"), node("b"), node("c", "unknown")))
    assert outcome(entry) == "2 of 3 nodes fail on toy, 1 cannot be decided"
    assert outcome(standing(entry, "known", "waived", "passes")) == (
        "no node fails, 1 known, 1 waived, 1 cannot be decided"
    )
    whole = replace(evaluate(checked(findings=(finding(),))), broken=("too much on the CPU",))
    assert outcome(whole) == "toy does not take the model as it is, too much on the CPU"


def test_a_failed_proof_is_a_trouble_of_a_conversion_and_its_subject_what_was_given():
    before, after = checked(path="a.onnx"), checked(path="b.onnx")
    proof = {"status": "failed", "reason": "y differs", "outputs": []}
    entry = evaluate(converted(before, after, verification=proof))
    assert [(t.code, t.text) for t in troubles(entry)] == [("proof-failed", "y differs")]
    assert subject(entry) is before
    assert list(troubles(evaluate(converted(before, after)))) == []


def test_a_drift_that_is_too_large_is_a_trouble_too():
    drift = {"status": "failed", "reason": "y drifts"}
    entry = evaluate(converted(checked(), checked(), simulation=drift))
    assert [(t.code, t.text) for t in troubles(entry)] == [("proof-failed", "y drifts")]


def test_rewrites_and_refusals_are_told_once():
    rewrites = [Rewrite(n, "Gelu", "gelu-to-erf", "exact", ("Erf",)) for n in "ab"]
    assert [len(kind) for kind in rewrites_by_kind(rewrites)] == [2]
    declined = [
        Declined("a", "Conv", rule, why, kind=kind)
        for rule, why, kind in (("r", "form", "form"), ("s", "must be allowed", "policy"))
    ]
    assert rules_by_reason(declined) == {"must be allowed": ["s"], "form": ["r"]}


def test_the_fingerprint_of_a_trouble_is_that_of_its_kind_not_of_its_numbers():
    entries = [replace(evaluate(checked()), broken=(f"{n} nodes on the CPU",)) for n in (3, 4)]
    prints = {t.fingerprint for entry in entries for t in troubles(entry)}
    assert len(prints) == 1


def test_a_finding_in_one_line_names_node_and_target():
    (judged,) = evaluate(checked(node("a", scope="if/then"))).judged
    assert sentence(judged, "toy") == "Conv 'a' in 'if/then': unsupported on toy: too large"
    (judged,) = evaluate(checked(findings=(finding(),))).judged
    assert sentence(judged, "toy") == "the model: unsupported on toy: too large"
