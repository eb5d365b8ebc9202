"""What differs between two models: plain data, the same for every report and for Python."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from porting.results import (
    FAILING,
    CheckResult,
    Finding,
    InputInfo,
    ModelInfo,
    NodeResult,
    TargetInfo,
    Verdict,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Difference:
    """One property that is not what it was; an empty text where it was or is absent."""

    name: str
    old: str
    new: str

    def to_dict(self) -> dict[str, str]:
        """The JSON form."""
        return {"name": self.name, "old": self.old, "new": self.new}


@dataclass(frozen=True, slots=True)
class Count:
    """How many nodes of an operator there were and are."""

    op_type: str
    old: int
    new: int

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"op_type": self.op_type, "old": self.old, "new": self.new}


@dataclass(frozen=True, slots=True)
class NodeRef:
    """Which node is meant: its name, or its first output where it has none."""

    name: str
    op_type: str
    scope: str = ""

    def to_dict(self) -> dict[str, str]:
        """The JSON form."""
        return {"name": self.name, "op_type": self.op_type, "scope": self.scope}


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A node of both models that is not the same in them.

    Attributes:
        old: In the old model.
        new: In the new model.
        attributes: Those that differ, ONNX's defaults filled in.
        inputs: Inputs that read another value, and results that bodies take from elsewhere.
        outputs: Outputs whose element type or shape differs, as far as it is known.
    """

    old: NodeRef
    new: NodeRef
    attributes: tuple[Difference, ...] = ()
    inputs: tuple[Difference, ...] = ()
    outputs: tuple[Difference, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "old": self.old.to_dict(),
            "new": self.new.to_dict(),
            "attributes": [d.to_dict() for d in self.attributes],
            "inputs": [d.to_dict() for d in self.inputs],
            "outputs": [d.to_dict() for d in self.outputs],
        }


@dataclass(frozen=True, slots=True)
class TensorRef:
    """An initializer.

    Attributes:
        name: Its name.
        dtype: Element type; None where onnx does not know it.
        shape: Sizes.
        scope: Path of the body that holds it; empty for the main graph.
        sha256: Of type, shape and contents; None where the contents were not read.
    """

    name: str
    dtype: str | None
    shape: tuple[int, ...]
    scope: str = ""
    sha256: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "name": self.name,
            "dtype": self.dtype,
            "shape": list(self.shape),
            "scope": self.scope,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, slots=True)
class Split(Generic[T]):
    """Things of two models: those of one alone, and pairs that are not the same."""

    added: tuple[T, ...] = ()
    removed: tuple[T, ...] = ()
    changed: tuple[tuple[T, T], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.removed or self.changed)

    def to_dict(self, form: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
        """The JSON form, each thing in its own."""
        return {
            "added": [form(t) for t in self.added],
            "removed": [form(t) for t in self.removed],
            "changed": [{"old": form(a), "new": form(b)} for a, b in self.changed],
        }


@dataclass(frozen=True, slots=True)
class Nodes:
    """What became of the nodes, those of bodies included.

    Attributes:
        added: Of the new model alone.
        removed: Of the old model alone.
        changed: Of both, with what differs.
        matched: How many were found in both models.
        renamed: How many of those have another name; that alone is no difference.
    """

    added: tuple[NodeRef, ...] = ()
    removed: tuple[NodeRef, ...] = ()
    changed: tuple[NodeChange, ...] = ()
    matched: int = 0
    renamed: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.removed or self.changed)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "added": [n.to_dict() for n in self.added],
            "removed": [n.to_dict() for n in self.removed],
            "changed": [c.to_dict() for c in self.changed],
            "matched": self.matched,
            "renamed": self.renamed,
        }


@dataclass(frozen=True, slots=True)
class Parameters:
    """What became of the initializers.

    Attributes:
        tensors: Those of one model alone, and those with other contents, type or shape.
        renamed: How many have another name; that alone is no difference.
        unread: Initializers of the new model that may differ: their contents, or those of what
            they were, lie in a file beside the model and were not read.
    """

    tensors: Split[TensorRef] = Split()
    renamed: int = 0
    unread: tuple[TensorRef, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            **self.tensors.to_dict(TensorRef.to_dict),
            "renamed": self.renamed,
            "unread": [t.to_dict() for t in self.unread],
        }


