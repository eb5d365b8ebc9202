"""What `port convert --kit` adds to a model that was written."""

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from onnx import ModelProto

from porting.capability.table import CapabilityTable
from porting.finishing import original_file
from porting.kit.write import Contents, write_kit
from porting.model.save import save
from porting.prepare import Dims, Prepared, Shapes
from porting.proof.given import Inputs
from porting.proof.samples import samples


def hand_over(  # noqa: PLR0913 - what a conversion has, by name
    folder: Path,
    proto: ModelProto,
    prepared: Prepared,
    table: CapabilityTable,
    precision: str,
    classes: Iterable[str],
    *,
    shapes: Shapes | None = None,
    dims: Dims | None = None,
    inputs: Inputs = None,
) -> Mapping[str, Any]:
    """Runs the original once and writes a kit.

    Args:
        folder: Where to; see `porting.kit.write`.
        proto: The converted model.
        prepared: The loaded model.
        table: The chip's table.
        precision: Compute type on the chip; the table's default if empty.
        classes: Exactness classes of the rewrites.
        shapes: Shapes of inputs by name.
        dims: Sizes of symbolic dimensions by name.
        inputs: Values of inputs; of several sets the first is taken.

    Returns:
        As in the JSON: the path, or None and the reason where there is nothing to hand over.

    Raises:
        UsageError: The folder cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="port-") as name:
        trial = Path(name) / "converted.onnx"
        save(proto, trial, source=prepared.loaded)
        original = original_file(prepared, Path(name))
        found = samples(original, trial, dims=dims, shapes=shapes, inputs=inputs)
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
