"""Run a model that onnxruntime cannot run as a whole: each node by whatever runs it right.

Nodes that onnxruntime has kernels for are run by it, as many together as the order allows. Of the
others, those of bfloat16 are computed in float32 and rounded; recurrent ones with the batch in
front are run with the batch in the middle; the rest by onnx.reference where it is right, else in
float32. Weights stay in their files, and a tensor is dropped when nothing needs it any more.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, TypeProto, helper

from porting.model.inline import inline_functions
from porting.model.load import load
from porting.proof.exchange import Values, one_line
from porting.proof.facts import Weights, inferred, likeness, numbered, types_within
from porting.proof.pieces import (
    Loader,
    Runner,
    batch_in_the_middle,
    captured,
    culprit,
    element,
    in_float32,
    shapeless,
    why_not,
)
from porting.proof.reference import distrust, evaluator
from porting.proof.sessions import NoRunnerError, is_unknown_to_onnxruntime

_SLOW = frozenset({"Conv", "ConvTranspose", "DeformConv", "AveragePool", "MaxPool", "GridSample"})
"""What onnx.reference runs element by element: minutes in float64, where float32 takes none."""
_NAMED = 5

_PLAIN, _LAYOUT, _FLOAT32, _REFERENCE = range(4)
_SAID = {
    _REFERENCE: "run by onnx.reference",
    _FLOAT32: "computed in float32 and cast",
    _LAYOUT: "run with the batch in the middle (layout 0)",
}


class _NoKernelError(Exception):
    """A kernel turned out to be missing only when the node was run."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(why)
        self.number = number


@dataclass(frozen=True)
class _Way:
    """How a node is run.

    Attributes:
        kind: One of the four above.
        nodes: What onnxruntime runs in its place; empty for onnx.reference.
        why: What onnxruntime says about the node itself.
    """

    kind: int
    nodes: tuple[NodeProto, ...] = ()
    why: str = ""


@dataclass
class _Step:
    """Nodes, by number, that are run together."""

    numbers: list[int]
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    runner: Runner | None = None


