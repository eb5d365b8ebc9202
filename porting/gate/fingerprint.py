"""What names a finding in every run: the same for the same finding, another for another."""

import hashlib
from collections.abc import Iterator
from pathlib import PurePath

from porting.results import CheckResult, Finding, NodeResult

Located = tuple[Finding, NodeResult | None]


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

    Neither the node's name nor its sizes are in it, which change with every export.
    """
    parts = (
        PurePath(result.model.path).as_posix(),
        result.target.id,
        node.key if node else "",
        finding.verdict,
        finding.code,
        finding.reason or finding.message,
    )
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def fingerprints(result: CheckResult) -> list[tuple[Located, str]]:
    """Every finding with a fingerprint of its own.

    It is made of the kind, the scope and the node's name; nodes that share those are numbered.
    """
    seen: dict[str, int] = {}
    named = []
    for finding, node in located(result):
        place = (node.scope, node.name) if node else ("", "")
        text = "\0".join((kind_of(result, finding, node), *place))
        number = seen[text] = seen.get(text, -1) + 1
        digest = hashlib.sha256(f"{text}\0{number}".encode("utf-8", "surrogatepass"))
        named.append(((finding, node), digest.hexdigest()[:32]))
    return named
