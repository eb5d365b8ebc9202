"""`porting.convert`: make a model run on a chip, and prove that it is still the same function."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onnx import ModelProto

from porting.capability.judge import Judge
from porting.capability.table import CapabilityTable
from porting.capability.targets import load_target
from porting.checking import check_precision, judge_model
from porting.conversion import ConvertResult, Output
from porting.errors import UsageError
from porting.finishing import NOT_ASKED, write
from porting.handing_over import hand_over
from porting.kit.write import check_kit
from porting.legalize.exhibits import Exhibits
from porting.legalize.opset import adapters
from porting.legalize.policy import policy_of
from porting.model.build import build
from porting.model.load import LoadedModel
from porting.outputs import check_model_file
from porting.prepare import Dims, ModelSource, Prepared, Shapes, prepare
from porting.proof.drift import check_kind
from porting.proof.given import Inputs
from porting.proving import Culprit, gather
from porting.results import CheckResult
from porting.rewriting import Rewritten, Wishes, rewrite
from porting.rules import registry
from porting.rules.common import HALVES
from porting.simulating import simulated
from porting.trial import InputSpec


@dataclass(frozen=True)
class Settings:
    """How a model is converted; the arguments of `convert` besides what and where.

    Attributes:
        spec: On what the models are run; the result has its shapes and dimensions fixed.
        partial: Whether a model that is not fully legal is written too.
        progress: Told of each step.
        as_type: Compute type that is simulated; empty for none.
        as_tolerance: The greatest drift that may have; None for any.
        precision: Compute type on the chip; the table's default if empty.
        kit: Folder for what is handed over with the model; None for none.
    """

    spec: InputSpec
    partial: bool
    progress: Callable[[str], None]
    as_type: str
    as_tolerance: float | None
    precision: str
    kit: Path | None


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
    deny: Iterable[str] = (),
    partial: bool = False,
    verify: bool = True,
    inputs: Inputs = None,
    progress: Callable[[str], None] = lambda step: None,
    dtype: str = "",
    keep_io_types: bool = True,
    as_type: str = "",
    as_tolerance: float | None = None,
    kit: str | Path | None = None,
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
        allow: Besides the default ones, exactness classes such as `conditional`, and rules by name.
        deny: Classes and rules to leave out.
        partial: Writes a model that is not fully legal, too.
        verify: Runs original and result on the same inputs and compares.
        inputs: Inputs for that, by name; generated ones where not given.
        progress: Told of each step, for long work.
        dtype: `float16` or `bfloat16` brings the model to half precision first; what is prone to
            overflow stays float32.
        keep_io_types: Whether the model's inputs and outputs stay float32 then.
        as_type: Also runs the result with every tensor rounded to `float16`, `bfloat16` or `int8`,
            and applies rules for masks that `allow` names.
        as_tolerance: The greatest drift that an output may have then; see `porting.simulate`.
        kit: Folder for model, inputs, expected outputs and the vendor's commands, so that the run
            on the chip can be compared. A folder that holds something else is refused.

    Returns:
        Verdicts before and after, what was rewritten and why the rest was not, and the proof.
        `output` is None where nothing was written: the result is not legal and `partial` was not
        asked for, or the proof failed.

    Raises:
        ModelError: The model cannot be read.
        TableError: The table is broken.
        UsageError: A target, shape, rule, type or output that cannot be. Nothing was written.
    """
    if dtype and dtype not in HALVES:
        raise UsageError(
            "dtype-unknown", f"a model cannot be brought to '{dtype}'", "float16 or bfloat16"
        )
    if as_type:
        check_kind(as_type, as_tolerance)
    table = load_target(target, Path(op_map) if op_map is not None else None)
    check_precision(table, precision)
    policy = policy_of(allow, deny, (*registry(), *adapters()))
    settings = Settings(
        InputSpec(shapes, dims, inputs), partial, progress,
        as_type, as_tolerance, precision, Path(kit) if kit is not None else None,
    )  # fmt: skip
    judge = Judge(table, precision, options or {})
    out = Path(output)
    check_model_file(out)
    if settings.kit is not None:
        check_kit(settings.kit)
    progress("reading the model")
    prepared = prepare(model, shapes, dims)
    before = judge_model(judge, prepared.graph, prepared.info())
    wishes = Wishes(policy, dtype, keep_io_types, as_type)
    if verify:
        made, verification = _proved(model, prepared, judge, wishes, settings)
    else:
        progress("rewriting")
        made, verification = rewrite(prepared, judge, wishes), NOT_ASKED
    after = _judge_again(made.proto, prepared, judge, out)
    return _finish(made, before, after, prepared, judge.table, verification, settings, out)


MAX_ROLLBACKS = 5
"""Rules that are given up one after the other before the difference is reported."""


def _proved(
    model: ModelSource, prepared: Prepared, judge: Judge, wishes: Wishes, settings: Settings
) -> tuple[Rewritten, Mapping[str, Any]]:
    """The converted model and the evidence; rules that are found to be wrong are not used."""
    rolled_back: list[Culprit] = []
    while True:
        settings.progress("rewriting")
        made = rewrite(prepared, judge, wishes, Exhibits())
        settings.progress("verifying")
        evidence = gather(made.proto, prepared, made.rewrites, made.exhibits, settings.spec)
        culprit = evidence.culprit
        known = {c.rule for c in rolled_back}
        if culprit is None or culprit.rule in known or len(known) == MAX_ROLLBACKS:
            notes = {"rolled_back": [c.to_dict() for c in rolled_back]}
            return made, evidence.to_dict() | notes
        rolled_back.append(culprit)
        wishes = replace(wishes, policy=wishes.policy.without(culprit.rule))
        prepared = prepare(model, settings.spec.shapes, settings.spec.dims)


def _judge_again(proto: ModelProto, prepared: Prepared, judge: Judge, out: Path) -> CheckResult:
    """Verdicts on the very message that is written, inferred from scratch."""
    loaded = LoadedModel(proto, prepared.loaded.path, prepared.loaded.stamp)
    again = Prepared(loaded, build(loaded))
    return judge_model(judge, again.graph, again.describe(str(out), ""))


def _finish(
    made: Rewritten,
    before: CheckResult,
    after: CheckResult,
    prepared: Prepared,
    table: CapabilityTable,
    verification: Mapping[str, Any],
    settings: Settings,
    out: Path,
) -> ConvertResult:
    """Simulates what was asked for, and writes the model if it may be written."""
    simulation: Mapping[str, Any] | None = None
    if settings.as_type:
        settings.progress(f"simulating {settings.as_type}")
        simulation = simulated(
            made.proto,
            prepared,
            settings.as_type,
            made.tamed,
            settings.spec,
            settings.as_tolerance,
        )
    kit: Mapping[str, Any] | None = None
    output: Output | None = None
    if (after.passed or settings.partial) and verification["status"] != "failed":
        settings.progress("writing")
        output = write(made.proto, prepared, out)
        after = replace(after, model=replace(after.model, sha256=output.sha256))
        if settings.kit is not None:
            settings.progress("writing the kit")
            kit = hand_over(
                settings.kit,
                made.proto,
                prepared,
                table,
                settings.precision,
                {r.exactness for r in made.rewrites},
                settings.spec,
            )
    return ConvertResult(
        before, after, made.rewrites, made.declined, verification, output, made.halving,
        simulation, kit,
    )  # fmt: skip
