"""`porting.convert`: make a model run on a chip, and prove that it is still the same function."""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy.typing as npt
import onnx
from onnx import ModelProto

from porting.capability.judge import Judge
from porting.capability.targets import load_target
from porting.checking import check_precision, judge_model
from porting.errors import UsageError
from porting.legalize.driver import DEFAULT_ALLOWED, legalize
from porting.legalize.normalise import clean, normalise
from porting.legalize.rule import EXACTNESS, Exactness
from porting.legalize.window import enter_window
from porting.model.build import build
from porting.model.load import LoadedModel
from porting.model.save import save
from porting.model.write import write_model
from porting.prepare import Dims, ModelSource, Prepared, Shapes, prepare
from porting.proof.verify import Tolerance, narrowest_float, verify_files
from porting.results import CheckResult, ConvertResult, Declined, Output, Rewrite
from porting.rules import registry

NOT_ASKED = {"status": "skipped", "reason": "not asked for (--no-verify)", "outputs": []}


@dataclass(frozen=True)
class Settings:
    """How a model is converted; the arguments of `convert` besides what and where.

    Attributes:
        shapes: Shapes of inputs by name; the result has them fixed.
        dims: Sizes of symbolic dimensions by name; likewise.
        allow: Exactness classes besides those that are applied by default.
        partial: Whether a model that is not fully legal is written too.
        verify: Whether original and result are run and compared.
        inputs: Inputs for that; generated ones if None.
        progress: Told of each step.
    """

    shapes: Shapes | None
    dims: Dims | None
    allow: frozenset[Exactness]
    partial: bool
    verify: bool
    inputs: Mapping[str, npt.NDArray[Any]] | None
    progress: Callable[[str], None]


