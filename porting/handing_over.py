"""What `port convert --kit` adds to a model that was written."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from onnx import ModelProto

from porting.capability.table import CapabilityTable
from porting.kit.write import Contents, write_kit
from porting.prepare import Prepared
from porting.proof.samples import samples
from porting.trial import InputSpec, trial_files


def hand_over(
    folder: Path,
    proto: ModelProto,
    prepared: Prepared,
    table: CapabilityTable,
    precision: str,
    classes: Iterable[str],
    spec: InputSpec,
) -> Mapping[str, Any]:
    """Runs the original once and writes a kit.

    Args:
        folder: Where to; see `porting.kit.write`.
        proto: The converted model.
        prepared: The loaded model.
        table: The chip's table.
        precision: Compute type on the chip; the table's default if empty.
        classes: Exactness classes of the rewrites.
        spec: On what the original is run; of several sets of inputs the first is taken.

    Returns:
        As in the JSON: the path, or None and the reason where there is nothing to hand over.

    Raises:
        UsageError: The folder cannot be written.
    """
    with trial_files(proto, prepared) as (original, trial):
        found = samples(original, trial, dims=spec.dims, shapes=spec.shapes, inputs=spec.inputs)
        if isinstance(found, str):
            return {"path": None, "reason": f"there are no expected outputs: {found}"}
        contents = Contents(
            proto,
            prepared.loaded,
            table,
            precision,
            found.cases[0].feeds,
            found.outputs[0],
            frozenset(classes),
        )
        write_kit(folder, contents)
    return {"path": str(folder), "reason": ""}
