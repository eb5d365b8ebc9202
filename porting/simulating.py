"""`porting.simulate`: what a chip's compute type makes of a model."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onnx import ModelProto

from porting.legalize.tame import Tamed
from porting.model.load import load
from porting.prepare import Prepared
from porting.proof.drift import Drift, check_kind, drift
from porting.proof.given import Inputs
from porting.trial import InputSpec, trial_files


def simulate(
    a: str | os.PathLike[str],
    b: str | os.PathLike[str],
    kind: str,
    *,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
    inputs: Inputs = None,
    tolerance: float | None = None,
) -> Drift:
    """Runs a model with every tensor rounded to a compute type, and the original as it is.

    Args:
        a: The original model.
        b: The model that is to run on the chip.
        kind: `float16`, `bfloat16` or `int8`.
        shapes: Shapes of inputs by name.
        dims: Sizes of symbolic dimensions by name.
        inputs: Values of inputs by name; what is not given is generated.
        tolerance: The greatest drift of an output: its largest error over its largest magnitude.

    Raises:
        ModelError: A model cannot be read.
        UsageError: There is no such type, or an input does not fit.
    """
    check_kind(kind, tolerance)
    load(a)
    return drift(
        Path(a), Path(b), kind, dims=dims, shapes=shapes, inputs=inputs, tolerance=tolerance
    )


def simulated(
    proto: ModelProto,
    prepared: Prepared,
    kind: str,
    tamed: Tamed,
    spec: InputSpec,
    tolerance: float | None,
) -> dict[str, Any]:
    """The same for a model that was made of a loaded one and is not on disk yet.

    Returns:
        As in the JSON, with the rules for masks that `--allow` would apply.
    """
    with trial_files(proto, prepared) as (original, trial):
        result = drift(
            original,
            trial,
            kind,
            dims=spec.dims,
            shapes=spec.shapes,
            inputs=spec.inputs,
            tolerance=tolerance,
        )
    return {**result.to_dict(), "offers": [offer.to_dict() for offer in tamed.offers]}
