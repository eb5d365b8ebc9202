"""Remembers what a table says of a node, for the next node of which the same is known.

Models repeat themselves: the hundredth block of a network is judged as the first was. Two nodes
get the same answer if they are equal in everything that the table looked at. Most of that is in
`signature_of`. The rest, the contents of constants and the surroundings of a node, is compared
only where a condition asked for it, which its facts note down.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeAlias
from weakref import WeakKeyDictionary, ref

from porting.capability.facts import Asked, NodeFacts
from porting.model.graph import Graph, Node
from porting.results import Finding

Signature: TypeAlias = tuple[object, ...]
Answer: TypeAlias = tuple[Finding, ...]


@dataclass
class _Known:
    """The answers for one signature, by what else was asked, in a fixed order."""

    asked: tuple[Asked, ...]
    answers: dict[tuple[object, ...], Answer] = field(default_factory=dict)


@dataclass
class Memory:
    """Answers by model, so that they are forgotten together with it."""

    _models: WeakKeyDictionary[Graph, dict[Hashable, _Known]] = field(
        default_factory=WeakKeyDictionary
    )
    _last: tuple[Callable[[], Graph | None], dict[Hashable, _Known]] = (lambda: None, {})

    def recall(
        self, node: Node, facts: Callable[[Node], NodeFacts], find: Callable[[NodeFacts], Answer]
    ) -> Answer:
        """What `find` says of a node, from memory where it was asked the same before."""
        signature: Hashable = node.graph.cases.get(node) or signature_of(node)
        if signature is None:
            return find(facts(node))
        known = self._of(node.graph)
        found = known.get(signature)
        if found is not None:
            rest = _rest(facts(node), found.asked) if found.asked else ()
            answer = found.answers.get(rest)
            if answer is not None:
                return answer
        asking = facts(node)
        answer = find(asking)
        if found is None or not asking.asked.issubset(found.asked):
            before = found.asked if found is not None else ()
            found = known[signature] = _Known(tuple(sorted(asking.asked.union(before))))
        found.answers[_rest(asking, found.asked)] = answer
        return answer

    def _of(self, graph: Graph) -> dict[Hashable, _Known]:
        """What is known of the model around a graph."""
        if self._last[0]() is not graph:
            self._last = (ref(graph), self._models.setdefault(root_of(graph), {}))
        return self._last[1]


def _rest(facts: NodeFacts, asked: tuple[Asked, ...]) -> tuple[object, ...]:
    return tuple([facts.answer(a) for a in asked])


def root_of(graph: Graph) -> Graph:
    """The main graph around a body or a trial."""
    while graph.outer is not None:
        graph = graph.outer
    return graph


def signature_of(node: Node) -> Signature | None:
    """Operator, attributes and what is known of the operands; None for a node with a body."""
    if node.written is None:
        return None
    known: list[object] = []
    value = node.graph.value
    for name in (*node.inputs, None, *node.outputs):
        if name:
            v = value(name)
            known += (v.dtype, v.shape, v.is_const, v.kind)
        else:
            known.append(name)
    return (node.key, node.opset, node.written, tuple(known))
