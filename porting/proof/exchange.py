"""What the parent and the processes that run models hand each other, through files of a folder.

`job.json` and a file for each array go in, `log.jsonl` and a file for each array come out. The
child appends a line to the log before and after each case; what is missing when it dies tells
which case killed it. Nothing heavy is imported here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Values = dict[str, Array]

_MAPPED = 1 << 16
"""Bytes from which on a file is mapped, not read."""


@dataclass(frozen=True)
class RunFailure:
    """A model, or one case of it, did not run.

    Attributes:
        reason: One line.
        beyond: It is beyond the libraries here, which tells nothing against the model.
    """

    reason: str
    beyond: bool = False


@dataclass(frozen=True)
class Case:
    """One set of inputs.

    Attributes:
        feeds: Input name to array, of the type and shape that the model declares.
        group: Cases of one group are alternatives at the same sizes.
        data: Number of the user's data that the case is about; `enough` counts for each.
        spare: Only to be run where that is quick, by onnxruntime alone.
    """

    feeds: Mapping[str, Array]
    group: int = 0
    data: int = 0
    spare: bool = False


@dataclass(frozen=True)
class ModelRun:
    """What a model made of its cases.

    Attributes:
        results: One for each case: output name to array in graph order, or why it did not run,
            or None where it was not tried because enough had run.
        runner: `onnxruntime`, `onnxruntime and others` or `onnx.reference`.
        why: Why it was not onnxruntime alone; else empty.
        notes: Which nodes were run otherwise than by onnxruntime, one line for each way.
    """

    results: tuple[Values | RunFailure | None, ...]
    runner: str
    why: str = ""
    notes: tuple[str, ...] = ()


def gave_a_value(result: Values | RunFailure | None) -> bool:
    """Whether there is anything to compare: a run whose outputs are all empty gives nothing."""
    return isinstance(result, dict) and any(a.size for a in result.values())


def write_arrays(folder: Path, stem: str, arrays: Mapping[str, Array]) -> list[tuple[str, str]]:
    """Save arrays; names and types go beside, numpy files cannot hold all of them."""
    kinds = []
    for i, (name, array) in enumerate(arrays.items()):
        value = np.asarray(array)
        kinds.append((name, value.dtype.name))
        if value.dtype.kind == "O":
            value = value.astype(str)
        elif value.dtype.kind == "V":  # bfloat16 and other types that numpy has not itself
            value = value.view(f"u{value.dtype.itemsize}")
        np.save(folder / f"{stem}.{i}.npy", value)
    return kinds


def read_arrays(
    folder: Path, stem: str, kinds: Sequence[Sequence[str]], mapped: bool = False
) -> Values:
    """What `write_arrays` saved; `mapped` ones are good as long as the folder is."""
    arrays = {}
    for i, (name, dtype) in enumerate(kinds):
        path = folder / f"{stem}.{i}.npy"
        large = mapped and path.stat().st_size > _MAPPED
        value = np.asarray(np.load(path, mmap_mode="r" if large else None, allow_pickle=False))
        if value.dtype.kind == "U":
            value = value.astype(object)
        elif value.dtype.name != dtype:
            import ml_dtypes

            value = value.view(np.dtype(getattr(ml_dtypes, dtype)))
        arrays[name] = value
    return arrays


def one_line(error: BaseException) -> str:
    """An exception's message, short enough for a report."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = text.removeprefix("[ONNXRuntimeError] : ")
    return text if len(text) <= 400 else text[:397] + "..."