@dataclass(frozen=True, slots=True)
class Located:
    """A finding and the node that it is about; None for the model as a whole."""

    finding: Finding
    node: NodeResult | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "node": self.node.name if self.node else "",
            "op_type": self.node.key if self.node else "",
            "scope": self.node.scope if self.node else "",
            **self.finding.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the chip makes of both models.

    Attributes:
        old: Verdicts on the old model.
        new: Verdicts on the new model.
        appeared: Findings on the new model that the old one had not.
        gone: Findings on the old model that the new one has not.
    """

    old: CheckResult
    new: CheckResult
    appeared: tuple[Located, ...]
    gone: tuple[Located, ...]

    @property
    def failing(self) -> tuple[Located, ...]:
        """New findings that fail the gate."""
        return tuple(f for f in self.appeared if f.finding.verdict in FAILING)

    @property
    def operators(self) -> dict[str, tuple[dict[Verdict, int], dict[Verdict, int]]]:
        """Operators whose nodes have other verdicts, or other numbers of them: old and new."""
        counted: dict[str, tuple[dict[Verdict, int], dict[Verdict, int]]] = {}
        for side, result in enumerate((self.old, self.new)):
            for node in result.nodes:
                counts = counted.setdefault(node.key, ({}, {}))[side]
                counts[node.verdict] = counts.get(node.verdict, 0) + 1
        return {key: c for key, c in sorted(counted.items()) if c[0] != c[1]}

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "old": self.old.counts,
            "new": self.new.counts,
            "appeared": [f.to_dict() for f in self.appeared],
            "gone": [f.to_dict() for f in self.gone],
            "operators": [
                {"op_type": key, "old": old, "new": new}
                for key, (old, new) in self.operators.items()
            ],
        }


@dataclass(frozen=True, slots=True)
class DiffResult:
    """What `porting.diff` answers.

    Attributes:
        old: The old model.
        new: The new model.
        operators: Operators of which there are more or fewer.
        nodes: Nodes that came, went or changed.
        inputs: Inputs of the model, by name.
        outputs: Outputs of the model, by name.
        returned: Outputs that come from another node.
        opsets: Operator set domains with another version.
        metadata: Producer, model version, the model's own properties and the like.
        parameters: Initializers that came, went or changed.
        verdicts: What the target makes of both; None if none was given.
    """

    old: ModelInfo
    new: ModelInfo
    operators: tuple[Count, ...]
    nodes: Nodes
    inputs: Split[InputInfo]
    outputs: Split[InputInfo]
    returned: tuple[Difference, ...]
    opsets: tuple[Difference, ...]
    metadata: tuple[Difference, ...]
    parameters: Parameters
    verdicts: Verdicts | None = None

    @property
    def same(self) -> bool:
        """Whether nothing that was compared differs; names of nodes and values may."""
        return (
            self.old.ir_version == self.new.ir_version
            and not (self.opsets or self.metadata or self.returned)
            and self.nodes.is_empty
            and self.inputs.is_empty
            and self.outputs.is_empty
            and self.parameters.tensors.is_empty
        )

    @property
    def passed(self) -> bool:
        """Whether the target, if one was given, refuses nothing that it did not refuse before."""
        return self.verdicts is None or not self.verdicts.failing

    @property
    def target(self) -> TargetInfo | None:
        """The chip that was asked about."""
        return self.verdicts.new.target if self.verdicts else None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, schema `port.diff/1`."""
        return {
            "schema": "port.diff/1",
            "verdict": "pass" if self.passed else "fail",
            "same": self.same,
            "old": self.old.to_dict(),
            "new": self.new.to_dict(),
            "target": self.target.to_dict() if self.target else None,
            "operators": [c.to_dict() for c in self.operators],
            "nodes": self.nodes.to_dict(),
            "inputs": self.inputs.to_dict(InputInfo.to_dict),
            "outputs": self.outputs.to_dict(InputInfo.to_dict),
            "returned": [d.to_dict() for d in self.returned],
            "opsets": [d.to_dict() for d in self.opsets],
            "metadata": [d.to_dict() for d in self.metadata],
            "parameters": self.parameters.to_dict(),
            "verdicts": self.verdicts.to_dict() if self.verdicts else None,
        }


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Difference, ...]:
    """The names under which two mappings hold different texts, in the old one's order."""
    names = dict.fromkeys((*old, *new))
    found = (Difference(n, old.get(n, ""), new.get(n, "")) for n in names)
    return tuple(d for d in found if d.old != d.new)
