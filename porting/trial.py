"""A model that was made and is not written yet: how it is run beside the one it was made of."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import ModelProto

from porting.model.save import save
from porting.prepare import Dims, Prepared, Shapes
from porting.proof.given import Inputs


@dataclass(frozen=True)
class InputSpec:
    """What a user says of the inputs that both are run on.

    Attributes:
        shapes: Shapes of inputs by name, sizes in elements.
        dims: Sizes of symbolic dimensions by name, in elements.
        inputs: Values of inputs by name, or data sets, ranges and seeds; generated ones where not
            given.
    """

    shapes: Shapes | None = None
    dims: Dims | None = None
    inputs: Inputs = None


@contextmanager
def trial_files(proto: ModelProto, prepared: Prepared) -> Iterator[tuple[Path, Path]]:
    """The original and `proto` as files, as long as the context lasts.

    Args:
        proto: What was made; its weights may still lie in the loaded file.
        prepared: The loaded model, which is written down if it came in memory.

    Yields:
        Where the original and the trial lie.
    """
    with tempfile.TemporaryDirectory(prefix="port-") as name:
        folder = Path(name)
        trial = folder / "converted.onnx"
        save(proto, trial, source=prepared.loaded)
        original = prepared.loaded.path
        if original is None:
            original = folder / "original.onnx"
            onnx.save_model(prepared.loaded.proto, original)
        yield original, trial
