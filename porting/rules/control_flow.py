"""If, Loop and Scan without bodies: the branch that runs, both branches, or a copy per iteration.

`porting.legalize.normalise` uses the same functions for what is small at the shapes at hand.
"""

from collections.abc import Sequence

import numpy as np

from porting.legalize.inline_body import BodyCopier
from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, require, rule, static_shape
from porting.model.dtypes import numpy_dtype
from porting.model.graph import Graph, Node
from porting.rules.branches import refuse_effects, require_safe
from porting.rules.common import axis_in, integer, integers, optional_input

MOST_NODES = 4096
"""Nodes that may take the place of one loop or one choice."""
FEW_NODES = 512
"""The same where a loop is unrolled whether or not the target asks for it."""
ENDLESS = 2**31 - 1
"""From here on a trip count stands for none: exporters write the greatest integer."""


@rule("If", exactness="exact")
def if_to_branch(op: Ops, node: Node) -> Sequence[str]:
    """The branch that a condition known beforehand takes.

    Source: ONNX If-1 to -25.
    """
    condition = node.const(0)
    if condition is None or condition.size != 1:
        decline("the condition is not a constant")
    return BodyCopier(op, body_of(node, "then_branch" if condition.item() else "else_branch")).copy(
        []
    )


@rule("If", exactness="exact")
def if_to_where(op: Ops, node: Node) -> Sequence[str]:
    """Where(condition, then, else): both branches run, and neither can fail.

    Every operator in them is defined for all values, at shapes that are known.

    Source: ONNX If-1, Where-9.
    """
    results = _both_branches(op, node)
    require_safe(op.trial.nodes, "the branch that does not run")
    return results


@rule("If", exactness="conditional")
def if_to_where_if_both_run(op: Ops, node: Node) -> Sequence[str]:
    """Where(condition, then, else): both branches run.

    The same unless the branch that is not taken cannot be computed, such as one that gathers
    behind the end of its data when the condition is false.

    Source: ONNX If-1, Where-9.
    """
    return _both_branches(op, node)


def _both_branches(op: Ops, node: Node) -> list[str]:
    require(node.const(0) is None, "the condition is a constant")
    branches = [body_of(node, name) for name in ("then_branch", "else_branch")]
    copiers = [
        BodyCopier(op, b, label) for b, label in zip(branches, ("then", "else"), strict=True)
    ]
    require(
        sum(c.size for c in copiers) <= MOST_NODES, f"the branches have over {MOST_NODES} nodes"
    )
    taken, other = (c.copy([]) for c in copiers)
    check_fit(op, branches)
    for each in op.trial.nodes:
        refuse_effects(each)
    return [_choice(op, node, *pair) for pair in zip(taken, other, strict=True)]


def _choice(op: Ops, node: Node, a: str, b: str) -> str:
    """One output of both branches, of a shape that the choice does not change."""
    one, two, condition = op.value(a), op.value(b), op.value(node.inputs[0])
    require(one.kind == two.kind == "tensor", "a branch gives what is not a tensor")
    require(known_dtype(one, "a result") == two.dtype, "the branches give different types")
    require(one.shape is not None and None not in one.shape, "the shape of a result is not known")
    require(one.shape == two.shape, "the branches give different shapes")
    rank = condition.rank
    single = rank is not None and rank <= len(one.shape or ())
    return op.Where(node.inputs[0] if single else op.reshape(node.inputs[0], []), a, b)


@rule("Loop", exactness="exact")
def loop_unrolled(op: Ops, node: Node) -> Sequence[str]:
    """`y` = body(n - 1, ... body(1, body(0, x))): the body once per iteration.

    The number of iterations follows from constants, and the copies are bounded by `MOST_NODES`
    together.

    Source: ONNX Loop-1 to -25.
    """
    return unroll_loop(op, node, MOST_NODES)


def unroll_loop(op: Ops, node: Node, most: int) -> Sequence[str]:
    """The outputs of a Loop whose body is written out in at most `most` nodes."""
    body, carried = body_of(node, "body"), carried_of(node)
    copier = BodyCopier(op, body)
    trips, going = trip_limit(node), _starts(node)
    is_bound = optional_input(node, 1) is not None
    stacks: list[list[str]] = [[] for _ in body.outputs[1 + len(carried) :]]
    done = 0
    while going and (trips is None or done < trips):
        planned = trips if trips is not None and trips < ENDLESS else done + 1
        require(planned * max(copier.size, 1) <= most, f"its copies would have over {most} nodes")
        counter = like_input(op, body, 0, done, "int64")
        outputs = copier.copy([counter, like_input(op, body, 1, True, "bool"), *carried])
        carried = outputs[1 : 1 + len(carried)]
        for stack, result in zip(stacks, outputs[1 + len(carried) :], strict=True):
            stack.append(result)
        done += 1
        if done != trips:
            going = _goes_on(op, outputs[0], done, is_bound)
    check_fit(op, [body])
    first = 1 + len(carried)
    return [
        *carried,
        *(_stacked(op, s, 0) if s else _empty(body, op, first + i) for i, s in enumerate(stacks)),
    ]


def carried_of(node: Node) -> list[str]:
    """The values that a Loop carries from iteration to iteration, as they are at first."""
    require(all(node.inputs[2:]), "a carried value is left out")
    return list(node.inputs[2:])


def trip_limit(node: Node) -> int | None:
    """The greatest number of iterations, None if there is none; declines where it is computed."""
    if optional_input(node, 0) is None:
        return None
    trips = node.const(0)
    if trips is None or trips.size != 1:
        decline("the trip count is not a constant")
    return max(int(trips.item()), 0)


