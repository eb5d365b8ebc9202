import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from report.support import (
    HOSTILE,
    NAMES,
    checked,
    converted,
    node,
    output,
    report_of,
    reports,
    standing,
)

from porting.conversion import Rewrite
from porting.gate.evaluate import evaluate
from porting.gate.outcome import Report
from porting.report.formats import View
from porting.report.markdown import MOST_CHARACTERS, code, render, text
from porting.report.safe import plain

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OWN_HTML = re.compile(r"(</?details>|<summary>[\w ,]+</summary>|\s)*")


def tokens(source):
    for token in PARSER.parse(source):
        yield token
        yield from token.children or ()


def shown(report, view=None):
    return render(report, view or View())


def visible(source):
    """What a reader sees of Markdown, without spaces of no width."""
    return "".join(
        t.content for t in tokens(source) if t.type in {"text", "code_inline", "text_special"}
    ).replace("\u200b", "")


@given(NAMES)
def test_text_reads_as_it_is_and_does_nothing(name):
    source = text(name)
    assert visible(f"x {source} x") == f"x {plain(name).replace(chr(0x200B), '')} x"
    kinds = {t.type for t in tokens(f"x {source} x")}
    assert kinds <= {"paragraph_open", "inline", "text", "text_special", "paragraph_close"}
    read = "".join(t.content for t in tokens(f"x {source} x") if t.type.startswith("text"))
    assert not re.search(r"[@#!%~$&](?=[^\s\u200b])|:/|www\.(?=\w)", read)


@given(NAMES)
def test_a_code_span_is_one_and_holds_the_name(name):
    spans = [t for t in tokens(f"x {code(name)} x") if t.type == "code_inline"]
    if plain(name).strip():
        assert [t.content.strip() for t in spans] == [plain(name).strip()]
    else:
        assert spans == []


@settings(max_examples=40)
@given(reports())
def test_no_name_brings_html_links_or_images(report):
    for token in tokens(shown(report)):
        assert token.type not in {"link_open", "image"}
        if token.type in {"html_block", "html_inline"}:
            assert OWN_HTML.fullmatch(token.content), token.content


@settings(max_examples=40)
@given(reports())
def test_every_row_of_a_table_has_its_cells_and_every_fold_ends(report):
    source = shown(report)
    assert source == shown(report)
    assert source.encode()
    html = "".join(t.content for t in tokens(source) if t.type.startswith("html"))
    assert html.count("<details>") == html.count("</details>")
    rows = [r for r in source.splitlines() if r.startswith("| ") and "| --- |" not in r]
    kinds = "".join(t.type.replace("td_", "th_") for t in tokens(source))
    cells = [row.count("th_open") for row in kinds.split("tr_open")[1:]]
    assert cells == [len(re.split(r"(?<!\\)\|", row)) - 2 for row in rows]


def test_the_verdict_comes_first_and_a_table_of_models_and_targets():
    lines = shown(report_of(checked(node("a")), checked(path="b.onnx"))).splitlines()
    assert lines[0] == "## port: the gate fails"
    assert lines[4].startswith("| FAIL | m.onnx | toy | 1 |")
    assert lines[5].startswith("| PASS | b.onnx | toy | 0 |")


def test_findings_are_grouped_and_cite_their_sources():
    source = shown(report_of(checked(node("a"), node("b"))))
    assert "- **unsupported** `Conv x2`: too large \\[1]" in source
    assert "  - at `a`, `b`\n  - try harder" in source
    assert source.count("list (here)") == 1


def test_what_does_not_fail_is_folded_and_a_waiver_gives_its_reason():
    entry = evaluate(checked(node("a"), node("b")))
    source = shown(Report((standing(entry, "known", "waived", reason="by Ann"),)))
    assert source.startswith("## port: the gate passes")
    assert "<summary>1 known from the baseline</summary>" in source
    assert "  - waived: by Ann" in source


def test_what_is_gone_since_the_baseline_is_folded():
    entry = replace(evaluate(checked()), gone=("Gelu on toy",))
    source = shown(Report((entry,)))
    assert "<summary>1 gone since the baseline</summary>\n\n- Gelu on toy\n" in source


def test_a_conversion_tells_before_and_after_the_rewrites_and_the_proof():
    before, after = checked(node("a", op="Gelu")), checked(path="out.onnx")
    proof = {"status": "failed", "reason": "y differs", "outputs": [output("y|z")]}
    rewrites = (Rewrite("a", "Gelu", "gelu-to-erf", "reordered", ("Erf", "Mul")),)
    result = converted(before, after, rewrites=rewrites, verification=proof)
    source = shown(report_of(result))
    assert "| 1 → 0 |" in source
    assert "| Gelu | Erf, Mul | gelu-to-erf | reordered | 1 |" in source
    assert "Differs: y differs" in source
    assert "| y&#124;z | 3 | 5.00e-01 |" in source
    assert "Wrote nothing." in source


def test_the_command_to_run_next_has_the_options_given():
    report = report_of(checked(node("a")))
    source = shown(replace(report, entries=(replace(report.entries[0], given="--dim n=1"),)))
    assert "`port convert m.onnx --target toy --dim n=1 -o m.toy.onnx`" in source


@pytest.mark.parametrize("count", [30, 3000])
def test_a_comment_is_never_too_long_and_says_what_it_left_out(count):
    nodes = [node(f"n{i}", message=f"m{i} {'x' * 300}", reason=f"m{i}") for i in range(60)]
    report = report_of(*(checked(*nodes, path=f"m{i}.onnx") for i in range(count)))
    source = shown(report)
    assert len(source) < 65_536
    assert "more sections do not fit" in source
    assert "more kinds of finding are left out" in source
    assert MOST_CHARACTERS < 65_536


@given(st.sampled_from(HOSTILE))
def test_notes_of_the_run_are_shown(note):
    report = replace(report_of(checked()), notes=(note,))
    assert f"Note: {text(note)}" in shown(report)
