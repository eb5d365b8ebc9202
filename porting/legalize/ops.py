"""The builder with which a rule writes its replacement: `op.Add(x, op.const(1.0, like=x))`.

Every node that is added is inferred at once, so that a rule may ask for the shape of what it has
just built, and gets a name that says which node it came from. The helpers in lower case write an
operator in the form that the opset at hand has: `op.squeeze(x, [0])` is an attribute below opset
13 and an input from there on.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from porting.model.dtypes import NUMBER_OF, numpy_dtype
from porting.model.graph import Context, Graph, Node
from porting.model.infer import infer_node
from porting.model.read import read_node
from porting.model.schema import ONNX_DOMAIN, make_node
from porting.model.value import Value, constant


class Ops:
    """Adds nodes to a trial graph laid over the graph that is being legalized.

    Attributes:
        trial: Holds the new nodes; constants are values of it that no node produces.
        opset: Version of the default domain in which the replacement is written.
        origin: Name of the loaded model's node that the replaced one stands for.
        prefix: Start of every new name.
    """

    def __init__(self, outer: Graph, origin: str, prefix: str, context: Context) -> None:
        """Starts an empty replacement.

        Args:
            outer: The graph in which the replaced node stands.
            origin: Name of the loaded model's node that this stands for.
            prefix: Start of every new name, unique in the model.
            context: Opset of the replacement; usually `outer.context`.
        """
        self.trial = Graph(context, outer.path, outer, is_trial=True)
        self.opset = context.opset
        self.origin = origin
        self.prefix = prefix
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def __getattr__(self, op_type: str) -> Callable[..., str]:
        """`op.Conv(x, w, strides=[2, 2])` adds a node and gives its first output."""
        if not op_type[:1].isupper():
            raise AttributeError(op_type)

        def add(*inputs: str | None, **attributes: Any) -> str:
            return self.node(op_type, inputs, **attributes)[0]

        return add

    def node(
        self,
        op_type: str,
        inputs: Sequence[str | None],
        *,
        outputs: int = 1,
        domain: str = ONNX_DOMAIN,
        **attributes: Any,
    ) -> list[str]:
        """Adds a node; None is a skipped input, attributes that are None are left out.

        Returns:
            The names of its outputs.
        """
        index = len(self.trial.nodes)
        name = f"{self.prefix}/{op_type}_{index}"
        names = [name + "_out" if outputs == 1 else f"{name}_out{i}" for i in range(outputs)]
        given = [i or "" for i in inputs]
        while given and not given[-1]:
            given.pop()
        proto = make_node(op_type, given, names, name=name, domain=domain, **attributes)
        node = read_node(proto, self.trial, self.origin)
        self.trial.nodes.append(node)
        self.trial.changed()
        infer_node(node)
        return names

    def copy(
        self, node: Node, inputs: Sequence[str | None] | None = None, **changes: Any
    ) -> list[str]:
        """Adds a node like `node` with some attributes changed; None removes one.

        Returns:
            The names of its outputs, as many as the node's.
        """
        attributes: dict[str, Any] = {**node.attributes, **changes}
        given = list(node.inputs) if inputs is None else inputs
        return self.node(
            node.op_type, given, outputs=len(node.outputs), domain=node.domain, **attributes
        )

    def value(self, name: str) -> Value:
        """What is known of a value, new or old."""
        return self.trial.value(name)

    def const(
        self, content: npt.ArrayLike, dtype: str | None = None, like: str | None = None
    ) -> str:
        """A constant; equal ones are made once.

        Args:
            content: A number, a list or an array.
            dtype: Element type such as `int64`; or
            like: the value whose element type it takes.
        """
        name = dtype or (self.value(like).dtype if like else None)
        array = np.asarray(content, dtype=numpy_dtype(name) if name else None)
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._constants:
            new = f"{self.prefix}/const_{len(self._constants)}"
            self.trial.define(constant(new, array))
            self._constants[key] = new
        return self._constants[key]

    def shape(self, content: Sequence[int]) -> str:
        """A one-dimensional int64 constant: a shape, axes, pads, starts."""
        return self.const(np.asarray(content, dtype=np.int64).reshape(-1))

    def cast(self, x: str, dtype: str) -> str:
        """`x` as another element type; `x` itself if it has it already."""
        return x if self.value(x).dtype == dtype else self.Cast(x, to=NUMBER_OF[dtype])

    def unsqueeze(self, x: str, axes: Sequence[int]) -> str:
        """Unsqueeze; axes are an input from opset 13."""
        if self.opset >= 13:
            return self.Unsqueeze(x, self.shape(axes))
        return self.Unsqueeze(x, axes=list(axes))

    def squeeze(self, x: str, axes: Sequence[int]) -> str:
        """Squeeze; axes are an input from opset 13."""
        if self.opset >= 13:
            return self.Squeeze(x, self.shape(axes))
        return self.Squeeze(x, axes=list(axes))

    def reduce(self, op_type: str, x: str, axes: Sequence[int], *, keepdims: bool = True) -> str:
        """A reduction over given axes; an input from opset 18 (ReduceSum: 13) on."""
        keep = int(keepdims)
        if self.opset >= (13 if op_type == "ReduceSum" else 18):
            return self.node(op_type, [x, self.shape(axes)], keepdims=keep)[0]
        return self.node(op_type, [x], axes=list(axes), keepdims=keep)[0]

    def reshape(self, x: str, shape: Sequence[int]) -> str:
        """Reshape to a constant shape; 0 copies a dimension, one may be -1."""
        return self.Reshape(x, self.shape(shape))

    def transpose(self, x: str, perm: Sequence[int]) -> str:
        """Transpose with its permutation written out."""
        return self.Transpose(x, perm=list(perm))

    def split(self, x: str, sizes: Sequence[int], axis: int) -> list[str]:
        """Split into given sizes; an input from opset 13 on."""
        count = len(sizes)
        if self.opset >= 13:
            return self.node("Split", [x, self.shape(sizes)], outputs=count, axis=axis)
        return self.node("Split", [x], outputs=count, axis=axis, split=list(sizes))

    def slice(self, x: str, starts: Sequence[int], ends: Sequence[int], axes: Sequence[int]) -> str:
        """Slice with step 1; starts, ends and axes are inputs from opset 10 on."""
        if self.opset >= 10:
            return self.Slice(x, self.shape(starts), self.shape(ends), self.shape(axes))
        return self.Slice(x, starts=list(starts), ends=list(ends), axes=list(axes))

    def pad(self, x: str, pads: Sequence[int], value: float = 0.0) -> str:
        """Pad with a constant; pads are an input from opset 11 on."""
        if self.opset >= 11:
            fill = None if value == 0.0 else self.const(value, like=x)
            return self.Pad(x, self.shape(pads), fill, mode="constant")
        return self.Pad(x, pads=list(pads), value=float(value), mode="constant")

    def clip(self, x: str, low: float | None, high: float | None) -> str:
        """Clip to numbers; bounds are inputs from opset 11 on."""
        if self.opset >= 11:
            bounds = [None if b is None else self.const(b, like=x) for b in (low, high)]
            return self.Clip(x, *bounds)
        return self.Clip(x, min=low, max=high)
