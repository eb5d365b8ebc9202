"""Prove, by running both, that a converted model computes the same function as the original."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from porting.errors import ModelError, UsageError
from porting.model.dtypes import NAME_OF
from porting.proof.compare import OutputComparison, Tolerance
from porting.proof.inputs import generate
from porting.proof.judge import Verification, compare_runs, listed
from porting.proof.run import Case, ModelRun, RunFailure, Values, gave_a_value, run_model
from porting.proof.shapes import (
    SIZES,
    bind,
    declared_dims,
    graph_inputs,
    graphs,
    input_shapes,
    is_free,
    load_structure,
)

__all__ = ["OutputComparison", "Tolerance", "Verification", "narrowest_float", "verify_files"]

Array = npt.NDArray[Any]

_RANDOM_OPS = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
    | {"Multinomial", "Bernoulli"}
)


def verify_files(
    a: Path,
    b: Path,
    *,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    inputs: Mapping[str, Array] | None = None,
    tolerance: Tolerance,
    seeds: Sequence[int] = (0, 1, 2),
    timeout: float = 600.0,
) -> Verification:
    """Run model `b` against the original `a` on the same inputs and compare their outputs.

    Both run on the CPU with optimizations off, each in a process of its own. Dimensions that
    nothing fixes are run at two sizes that `a` accepts.

    Args:
        a: The original model.
        b: The converted model.
        dims: Symbolic dimension name of `a` to size in elements.
        shapes: Input name to shape, sizes in elements.
        inputs: Input name to value; inputs that are not named here are generated.
        tolerance: How far float outputs may be apart.
        seeds: One run for each, and for each size.
        timeout: Seconds that each model may take for all its runs.

    Returns:
        The result. Models that cannot be read or run are a result too, not an exception.

    Raises:
        UsageError: `inputs` or `shapes` name something that is no input of `a`, or have a rank
            other than declared, or `seeds` is empty.
    """
    try:
        original = load_structure(a)
    except ModelError as error:
        return Verification("skipped", f"the original cannot be read: {error}")
    request = _Request(dict(dims or {}), dict(shapes or {}), dict(inputs or {}), tuple(seeds))
    request.check(original)
    try:
        converted = load_structure(b)
    except ModelError as error:
        return Verification("failed", f"the converted model cannot be read: {error}")
    conflict = _conflict(original, converted)
    if conflict:
        return Verification("failed", conflict)
    warnings = request.unknown_dims(original)
    _pin(original, converted, request)
    try:
        cases = _cases(original, request)
    except ValueError as error:
        return Verification("skipped", str(error), (), tuple(warnings))
    result = _Runner(a, b, cases, converted, timeout).verify(tolerance)
    return _finish(result, original, [*warnings, *result.warnings])


def narrowest_float(model: onnx.ModelProto) -> str:
    """The narrowest float type that a model computes in, for `Tolerance.for_classes`.

    Returns:
        `float16` or `bfloat16` if an input, weight, constant or Cast is of that type (bfloat16
        if both are), else `float32`.
    """
    numbers = {value.type.tensor_type.elem_type for value in model.graph.input}
    for graph in graphs(model.graph):
        numbers |= {tensor.data_type for tensor in graph.initializer}
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    numbers.add(attribute.t.data_type)
                if attribute.name in ("to", "dtype"):
                    numbers.add(attribute.i)
    names = {NAME_OF.get(number) for number in numbers}
    return next((name for name in ("bfloat16", "float16") if name in names), "float32")


@dataclass
class _Request:
    """What the user asked for."""

    dims: dict[str, int]
    shapes: dict[str, tuple[int, ...]]
    inputs: dict[str, Array]
    seeds: tuple[int, ...]

    def check(self, model: onnx.ModelProto) -> None:
        declared = graph_inputs(model)
        if not self.seeds:
            raise UsageError("no-seeds", "no seeds: nothing would run")
        all_shapes = self.shapes | {name: np.shape(v) for name, v in self.inputs.items()}
        for name, shape in all_shapes.items():
            if name not in declared:
                known = ", ".join(declared) or "none"
                raise UsageError("unknown-input", f"no input is named {name}", f"inputs: {known}")
            dims = declared_dims(declared[name])
            if dims is not None and len(dims) != len(shape):
                text = f"input {name} has rank {len(dims)}, not {len(shape)}"
                raise UsageError("input-rank", text)

    def unknown_dims(self, model: onnx.ModelProto) -> list[str]:
        named: set[str] = set()
        for value in graph_inputs(model).values():
            named |= {d for d in declared_dims(value) or () if isinstance(d, str)}
        return [
            f"no input has a dimension named {name}; its size {size} was not used"
            for name, size in self.dims.items()
            if not any(name in text for text in named)
        ]


def _conflict(a: onnx.ModelProto, b: onnx.ModelProto) -> str:
    """Why `b` cannot be a converted `a`, from signatures alone; empty if it can."""
    names_a, names_b = ([value.name for value in m.graph.output] for m in (a, b))
    if names_a != names_b:
        return f"outputs are {listed(names_b)} instead of {listed(names_a)}"
    inputs_a, inputs_b = graph_inputs(a), graph_inputs(b)
    added = [name for name in inputs_b if name not in inputs_a]
    if added:
        return f"the converted model has inputs that the original has not: {listed(added)}"
    for name, value in inputs_b.items():
        dims_a, dims_b = declared_dims(inputs_a[name]), declared_dims(value)
        if dims_a is None or dims_b is None:
            continue
        pairs = list(zip(dims_a, dims_b, strict=False))
        wrong = any(isinstance(p, int) and isinstance(q, int) and p != q for p, q in pairs)
        if len(dims_a) != len(dims_b) or wrong:
            return f"input {name} has shape {_shape(dims_b)} instead of {_shape(dims_a)}"
    return ""


def _pin(a: onnx.ModelProto, b: onnx.ModelProto, request: _Request) -> None:
    """Where `b` declares a size that `a` leaves free, `a` is run at that size."""
    inputs_b = graph_inputs(b)
    for name, value in graph_inputs(a).items():
        dims_a = declared_dims(value)
        dims_b = declared_dims(inputs_b[name]) if name in inputs_b else None
        if dims_a is None or dims_b is None or name in request.shapes or name in request.inputs:
            continue
        for i, (dim, static) in enumerate(zip(dims_a, dims_b, strict=True)):
            if not isinstance(static, int) or isinstance(dim, int):
                continue
            if dim is None:
                value.type.tensor_type.shape.dim[i].dim_value = static
            elif dim.isidentifier():
                request.dims.setdefault(dim, static)
            else:
                value.type.tensor_type.shape.dim[i].dim_value = static


def _cases(model: onnx.ModelProto, request: _Request) -> list[Case]:
    """What to try: a group for each size, a case for each seed.

    Raises:
        ValueError: An input cannot be generated; the message says why.
    """
    shapes = request.shapes | {name: np.shape(v) for name, v in request.inputs.items()}
    bound = bind(model, request.dims, shapes)
    all_given = set(request.inputs) >= set(graph_inputs(model))
    seeds = request.seeds[:1] if all_given else request.seeds
    sizes = SIZES if is_free(model, bound, shapes) else SIZES[:1]
    cases = []
    for group, size in enumerate(sizes):
        try:
            chosen, names = input_shapes(model, bound=bound, shapes=shapes, size=size)
        except ValueError:
            if not all_given:
                raise
            chosen, names = shapes, bound
        for seed in seeds:
            drawn = {} if all_given else generate(model, chosen, seed, names)
            cases.append(Case(drawn | request.inputs, group))
    return cases


@dataclass(frozen=True)
class _Runner:
    """Both models, and the cases to run them on."""

    a: Path
    b: Path
    cases: list[Case]
    converted: onnx.ModelProto
    timeout: float

    def verify(self, tolerance: Tolerance) -> Verification:
        sizes = len({case.group for case in self.cases})
        enough = 2 if sizes > 1 else None
        first = run_model(self.a, self.cases, enough=enough, timeout=self.timeout)
        if isinstance(first, RunFailure):
            return Verification("skipped", f"the original does not run: {first.reason}")
        warnings = _attempts(first, self.cases) if sizes > 1 else []
        ran = [i for i, result in enumerate(first.results) if isinstance(result, dict)]
        if not ran:
            failures = [r.reason for r in first.results if isinstance(r, RunFailure)]
            reason = f"the original runs on no inputs tried: {failures[-1]}"
            return Verification("skipped", reason)
        if sizes == 1 and len(ran) < len(self.cases):
            warnings.append(f"the original ran on {len(ran)} of {len(self.cases)} inputs drawn")
        try:
            cases = [self._for_converted(self.cases[i]) for i in ran]
        except ValueError as error:
            return Verification("failed", str(error), (), tuple(warnings))
        by_reference = first.runner != "onnxruntime"
        second = self._run_converted(cases, by_reference)
        if isinstance(second, RunFailure):
            reason = f"the converted model does not run: {second.reason}"
            return Verification("failed", reason, (), tuple(warnings))
        originals = [first.results[i] for i in ran]
        if second.runner != first.runner and not by_reference:
            originals, note = self._by_reference(ran, originals)
            warnings.extend(note)
        warnings += _who_ran("original", first) + _who_ran("converted model", second)
        failure = next((r for r in second.results if isinstance(r, RunFailure)), None)
        if failure is not None:
            reason = f"the converted model does not run where the original does: {failure.reason}"
            return Verification("failed", reason, (), tuple(warnings))
        groups = [self.cases[i].group for i in ran]
        return compare_runs(
            _values(originals), _values(second.results), groups, tolerance, warnings
        )

    def _run_converted(self, cases: list[Case], by_reference: bool) -> ModelRun | RunFailure:
        """By the library that ran the original if possible: two libraries differ by themselves."""
        if by_reference:
            run = run_model(self.b, cases, reference=True, timeout=self.timeout)
            if isinstance(run, ModelRun) and all(isinstance(r, dict) for r in run.results):
                return run
        return run_model(self.b, cases, timeout=self.timeout)

    def _by_reference(self, ran: list[int], originals: list[Any]) -> tuple[list[Any], list[str]]:
        cases = [self.cases[i] for i in ran]
        again = run_model(self.a, cases, reference=True, timeout=self.timeout)
        if isinstance(again, ModelRun) and all(isinstance(r, dict) for r in again.results):
            return list(again.results), ["the original was run by onnx.reference too"]
        return originals, ["the two models were run by different libraries"]

    def _for_converted(self, case: Case) -> Case:
        """What the converted model declares of the case, in the types that it declares.

        Raises:
            ValueError: A value does not fit the type that the converted model declares.
        """
        feeds = {}
        for name, value in graph_inputs(self.converted).items():
            array = np.asarray(case.feeds[name])
            wanted = _numpy_type(value)
            if wanted is not None and wanted.kind != "O" and array.dtype != wanted:
                with np.errstate(all="ignore"):
                    cast = array.astype(wanted)
                if wanted.kind in "iub" and not np.array_equal(cast, array):
                    raise ValueError(f"input {name} is {wanted.name} now and its values do not fit")
                array = cast
            feeds[name] = array
        return Case(feeds, case.group)


def _attempts(run: ModelRun, cases: list[Case]) -> list[str]:
    """A warning where fewer than two sizes of the free dimensions ran."""
    good = {case.group for case, r in zip(cases, run.results, strict=True) if gave_a_value(r)}
    if len(good) != 1:
        return []
    group = next(iter(good))
    feeds = next(case.feeds for case in cases if case.group == group)
    at = ", ".join(f"{name} {list(np.shape(value))}" for name, value in feeds.items())
    return [f"free dimensions were run at one size only: {at}"]


def _finish(result: Verification, original: onnx.ModelProto, warnings: list[str]) -> Verification:
    random = next(
        (n.op_type for g in graphs(original.graph) for n in g.node if n.op_type in _RANDOM_OPS),
        None,
    )
    if random is None:
        return replace(result, warnings=tuple(warnings))
    if result.status == "failed" and result.outputs:
        reason = f"the original draws random numbers ({random}): {result.reason}, by chance or not"
        result = replace(result, status="skipped", reason=reason)
    return replace(result, warnings=(*warnings, f"the original draws random numbers ({random})"))


def _who_ran(what: str, run: ModelRun) -> list[str]:
    if run.runner == "onnxruntime":
        return []
    return [f"the {what} was run by {run.runner} because onnxruntime says: {run.why}"]


def _values(results: Sequence[Values | RunFailure | None]) -> list[Values]:
    return [result for result in results if isinstance(result, dict)]


def _numpy_type(value: onnx.ValueInfoProto) -> np.dtype[Any] | None:
    number = value.type.tensor_type.elem_type
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(number)) if number else None


def _shape(dims: tuple[int | str | None, ...]) -> str:
    return "[" + ", ".join("?" if dim is None else str(dim) for dim in dims) + "]"
