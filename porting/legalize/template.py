"""A replacement with blanks for names, filled in for the next node of which the same is known.

A rule is a function of what is known of a node. Where two nodes are equal in all that rules can
read, what was made of the first is copied for the second, under other names, instead of being
built, inferred, checked and judged once more.
"""

from dataclasses import dataclass

from onnx import NodeProto

from porting.capability.memory import Signature, signature_of
from porting.legalize.apply import Names, Replacement
from porting.legalize.rule import Rule
from porting.model.graph import Context, Graph, Node
from porting.model.value import Value

COMPARED = 64
"""Elements up to which constants are compared by their contents."""


def likeness_of(node: Node) -> Signature | None:
    """All that rules can read of a node but its surroundings; None where it is too much to compare.

    Two nodes with the same one get the same replacement from a rule that looks at nothing else.
    """
    known = signature_of(node)
    if known is None:
        return None
    contents: list[bytes] = []
    for value in node.input_values():
        if value is None:
            continue
        if value.kind != "tensor":
            return None
        if value.is_const:
            array = value.value(COMPARED)
            if array is None or array.dtype == object:
                return None
            contents.append(array.tobytes())
    first: dict[str, int] = {}
    repeated = tuple(first.setdefault(name, index) for index, name in enumerate(node.inputs))
    returned = tuple(node.graph.is_output(o) for o in node.outputs)
    return (known, tuple(contents), repeated, returned)


@dataclass(frozen=True)
class Template:
    """What came in the place of one node, to be copied.

    Attributes:
        rule: The outermost rule.
        prefix: Start of every new name.
        inputs: Names that the node read.
        outputs: Names that it made.
        new: Names that are made of the prefix.
        nodes: The new nodes, what they read and make, and what is known of their outputs.
        constants: New constants.
        context: Opsets of the new nodes.
    """

    rule: Rule
    prefix: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    new: tuple[str, ...]
    nodes: tuple[tuple[NodeProto, tuple[str, ...], tuple[str, ...], tuple[Value, ...]], ...]
    constants: tuple[Value, ...]
    context: Context

    @classmethod
    def of(cls, made: Replacement, context: Context) -> "Template | None":
        """A template of a replacement; None where a copy would need more than other names.

        Args:
            made: The replacement, its nodes the final ones.
            context: Opsets in which they are written.
        """
        node, nodes = made.node, made.nodes
        constants = tuple(made.constants.values())
        own = {o for n in nodes for o in n.outputs if o} | {c.name for c in constants}
        outside = {i for n in nodes for i in n.inputs if i} - own
        new = (own - set(node.outputs)) | {n.proto.name for n in nodes}
        if (
            any(n.subgraphs for n in nodes)
            or any(c.contents is None for c in constants)
            or not outside.issubset(node.inputs)
            or not all(name.startswith(node.prefix + "/") for name in new)
        ):
            return None
        known = tuple(
            (n.proto, n.inputs, n.outputs, tuple(n.graph.value(o) for o in n.outputs))
            for n in nodes
        )
        given = (node.inputs, node.outputs, tuple(new))
        return cls(made.rule, node.prefix, *given, known, constants, context)

    def fill(self, node: Node, names: Names) -> Replacement:
        """The replacement for another node with the same likeness."""
        prefix, cut = names.prefix(node), len(self.prefix)
        renamed = {old: prefix + old[cut:] for old in self.new}
        renamed |= zip(self.inputs, node.inputs, strict=True)
        renamed |= zip(self.outputs, node.outputs, strict=True)
        renamed[""] = ""
        trial = Graph(self.context, node.graph.path, node.graph, is_trial=True)
        origin = node.origin or node.name
        for proto, reads, makes, values in self.nodes:
            copy = NodeProto(
                op_type=proto.op_type,
                domain=proto.domain,
                name=renamed[proto.name],
                input=[renamed[i] for i in reads],
                output=[renamed[o] for o in makes],
                attribute=proto.attribute,
            )
            trial.nodes.append(Node(copy, trial, origin))
            for value in values:
                if value.name:
                    trial.define(value.named(renamed[value.name]))
        constants = {renamed[c.name]: c.named(renamed[c.name]) for c in self.constants}
        trial.values |= constants
        return Replacement(self.rule, node, trial.nodes, constants)
