"""A model's nodes in nested groups, so that a drawing of thousands can start with a few dozen.

Exporters write the module that a node comes from into its name, `/encoder/layers.0/attn/MatMul`:
each part of the path is a group. Where names have no path, or a group would hold too much, its
members are taken in runs of the model's order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from os.path import commonprefix
from typing import TypeAlias

from porting.results import NodeResult

MOST_MEMBERS = 40
"""That a group holds directly; a reader takes in no more at once."""

MOST_LEVELS = 12
"""Of a path; what is deeper stays in the node's own label."""


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes and groups that are drawn as one until they are asked for.

    Attributes:
        parent: Index of the group around it, which stands before it; -1 for the outermost.
        label: What it is called.
        prefix: What the names of the nodes directly in it start with, up to a `/`.
    """

    parent: int
    label: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Tree:
    """Groups, each behind the one around it, and the group of each node."""

    groups: tuple[Group, ...]
    homes: tuple[int, ...]


@dataclass(slots=True)
class _Box:
    """A group that is being filled, members in the model's order."""

    label: str
    members: "list[_Member]" = field(default_factory=list)
    named: "dict[str, _Box]" = field(default_factory=dict)
    first: str = ""
    last: str = ""


_Member: TypeAlias = int | _Box


def tree_of(nodes: Sequence[NodeResult]) -> Tree:
    """Every node in one group; no group holds more than `MOST_MEMBERS` directly."""
    root = _Box("")
    for number, node in enumerate(nodes):
        box = root
        for step in _path(node):
            if step not in box.named:
                box.named[step] = _Box(step)
                box.members.append(box.named[step])
            box = box.named[step]
        box.members.append(number)
    root = _simple(root)
    labels = [node.name.rpartition("/")[2] or node.op_type for node in nodes]
    _in_runs(root, labels)
    return _flat(root, nodes)


def _path(node: NodeResult) -> list[str]:
    place = f"{node.scope}/{node.name}" if node.scope else node.name
    return [step for step in place.split("/")[:-1] if step][:MOST_LEVELS]


def _simple(box: _Box) -> _Box:
    """Without groups of one member."""
    members = [_simple(m) if isinstance(m, _Box) else m for m in box.members]
    if len(members) == 1 and isinstance(members[0], _Box):
        inner = members[0]
        label = f"{box.label}/{inner.label}" if box.label and inner.label else inner.label
        return _Box(label if box.label else "", inner.members)
    kept: list[_Member] = []
    for member in members:
        alone = isinstance(member, _Box) and len(member.members) == 1
        kept.append(member.members[0] if alone and isinstance(member, _Box) else member)
    return _Box(box.label, kept)


def _in_runs(box: _Box, labels: Sequence[str]) -> None:
    """Splits what holds too much, as often as it takes."""
    for member in box.members:
        if isinstance(member, _Box):
            _in_runs(member, labels)
    while len(box.members) > MOST_MEMBERS:
        size = ceil(len(box.members) / ceil(len(box.members) / MOST_MEMBERS))
        runs = [box.members[i : i + size] for i in range(0, len(box.members), size)]
        box.members = [_run(members, labels) for members in runs]


def _run(members: list[_Member], labels: Sequence[str]) -> _Box:
    first, last = members[0], members[-1]
    start = (first.first or first.label) if isinstance(first, _Box) else labels[first]
    end = (last.last or last.label) if isinstance(last, _Box) else labels[last]
    return _Box(f"{start} … {end}", members, first=start, last=end)


def _flat(root: _Box, nodes: Sequence[NodeResult]) -> Tree:
    groups: list[Group] = []
    homes = [0] * len(nodes)
    for parent, box in _walk(root):
        own = [m for m in box.members if isinstance(m, int)]
        for number in own:
            homes[number] = len(groups)
        # By characters as it should be: the last step is cut off.
        shared = commonprefix([nodes[n].name for n in own])  # noqa: RUF071
        groups.append(Group(parent, box.label, shared[: shared.rfind("/") + 1]))
    return Tree(tuple(groups), tuple(homes))


def _walk(root: _Box) -> Iterator[tuple[int, _Box]]:
    """Each box behind the one around it, with that one's number."""
    waiting = [(-1, root)]
    count = 0
    while waiting:
        parent, box = waiting.pop()
        yield parent, box
        inner = [m for m in box.members if isinstance(m, _Box)]
        waiting += [(count, m) for m in reversed(inner)]
        count += 1
