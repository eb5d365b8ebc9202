"""Loops that may end early: all iterations run, and what they give counts while the loop lasts."""

from collections.abc import Sequence

from porting.legalize.inline_body import BodyCopier
from porting.legalize.ops import Ops
from porting.legalize.rule import decline, require, rule, static_shape
from porting.model.graph import Node
from porting.rules.branches import refuse_effects, require_safe
from porting.rules.common import optional_input
from porting.rules.control_flow import (
    MOST_NODES,
    body_of,
    carried_of,
    check_fit,
    like_input,
    trip_limit,
)


@rule("Loop", exactness="exact")
def bounded_loop_to_where(op: Ops, node: Node) -> Sequence[str]:
    """`x` = Where(condition, body(x), x), once for each iteration that there may be.

    The trip count is a constant, carried values keep their shapes, nothing is stacked, and every
    operator of the body is defined for all values, so that iterations behind the end do no harm.

    Source: ONNX Loop-1 to -25, Where-9.
    """
    results = _all_iterations(op, node)
    require_safe(op.trial.nodes, "an iteration behind the end")
    return results


@rule("Loop", exactness="conditional")
def bounded_loop_to_where_if_all_run(op: Ops, node: Node) -> Sequence[str]:
    """`x` = Where(condition, body(x), x), once for each iteration that there may be.

    The same unless an iteration behind the end of the loop cannot be computed, such as one that
    gathers behind the end of its data. Conditions as for `bounded-loop-to-where`.

    Source: ONNX Loop-1 to -25, Where-9.
    """
    return _all_iterations(op, node)


def _all_iterations(op: Ops, node: Node) -> list[str]:
    body, carried, trips = body_of(node, "body"), carried_of(node), trip_limit(node)
    require(len(body.outputs) == 1 + len(carried), "results are stacked, as many as it runs")
    if trips is None:
        decline("there is no trip count")
    copier = BodyCopier(op, body)
    most = trips * (max(copier.size, 1) + len(carried))
    require(most <= MOST_NODES, f"its copies would have over {MOST_NODES} nodes")
    going = optional_input(node, 1)
    is_bound, is_computed = going is not None, False
    for step in range(trips):
        known = None if going is None else op.value(going).value()
        if known is not None and not known.all():
            break
        inputs = [like_input(op, body, 0, step, "int64"), like_input(op, body, 1, True, "bool")]
        condition, *results = copier.copy([*inputs, *carried])
        if going is not None and known is None:
            going, is_computed = _scalar(op, going), True
            carried = [_kept(op, going, *pair) for pair in zip(results, carried, strict=True)]
            going = op.And(going, _scalar(op, condition))
        else:
            carried, going = results, condition
        require(is_bound or _is_true(op, going), "runtimes disagree on such a condition")
    require(is_computed, "when it ends is known")
    check_fit(op, [body])
    for each in op.trial.nodes:
        refuse_effects(each)
    return carried


def _scalar(op: Ops, condition: str) -> str:
    return condition if op.value(condition).rank == 0 else op.reshape(condition, [])


def _is_true(op: Ops, condition: str) -> bool:
    known = op.value(condition).value()
    return known is not None and bool(known.all())


def _kept(op: Ops, going: str, new: str, old: str) -> str:
    """The new value of an iteration that runs, and the old one behind the end."""
    shape = static_shape(op.value(old), "a carried value")
    require(op.value(new).shape == shape, "a carried value changes its shape")
    return new if new == old else op.Where(going, new, old)
