"""Tables, models and results for tests of the gate."""

from collections.abc import Iterable
from pathlib import Path

import onnx
from legalize.toy import model, table_text

from porting.results import CheckResult, Finding, ModelInfo, NodeResult, TargetInfo, Verdict, worst

RELU = "g (float[2] x) => (float[2] y) { y = Relu(x) }"
TAN = "g (float[2] x) => (float[2] y) { y = Tan(x) }"
OPEN = "g (float[n,2] x) => (float[n,2] y) { y = Relu(x) }"


def save(path: Path, body: str) -> Path:
    """A model in ONNX's text form as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save_model(model(body), path)
    return path


def write_tables(folder: Path) -> Path:
    """Two targets of one vendor and one of another: `nob-a` and `nob-b`, `oth-c`."""
    texts = {
        "nobody/nob-a": "Relu: {}\nTan: {verdict: fallback, why: the host does it}",
        "nobody/nob-b": "Relu: {}",
        "other/oth-c": "Relu: {verdict: deviates, why: it is rounded}\nTan: {}",
    }
    for name, ops in texts.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(table_text(ops).replace("target: toy", f"target: {path.stem}"))
    return folder


def node(name: str, *findings: Finding, op: str = "Tan", scope: str = "") -> NodeResult:
    """A node with these findings."""
    verdict = worst([f.verdict for f in findings])
    return NodeResult(name, op, "ai.onnx", 17, verdict, scope, findings, ("x",), ("y",))


def finding(verdict: Verdict = "unsupported", code: str = "condition", reason: str = "") -> Finding:
    """A finding; its message has a value of its node."""
    said = reason or "it is not taken"
    return Finding(verdict, code, f"{said} (k=3)", ("a list (somewhere)",), "", said)


def result(nodes: Iterable[NodeResult], path: str = "m.onnx", target: str = "toy") -> CheckResult:
    """A check with these nodes."""
    found = tuple(nodes)
    info = ModelInfo(path, "0" * 64, 8, {"ai.onnx": 17}, len(found), 0)
    chip = TargetInfo(target, "Toy", "Nobody", "toyc 1", "measured")
    return CheckResult(info, chip, found)
