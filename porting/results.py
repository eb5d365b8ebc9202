"""What the engine answers: plain data, the same for every report and for Python.

`to_dict` of each result is exactly its JSON. Fields may be added in later versions, never renamed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

Verdict: TypeAlias = Literal["supported", "fallback", "unknown", "deviates", "unsupported"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""From best to worst. A node's verdict is the worst of its findings."""

FAILING: frozenset[Verdict] = frozenset({"deviates", "unsupported"})
"""Verdicts that fail the gate by default."""


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The worst of some verdicts; `supported` if there are none."""
    return max(verdicts, key=VERDICTS.index, default="supported")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a table says about one node.

    Attributes:
        verdict: What it alone would make of the node.
        code: Stable kind of finding, such as `attribute` or `operator-absent`.
        message: What is the matter, with the node's own values.
        sources: Where the table has it from, title and place of each.
        help: What to do about it; may be empty.
        reason: The message without the node's values: what equal findings have in common.
    """

    verdict: Verdict
    code: str
    message: str
    sources: tuple[str, ...] = ()
    help: str = ""
    reason: str = ""

    @property
    def source(self) -> str:
        """All sources in one text."""
        return "; ".join(self.sources)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "verdict": self.verdict,
            "code": self.code,
            "message": self.message,
            "source": self.source,
            "help": self.help,
        }


class NodeResult(NamedTuple):
    """The verdict on one node; a tuple, since models have many.

    Attributes:
        name: The node's name, or its first output where it has none.
        op_type: Operator.
        domain: Operator set domain, `ai.onnx` for the default one.
        opset: Version of that domain that the model imports.
        verdict: The worst of the findings.
        scope: Path of the body in which it stands; empty for the main graph.
        findings: Worst first.
        inputs: Names of the values that it reads, empty where one is left out; not in the JSON.
        outputs: Names of the values that it makes; likewise.
    """

    name: str
    op_type: str
    domain: str
    opset: int
    verdict: Verdict
    scope: str = ""
    findings: tuple[Finding, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The operator as tables write it."""
        return self.op_type if self.domain == "ai.onnx" else f"{self.domain}::{self.op_type}"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "name": self.name,
            "op_type": self.op_type,
            "domain": self.domain,
            "opset": self.opset,
            "verdict": self.verdict,
            "scope": self.scope,
            "findings": [f.to_dict() for f in self.findings],
        }


@dataclass(frozen=True, slots=True)
class InputInfo:
    """An input of the model as it is known: dimensions are sizes, names or None."""

    name: str
    dtype: str | None
    shape: tuple[int | str | None, ...] | None

    @property
    def is_open(self) -> bool:
        """Whether a dimension is not known."""
        return self.shape is None or any(not isinstance(d, int) for d in self.shape)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        shape = None if self.shape is None else list(self.shape)
        return {"name": self.name, "dtype": self.dtype, "shape": shape}


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The model that a result is about.

    Attributes:
        path: As given; empty for a model that came as a message.
        sha256: Of the file's bytes.
        ir_version: ONNX IR version.
        opsets: Version by domain.
        nodes: All nodes, those in bodies included.
        parameters: Elements of all initializers.
        inputs: With the shapes that the user gave.
    """

    path: str
    sha256: str
    ir_version: int
    opsets: Mapping[str, int]
    nodes: int
    parameters: int
    inputs: tuple[InputInfo, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "path": self.path,
            "sha256": self.sha256,
            "ir_version": self.ir_version,
            "opsets": dict(self.opsets),
            "nodes": self.nodes,
            "parameters": self.parameters,
            "inputs": [i.to_dict() for i in self.inputs],
        }


@dataclass(frozen=True, slots=True)
class TargetInfo:
    """The chip and toolchain that a result is about.

    Attributes:
        id: Target id.
        name: The chip, in words.
        vendor: Who makes it.
        toolchain: Name and version.
        evidence: How the table came to know: measured, vendor-source, ...
        op_map: The user's own table file, where the table is not one of the package's.
    """

    id: str
    name: str
    vendor: str
    toolchain: str
    evidence: str
    op_map: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "id": self.id,
            "name": self.name,
            "vendor": self.vendor,
            "toolchain": self.toolchain,
            "evidence": self.evidence,
        }


@dataclass(frozen=True)
class CheckResult:
    """What `porting.check` answers.

    Attributes:
        model: What was checked.
        target: For which chip.
        nodes: Every node, in the model's order, bodies after their node.
        findings: What concerns the model as a whole, such as its opset.
    """

    model: ModelInfo
    target: TargetInfo
    nodes: tuple[NodeResult, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def counts(self) -> dict[Verdict, int]:
        """Number of nodes by verdict, every verdict present."""
        return dict(self._counts)

    @cached_property
    def _counts(self) -> Mapping[Verdict, int]:
        found = Counter([node.verdict for node in self.nodes])
        return {verdict: found[verdict] for verdict in VERDICTS}

    @property
    def _verdicts(self) -> set[Verdict]:
        """Those that a node has, or the model as a whole."""
        return {v for v, n in self._counts.items() if n} | {f.verdict for f in self.findings}

    @property
    def passed(self) -> bool:
        """Whether the gate passes: nothing deviates and nothing is unsupported."""
        return FAILING.isdisjoint(self._verdicts)

    @property
    def legal(self) -> bool:
        """Whether every node is known to run, on the accelerator or on the host."""
        return self._verdicts <= {"supported", "fallback"}

    def to_dict(self, *, every_node: bool = False) -> dict[str, Any]:
        """The JSON form, schema `port.check/1`.

        Args:
            every_node: Lists supported nodes too.
        """
        listed = [n for n in self.nodes if every_node or n.verdict != "supported"]
        return {
            "schema": "port.check/1",
            "model": self.model.to_dict(),
            "target": self.target.to_dict(),
            "verdict": "pass" if self.passed else "fail",
            "counts": self.counts,
            "findings": [f.to_dict() for f in self.findings],
            "nodes": [n.to_dict() for n in listed],
        }