def _starts(node: Node) -> bool:
    """Whether there is a first iteration, as far as the condition goes."""
    if optional_input(node, 1) is None:
        return True
    going = node.const(1)
    if going is None or going.size != 1:
        decline("the condition is not a constant")
    return bool(going.item())


def _goes_on(op: Ops, condition: str, done: int, is_bound: bool) -> bool:
    """What the body says after an iteration that need not be the last."""
    known = op.value(condition).value() if op.value(condition).is_const else None
    if known is None or known.size != 1:
        decline(f"whether it goes on after iteration {done} is not known")
    going = bool(known.item())
    require(going or is_bound, "runtimes disagree on a condition that nothing starts")
    return going


def like_input(op: Ops, body: Graph, index: int, content: int | bool, dtype: str) -> str:
    """A counter or condition in the rank that the body declares: 0, by some exporters 1."""
    require(len(body.inputs) > index, "its body has another number of inputs")
    is_list = body.value(body.inputs[index].name).rank == 1
    return op.const([content] if is_list else content, dtype)


def _empty(body: Graph, op: Ops, index: int) -> str:
    """What is stacked when nothing runs."""
    value = body.value(body.outputs[index].name)
    shape = static_shape(value, "a result that is stacked")
    return op.const(np.zeros((0, *shape), numpy_dtype(known_dtype(value, "a stacked result"))))


def _stacked(op: Ops, slices: Sequence[str], axis: int) -> str:
    parts = [op.unsqueeze(s, [axis]) for s in slices]
    return op.Concat(*parts, axis=axis) if len(parts) > 1 else parts[0]


@rule("Scan", exactness="exact")
def scan_unrolled(op: Ops, node: Node) -> Sequence[str]:
    """`s[t + 1], y[t]` = body(s[t], x[t]): the body once per slice of the scanned inputs.

    The scanned axis has a known length, and the copies are bounded by `MOST_NODES` together.

    Source: ONNX Scan-9 to -25.
    """
    return unroll_scan(op, node, MOST_NODES)


def unroll_scan(op: Ops, node: Node, most: int) -> Sequence[str]:
    """The outputs of a Scan whose body is written out in at most `most` nodes."""
    require(node.info is not None and node.info.since >= 9, "Scan-8 has a batch axis of its own")
    body, scanned = body_of(node, "body"), integer(node, "num_scan_inputs")
    states = len(node.inputs) - scanned
    require(scanned >= 1 and states >= 0, "num_scan_inputs does not fit its inputs")
    axes, backward = _per_value(node, "scan_input", scanned)
    length = _scan_length(node, states, axes)
    copier = BodyCopier(op, body)
    require(length * max(copier.size, 1) <= most, f"its copies would have over {most} nodes")
    slices = [
        slices_of(op, name, axis, length)[:: -1 if back else 1]
        for name, axis, back in zip(node.inputs[states:], axes, backward, strict=True)
    ]
    carried = list(node.inputs[:states])
    stacks: list[list[str]] = [[] for _ in body.outputs[states:]]
    for step in range(length):
        outputs = copier.copy([*carried, *(s[step] for s in slices)])
        carried = outputs[:states]
        for stack, result in zip(stacks, outputs[states:], strict=True):
            stack.append(result)
    check_fit(op, [body])
    return [*carried, *_scan_results(op, node, stacks)]


def _scan_results(op: Ops, node: Node, stacks: list[list[str]]) -> list[str]:
    axes, backward = _per_value(node, "scan_output", len(stacks))
    results = []
    for stack, axis, back in zip(stacks, axes, backward, strict=True):
        rank = op.value(stack[0]).rank
        if axis < 0 and rank is None:
            decline("the rank of a result that is stacked is not known")
        at = axis if axis >= 0 else axis_in(axis, (rank or 0) + 1)
        results.append(_stacked(op, stack[:: -1 if back else 1], at))
    return results


def _per_value(node: Node, kind: str, count: int) -> tuple[list[int], list[int]]:
    """The axes and directions of the scanned inputs or outputs."""
    axes = integers(node, f"{kind}_axes") or (0,) * count
    directions = integers(node, f"{kind}_directions") or (0,) * count
    require(len(axes) == len(directions) == count, f"{kind}_axes or _directions has another length")
    return list(axes), list(directions)


def _scan_length(node: Node, states: int, axes: list[int]) -> int:
    lengths = set()
    for index, axis in enumerate(axes):
        value = node.input(states + index)
        if value is None or value.shape is None:
            decline("the shape of a scanned input is not known")
        lengths.add(value.shape[axis_in(axis, len(value.shape))])
    length = lengths.pop()
    require(not lengths, "the scanned inputs have different lengths")
    if not isinstance(length, int):
        decline("the length of the scanned inputs is not known; give it with --shape or --dim")
    require(length > 0, "it runs zero times")
    return length


def slices_of(op: Ops, x: str, axis: int, count: int) -> list[str]:
    """The `count` elements of `x` along an axis, without that axis."""
    parts = op.split(x, [1] * count, axis) if count > 1 else [x]
    return [op.squeeze(p, [axis]) for p in parts]


def body_of(node: Node, name: str) -> Graph:
    """A body by the name of its attribute."""
    body = node.subgraphs.get(name)
    if body is None:
        decline(f"it has no {name}")
    return body


def check_fit(op: Ops, bodies: Sequence[Graph]) -> None:
    """Declines where a body, or a copy of one, contradicts the shapes at hand."""
    frozen = any(b.is_frozen for b in bodies)
    require(not frozen and not op.trial.conflicts, "its body does not fit the shapes at hand")
