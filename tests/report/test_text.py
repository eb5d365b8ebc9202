from report.support import shown

from porting.conversion import ConvertResult, Declined
from porting.report.groups import counted, grouped
from porting.report.safe import plain, shortened
from porting.report.text import render_verification
from porting.results import CheckResult, Finding, ModelInfo, NodeResult, TargetInfo

TARGET = TargetInfo("toy", "Toy", "Nobody", "toyc 1", "measured")
MODEL = ModelInfo("m.onnx", "0" * 64, 8, {"ai.onnx": 17}, 3, 1234567)


def node(name, verdict, reason="r", op="Conv", scope="", code="condition"):
    finding = Finding(verdict, code, f"{reason} ({name})", ("list (here)",), "try harder", reason)
    return NodeResult(name, op, "ai.onnx", 17, verdict, scope, (finding,))


def result(*nodes, findings=()):
    return CheckResult(MODEL, TARGET, nodes, findings)


def test_nodes_with_one_reason_are_one_group_worst_first():
    groups = grouped(
        [
            node("a", "fallback"),
            node("b", "unsupported"),
            node("c", "unsupported"),
            node("d", "deviates"),
        ]
    )
    assert [(g.verdict, g.title) for g in groups] == [
        ("unsupported", "Conv x2"),
        ("deviates", "Conv"),
        ("fallback", "Conv"),
    ]


def test_operators_outside_the_opset_are_one_group():
    nodes = [node("a", "unsupported", op=o, code="opset") for o in ("Conv", "Relu", "Conv")]
    (group,) = grouped(nodes)
    assert group.title == "Conv x2, Relu"
    assert group.message == "r"


def test_a_failing_finding_behind_a_worse_one_is_shown():
    worse = Finding("unsupported", "opset", "too new", (), "", "too new")
    deviates = Finding("deviates", "condition", "alpha is dropped", (), "", "alpha is dropped")
    mixed = NodeResult("n", "Gemm", "ai.onnx", 20, "unsupported", "", (worse, deviates))
    assert {g.message for g in grouped([mixed])} == {"too new", "alpha is dropped"}


def test_a_source_is_written_once_and_cited_by_number():
    text = shown(result(node("a", "unsupported"), node("b", "deviates", "other")))
    assert text.count("list (here)") == 1
    assert text.count("[1]") == 3


def test_the_view_ends_with_verdict_and_next_step():
    lines = shown(result(node("a", "unsupported"))).rstrip().splitlines()
    assert lines[-2] == "FAIL  1 of 3 nodes fail on toy"
    assert lines[-1].startswith("next  rewrite what can be rewritten: port convert m.onnx")


def test_a_pass_says_what_could_not_be_decided():
    assert "PASS  no node fails, 1 cannot be decided" in shown(result(node("a", "unknown")))


def test_a_model_that_fails_as_a_whole_fails_the_gate():
    finding = Finding("unsupported", "model-opset", "opset 20", (), "")
    text = shown(result(findings=(finding,)))
    assert "the model  opset 20" in text
    assert "FAIL  toy does not take the model as it is" in text


def test_only_some_nodes_of_a_group_are_named():
    text = shown(result(*[node(f"n{i}", "unsupported") for i in range(5)]))
    assert "n0, n1, n2 and 2 more" in text


def test_the_scope_of_a_node_is_named():
    text = shown(result(node("a", "unsupported", scope="If_1.then_branch")))
    assert "a in If_1.then_branch" in text


def test_a_failed_proof_is_said_first():
    verification = {"status": "failed", "reason": "y differs", "outputs": [], "warnings": ["w"]}
    assert render_verification(verification).splitlines() == [
        "DIFFERS      y differs",
        "warning      w",
    ]


def test_a_skipped_proof_is_said_out_loud():
    text = render_verification({"status": "skipped", "reason": "no kernel", "outputs": []})
    assert text.startswith("NOT VERIFIED  no kernel")


def test_commands_of_a_ci_system_are_escaped():
    assert plain("::error::x") == r"\x3a:error::x"
    assert plain("a ::error::x") == r"a \x3a:error::x"
    assert plain("a\n::error::x") == r"a\n::error::x"
    assert plain("a ##[error]x") == r"a \x23#[error]x"
    assert plain("com.microsoft::Gelu ## a") == "com.microsoft::Gelu ## a"


def test_control_characters_are_escaped():
    assert plain("a\x1b[0m\nb\u202e") == "a\\x1b[0m\\nb\\u202e"
    assert plain("支持 ok") == "支持 ok"


def test_long_names_keep_both_ends():
    assert shortened("abcdefghij", 5) == "ab…ij"
    assert shortened("abc", 5) == "abc"


def test_operators_are_counted_in_alphabetical_order():
    assert counted(["b", "a", "b"]) == "a, b x2"


def test_rules_that_decline_for_one_reason_are_named_together():
    remaining = result(node("a", "unsupported"), node("b", "unsupported"))
    declined = [
        Declined(name, "Conv", rule, reason)
        for name in ("a", "b")
        for rule, reason in (("one", "too large"), ("two", "too large"), ("three", "too small"))
    ]
    verification = {"status": "passed", "reason": "ok", "outputs": []}
    text = shown(ConvertResult(remaining, remaining, (), tuple(declined), verification))
    assert text.count("tried  one, two: too large") == 1
    assert text.count("tried  three: too small") == 1


def test_what_can_be_acted_on_is_told_before_rules_for_other_forms():
    remaining = result(node("a", "unsupported"))
    kinds = ("form", "result", "policy")
    declined = tuple(Declined("a", "Conv", kind, f"because of {kind}", kind=kind) for kind in kinds)
    verification = {"status": "passed", "reason": "ok", "outputs": []}
    text = shown(ConvertResult(remaining, remaining, (), declined, verification))
    places = [text.index(f"tried  {kind}") for kind in kinds]
    assert places == sorted(places, reverse=True)
