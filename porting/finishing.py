"""What every command that makes a model ends with: the proof, then the file."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import onnx
from onnx import ModelProto, TensorProto

from porting.conversion import Output
from porting.errors import ModelError
from porting.model.form import leave_data, refusal
from porting.model.save import save, serialize
from porting.prepare import Prepared
from porting.proof.shapes import graphs
from porting.proof.verify import Tolerance, narrowest_float, verify_files
from porting.trial import InputSpec, trial_files

NOT_ASKED: Mapping[str, Any] = {
    "status": "skipped",
    "reason": "not asked for (--no-verify)",
    "outputs": [],
}


def prove(
    proto: ModelProto,
    prepared: Prepared,
    classes: Iterable[str],
    spec: InputSpec,
) -> dict[str, Any]:
    """Runs the loaded model and `proto`, which was made of it, and compares.

    Args:
        proto: The new model; its weights may still lie in the loaded file.
        prepared: The loaded model.
        classes: Exactness classes of the rewrites between the two, which set the tolerance.
        spec: On what both are run.

    Returns:
        The verification, as in the JSON.
    """
    tolerance = Tolerance.for_classes(set(classes) or {"exact"}, narrowest_float(proto))
    with trial_files(proto, prepared) as (original, trial):
        return verify_files(
            original,
            trial,
            dims=spec.dims,
            shapes=spec.shapes,
            inputs=spec.inputs,
            tolerance=tolerance,
        ).fields()


def _check_nodes(proto: ModelProto) -> None:
    """Finds the node that ONNX's own checker refuses.

    Raises:
        ModelError: The loaded model has a node that ONNX forbids, and it is still there.
    """
    opsets = {o.domain: o.version for o in proto.opset_import}
    for node in proto.graph.node:
        if any(a.type == onnx.AttributeProto.GRAPH for a in node.attribute):
            continue  # its body reads values that are not known here
        reason = refusal(node, proto.ir_version, opsets)
        if reason:
            name = node.name or node.output[0]
            raise ModelError(
                "node-invalid",
                f"ONNX does not allow node {name} ({node.op_type}): {reason}",
                "the exporter has written it so; export again with another opset",
            )


def _tensors(proto: ModelProto) -> Iterator[TensorProto]:
    """Every tensor of a model, those in attributes and bodies included."""
    for graph in graphs(proto.graph):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
        for attribute in (a for node in graph.node for a in node.attribute):
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _check(proto: ModelProto, out: Path) -> None:
    """Holds a model to ONNX's own checker, without the weights.

    Raises:
        ModelError: The model is not ONNX, or too large to be written to `out`.
    """
    serialized = serialize(proto, out)
    if b"location" in serialized:  # the key of data in a file
        bare = ModelProto()
        bare.CopyFrom(proto)
        for tensor in _tensors(bare):
            leave_data(tensor)
        proto, serialized = bare, bare.SerializeToString()
    try:
        onnx.checker.check_model(serialized)
    except onnx.checker.ValidationError as error:
        _check_nodes(proto)  # says more, where it is a node
        reason = str(error).strip().split("\n", 1)[0]
        raise ModelError("model-invalid", f"ONNX does not allow the model: {reason}") from None


def write(proto: ModelProto, prepared: Prepared, out: Path) -> Output:
    """Holds a model to ONNX's own checker and writes it in one step.

    Raises:
        ModelError: It is not ONNX; nothing was written.
    """
    _check(proto, out)
    save(proto, out, source=prepared.loaded)
    with out.open("rb") as file:
        return Output(str(out), hashlib.file_digest(file, "sha256").hexdigest())