class Nodewise:
    """A model taken apart.

    Attributes:
        output_names: As the model declares them.

    Raises:
        NoRunnerError: The model has a node that nothing runs right.
    """

    def __init__(self, path: Path) -> None:
        loaded = inline_functions(load(path))
        if loaded.proto.graph.sparse_initializer:
            raise ValueError("sparse initializers")
        self._weights = Weights(loaded)
        self._loader = Loader(loaded.proto)
        self._types = inferred(loaded.proto)
        self._nodes = numbered(loaded.proto)
        self._names = [node.name or next(filter(None, node.output), "") for node in
                       loaded.proto.graph.node]  # fmt: skip
        self.output_names = [value.name for value in loaded.proto.graph.output]
        known: dict[bytes, _Way] = {}
        self._ways = [self._first_way(number, known) for number in range(len(self._nodes))]
        self._steps = self._plan()

    def notes(self) -> list[str]:
        """Which nodes were not run as they are by onnxruntime, one line for each way."""
        lines = []
        for kind, said in _SAID.items():
            numbers = [i for i, way in enumerate(self._ways) if way.kind == kind]
            if not numbers:
                continue
            count = f"{len(numbers)} nodes were" if len(numbers) > 1 else "1 node was"
            names = [f"{self._nodes[i].op_type} {self._names[i]}" for i in numbers[:_NAMED]]
            more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
            lines.append(f"{count} {said}: {', '.join(names)}{more}")
        return lines

    def run(self, feeds: Values) -> list[Any]:
        """The model's outputs.

        Raises:
            NoRunnerError: A node turns out to be one that nothing runs right.
            Exception: Whatever a kernel raises.
        """
        for _ in range(2 * len(self._nodes) + 1):
            try:
                return self._run_steps(feeds)
            except _NoKernelError as error:
                tried = range(self._ways[error.number].kind + 1)
                self._ways[error.number] = self._other_way(error.number, str(error), tried)
                self._steps = self._plan()
        raise NoRunnerError("onnxruntime fails at the same node again and again")

    def _run_steps(self, feeds: Values) -> list[Any]:
        left = Counter(name for step in self._steps for name in step.inputs)
        left.update(self.output_names)
        values: dict[str, Any] = dict(feeds)
        for step in self._steps:
            given = {name: self._value(name, values) for name in step.inputs}
            made = self._run_step(step, given)
            values |= {n: v for n, v in zip(step.outputs, made, strict=True) if left[n]}
            for name in step.inputs:
                left[name] -= 1
                if not left[name]:
                    values.pop(name, None)
        return [self._value(name, values) for name in self.output_names]

    def _value(self, name: str, values: Mapping[str, Any]) -> Any:
        return values[name] if name in values else self._weights.array(name)

    def _run_step(self, step: _Step, given: dict[str, Any]) -> list[Any]:
        first = step.numbers[0]
        if self._ways[first].kind == _REFERENCE:
            return self._by_reference(first, step, given)
        try:
            if step.runner is None:
                step.runner = self._load(step)
            return step.runner.run(given)
        except Exception as error:
            if not is_unknown_to_onnxruntime(error):
                raise
            name = culprit(error)
            if not name.isdigit() and len(step.numbers) > 1:
                raise
            number = int(name) if name.isdigit() else first
            raise _NoKernelError(number, one_line(error)) from error

    def _load(self, step: _Step) -> Runner:
        nodes = [node for i in step.numbers for node in self._ways[i].nodes]
        small, kinds = self._weights.parts(captured(nodes))
        kinds |= {n: self._types[n] for n in step.inputs if n in self._types and n not in kinds}
        return self._loader.load(
            nodes, kinds, small, [(name, shapeless(self._types.get(name))) for name in step.outputs]
        )

    def _by_reference(self, number: int, step: _Step, given: dict[str, Any]) -> list[Any]:
        node = self._nodes[number]
        outputs = [name for name in node.output if name]
        with np.errstate(all="ignore"):
            made = evaluator(node, self._loader.opsets, captured([node])).run(None, given)
        values = dict(zip(outputs, made, strict=True))
        return [_of_type(values[n], element(self._types.get(n))) for n in step.outputs]

    def _first_way(self, number: int, known: dict[bytes, _Way]) -> _Way:
        """How a node is run; nodes alike but for their names are tried once."""
        node = self._nodes[number]
        reads = captured([node])
        small, kinds = self._weights.parts(reads)
        kinds |= {name: self._types[name] for name in reads if name in self._types}
        key = likeness(node, kinds)
        if key in known:
            way = known[key]
            if way.kind in (_PLAIN, _REFERENCE):
                return _Way(way.kind, (node,) if way.kind == _PLAIN else (), way.why)
        outputs = [(name, shapeless(self._types.get(name))) for name in node.output if name]
        why = self._loader.refusal(node)
        if not why:
            why, found = why_not(self._loader, [node], kinds, small, outputs)
            for (name, kind), better in zip(outputs, found, strict=False):
                if kind is None and better is not None:
                    self._types[name] = better
        way = _Way(_PLAIN, (node,)) if not why else self._other_way(number, why, [_PLAIN])
        known[key] = way
        return way

    def _other_way(self, number: int, why: str, tried: Sequence[int]) -> _Way:
        """How a node is run that onnxruntime does not run as it is.

        Raises:
            NoRunnerError: There is no way left.
        """
        node = self._nodes[number]
        reads = captured([node])
        types = self._types | self._weights.types(reads)
        narrow = any(element(types.get(name)) == TensorProto.BFLOAT16 for name in reads)
        doubt = distrust(node, self._loader.opsets)
        late = not narrow and node.op_type not in _SLOW
        for kind in (_LAYOUT, _REFERENCE, _FLOAT32) if late else (_LAYOUT, _FLOAT32, _REFERENCE):
            if kind in tried:
                continue
            if kind == _REFERENCE:
                if not doubt and _reference_has(node, self._loader.opsets):
                    return _Way(kind, why=why)
                continue
            for nodes in self._rewritten(node, kind, types):
                if not self._refused(nodes, reads):
                    return _Way(kind, tuple(nodes), why)
        title = f"{node.op_type} {self._names[number]}"
        also = f"onnx.reference is wrong ({doubt})" if doubt else "onnx.reference has none"
        text = f"{title}: onnxruntime has no kernel ({why}), {also}"
        raise NoRunnerError(text, beyond=onnx.defs.has(node.op_type, node.domain))

    def _rewritten(
        self, node: NodeProto, kind: int, types: dict[str, TypeProto]
    ) -> list[list[NodeProto]]:
        """What onnxruntime could run in the node's place, best first."""
        if kind == _FLOAT32:
            return [nodes for nodes in [in_float32(node, types)] if nodes]
        nodes = batch_in_the_middle(node)
        if not nodes:
            return []
        inner = types_within(nodes, types)
        both = [each for n in nodes for each in (in_float32(n, inner) or [n])]
        return [nodes, both]

    def _refused(self, nodes: Sequence[NodeProto], reads: Sequence[str]) -> str:
        small, kinds = self._weights.parts(reads)
        kinds |= {name: self._types[name] for name in reads if name in self._types}
        outputs = [
            (n, shapeless(self._types.get(n)))
            for node in nodes
            for n in node.output
            if "//" not in n
        ]
        return why_not(self._loader, nodes, kinds, small, [o for o in outputs if o[0]])[0]

    def _plan(self) -> list[_Step]:
        """Steps in an order that keeps together what onnxruntime runs."""
        makers = {name: i for i, n in enumerate(self._nodes) for name in n.output if name}
        needs = [{makers[n] for n in captured([node]) if n in makers} for node in self._nodes]
        steps: list[_Step] = []
        done: set[int] = set()
        while len(done) < len(self._nodes):
            together, alone = [], []
            for i, before in enumerate(needs):
                if i in done or not before <= done:
                    continue
                if self._ways[i].kind == _REFERENCE:
                    alone.append(i)
                else:
                    together.append(i)
                    done.add(i)
            if not together and not alone:
                raise ValueError("the nodes wait for each other")
            steps += [_Step(together)] if together else [_Step([i]) for i in alone]
            done |= set() if together else set(alone)
        self._connect(steps)
        return steps

    def _connect(self, steps: Sequence[_Step]) -> None:
        """What each step reads from outside, and what later ones read of it."""
        wanted = set(self.output_names)
        for step in reversed(steps):
            nodes = [self._nodes[i] for i in step.numbers]
            reads = captured(nodes)
            embedded = set()
            if self._ways[step.numbers[0]].kind != _REFERENCE:
                embedded = set(self._weights.parts(reads)[0])
            step.inputs = [name for name in reads if name not in embedded]
            step.outputs = [n for node in nodes for n in node.output if n and n in wanted]
            wanted |= set(step.inputs)


def _reference_has(node: NodeProto, opsets: Mapping[str, int]) -> bool:
    try:
        evaluator(node, opsets, captured([node]))
    except Exception:  # noqa: BLE001 - it has many ways to say so
        return False
    return True


def _of_type(value: Any, number: int) -> Any:
    """An array of the declared type: onnx.reference forgets it here and there."""
    if not number or isinstance(value, (list, dict)) or value is None:
        return value
    wanted = helper.tensor_dtype_to_np_dtype(number)
    array = np.asarray(value)
    return array if array.dtype == wanted else array.astype(wanted)