def convert(  # noqa: PLR0913 - every option has a name of its own
    model: ModelSource,
    target: str,
    output: str | Path,
    *,
    shapes: Shapes | None = None,
    dims: Dims | None = None,
    op_map: str | Path | None = None,
    precision: str = "",
    options: Mapping[str, str] | None = None,
    allow: Iterable[str] = (),
    partial: bool = False,
    verify: bool = True,
    inputs: Mapping[str, npt.NDArray[Any]] | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> ConvertResult:
    """Rewrites what a chip does not take, proves the result numerically and writes it.

    Args:
        model: A path, or a model in memory. Never modified.
        target: A target id such as `ascend-310p`, or a unique part of one.
        output: Where the converted model goes.
        shapes: Shapes of inputs by name, such as `{"x": (1, 3, 224, 224)}`; the result has them.
        dims: Sizes of symbolic dimensions by name; likewise.
        op_map: A capability table file to use instead of a target.
        precision: Compute type on the chip; the table's default if empty.
        options: Choices that the table names.
        allow: Exactness classes besides the default ones: `conditional`, `approximate`.
        partial: Writes a model that is not fully legal, too.
        verify: Runs original and result on the same inputs and compares.
        inputs: Inputs for that, by name; generated ones where not given.
        progress: Told of each step, for long work.

    Returns:
        Verdicts before and after, what was rewritten and why the rest was not, and the proof.
        `output` is None where nothing was written: the result is not legal and `partial` was not
        asked for, or the proof failed.

    Raises:
        ModelError: The model cannot be read.
        TableError: The table is broken.
        UsageError: A target, shape, class or output that cannot be. Nothing was written.
    """
    table = load_target(target, Path(op_map) if op_map is not None else None)
    check_precision(table, precision)
    settings = Settings(shapes, dims, _classes(allow), partial, verify, inputs, progress)
    judge = Judge(table, precision, options or {})
    out = Path(output)
    _check_output(out)
    progress("reading the model")
    prepared = prepare(model, shapes, dims)
    before = judge_model(judge, prepared.graph, prepared.info())
    progress("rewriting")
    made = _rewrite(prepared, judge, settings)
    after = _judge_again(made.proto, prepared, judge, out)
    return _finish(made, before, after, prepared, settings, out)


def _classes(allow: Iterable[str]) -> frozenset[Exactness]:
    for name in allow:
        if name not in get_args(Exactness):
            raise UsageError(
                "class-unknown", f"there is no class '{name}'", f"classes: {', '.join(EXACTNESS)}"
            )
    return frozenset(c for c in EXACTNESS if c in set(allow))


def _check_output(out: Path) -> None:
    """Finds out early what would make hours of work useless."""
    if out.is_dir():
        raise UsageError("output-not-a-file", f"{out} is a folder", "name a file: -o model.onnx")
    if not out.parent.is_dir():
        raise UsageError(
            "output-folder-missing", f"there is no folder {out.parent}", "make it first"
        )


@dataclass
class _Made:
    """The converted model, not yet on disk."""

    proto: ModelProto
    rewrites: tuple[Rewrite, ...]
    declined: tuple[Declined, ...]


def _rewrite(prepared: Prepared, judge: Judge, settings: Settings) -> _Made:
    graph = prepared.graph
    allowed = DEFAULT_ALLOWED | settings.allow
    normalise(graph)
    window = enter_window(graph, judge.table, registry(), allowed)
    normalise(graph)
    rewrites, declined = legalize(graph, judge, registry(), allowed)
    clean(graph)
    opsets = dict(graph.context.opsets)
    proto = write_model(graph, prepared.loaded.proto, opsets)
    return _Made(proto, (*window.rewrites, *rewrites), (*window.declined, *declined))


def _judge_again(proto: ModelProto, prepared: Prepared, judge: Judge, out: Path) -> CheckResult:
    """Verdicts on the very message that is written, inferred from scratch."""
    loaded = LoadedModel(proto, prepared.loaded.path, prepared.loaded.stamp)
    again = Prepared(loaded, build(loaded))
    return judge_model(judge, again.graph, again.describe(str(out), ""))


def _finish(
    made: _Made,
    before: CheckResult,
    after: CheckResult,
    prepared: Prepared,
    settings: Settings,
    out: Path,
) -> ConvertResult:
    """Proves the model in a temporary folder, and only then writes it where it was asked for."""
    writable = after.passed or settings.partial
    with tempfile.TemporaryDirectory(prefix="port-") as folder:
        verification: Mapping[str, Any] = NOT_ASKED
        if settings.verify:
            settings.progress("verifying")
            trial = Path(folder) / "converted.onnx"
            save(made.proto, trial, source=prepared.loaded)
            original = _original(prepared, Path(folder))
            verification = _verify(original, trial, made, settings)
    output: Output | None = None
    if writable and verification["status"] != "failed":
        settings.progress("writing")
        save(made.proto, out, source=prepared.loaded)
        _check_file(out)
        output = Output(str(out), _digest(out))
        after = replace(after, model=replace(after.model, sha256=output.sha256))
    return ConvertResult(before, after, made.rewrites, made.declined, verification, output)


def _original(prepared: Prepared, folder: Path) -> Path:
    """The file that was loaded; a model that came in memory is written down."""
    if prepared.loaded.path is not None:
        return prepared.loaded.path
    path = folder / "original.onnx"
    onnx.save_model(prepared.loaded.proto, path)
    return path


def _verify(original: Path, trial: Path, made: _Made, settings: Settings) -> dict[str, Any]:
    classes = {r.exactness for r in made.rewrites} or {"exact"}
    tolerance = Tolerance.for_classes(classes, narrowest_float(made.proto))
    shapes = {name: tuple(shape) for name, shape in (settings.shapes or {}).items()}
    return verify_files(
        original,
        trial,
        dims=settings.dims,
        shapes=shapes,
        inputs=settings.inputs,
        tolerance=tolerance,
    ).to_dict()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_file(path: Path) -> None:
    """ONNX's own checker over what was written."""
    onnx.checker.check_model(str(path))
