"""Where two models begin to differ: the first value that does, though what it is made from agrees.

Values keep their names when nodes are rewritten, so those that both models compute are compared. A
few at a time become outputs of both models, which are run and compared like before; from what
agrees and what does not follows where to look next. Memory is bounded by the few.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

from porting.model.dtypes import NAME_OF, numpy_dtype
from porting.model.load import load
from porting.model.save import save
from porting.proof.judge import Verification

Verify = Callable[[Path, Path], Verification]

PROBES = 8
"""Values that are compared in one run."""

MOST_BYTES = 1 << 26
"""Memory that they take together, as far as their sizes are known."""

MOST_ROUNDS = 24


@dataclass(frozen=True)
class Location:
    """The first difference.

    Attributes:
        value: The value that differs.
        node: The node of the original that computes it.
        op_type: Its operator.
        reason: How it differs.
    """

    value: str
    node: str
    op_type: str
    reason: str


@dataclass
class _Hunt:
    """What is known so far: for a value, how it differs; empty where it agrees."""

    order: Sequence[str]
    sizes: Mapping[str, int]
    compare: Callable[[Sequence[str]], Mapping[str, str]]
    rounds: int = 0

    def first(self) -> tuple[str, str] | None:
        """The first value in the order that differs, as far as halving finds it."""
        low, high, found = -1, len(self.order), None
        while high - low > 1 and self.rounds < MOST_ROUNDS:
            places = self._places(low, high)
            differing = self.differing([self.order[p] for p in places])
            wrong = [p for p in places if self.order[p] in differing]
            if wrong:
                high = wrong[0]
                found = (self.order[high], differing[self.order[high]])
            low = max((p for p in places if p < high), default=low)
        return found

    def differing(self, names: Sequence[str]) -> Mapping[str, str]:
        """Which of a few values differ, and how."""
        self.rounds += 1
        return {name: reason for name, reason in self.compare(names).items() if reason}

    def _places(self, low: int, high: int) -> list[int]:
        """A few places between two, evenly spread, that fit into memory together."""
        count = min(PROBES, high - low - 1)
        spread = [low + (high - low) * (i + 1) // (count + 1) for i in range(count)]
        kept: list[int] = []
        left = MOST_BYTES
        for place in dict.fromkeys(min(max(p, low + 1), high - 1) for p in spread):
            size = self.sizes.get(self.order[place], 0)
            if size <= left or not kept:
                kept.append(place)
                left -= size
        return kept


def locate(original: Path, converted: Path, verify: Verify) -> Location | None:
    """Finds the first difference between two models that are known to differ.

    Args:
        original: The model as it was.
        converted: What was made of it.
        verify: Compares two models, always on the same inputs.

    Returns:
        The place; None where no value that both compute differs before the outputs do, or where
        the models do not run with more outputs.
    """
    before, after = load(original), load(converted)
    made_before, made_after = _made(before.proto.graph), _made(after.proto.graph)
    infos = {v.name: v for v in after.proto.graph.value_info}
    outputs = {o.name for o in after.proto.graph.output}
    order = [n for n in made_after if n in made_before and (n in infos or n in outputs)]
    with tempfile.TemporaryDirectory(prefix="port-") as folder:

        def compare(names: Sequence[str]) -> Mapping[str, str]:
            paths = [Path(folder) / "before.onnx", Path(folder) / "after.onnx"]
            for path, source in zip(paths, (before, after), strict=True):
                save(_with_outputs(source.proto, names), path, source=source)
            result = verify(*paths)
            return {o.name: o.reason for o in result.outputs if o.name in names}

        hunt = _Hunt(order, {n: _bytes(v) for n, v in infos.items()}, compare)
        found = hunt.first()
        while found is not None and hunt.rounds < MOST_ROUNDS:
            parents = list(_parents(found[0], made_after, set(order)))[:PROBES]
            differing = hunt.differing(parents) if parents else {}
            earlier = [n for n in order if n in differing]
            if not earlier:
                node = made_before[found[0]]
                return Location(found[0], _name(node), node.op_type, found[1])
            found = earlier[0], differing[earlier[0]]
    return None


def _made(graph: GraphProto) -> dict[str, NodeProto]:
    """The values that nodes compute, in order."""
    return {o: n for n in graph.node for o in n.output if o}


def _name(node: NodeProto) -> str:
    return node.name or next((o for o in node.output if o), node.op_type)


def _parents(name: str, made: Mapping[str, NodeProto], known: set[str]) -> Iterator[str]:
    """The nearest values before one that both models compute."""
    waiting, seen = [name], {name}
    while waiting:
        node = made.get(waiting.pop())
        for given in node.input if node is not None else ():
            if given in seen or not given:
                continue
            seen.add(given)
            if given in known:
                yield given
            else:
                waiting.append(given)


def _with_outputs(proto: ModelProto, names: Sequence[str]) -> ModelProto:
    """The model with more outputs; weights stay where they are."""
    more = ModelProto()
    more.CopyFrom(proto)
    there = {o.name for o in more.graph.output}
    types = {v.name: v for v in more.graph.value_info}
    more.graph.output.extend(types.get(n, ValueInfoProto(name=n)) for n in names if n not in there)
    return more


def _bytes(info: ValueInfoProto) -> int:
    """How much memory a value takes; 0 where that is not known."""
    tensor = info.type.tensor_type
    dtype = NAME_OF.get(tensor.elem_type)
    if dtype is None or dtype == "string" or not tensor.HasField("shape"):
        return 0
    return int(prod(d.dim_value for d in tensor.shape.dim) * numpy_dtype(dtype).itemsize)
