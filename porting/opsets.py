"""`porting.convert_opset`: the same model in another version of ONNX's operators."""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
from onnx import ModelProto

from porting.conversion import Declined, Output, Rewrite
from porting.errors import OpsetError, UsageError
from porting.finishing import NOT_ASKED, prove, write
from porting.legalize.normalise import clean, normalise
from porting.legalize.opset import NEWEST, OLDEST, adapters
from porting.legalize.opset import convert_opset as convert_graph
from porting.legalize.policy import DEFAULT, Policy, policy_of
from porting.model.save import save
from porting.model.write import write_model
from porting.outputs import check_model_file
from porting.prepare import Dims, ModelSource, Prepared, Shapes, prepare
from porting.proof.given import Inputs
from porting.results import ModelInfo
from porting.rules import registry
from porting.trial import InputSpec


@dataclass(frozen=True, slots=True)
class OpsetChange:
    """What `port opset` answers.

    Attributes:
        model: The model as it was loaded.
        version: The opset asked for.
        rewrites: What was rewritten, in the model's order.
        blockers: Nodes that cannot be expressed in that version, each with the reason.
        verification: The numerical proof, as in the JSON.
        output: What was written; None if nothing was.
    """

    model: ModelInfo
    version: int
    rewrites: tuple[Rewrite, ...] = ()
    blockers: tuple[Declined, ...] = ()
    verification: Mapping[str, Any] = field(default_factory=lambda: dict(NOT_ASKED))
    output: Output | None = None

    @property
    def passed(self) -> bool:
        """Whether the model could be expressed and no proof failed."""
        return not self.blockers and self.verification.get("status") != "failed"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, schema `port.opset/1`."""
        return {
            "schema": "port.opset/1",
            "verdict": "pass" if self.passed else "fail",
            "model": self.model.to_dict(),
            "version": self.version,
            "rewrites": [r.to_dict() for r in self.rewrites],
            "blockers": [b.to_dict() for b in self.blockers],
            "verification": dict(self.verification),
            "output": self.output.to_dict() if self.output else None,
        }


def convert_opset(model: ModelSource, version: int) -> ModelProto:
    """The model at another opset of the default domain, with its weights.

    Args:
        model: A path, or a model in memory. Never modified.
        version: From 7 to the newest that onnx knows.

    Raises:
        OpsetError: A use of an operator cannot be expressed in that version; the message names
            every such node with the reason.
        ModelError: The model cannot be read.
        UsageError: The version is out of range.
    """
    prepared = prepare(model, None, None)
    proto, _, blockers = _converted(prepared, version, DEFAULT)
    if proto is None:
        reasons = "; ".join(f"{b.node} ({b.op_type}): {b.reason}" for b in blockers)
        raise OpsetError("opset-blocked", f"opset {version} cannot express the model: {reasons}")
    with tempfile.TemporaryDirectory(prefix="port-") as folder:
        path = Path(folder) / "model.onnx"
        save(proto, path, source=prepared.loaded)
        return onnx.load(path)


def change_opset(  # noqa: PLR0913 - every option has a name of its own
    model: ModelSource,
    version: int,
    output: str | Path,
    *,
    shapes: Shapes | None = None,
    dims: Dims | None = None,
    allow: Iterable[str] = (),
    deny: Iterable[str] = (),
    verify: bool = True,
    inputs: Inputs = None,
    progress: Callable[[str], None] = lambda step: None,
) -> OpsetChange:
    """Converts a model file, proves the result numerically and writes it.

    Nothing is written if a node cannot be expressed or the models differ.

    Raises:
        ModelError: The model cannot be read.
        UsageError: The version, a shape, a rule or the output cannot be.
    """
    policy = policy_of(allow, deny, (*registry(), *adapters()))
    out = Path(output)
    check_model_file(out)
    progress("reading the model")
    prepared = prepare(model, shapes, dims)
    info = prepared.info()
    progress("rewriting")
    proto, rewrites, blockers = _converted(prepared, version, policy)
    if proto is None:
        return OpsetChange(info, version, blockers=blockers)
    verification: Mapping[str, Any] = NOT_ASKED
    if verify:
        progress("verifying")
        classes = {r.exactness for r in rewrites}
        verification = prove(proto, prepared, classes, InputSpec(shapes, dims, inputs))
    written = None
    if verification["status"] != "failed":
        progress("writing")
        written = write(proto, prepared, out)
    return OpsetChange(info, version, rewrites, (), verification, written)


def _converted(
    prepared: Prepared, version: int, policy: Policy
) -> tuple[ModelProto | None, tuple[Rewrite, ...], tuple[Declined, ...]]:
    """The new message, or the nodes that block it."""
    graph = prepared.graph
    for what, number in (("the model's opset", graph.context.opset), ("--to", version)):
        if not OLDEST <= number <= NEWEST:
            raise UsageError(
                "opset-range", f"{what} is {number}; opsets {OLDEST} to {NEWEST} are converted"
            )
    normalise(graph)
    result = convert_graph(graph, version, registry(), policy)
    if result.blockers:
        return None, (), tuple(result.reported_blockers(version))
    clean(graph)
    proto = write_model(graph, prepared.loaded.proto, graph.context.opsets)
    return proto, tuple(result.reported_rewrites()), ()
