"""`porting.verify`: do two models compute the same."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from porting.model.load import load
from porting.proof.given import Given, Inputs, Range, read_sets
from porting.proof.verify import Tolerance, Verification, narrowest_float, verify_files


def verify(
    a: str | os.PathLike[str],
    b: str | os.PathLike[str],
    *,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
    inputs: Inputs = None,
) -> Verification:
    """Runs two models on the same inputs and compares their outputs.

    Float outputs may differ as much as another order of the same operations explains.

    Args:
        a: The original model.
        b: The model that claims to be the same function.
        shapes: Shapes of inputs by name.
        dims: Sizes of symbolic dimensions by name.
        inputs: Values of inputs by name, or data sets, ranges and seeds; what is not given is
            generated.

    Raises:
        ModelError: A model cannot be read.
        UsageError: An input, shape or dimension does not fit the original.
    """
    original = load(a)
    load(b)  # a broken file is an error of the job, not a difference between models
    tolerance = Tolerance.for_classes({"reordered"}, narrowest_float(original.proto))
    return verify_files(
        Path(a), Path(b), shapes=shapes, dims=dims, inputs=inputs, tolerance=tolerance
    )


def inputs_of(path: Path | None, ranges: Mapping[str, Range], seeds: int | None = None) -> Given:
    """What a command line says about inputs.

    Args:
        path: An .npz file, a folder of such, or a folder of ONNX test data.
        ranges: Input name to the lowest and highest value to draw.
        seeds: How many times inputs are drawn; None for as many as are cheap.

    Raises:
        UsageError: The path does not exist, or is something else.
    """
    sets = read_sets(path) if path is not None else ()
    return Given(sets, ranges, None if seeds is None else tuple(range(seeds)))
