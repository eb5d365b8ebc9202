"""`porting.check`: will this model run on that chip."""

from collections.abc import Mapping
from pathlib import Path

from porting.capability.judge import Judge
from porting.capability.table import CapabilityTable
from porting.capability.targets import load_target
from porting.model.graph import Graph, Node
from porting.prepare import Dims, ModelSource, Shapes, prepare
from porting.results import CheckResult, ModelInfo, NodeResult


def check(
    model: ModelSource,
    target: str = "",
    *,
    shapes: Shapes | None = None,
    dims: Dims | None = None,
    op_map: str | Path | None = None,
    precision: str = "",
    options: Mapping[str, str] | None = None,
) -> CheckResult:
    """Holds every node of a model against a chip's capability table.

    Args:
        model: A path, or a model in memory.
        target: A target id such as `ascend-310p`, or a unique part of one.
        shapes: Shapes of inputs by name, such as `{"x": (1, 3, 224, 224)}`.
        dims: Sizes of symbolic dimensions by name.
        op_map: A capability table file to use instead of a target.
        precision: Compute type on the chip; the table's default if empty.
        options: Choices that the table names.

    Returns:
        A verdict for every node, bodies of If, Loop and Scan included.

    Raises:
        ModelError: The model cannot be read.
        TableError: The table is broken.
        UsageError: The target, a shape or a dimension does not exist.
    """
    judge = judge_for(target, op_map, precision, options)
    prepared = prepare(model, shapes, dims)
    return judge_model(judge, prepared.graph, prepared.info())


def judge_for(
    target: str,
    op_map: str | Path | None = None,
    precision: str = "",
    options: Mapping[str, str] | None = None,
) -> Judge:
    """What holds nodes against a target's table; see `check` for the arguments.

    Raises:
        TableError: The table is broken.
        UsageError: The target, the precision or an option does not exist.
    """
    table = load_target(target, Path(op_map) if op_map is not None else None)
    check_precision(table, precision)
    return Judge(table, precision, options or {})


def check_precision(table: CapabilityTable, precision: str) -> None:
    """Refuses a compute type that the table does not know.

    Raises:
        UsageError: With the ones it knows.
    """
    from porting.errors import UsageError

    if precision and precision not in table.data.precisions:
        known = ", ".join(table.data.precisions) or "none"
        raise UsageError(
            "precision-unknown",
            f"{table.data.target} has no precision '{precision}'",
            f"it has: {known}",
        )


def judge_model(judge: Judge, graph: Graph, info: ModelInfo) -> CheckResult:
    """The verdicts on a graph and its bodies."""
    nodes = tuple(judge_node(judge, g, n) for g, n in graph.walk())
    return CheckResult(info, judge.table.target, nodes, judge.model_findings(graph))


def judge_node(judge: Judge, graph: Graph, node: Node) -> NodeResult:
    """The verdict on one node."""
    findings = judge.findings(node)  # the worst first
    verdict = findings[0].verdict if findings else "supported"
    return NodeResult(
        node.name,
        node.op_type,
        node.domain,
        node.opset,
        verdict,
        graph.path,
        findings,
        node.inputs,
        node.outputs,
    )
