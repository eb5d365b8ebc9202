"""What a user says about inputs: values, ranges to draw from, how often to draw."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from porting.errors import UsageError
from porting.proof.styles import TAME, Style

Array = npt.NDArray[Any]
Range = tuple[float, float]


@dataclass(frozen=True)
class DataSet:
    """Values of one run.

    Attributes:
        name: Where they are from.
        inputs: By name, or by position among the model's inputs where there is no name.
        outputs: What they should give, likewise; may be empty.
        ordered: Names that the model has not are those of its inputs in order.
    """

    name: str
    inputs: Mapping[str | int, Array]
    outputs: Mapping[str | int, Array] = field(default_factory=dict)
    ordered: bool = False


@dataclass(frozen=True)
class Given:
    """All of it.

    Attributes:
        sets: A run or more for each; what a set leaves out is drawn.
        ranges: Input name to the lowest and highest value to draw, both included.
        seeds: A run for each; None for as many as are cheap.
        styles: How to draw what the model says little of, seed by seed in turn.
    """

    sets: tuple[DataSet, ...] = ()
    ranges: Mapping[str, Range] = field(default_factory=dict)
    seeds: tuple[int, ...] | None = None
    styles: tuple[Style, ...] = TAME


Inputs: TypeAlias = Mapping[str, Array] | Given | None
"""Values by name for one run, or more than that."""


def given_of(inputs: Inputs) -> Given:
    """The long form of what a caller passed."""
    if isinstance(inputs, Given):
        return inputs
    if not inputs:
        return Given()
    values: dict[str | int, Array] = dict(inputs.items())
    return Given((DataSet("the inputs given", values),))


def read_sets(path: Path) -> tuple[DataSet, ...]:
    """Values from an .npz file, a folder of such, or a folder of ONNX test data.

    Test data are protobuf files `input_0.pb`, `input_1.pb`, ... and, what they should give,
    `output_0.pb`, ...: in the folder itself, or one set in each of its folders.

    Raises:
        UsageError: There is no such file, or it is something else.
    """
    if not path.exists():
        raise UsageError("inputs-not-found", f"there is no {path}")
    if not path.is_dir():
        return (_npz(path),)
    if any(path.glob("input_*.pb")):
        return (_protobufs(path),)
    archives = sorted(path.glob("*.npz"), key=_natural)
    if archives:
        return tuple(_npz(file) for file in archives)
    folders = sorted((f for f in path.iterdir() if any(f.glob("input_*.pb"))), key=_natural)
    if not folders:
        text = f"{path} holds no .npz and no test_data_set_0/input_0.pb"
        raise UsageError("inputs-form", text, "use numpy.savez, or ONNX test data")
    return tuple(_protobufs(folder) for folder in folders)


def _natural(path: Path) -> tuple[str, int]:
    """So that set 10 comes after set 9."""
    found = re.search(r"(\d+)(\.\w+)?$", path.name)
    return (path.name[: found.start()], int(found.group(1))) if found else (path.name, -1)


def _npz(path: Path) -> DataSet:
    try:
        loaded = np.load(path, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise UsageError("inputs-form", f"{path} is not an .npz file", "use numpy.savez")
        with loaded as data:
            values: dict[str | int, Array] = {name: data[name] for name in data.files}
            return DataSet(path.name, values)
    except (OSError, ValueError, EOFError) as error:
        reason = str(error).split("\n", 1)[0]
        raise UsageError("inputs-form", f"{path} cannot be read: {reason}") from None


def _protobufs(folder: Path) -> DataSet:
    inputs = _tensors(sorted(folder.glob("input_*.pb"), key=_natural))
    outputs = _tensors(sorted(folder.glob("output_*.pb"), key=_natural))
    return DataSet(folder.name, inputs, outputs, ordered=True)


def _tensors(files: Sequence[Path]) -> dict[str | int, Array]:
    from onnx import TensorProto, numpy_helper

    values: dict[str | int, Array] = {}
    for file in files:
        tensor = TensorProto()
        try:
            tensor.ParseFromString(file.read_bytes())
            array = np.asarray(numpy_helper.to_array(tensor))
        except Exception as error:  # protobuf's own error has no types to catch it by
            reason = str(error).split("\n", 1)[0]
            text = f"{file} is not a tensor: {reason}"
            raise UsageError("inputs-form", text, "sequences and maps are not read") from error
        number = _natural(file)[1]
        values[tensor.name or (number if number >= 0 else len(values))] = array
    return values
