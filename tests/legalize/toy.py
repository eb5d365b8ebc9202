"""Small tables and models for tests of the legalizer."""

from pathlib import Path

import onnx
from rules.harness import graph_of

from porting.capability.judge import Judge
from porting.capability.table import table_of
from porting.capability.yaml_reader import parse
from porting.legalize.rule import Registry, Rule
from porting.model.graph import Graph

HEAD = """
schema: 1
target: toy
name: Toy
vendor: Nobody
class: edge
toolchain: {name: toyc, version: "1"}
evidence: measured
absent: unsupported
sources:
  s1: {title: Toy list, where: nowhere, date: 2026-01-01, kind: measured}
source: s1
"""


def table_text(ops: str, opset: str = "{range: 11..18}") -> str:
    """The YAML of a table with these operators."""
    return f"{HEAD}opset: {opset}\nops:\n" + "\n".join(f"  {line}" for line in ops.splitlines())


def judge_for(ops: str, opset: str = "{range: 11..18}") -> Judge:
    """A judge over such a table."""
    return Judge(table_of(parse(table_text(ops, opset), "toy.yaml")))


def write_table(folder: Path, ops: str, opset: str = "{range: 11..18}") -> Path:
    """The table as a file."""
    path = folder / "toy.yaml"
    path.write_text(table_text(ops, opset))
    return path


def model(body: str, opset: int = 17, ir_version: int = 8) -> onnx.ModelProto:
    """A model in ONNX's text form: `g (float[2] x) => (float[2] y) { y = Relu(x) }`."""
    head = f'<ir_version: {ir_version}, opset_import: ["": {opset}]>'
    return onnx.parser.parse_model(f"{head} {body}")


def graph(body: str, opset: int = 17) -> Graph:
    """Its main graph, inferred."""
    return graph_of(model(body, opset))


def rules(*functions: object) -> Registry:
    """A registry of the rules that functions carry."""
    found: list[Rule] = [r for f in functions for r in f.rules]  # type: ignore[attr-defined]
    return Registry(found)
