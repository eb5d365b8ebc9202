"""`porting.diff`: what changed between two models."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from onnx import ModelProto

from porting.capability.judge import Judge
from porting.checking import judge_for, judge_model
from porting.difference.compare import Overlay, nodes_of, overlays, parameters_of, ports_of
from porting.difference.contents import Contents
from porting.difference.match import Side
from porting.difference.outcome import Count, Difference, DiffResult, Verdicts, differences
from porting.difference.verdicts import compared
from porting.model.load import LoadedModel, load
from porting.prepare import Dims, ModelSource, Prepared, Shapes, prepare


def diff(  # noqa: PLR0913 - every option has a name of its own
    old: ModelSource,
    new: ModelSource,
    target: str = "",
    *,
    shapes: Shapes | None = None,
    dims: Dims | None = None,
    op_map: str | Path | None = None,
    precision: str = "",
    options: Mapping[str, str] | None = None,
    external: bool = False,
) -> DiffResult:
    """What changed from one model to another, and what a chip makes of that.

    Nodes are matched by what they compute, then by name, then by operator and place, so that a
    model exported again under other names is not all change.

    Args:
        old: A path, or a model in memory.
        new: Likewise.
        target: A target id, or a unique part of one; without it no verdicts are compared.
        shapes: Shapes of inputs by name, for the models that have such an input.
        dims: Sizes of symbolic dimensions by name, likewise.
        op_map: A capability table file to use instead of a target.
        precision: Compute type on the chip; the table's default if empty.
        options: Choices that the table names.
        external: Also reads weights that lie in files beside the models; without it, those are
            compared by type, shape and place alone.

    Returns:
        The differences; `same` says whether there are any, `passed` whether a node fails on the
        target that did not fail before.

    Raises:
        ModelError: A model cannot be read.
        TableError: The table is broken.
        UsageError: The target does not exist, or neither model has a shape's or dimension's name.
    """
    judge = None
    if target or op_map is not None:
        judge = judge_for(target, op_map, precision, options)
    first, second = _prepared(old, new, shapes or {}, dims or {})
    laid = list(overlays(_side(first, external), _side(second, external)))
    main = laid[0].matching
    verdicts = None
    if judge is not None:
        verdicts = _verdicts(judge, first, second, laid)
    graphs = first.graph, second.graph
    return DiffResult(
        old=first.info(),
        new=second.info(),
        operators=_operators(first, second),
        nodes=nodes_of(laid),
        inputs=ports_of(*graphs, "inputs", main.inputs),
        outputs=ports_of(*graphs, "outputs", main.outputs),
        returned=tuple(laid[0].returned()),
        opsets=_opsets(first.loaded, second.loaded),
        metadata=differences(_metadata(first.loaded.proto), _metadata(second.loaded.proto)),
        parameters=parameters_of(laid),
        verdicts=verdicts,
    )


def _prepared(
    old: ModelSource, new: ModelSource, shapes: Shapes, dims: Dims
) -> tuple[Prepared, Prepared]:
    """Both models, with those of the given sizes that they have a place for."""
    loaded = load(old), load(new)
    inputs = [set(model.input_names) for model in loaded]
    symbols = [_symbols(model.proto) for model in loaded]
    made = []
    for source, mine, other in ((old, 0, 1), (new, 1, 0)):
        here = {k: v for k, v in shapes.items() if k in inputs[mine] or k not in inputs[other]}
        sizes = {k: v for k, v in dims.items() if k in symbols[mine] or k not in symbols[other]}
        made.append(prepare(source, here, sizes))
    return made[0], made[1]


def _symbols(proto: ModelProto) -> set[str]:
    return {
        d.dim_param for i in proto.graph.input for d in i.type.tensor_type.shape.dim if d.dim_param
    }


def _side(prepared: Prepared, external: bool) -> Side:
    contents = Contents(prepared.loaded, external=external)
    return Side(prepared.graph, contents, prepared.loaded.proto.graph.sparse_initializer)


def _verdicts(judge: Judge, old: Prepared, new: Prepared, laid: list[Overlay]) -> Verdicts:
    results = [judge_model(judge, p.graph, p.info()) for p in (old, new)]
    return compared((old.graph, results[0]), (new.graph, results[1]), laid)


def _operators(old: Prepared, new: Prepared) -> tuple[Count, ...]:
    first, second = (Counter(n.key for _, n in p.graph.walk()) for p in (old, new))
    counts = (Count(key, first[key], second[key]) for key in sorted(first | second))
    return tuple(c for c in counts if c.old != c.new)


def _opsets(old: LoadedModel, new: LoadedModel) -> tuple[Difference, ...]:
    first, second = ({d: str(v) for d, v in m.opsets.items()} for m in (old, new))
    return differences(first, second)


def _metadata(proto: ModelProto) -> dict[str, str]:
    """What the file says of itself; a property of the model's own is called as in the file."""
    said = {
        "producer": f"{proto.producer_name} {proto.producer_version}".strip(),
        "domain": proto.domain,
        "model version": str(proto.model_version or ""),
        "graph name": proto.graph.name,
        "description": proto.doc_string,
    }
    own = {f"metadata {p.key}": p.value for p in proto.metadata_props}
    return {k: v for k, v in (said | own).items() if v}
