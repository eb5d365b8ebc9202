"""The onnx package's own node tests, taken to other opsets, and what becomes of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from onnx import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    TypeProto,
    defs,
    numpy_helper,
)
from onnx.backend.test.case.node import collect_testcases
from rules.harness import _all_cases, difference, run_ort, run_reference
from rules.test_opset_support import attempt

from porting.rules import registry
from porting.rules.opset_restamp import proto_type_string

Verdict = Literal["passed", "declined", "not run", "wrong"]

BEYOND = {
    "BitCast": "no other operator reads the bits of a number",
    "ImageDecoder": "no other operator decodes images",
    "RegexFullMatch": "no other operator looks into strings",
    "StringConcat": "no other operator makes strings",
    "StringSplit": "no other operator looks into strings",
    "Bernoulli": "random numbers: two operators do not draw the same ones",
}
"""Operators that nothing but themselves computes."""


@dataclass(frozen=True)
class Outcome:
    """What became of one case.

    Attributes:
        name: The case, as onnx calls it.
        op_type: The first operator that could not be converted; the case's own where all could.
        verdict: `passed`: the result gives the expected outputs in onnxruntime or onnx.reference.
            `declined`: a node cannot be converted. `not run`: neither runtime gives the expected
            outputs, not even of the case as it is. `wrong`: only the result does not give them.
        reason: Why it was declined, or what went wrong.
        beyond: Of what is declined: why no older operators can express it; empty if they can.
    """

    name: str
    op_type: str
    verdict: Verdict
    reason: str = ""
    beyond: str = ""


@dataclass(frozen=True)
class Swept:
    """What became of all cases."""

    outcomes: Sequence[Outcome]

    def count(self, verdict: Verdict) -> int:
        """How many cases ended so."""
        return sum(o.verdict == verdict for o in self.outcomes)

    @property
    def beyond(self) -> list[Outcome]:
        """Declined, and nothing that the opset has could express it."""
        return [o for o in self.outcomes if o.beyond]

    @property
    def missed(self) -> list[Outcome]:
        """Not passed although the opset could express it."""
        failed = [o for o in self.outcomes if o.verdict in {"declined", "wrong"}]
        return [o for o in failed if not o.beyond]

    @property
    def share(self) -> float:
        """Passed, of what could be expressed and was run."""
        passed = self.count("passed")
        return passed / (passed + len(self.missed))


def sweep(targets: Sequence[int], every: int = 1) -> Iterator[Outcome]:
    """Takes the cases that are newer than the first target through some opsets.

    Args:
        targets: One after the other; the outputs are compared after the last.
        every: Of how many cases one is taken.
    """
    for case in _all_cases(collect_testcases)[::every]:
        if not case.model.graph.node or case.model.functions:
            continue
        if opset_of(case.model) <= targets[0]:
            continue
        if case.name == "test_mvn":
            continue  # onnx's own full check of the unchanged model fails: no default for its body
        yield _outcome(case, targets)


def _outcome(case: Any, targets: Sequence[int]) -> Outcome:
    inputs, wanted = ([_plain(v) for v in values] for values in case.data_sets[0])
    original, feed = frozen(case.model, inputs)
    model, op_type = original, case.model.graph.node[0].op_type
    for target in targets:
        model, report = attempt(model, target, registry())
        if report.blockers:
            first = report.blockers[0]
            beyond = inexpressible(original, first.node.proto, target)
            return Outcome(case.name, first.node.op_type, "declined", first.reason, beyond)
    problem = _problem(case, model, feed, wanted)
    if not problem:
        return Outcome(case.name, op_type, "passed")
    if _problem(case, original, feed, wanted):
        return Outcome(case.name, op_type, "not run", problem)
    return Outcome(case.name, op_type, "wrong", problem)


def opset_of(model: ModelProto) -> int:
    return next((o.version for o in model.opset_import if not o.domain), 0)


def frozen(model: ModelProto, inputs: Sequence[Any]) -> tuple[ModelProto, dict[str, Any]]:
    """The case with shapes, axes, sizes and the like as initializers, as models have them."""
    copy = ModelProto()
    copy.CopyFrom(model)
    copy.ir_version = min(copy.ir_version, 10)
    infos = list(copy.graph.input)
    del copy.graph.input[:]
    feed: dict[str, Any] = {}
    for index, (info, given) in enumerate(zip(infos, inputs, strict=False)):
        value = _plain(given)
        settled = index > 0 or model.graph.node[0].op_type.endswith("Window")
        settled = settled and isinstance(value, np.ndarray) and value.dtype.kind in "iub"
        named = info.name in {"scales", "roi", "ratio"} and isinstance(value, np.ndarray)
        if named or (settled and value.size < 4096):
            copy.graph.initializer.append(numpy_helper.from_array(value, info.name))
        else:
            copy.graph.input.append(info)
            feed[info.name] = value
    return copy, feed


def _problem(case: Any, model: ModelProto, feed: Mapping[str, Any], wanted: Sequence[Any]) -> str:
    """Empty if one of the runtimes gives the expected outputs; else what went wrong.

    One is enough: each lacks operators and types, and the reference has known faults in old
    versions, such as DequantizeLinear below opset 19, which it does not have at all. A bfloat16
    has eight bits, so that sums in another order differ more.
    """
    last = "nothing ran it"
    model.ir_version = min(model.ir_version, 10)
    short = any(getattr(w, "dtype", np.dtype("f4")).name == "bfloat16" for w in wanted)
    rel = max(case.rtol, 2e-2 if short else 1e-3)
    for run in (run_ort, run_reference):
        try:
            got = run(model, feed)
        except Exception as error:  # noqa: BLE001 - a runtime without the operator raises anything
            last = f"{run.__name__}: {error}"
            continue
        problem = _difference(wanted, list(got), rel, max(case.atol, 1e-5))
        if not problem:
            return ""
        last = f"{run.__name__}: {problem}"
    return last


def _plain(value: Any) -> Any:
    """A value of a case as runtimes take and give it: an array, a list of them, or nothing."""
    if isinstance(value, TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value if value is None else np.asarray(value)


def _difference(wanted: Any, got: Any, rel: float, absolute: float) -> str:
    """What is wrong with a result, which may be a sequence or nothing; empty if it is right."""
    if isinstance(wanted, list) and isinstance(got, list):
        if len(wanted) != len(got):
            return f"{len(wanted)} elements became {len(got)}"
        pairs = zip(wanted, got, strict=True)
        return max((_difference(a, b, rel, absolute) for a, b in pairs), default="")
    if wanted is None or got is None:
        return "" if wanted is got else f"{wanted} became {got}"
    return difference(wanted, np.asarray(got), rel, absolute)


def inexpressible(model: ModelProto, node: NodeProto, opset: int) -> str:
    """Why no operators of an opset compute what a node does; empty where some do.

    Args:
        model: The case, at its own opset.
        node: The node that could not be converted.
        opset: The version asked for.
    """
    unknown = sorted(_types_in(model.graph) - types_of(opset))
    if unknown:
        return f"the type {unknown[0]} is not there yet"
    if node.op_type in BEYOND:
        return BEYOND[node.op_type]
    if node.op_type == "Equal" and "tensor(string)" in _types_in(model.graph):
        return BEYOND["RegexFullMatch"]
    if node.op_type == "Dropout" and _drops(model):
        return "random numbers: two operators do not draw the same ones"
    of_sequences = any(t.startswith("seq") for t in _types_in(model.graph))
    if opset < 13 and node.op_type in {"If", "Loop", "SequenceMap"} and of_sequences:
        return "no loop or branch carries a sequence yet"
    return ""


def _drops(model: ModelProto) -> bool:
    """Whether a Dropout draws numbers: it trains, and its ratio is not 0."""
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    ratio = model.graph.node[0].input[1:2]
    return not ratio or ratio[0] not in constants or bool(constants[ratio[0]].any())


@cache
def types_of(opset: int) -> frozenset[str]:
    """All types that some operator of an opset takes or gives, as onnx spells them."""
    newest: dict[str, defs.OpSchema] = {}
    for schema in defs.get_all_schemas_with_history():
        if schema.domain or schema.since_version > opset:
            continue
        best = newest.get(schema.name)
        if best is None or schema.since_version > best.since_version:
            newest[schema.name] = schema
    constraints = (c for s in newest.values() for c in s.type_constraints)
    return frozenset(t for c in constraints for t in c.allowed_type_strs)


def _types_in(graph: GraphProto) -> set[str]:
    """The types of all inputs, outputs and constants of a graph, of casts, and of its bodies."""
    found = {proto_type_string(v.type) for v in (*graph.input, *graph.output)}
    numbers = [t.data_type for t in graph.initializer]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                found |= _types_in(attribute.g)
            if attribute.name == "to":
                numbers.append(attribute.i)
    found |= {
        proto_type_string(TypeProto(tensor_type=TypeProto.Tensor(elem_type=n))) for n in numbers
    }
    return found - {""}
