"""Inputs on which a model runs, and what it makes of them: for a simulation, or for a kit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from porting.errors import ModelError
from porting.proof.exchange import Array, Case, RunFailure, Values
from porting.proof.given import Inputs, given_of
from porting.proof.request import Request
from porting.proof.run import run_model
from porting.proof.shapes import declared_type, graph_inputs, load_structure
from porting.proof.styles import Style


@dataclass(frozen=True)
class Samples:
    """What the original made of inputs that suit both models.

    Attributes:
        cases: Inputs in the types of the converted model, all of one size for each data set.
        outputs: The original's outputs, for each case.
    """

    cases: tuple[Case, ...]
    outputs: tuple[Values, ...]


def samples(
    a: Path,
    b: Path,
    *,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    inputs: Inputs = None,
    timeout: float = 600.0,
) -> Samples | str:
    """Runs the original on inputs that are given or generated.

    Args:
        a: The original model.
        b: The converted model.
        dims: Sizes of symbolic dimensions.
        shapes: Shapes of inputs.
        inputs: Values of inputs, or data sets and ranges; what has no value is generated.
        timeout: Seconds for all runs.

    Returns:
        The samples, or why there are none.

    Raises:
        UsageError: What is given does not fit the original.
    """
    try:
        original, converted = load_structure(a), load_structure(b)
    except ModelError as error:
        return error.message
    given = replace(given_of(inputs), styles=(Style.PLAIN,))
    request = Request.of(original, dims or {}, shapes or {}, given)
    request.pin(original, converted)
    try:
        cases = request.cases(original)
    except ValueError as error:
        return str(error)
    found: list[tuple[Case, Values]] = []
    for number in range(len(request.data)):
        mine = [case for case in cases if case.data == number and not case.spare]
        run = run_model(a, mine, enough=1, timeout=timeout)
        if isinstance(run, RunFailure):
            return f"the original does not run: {run.reason}"
        ran = [
            (case, result)
            for case, result in zip(mine, run.results, strict=True)
            if isinstance(result, dict)
        ]
        found += [pair for pair in ran if pair[0].group == ran[-1][0].group]
    if not found:
        return "the original runs on no inputs tried"
    return Samples(
        tuple(_as_declared(case, converted) for case, _ in found),
        tuple(values for _, values in found),
    )


def _as_declared(case: Case, model: onnx.ModelProto) -> Case:
    """The inputs that the model has, in the types that it declares."""
    feeds: dict[str, Array] = {}
    for name, value in graph_inputs(model).items():
        array = np.asarray(case.feeds[name])
        wanted = declared_type(value) or array.dtype
        if wanted.kind != "O" and array.dtype != wanted:
            with np.errstate(all="ignore"):
                array = array.astype(wanted)
        feeds[name] = array
    return replace(case, feeds=feeds)
