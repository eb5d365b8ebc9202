"""Masks that a chip's compute type does not hold, put within it where the user allows the rule.

The rules are the legalizer's own. Here they are tried on nodes that a chip takes as they are, since
what is wrong with them is not their form but that the chip computes in half precision, or in eight
bits, of which such a mask takes all steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from porting.conversion import Offer, Rewrite
from porting.legalize.apply import Names, adopt, apply
from porting.legalize.policy import Policy
from porting.legalize.rule import DeclinedError, Registry, Rule
from porting.model.graph import Graph, Node
from porting.rules.masks import FILL
from porting.rules.tracing import contents, maker

LOWEST = {
    "float16": -65504.0,
    "bfloat16": -float(2.0**127 * (2 - 2.0**-7)),
    "int8": FILL,
}
"""A finite constant below it is beyond the compute type."""

_HALVES = (
    "mask-of-bounded-scores",
    "mask-below-its-row",
    "mask-of-ten-thousand",
    "mask-constant-of-ten-thousand",
)
_RULES = {"float16": _HALVES, "bfloat16": _HALVES, "int8": ("mask-below-its-row",)}
"""Best first; -10000 takes all the steps of eight bits as well."""


@dataclass(frozen=True)
class Tamed:
    """What was done to masks, and what could be.

    Attributes:
        rewrites: Rules that were applied.
        offers: Rules that would apply if they were allowed.
    """

    rewrites: tuple[Rewrite, ...] = ()
    offers: tuple[Offer, ...] = ()


def tame_masks(graph: Graph, kind: str, rules: Registry, policy: Policy) -> Tamed:
    """Puts masks within a compute type, in place.

    A rule is applied only where the user names it, its family or, if it is conditional, its class:
    what the simulation of a type finds is no reason by itself to change a model.

    Args:
        graph: Normalised and inferred.
        kind: `float16`, `bfloat16` or `int8`.
        rules: Those among which the ones for masks are.
        policy: What the user allows.
    """
    rewrites: list[Rewrite] = []
    offers: list[Offer] = []
    names = Names("tame")
    for op_types in ({"Softmax"}, {"Add", "Mul", "Where"}):
        for owner, node in list(graph.walk()):
            if node.op_type not in op_types or owner.is_frozen or not _is_beyond(node, kind):
                continue
            for rule in _candidates(rules, node, kind):
                try:
                    made = apply(rule, node, names)
                except DeclinedError:
                    continue
                if not _is_named(rule, policy):
                    offers.append(Offer(node.origin or node.name, rule.name, rule.exactness))
                    continue
                adopt(owner, made)
                at = owner.nodes.index(node)
                owner.nodes[at : at + 1] = made.nodes
                owner.changed()
                produced = tuple(n.key for n in made.nodes)
                rewrites.append(
                    Rewrite(node.origin or node.name, node.key, rule.name, rule.exactness,
                            produced, owner.path)
                )  # fmt: skip
                break
    done = {r.node for r in rewrites}
    return Tamed(tuple(rewrites), tuple(o for o in offers if o.node not in done))


def _candidates(rules: Registry, node: Node, kind: str) -> Sequence[Rule]:
    found = {r.family: r for r in rules.for_operator(node.key)}
    return [found[name] for name in _RULES[kind] if name in found]


def _is_named(rule: Rule, policy: Policy) -> bool:
    named = {rule.name, rule.family} & policy.allowed
    conditional = rule.exactness == "conditional" and "conditional" in policy.classes
    return (bool(named) or conditional) and not policy.refusal(rule)


def _is_beyond(node: Node, kind: str) -> bool:
    """Whether a constant of the mask is beyond the type."""
    source: Node | None = node
    if node.op_type == "Softmax":
        source = maker(node.graph, node.inputs[0], "Add", "Where")
    for name in source.inputs if source is not None else ():
        array = contents(node.graph, name)
        if array is None or array.dtype.kind in "biu":
            continue
        numbers = array.astype(np.float64)
        if (numbers[np.isfinite(numbers)] < LOWEST[kind]).any():
            return True
    return False
