"""`porting.verify`: do two models compute the same.

Nothing heavy is imported before the processes that run the models are started: they load
onnxruntime while onnx is loaded here.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from porting.proof.process import children

if TYPE_CHECKING:
    from porting.proof.given import Inputs, Range
    from porting.proof.judge import Verification


def verify(
    a: str | os.PathLike[str],
    b: str | os.PathLike[str],
    *,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
    inputs: "Inputs" = None,
) -> "Verification":
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
    with children() as processes:
        from porting.model.load import load
        from porting.proof.verify import Tolerance, narrowest_float, verify_files

        original = load(a)
        load(b)  # a broken file is an error of the job, not a difference between models
        return verify_files(
            Path(a),
            Path(b),
            shapes=shapes,
            dims=dims,
            inputs=inputs,
            tolerance=Tolerance.for_classes({"reordered"}, narrowest_float(original.proto)),
            processes=processes,
        )


def inputs_of(
    path: Path | None, ranges: "Mapping[str, Range]", seeds: int | None = None
) -> "Inputs":
    """What a command line says about inputs.

    Args:
        path: An .npz file, a folder of such, or a folder of ONNX test data.
        ranges: Input name to the lowest and highest value to draw.
        seeds: How many times inputs are drawn; None for as many as are cheap.

    Returns:
        It as `verify` takes it; None where nothing is said.

    Raises:
        UsageError: The path does not exist, or is something else.
    """
    if path is None and not ranges and seeds is None:
        return None
    from porting.proof.given import Given, read_sets

    sets = read_sets(path) if path is not None else ()
    return Given(sets, ranges, None if seeds is None else tuple(range(seeds)))
