import base64
import hashlib
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from report.html_support import chained, island, large, page, parsed
from report.support import HOSTILE, checked, converted, node, output, reports, standing

from porting.conversion import Declined, Rewrite
from porting.gate.evaluate import evaluate
from porting.gate.outcome import Report
from porting.report.formats import View
from porting.report.html import render
from porting.results import Finding, TargetInfo

TAGS = """
html head meta title style body svg defs symbol circle text rect path marker use line g a header
span nav button main section h1 h2 h3 h4 p div table thead tbody tr th td b ul ol li dl dt dd input
details summary code pre select option noscript kbd aside figure figcaption footer script
"""
KNOWN = set(TAGS.split())
EVERYTHING = (
    chained("a", 0, "unsupported"),
    chained("b/c", 1, "deviates"),
    chained("d", 2, "supported"),
)


def attribute_values(text, name):
    return [e.attributes[name] for e in parsed(text).elements if e.attributes.get(name)]


def classes(text, name):
    return [e for e in parsed(text).elements if name in (e.attributes.get("class") or "").split()]


def conversion(**details):
    before = checked(node("act", op="Gelu"), chained("b", 1, "supported"))
    after = checked(chained("act/port/Erf_0", 0, "supported"), chained("b", 1, "supported"))
    rewrites = (Rewrite("act", "Gelu", "gelu-to-erf", "reordered", ("Div", "Erf")),)
    return converted(before, after, **({"rewrites": rewrites} | details))


@settings(max_examples=30)
@given(reports())
def test_nothing_that_a_model_says_becomes_markup(report):
    text = render(report, View())
    found = parsed(text)
    assert {e.tag for e in found.elements} <= KNOWN
    assert not [n for e in found.elements for n in e.attributes if n.startswith("on")]
    assert len(found.all("script")) == 4
    island(text)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text_everywhere(name):
    finding = Finding("unsupported", "c", name, (f"{name} https://a.example/{name}",), name, name)
    nodes = [chained(name, i, "unsupported") for i in range(3)]
    result = checked(*nodes, path=f"x{name}", findings=(finding,))
    text = page(result, notes=(name,), given=name)
    assert {e.tag for e in parsed(text).elements} <= KNOWN
    assert all(h.startswith(("#", "https://")) for h in attribute_values(text, "href"))
    assert not re.search("[\u202e\u2028\u2029\x00\x1b\x07]", text)
    text.encode()


