"""Writes the nodes of a body into a replacement, once for each time that the body runs."""

from collections.abc import Sequence

from onnx import TensorProto

from porting.legalize.ops import Ops
from porting.legalize.rename import rename_node
from porting.legalize.rule import require
from porting.model.graph import Graph, Node
from porting.model.infer import infer_node
from porting.model.read import read_node
from porting.model.value import Value, constant
from porting.model.write import write_node


class BodyCopier:
    """Copies one body into the trial graph of `op`, under new names at each call.

    What the inputs make known is folded as it is copied, so that the iteration number leaves no
    nodes behind. Initializers and constants are made once and shared by all copies.

    Attributes:
        size: How many nodes a copy has at most, those of nested bodies among them.
    """

    def __init__(self, op: Ops, body: Graph, label: str = "body") -> None:
        """Prepares the copying; declines where the result is for another opset than the body.

        Args:
            op: Builds the replacement.
            body: The body; it stays as it is.
            label: Tells the copies of this body from those of another one in one replacement.
        """
        opset = body.context.opset
        require(op.opset == opset, f"a body of opset {opset} cannot be copied to opset {op.opset}")
        self.size = sum(1 for _ in body.walk())
        self._op, self._body = op, body
        self._stem = f"{op.prefix}/{label}"
        self._copies = 0
        self._shared = {name: self._share(name) for name in body.initializers}
        for node in body.nodes:
            value = body.values.get(node.outputs[0]) if node.op_type == "Constant" else None
            if value is not None and (value.tensor is not None or _is_known(value)):
                self._shared[value.name] = self._share(value.name)

    def copy(self, inputs: Sequence[str]) -> list[str]:
        """One more copy.

        Args:
            inputs: The values that the body's inputs stand for.

        Returns:
            The values that the body's outputs stand for.
        """
        require(len(inputs) == len(self._body.inputs), "its body has another number of inputs")
        names = dict(self._shared)
        names.update(zip((i.name for i in self._body.inputs), inputs, strict=True))
        stem = f"{self._stem}{self._copies}"
        self._copies += 1
        for node in self._body.nodes:
            if node.outputs[0] not in self._shared:
                self._copy_node(node, stem, names)
        self._op.trial.changed()
        return [names.get(o.name, o.name) for o in self._body.outputs]

    def _copy_node(self, node: Node, stem: str, names: dict[str, str]) -> None:
        trial = self._op.trial
        names.update({name: f"{stem}/{name}" for name in node.outputs if name})
        apart = read_node(write_node(node), trial, node.origin or node.name)
        for key, nested in apart.subgraphs.items():
            nested.is_frozen = node.subgraphs[key].is_frozen
        apart.proto.name = f"{stem}/{node.name}"
        fresh = rename_node(apart, names)
        infer_node(fresh)
        made = [trial.values[name] for name in fresh.outputs if name]
        for value, old in zip(made, (o for o in node.outputs if o), strict=True):
            _complete(value, self._body.value(old))
        if not made or not all(_is_known(v) for v in made):
            trial.nodes.append(fresh)

    def _share(self, name: str) -> str:
        """Makes a constant of the body a value of the replacement."""
        new, value = f"{self._stem}/{name}", self._body.values[name]
        if value.tensor is not None:
            tensor = TensorProto()
            tensor.CopyFrom(value.tensor)
            tensor.name = new
            shared = Value(new, value.dtype, value.shape, True, tensor=tensor, read=value.read)
        else:
            assert value.contents is not None
            shared = constant(new, value.contents)
        self._op.trial.define(shared)
        return new


def _is_known(value: Value) -> bool:
    """Whether the contents can be written as an initializer."""
    return value.is_const and value.contents is not None and value.contents.dtype != object


def _complete(value: Value, original: Value) -> None:
    """Takes the type from the body where inference cannot tell it; a shape may differ by copy."""
    if value.dtype is None and value.type_proto is None:
        value.dtype = original.dtype
        value.kind, value.type_proto = original.kind, original.type_proto
