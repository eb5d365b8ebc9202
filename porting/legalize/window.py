"""Chooses the opset at which a toolchain takes most of a model, and brings the model there."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from porting.capability.table import CapabilityTable
from porting.conversion import Declined, Rewrite
from porting.legalize.exhibits import Exhibits
from porting.legalize.opset import NEWEST, OLDEST, convert_opset, enter_context
from porting.legalize.policy import Policy
from porting.legalize.rule import Registry
from porting.model.graph import Graph
from porting.model.schema import ONNX_DOMAIN, op_info

MAX_TRIALS = 4
"""Opsets that are tried before the model stays where it is."""


@dataclass
class WindowResult:
    """What bringing a model into a toolchain's opset window did.

    Attributes:
        opset: Version of the default domain that the model has now.
        rewrites: What was rewritten on the way.
        declined: What kept the model from a version that would have suited better.
    """

    opset: int
    rewrites: list[Rewrite] = field(default_factory=list)
    declined: list[Declined] = field(default_factory=list)


def enter_window(
    graph: Graph,
    table: CapabilityTable,
    rules: Registry,
    policy: Policy,
    exhibits: Exhibits | None = None,
) -> WindowResult:
    """Brings a graph to an opset that the table takes, in place; it stays where none can be had."""
    if graph.context.opset < OLDEST:
        _reach_oldest(graph)
    current = graph.context.opset
    result = WindowResult(current)
    if not OLDEST <= current <= NEWEST:
        return result
    for opset in candidates(graph, table)[:MAX_TRIALS]:
        if opset == current:
            return result
        converted = convert_opset(graph, opset, rules, policy, exhibits)
        if not converted.blockers:
            return WindowResult(opset, converted.reported_rewrites(), result.declined)
        result.declined += converted.reported_blockers(opset)
    return result


def _reach_oldest(graph: Graph) -> None:
    """Calls an older graph one of `OLDEST`, where none of its operators has changed until then."""
    for _, node in graph.walk():
        if node.domain == ONNX_DOMAIN:
            later = op_info(node.op_type, node.domain, OLDEST)
            if node.info is None or later is None or later.since != node.info.since:
                return
    opsets = {**graph.context.opsets, ONNX_DOMAIN: OLDEST}
    enter_context(graph, replace(graph.context, opsets=opsets))


def candidates(graph: Graph, table: CapabilityTable) -> Sequence[int]:
    """Opsets of the toolchain's range, best first: most operators taken, then closest.

    The model's own opset comes first if nothing is gained by leaving it.
    """
    rule = table.data.opset.range
    current = graph.context.opset
    window = [v for v in range(OLDEST, NEWEST + 1) if v in rule]
    kinds: dict[str, int] = {}
    for _, node in graph.walk():
        if node.domain == "ai.onnx":
            kinds[node.op_type] = kinds.get(node.op_type, 0) + 1
    refused = {v: sum(n for k, n in kinds.items() if _refuses(table, k, v)) for v in window}
    return sorted(window, key=lambda v: (refused[v], abs(v - current), v))


def _refuses(table: CapabilityTable, op_type: str, opset: int) -> bool:
    """Whether the operator at this opset would break the table's rule about versions."""
    info = op_info(op_type, "ai.onnx", opset)
    operator = table.operator(op_type)
    if info is None or info.deprecated:
        return True
    if operator is None or operator.opset is None:
        return False
    version = opset if table.data.opset.match == "model" else info.since
    return version not in operator.opset