def test_the_policy_names_each_script_and_the_style_and_nothing_else():
    found = parsed(page(checked(node("a"))))
    (policy,) = [
        e.attributes["content"]
        for e in found.all("meta")
        if e.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    running = [e for e in found.all("script") if e.attributes.get("type") != "application/json"]
    for element in [*running, *found.all("style")]:
        digest = base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert policy.count("sha256-") == len(running) + 1
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_the_file_needs_nothing_else():
    text = page(checked(*EVERYTHING))
    found = parsed(text)
    assert not attribute_values(text, "src")
    assert not attribute_values(text, "style")
    assert not found.all("link")
    assert not found.all("img")
    assert "sourceMappingURL" not in text


def test_links_within_the_page_lead_somewhere_and_names_of_places_are_unique():
    text = page(checked(*EVERYTHING), conversion())
    ids = attribute_values(text, "id")
    assert len(ids) == len(set(ids))
    assert {h[1:] for h in attribute_values(text, "href") if h.startswith("#")} <= set(ids)


def test_every_control_has_a_name():
    for element in parsed(page(checked(*EVERYTHING), conversion())).elements:
        if element.tag in {"input", "select"}:
            assert element.attributes.get("aria-label")
        if element.tag == "svg" and element.attributes.get("role") == "img":
            assert element.attributes.get("aria-label")


def test_chips_stand_side_by_side_and_models_below_each_other():
    def on(target, path):
        result = checked(*EVERYTHING, path=path)
        info = TargetInfo(target, target.upper(), "V", "t 1", "measured")
        return evaluate(type(result)(result.model, info, result.nodes, result.findings))

    entries = tuple(on(t, m) for m in ("m.onnx", "k/n.onnx") for t in ("chip-a", "chip-b"))
    text = render(Report(entries), View())
    assert len(classes(text, "cell")) == 4
    heads = [e.text.split() for e in parsed(text).all("h3")]
    pairs = [["m.onnx", "chip-a"], ["m.onnx", "chip-b"], ["n.onnx", "chip-a"], ["n.onnx", "chip-b"]]
    assert heads == pairs
    assert [e.attributes["href"] for e in classes(text, "cell")] == [f"#part-{i}" for i in range(4)]
    assert [e.text for e in classes(text, "gate")] == ["Fail"] * 9
    assert "<title>Fail: 2 models on 2 targets</title>" in text


def test_findings_have_their_nodes_help_and_sources():
    text = page(checked(node("first"), node("second"), node("third", "fallback")))
    lots = classes(text, "lot")
    assert [e.attributes["data-verdict"] for e in lots] == ["unsupported", "fallback"]
    assert [e.attributes["title"] for e in classes(text, "spot")] == ["first", "second", "third"]
    assert [e.text for e in classes(text, "help")] == ["try harder"] * 2
    assert 'id="source-1"' in text


def test_the_gates_standing_is_said():
    entry = standing(evaluate(checked(node("a"))), "waived", reason="the host runs it")
    text = render(Report((entry,)), View())
    assert [e.text for e in classes(text, "tag")] == ["waived: the host runs it"]
    assert "<title>Pass" in text


def test_broken_limits_and_what_is_gone_are_said():
    entry = replace(evaluate(checked()), broken=("9 fall back",), gone=("Conv on a",), gated=True)
    text = render(Report((entry,)), View())
    assert [e.text for e in classes(text, "fails")] == ["9 fall back"]
    assert "1 gone since the baseline" in text
    assert "<li>Conv on a</li>" in text


def test_only_addresses_of_the_web_are_links():
    sources = (
        "javascript:alert(1)",
        "list (https://a.example/x)",
        "data:text/html,x",
        "javascript://a",
    )
    result = checked(findings=(Finding("unsupported", "c", "no", sources),))
    outside = [h for h in attribute_values(page(result), "href") if not h.startswith("#")]
    assert "https://a.example/x" in outside
    assert not [h for h in outside if not h.startswith("https://")]


def test_a_conversion_shows_rewrites_proof_and_both_graphs():
    proof = {"status": "failed", "reason": "y differs", "outputs": [output("y")]}
    declined = (Declined("b", "Conv", "other-rule", "it is not that form"),)
    text = page(conversion(verification=proof, declined=declined))
    assert "Differs" in text
    assert "y differs" in text
    assert [e.text for e in classes(text, "op")] == ["Gelu", "Div", "Erf"]
    plots = [e.attributes["aria-label"] for e in classes(text, "plot")]
    assert plots[0].startswith("share of the tolerance: ")
    assert plots[1].startswith("SNR: ")
    data = island(text)
    assert [v["stage"] for v in data["views"]] == ["after", "before"]
    assert [v["touched"] for v in data["views"]] == [{"0": [0]}, {"0": [0]}]


def test_rules_that_were_tried_stand_with_what_remains():
    remains = checked(node("b"))
    declined = (Declined("b", "Conv", "a-rule", "needs a constant weight"),)
    text = page(converted(remains, remains, declined=declined))
    assert "needs a constant weight" in text
    assert "a-rule" in text


def test_operators_are_counted_by_verdict_in_each_column():
    text = page(conversion())
    cells = classes(text, "tallied")
    found = [c.attributes["data-verdicts"] for c in cells]
    assert found == ["supported", "supported", "unsupported", ""]
    heads = [e.text for e in parsed(text).all("button") if e.text.startswith(("toy", "Operator"))]
    assert heads == ["Operator", "toy before", "toy after"]


def test_verdicts_and_reasons_reach_the_program():
    data = island(page(checked(*EVERYTHING)))
    (view,) = data["views"]
    assert view["verdicts"] == "UDS"
    assert data["graphs"][view["graph"]]["edges"] == [0, 1, 1, 2]
    verdict, code, message, help_text, sources = data["findings"][view["findings"]["0"][0]]
    assert (verdict, code, message, help_text) == ("U", "condition", "no kernel for a", "help")
    assert [data["sources"][s] for s in sources] == ["list"]


def test_one_graph_is_stored_once_for_several_targets():
    data = island(page(checked(*EVERYTHING), checked(*EVERYTHING)))
    assert len(data["views"]) == 2
    assert len(data["graphs"]) == 1


def test_a_model_of_five_thousand_nodes_stays_a_small_file():
    flat = page(large(5000, lambda i: f"node_{i}"))
    nested = page(large(5000, lambda i: f"/model/layers.{i // 50}/self_attn/MatMul_{i}"))
    assert len(flat.encode()) < 600_000
    assert len(nested.encode()) < 600_000
    assert len(page(checked(node("a"))).encode()) < 200_000


def test_a_report_of_nothing_is_a_page():
    text = page(checked())
    assert "None." in text
    assert island(text)["graphs"][0]["name"] == []
