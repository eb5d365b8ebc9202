"""What changed between two models, as titles and tables that any format can show."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from porting.difference.outcome import (
    Difference,
    DiffResult,
    Located,
    NodeChange,
    NodeRef,
    Split,
    T,
    TensorRef,
)
from porting.results import VERDICTS, InputInfo, Verdict

NODES_NAMED = 3


@dataclass(frozen=True, slots=True)
class Section:
    """A table with a title; cells hold names from models and are not escaped."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def outcome(result: DiffResult) -> str:
    """One clause: what it comes to."""
    if result.target is None:
        return _amount(result)
    count = len(result.verdicts.failing) if result.verdicts else 0
    if count:
        noun = "finding fails" if count == 1 else "findings fail"
        return f"{count} new {noun} on {result.target.id}"
    return f"nothing fails on {result.target.id} that did not fail before; {_amount(result)}"


def _amount(result: DiffResult) -> str:
    if result.same:
        unread = len(result.parameters.unread)
        return f"no difference but for {unread} unread parameters" if unread else "no difference"
    nodes = result.nodes
    counts = {"added": nodes.added, "removed": nodes.removed, "changed": nodes.changed}
    return "nodes: " + ", ".join(f"{len(members)} {word}" for word, members in counts.items())


def sections(result: DiffResult) -> Iterator[Section]:
    """Every table that is not empty, what fails first."""
    made = (
        *_findings(result),
        Section("model", ("", "old", "new"), tuple(_model(result))),
        Section("inputs and outputs", ("change", "name", "old", "new"), tuple(_ports(result))),
        Section("operators", ("operator", "old", "new"), tuple(_operators(result))),
        Section("verdicts", ("operator", "old", "new"), tuple(_verdicts(result))),
        Section("nodes", ("change", "operator", "node", "what"), tuple(_nodes(result))),
        Section("parameters", ("change", "name", "old", "new"), tuple(_parameters(result))),
    )
    yield from (section for section in made if section.rows)


def _findings(result: DiffResult) -> Iterator[Section]:
    if result.verdicts is None:
        return
    header = ("verdict", "operator", "what", "nodes")
    for title, found in (
        ("new findings", result.verdicts.appeared),
        ("findings that are gone", result.verdicts.gone),
    ):
        yield Section(title, header, tuple(_grouped(found)))


def _grouped(found: Iterable[Located]) -> Iterator[tuple[str, ...]]:
    """Equal findings in one row, worst first."""
    groups: dict[tuple[Verdict, str, str], list[Located]] = {}
    for each in found:
        operator = each.node.key if each.node else "the model"
        reason = each.finding.reason or each.finding.message
        groups.setdefault((each.finding.verdict, operator, reason), []).append(each)
    for (verdict, operator, _), members in sorted(
        groups.items(), key=lambda g: -VERDICTS.index(g[0][0])
    ):
        names = [m.node.name for m in members if m.node]
        more = len(names) - NODES_NAMED
        listed = ", ".join(names[:NODES_NAMED]) + (f" and {more} more" if more > 0 else "")
        yield verdict, operator, members[0].finding.message, listed


def _model(result: DiffResult) -> Iterator[tuple[str, ...]]:
    old, new = result.old, result.new
    for name, a, b in (
        ("IR version", old.ir_version, new.ir_version),
        ("nodes", old.nodes, new.nodes),
        ("parameters", old.parameters, new.parameters),
    ):
        if a != b:
            yield name, str(a), str(b)
    yield from ((f"opset {d.name}", d.old or "-", d.new or "-") for d in result.opsets)
    yield from ((d.name, d.old or "-", d.new or "-") for d in result.metadata)


def _ports(result: DiffResult) -> Iterator[tuple[str, ...]]:
    for kind, split in (("input", result.inputs), ("output", result.outputs)):
        yield from _split(kind, split, lambda info: info.name, _port)
    for each in result.returned:
        yield "output made by", each.name, each.old, each.new


def _port(info: InputInfo) -> str:
    dims = "..." if info.shape is None else ",".join(str(d or "?") for d in info.shape)
    return f"{info.dtype or '?'}[{dims}]"


def _operators(result: DiffResult) -> Iterator[tuple[str, ...]]:
    yield from ((c.op_type, str(c.old), str(c.new)) for c in result.operators)


def _verdicts(result: DiffResult) -> Iterator[tuple[str, ...]]:
    if result.verdicts is None:
        return
    old, new = result.verdicts.old.counts, result.verdicts.new.counts
    if old != new:
        yield "all", _counts(old), _counts(new)
    for key, (first, second) in result.verdicts.operators.items():
        yield key, _counts(first), _counts(second)


def _counts(counts: Mapping[Verdict, int]) -> str:
    return ", ".join(f"{counts[v]} {v}" for v in VERDICTS if counts.get(v)) or "-"


def _nodes(result: DiffResult) -> Iterator[tuple[str, ...]]:
    for word, nodes in (("added", result.nodes.added), ("removed", result.nodes.removed)):
        yield from ((word, node.op_type, _place(node), "") for node in nodes)
    for change in result.nodes.changed:
        yield "changed", change.new.op_type, _place(change.new), "; ".join(_said(change))


def _place(node: NodeRef) -> str:
    return f"{node.scope}/{node.name}" if node.scope else node.name


def _said(change: NodeChange) -> Iterator[str]:
    yield from (f"{d.name} {_from_to(d)}" for d in change.attributes)
    yield from (f"reads {d.name} {_from_to(d)}" for d in change.inputs)
    yield from (f"output {d.name} {_from_to(d)}" for d in change.outputs)


def _from_to(difference: Difference) -> str:
    return f"{difference.old or '-'} → {difference.new or '-'}"


def _parameters(result: DiffResult) -> Iterator[tuple[str, ...]]:
    found = result.parameters
    yield from _split("", found.tensors, lambda tensor: tensor.name, _tensor)
    yield from (("not read", tensor.name, "?", _tensor(tensor)) for tensor in found.unread)


def _tensor(tensor: TensorRef) -> str:
    digest = f" sha256:{tensor.sha256[:8]}" if tensor.sha256 else ""
    return f"{tensor.dtype or '?'}[{','.join(map(str, tensor.shape))}]{digest}"


def _split(
    kind: str, split: Split[T], name: Callable[[T], str], form: Callable[[T], str]
) -> Iterator[tuple[str, ...]]:
    yield from ((f"{kind} added".strip(), name(t), "-", form(t)) for t in split.added)
    yield from ((f"{kind} removed".strip(), name(t), form(t), "-") for t in split.removed)
    for a, b in split.changed:
        named = name(b) if name(a) == name(b) else f"{name(a)} → {name(b)}"
        yield f"{kind} changed".strip(), named, form(a), form(b)


def models(result: DiffResult) -> Sequence[tuple[str, str]]:
    """Which files are compared, by side."""
    return [("old", result.old.path or "model"), ("new", result.new.path or "model")]
