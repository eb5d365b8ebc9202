"""Results of every kind for tests of reports, and names that are made to break them."""

import os
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from porting.conversion import ConvertResult, Declined, Rewrite
from porting.gate.evaluate import evaluate
from porting.gate.outcome import Report
from porting.proof.compare import compare_output
from porting.proof.tolerance import Tolerance
from porting.report.formats import View
from porting.report.lots import STANDINGS
from porting.report.text import render
from porting.results import VERDICTS, CheckResult, Finding, ModelInfo, NodeResult, TargetInfo


def shown(result: CheckResult | ConvertResult) -> str:
    """The report in text, without colours."""
    return render(Report((evaluate(result),)), View())


TARGET = TargetInfo("toy", "Toy", "Nobody", "toyc 1", "measured")
HOSTILE = (
    "a\nb",
    "\r\n::error file=x::forged",
    "##[error]forged",
    "x%0A::error::y",
    "]]>",
    "<!--",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</details>",
    "a|b",
    "a\\|b\\",
    "`` ` ```",
    "` @user",
    "@user and #12",
    "[x](https://evil.example)",
    "https://evil.example www.evil.example a@b.example",
    "**b** _i_ ~~s~~ $m$ :+1:",
    "&lt;b&gt;",
    "\x00\x07\x1b[31m",
    "\ud800 \udc80",
    "\u202e\u2028\u2029\ufeff",
    "\ufffe\uffff",
    "{0} {{1}}",
    "支持",
    "",
    " ",
)
"""Names that some format could take for its own."""
NAMES = st.one_of(st.sampled_from(HOSTILE), st.text(alphabet=st.characters(), max_size=12))


def finding(verdict="unsupported", code="condition", message="too large", reason="too large"):
    return Finding(verdict, code, message, ("list (here)",), "try harder", reason)


def node(name, verdict="unsupported", op="Conv", scope="", **details):
    return NodeResult(name, op, "ai.onnx", 17, verdict, scope, (finding(verdict, **details),))


def checked(*nodes, path="m.onnx", findings=()):
    info = ModelInfo(path, "0" * 64, 8, {"ai.onnx": 17}, max(len(nodes), 3), 1234567)
    return CheckResult(info, TARGET, nodes, findings)


def standing(entry, *standings, reason=""):
    """The same entry with its findings standing as said."""
    judged = zip(entry.judged, standings, strict=True)
    reasons = {"waived": reason}
    found = (j._replace(standing=s, reason=reasons.get(s, "")) for j, s in judged)
    return replace(entry, judged=tuple(found))


def report_of(*results, notes=()):
    return Report(tuple(evaluate(r) for r in results), notes)


def converted(before, after, **details):
    """A conversion whose proof passed, if nothing else is said."""
    proof = {"status": "passed", "reason": "all outputs agree", "outputs": []}
    fields = {"rewrites": (), "declined": (), "verification": proof} | details
    return ConvertResult(before, after, **fields)


@st.composite
def reports(draw):
    """A report of which every text may be anything."""
    name, verdict = NAMES, st.sampled_from(VERDICTS[1:])
    entries = []
    for _ in range(draw(st.integers(1, 2))):
        nodes = [
            node(draw(name), draw(verdict), draw(name), draw(name), message=draw(name))
            for _ in range(draw(st.integers(0, 3)))
        ]
        result = checked(*nodes, path=draw(name.filter(_is_path)), findings=(finding(),))
        if draw(st.booleans()):
            rewrites = tuple(
                Rewrite(n.name, n.op_type, "rule", "exact", (draw(name),), n.scope) for n in nodes
            )
            declined = tuple(
                Declined(n.name, n.op_type, "rule", draw(name), n.scope) for n in nodes
            )
            proof = {"status": "failed", "reason": draw(name), "outputs": [output(draw(name))]}
            result = converted(
                result, result, rewrites=rewrites, declined=declined, verification=proof
            )
        entry = evaluate(result)
        count = len(entry.judged)
        standings = st.lists(st.sampled_from(STANDINGS), min_size=count, max_size=count)
        entries.append(standing(entry, *draw(standings), reason=draw(name)))
    broken = replace(entries[0], broken=(draw(name),))
    return Report((broken, *entries[1:]), (draw(name),))


def output(name):
    """How far an output is off, as the proof says it."""
    values = np.ones(3, np.float32)
    return compare_output(name, [values], [values * 1.5], Tolerance(rel=1e-3, scale=1e-5)).to_dict()


def _is_path(text):
    """Whether a file can have this name; what is no text to the system cannot be."""
    try:
        return "\0" not in text and bool(os.fsencode(text))
    except UnicodeEncodeError:
        return False
