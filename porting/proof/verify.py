"""Prove, by running both, that a converted model computes the same function as the original."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from porting.errors import ModelError
from porting.model.dtypes import NAME_OF
from porting.proof.compare import OutputComparison
from porting.proof.doubts import roles
from porting.proof.exchange import Case, ModelRun, RunFailure, Values, gave_a_value
from porting.proof.given import Inputs, given_of
from porting.proof.judge import Verification, compare_runs, hold_to_expected, listed
from porting.proof.process import Child, children
from porting.proof.request import Request
from porting.proof.run import PATIENCE, run_model
from porting.proof.shapes import declared_dims, declared_type, graph_inputs, graphs, load_structure
from porting.proof.tolerance import Tolerance

__all__ = ["OutputComparison", "Tolerance", "Verification", "narrowest_float", "verify_files"]

_RANDOM_OPS = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
    | {"Multinomial", "Bernoulli"}
)


def verify_files(
    a: Path,
    b: Path,
    *,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    inputs: Inputs = None,
    tolerance: Tolerance,
    timeout: float = 600.0,
    processes: tuple[Child, Child] | None = None,
) -> Verification:
    """Run model `b` against the original `a` on the same inputs and compare their outputs.

    Both run on the CPU with optimizations off, each in a process of its own. Dimensions that
    nothing fixes are run at two sizes that `a` accepts.

    Args:
        a: The original model.
        b: The converted model.
        dims: Symbolic dimension name of `a` to size in elements.
        shapes: Input name to shape, sizes in elements.
        inputs: Values of inputs, or data sets and ranges; inputs without a value are generated.
        tolerance: How far float outputs may be apart.
        timeout: Seconds that each model may take for all its runs.
        processes: Of `children`, started beforehand.

    Returns:
        The result. Models that cannot be read or run are a result too, not an exception.

    Raises:
        UsageError: `inputs` or `shapes` name something that is no input of `a`, or have a rank,
            type or range that it has not, or it has no seeds.
    """
    with ExitStack() as stack:
        first, second = processes or stack.enter_context(children())
        first.load(a)  # while the models are looked at here
        second.load(b)
        try:
            original = load_structure(a)
        except ModelError as error:
            return Verification("skipped", f"the original cannot be read: {error}")
        request = Request.of(original, dims or {}, shapes or {}, given_of(inputs))
        try:
            converted = load_structure(b)
        except ModelError as error:
            return Verification("failed", f"the converted model cannot be read: {error}")
        conflict = _conflict(original, converted)
        if conflict:
            return Verification("failed", conflict)
        warnings = request.warnings(original)
        request.pin(original, converted)
        try:
            cases = request.cases(original)
        except ValueError as error:
            return Verification("skipped", str(error), (), tuple(warnings))
        job = _Job(a, b, cases, request, original, converted, timeout)
        result = job.verify(tolerance, first, second)
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


@dataclass(frozen=True)
class _Job:
    """Both models, and the cases to run them on."""

    a: Path
    b: Path
    cases: list[Case]
    request: Request
    original: onnx.ModelProto
    converted: onnx.ModelProto
    timeout: float

    def verify(self, tolerance: Tolerance, child: Child, other: Child) -> Verification:
        several = len({(case.data, case.group) for case in self.cases}) > len(self.request.data)
        first = run_model(
            self.a,
            self.cases,
            enough=2 if several else None,
            patience=PATIENCE,
            timeout=self.timeout,
            child=child,
        )
        child.close()
        if isinstance(first, RunFailure):
            return Verification("skipped", f"the original does not run: {first.reason}")
        warnings = _attempts(first, self.cases) if several else []
        ran = [i for i, result in enumerate(first.results) if isinstance(result, dict)]
        failures = [r.reason for r in first.results if isinstance(r, RunFailure)]
        if not ran:
            reason = f"the original runs on no inputs tried: {failures[-1]}"
            return Verification("skipped", reason)
        if failures and not several:
            tried = sum(result is not None for result in first.results)
            warnings.append(f"the original ran on {len(ran)} of {tried} inputs drawn")
        try:
            cases = [self._for_converted(self.cases[i]) for i in ran]
        except ValueError as error:
            return Verification("failed", str(error), (), tuple(warnings))
        second = self._run_converted(cases, first, other)
        warnings += _who_ran("original", first)
        if isinstance(second, RunFailure):
            status, verb = ("skipped", "was") if second.beyond else ("failed", "does")
            reason = f"the converted model {verb} not run: {second.reason}"
            return Verification(status, reason, (), tuple(warnings))  # type: ignore[arg-type]
        warnings += _who_ran("converted model", second)
        failure = next((r for r in second.results if isinstance(r, RunFailure)), None)
        if failure is not None:
            reason = f"the converted model does not run where the original does: {failure.reason}"
            return Verification("failed", reason, (), tuple(warnings))
        both = [k for k, result in enumerate(second.results) if result is not None]
        ran, cases = [ran[k] for k in both], [cases[k] for k in both]
        result = self._compare(first, second, ran, tolerance, warnings)
        if result.status == "failed" and (first.notes or second.notes):
            return self._again(result, ran, cases, tolerance)
        return result

    def _run_converted(
        self, cases: list[Case], first: ModelRun, child: Child
    ) -> ModelRun | RunFailure:
        """By the library that ran the original if possible: two libraries differ by themselves."""
        if first.runner == "onnx.reference":
            run = run_model(self.b, cases, reference=True, timeout=self.timeout)
            if isinstance(run, ModelRun) and all(isinstance(r, dict) for r in run.results):
                return run
        return run_model(self.b, cases, timeout=self.timeout, child=child)

    def _compare(
        self,
        first: ModelRun,
        second: ModelRun,
        ran: list[int],
        tolerance: Tolerance,
        warnings: list[str],
    ) -> Verification:
        kept = [self.cases[i] for i in ran]
        originals = _values([first.results[i] for i in ran])
        converted = _values(second.results)
        groups = [case.group for case in kept]
        result = compare_runs(
            originals, converted, groups, tolerance, warnings, roles(self.original)
        )
        data = [self.request.data[case.data] for case in kept]
        wide = tolerance.widened(
            Tolerance.for_classes({"reordered"}, narrowest_float(self.original))
        )
        return hold_to_expected(result, originals, converted, data, wide)

    def _again(
        self, result: Verification, ran: list[int], cases: list[Case], tolerance: Tolerance
    ) -> Verification:
        """Both by onnx.reference alone, after several libraries shared a model that differs."""
        originals = run_model(
            self.a, [self.cases[i] for i in ran], reference=True, timeout=self.timeout
        )
        converted = run_model(self.b, cases, reference=True, timeout=self.timeout)
        for run in (originals, converted):
            if isinstance(run, RunFailure) or not all(isinstance(r, dict) for r in run.results):
                return result
        assert isinstance(originals, ModelRun)
        assert isinstance(converted, ModelRun)
        spread: list[Values | RunFailure | None] = [None] * len(self.cases)
        for i, each in zip(ran, originals.results, strict=True):
            spread[i] = each
        again = self._compare(
            replace(originals, results=tuple(spread)), converted, ran, tolerance, []
        )
        if again.status != "passed":
            return result
        note = "both were run by onnx.reference, after the libraries that shared them differed"
        return replace(again, warnings=(note, *again.warnings))

    def _for_converted(self, case: Case) -> Case:
        """What the converted model declares of the case, in the types that it declares.

        Raises:
            ValueError: A value does not fit the type that the converted model declares.
        """
        feeds = {}
        for name, value in graph_inputs(self.converted).items():
            array = np.asarray(case.feeds[name])
            wanted = declared_type(value)
            if wanted is not None and wanted.kind != "O" and array.dtype != wanted:
                with np.errstate(all="ignore"):
                    cast = array.astype(wanted)
                if wanted.kind in "iub" and not np.array_equal(cast, array):
                    raise ValueError(f"input {name} is {wanted.name} now and its values do not fit")
                array = cast
            feeds[name] = array
        return replace(case, feeds=feeds)


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
    if run.runner == "onnx.reference":
        return [f"the {what} was run by onnx.reference because onnxruntime says: {run.why}"]
    return [f"in the {what}, {note}" for note in run.notes]


def _values(results: Sequence[Values | RunFailure | None]) -> list[Values]:
    return [result for result in results if isinstance(result, dict)]


def _shape(dims: tuple[int | str | None, ...]) -> str:
    return "[" + ", ".join("?" if dim is None else str(dim) for dim in dims) + "]"
