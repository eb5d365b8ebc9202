"""What names a finding in every run: the same for the same finding, another for another."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath

from porting.results import CheckResult, Finding, NodeResult

Located = tuple[Finding, NodeResult | None]


@dataclass(frozen=True, slots=True)
class Named:
    """A finding and its names.

    Attributes:
        finding: What the table says.
        node: About which node; None for the model as a whole.
        kind: Equal for equal findings on nodes of one operator.
        place: The kind, and where in the model the node stands.
        fingerprint: The place, and which model it is.
    """

    finding: Finding
    node: NodeResult | None
    kind: str
    place: str
    fingerprint: str


def located(result: CheckResult) -> Iterator[Located]:
    """Every finding but plain advice, the model's own first, then in the nodes' order."""
    for finding in result.findings:
        if finding.code != "advice":
            yield finding, None
    for node in result.nodes:
        for finding in node.findings:
            if finding.code != "advice":
                yield finding, node


def kind_of(result: CheckResult, finding: Finding, node: NodeResult | None) -> str:
    """What equal findings on nodes of the same operator have in common.

    The node's name and sizes are not in it, which change with every export, nor is the model's
    path.
    """
    return _digest(result.target.id, *_alike(finding, node))


def _alike(finding: Finding, node: NodeResult | None) -> tuple[str, ...]:
    said = finding.reason or finding.message
    return (node.key if node else "", finding.verdict, finding.code, said)


def fingerprints(result: CheckResult) -> list[Named]:
    """Every finding with names of its own; nodes that share scope and name are numbered."""
    model = model_name(result.model.path)
    seen: dict[tuple[str, str, str], int] = {}
    kinds: dict[tuple[str, ...], str] = {}
    found = []
    for finding, node in located(result):
        alike = _alike(finding, node)
        kind = kinds.get(alike) or kinds.setdefault(alike, _digest(result.target.id, *alike))
        where = (kind, node.scope, node.name) if node else (kind, "", "")
        number = seen[where] = seen.get(where, -1) + 1
        place = _digest(*where, str(number))
        found.append(Named(finding, node, kind, place, _digest(model, place)))
    return found


@dataclass
class Names:
    """The names of a result's findings, made when the first one is asked for."""

    result: CheckResult

    @cached_property
    def all(self) -> list[Named]:
        """As `fingerprints`."""
        return fingerprints(self.result)


def model_name(path: str) -> str:
    """A path as it is the same on every machine: from the working directory, with slashes."""
    if path and Path(path).is_absolute() and Path(path).is_relative_to(Path.cwd()):
        path = os.path.relpath(path)
    return PurePath(path).as_posix() if path else ""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
