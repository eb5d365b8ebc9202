"""`porting.verify`: do two models compute the same."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from porting.errors import UsageError
from porting.model.load import load
from porting.proof.verify import Tolerance, Verification, narrowest_float, verify_files


def verify(
    a: str | os.PathLike[str],
    b: str | os.PathLike[str],
    *,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
    inputs: Mapping[str, npt.NDArray[Any]] | None = None,
) -> Verification:
    """Runs two models on the same inputs and compares their outputs.

    Float outputs may differ as much as another order of the same operations explains.

    Args:
        a: The original model.
        b: The model that claims to be the same function.
        shapes: Shapes of inputs by name.
        dims: Sizes of symbolic dimensions by name.
        inputs: Values of inputs by name; what is not given is generated.

    Raises:
        ModelError: A model cannot be read.
        UsageError: An input, shape or dimension does not fit the original.
    """
    original = load(a)
    load(b)  # a broken file is an error of the job, not a difference between models
    tolerance = Tolerance.for_classes({"reordered"}, narrowest_float(original.proto))
    fixed = {name: tuple(shape) for name, shape in (shapes or {}).items()}
    return verify_files(
        Path(a), Path(b), shapes=fixed, dims=dims, inputs=inputs, tolerance=tolerance
    )


def read_inputs(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Arrays by name from an .npz file.

    Raises:
        UsageError: There is no such file, or it is something else.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            if not isinstance(data, np.lib.npyio.NpzFile):
                raise UsageError("inputs-form", f"{path} is not an .npz file", "use numpy.savez")
            return {name: data[name] for name in data.files}
    except FileNotFoundError:
        raise UsageError("inputs-not-found", f"there is no {path}") from None
    except (OSError, ValueError) as error:
        reason = str(error).split("\n", 1)[0]
        raise UsageError("inputs-form", f"{path} cannot be read: {reason}") from None
