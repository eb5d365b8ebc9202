"""Einsum as transpositions, matrix products and sums.

Operands are combined from left to right. Of a pair, an axis is a batch axis (in both, and needed
later), contracted (in both, and needed no more), or free (in one). Free and batch axes are left as
they are and aligned by broadcasting, contracted ones are merged into one, so that no size has to
be known; where sizes are known, free axes are merged too, which makes one large product of many.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, require, rule
from porting.model.graph import Node
from porting.model.value import Dim
from porting.rules.common import product, shape_of, text

MOST_OPERANDS = 16
ELLIPSIS = "..."


@dataclass(slots=True)
class Operand:
    """A value whose axes are named by labels."""

    value: str
    labels: list[str]


@rule("Einsum", exactness="reordered")
def einsum_to_matmul(op: Ops, node: Node) -> str:
    """The sum of products that the equation names, pair by pair.

    An axis that only one operand has, and not the result, is summed before any product. The order
    of summation, which ONNX leaves open, decides between infinity and NaN where an operand has
    infinite elements.

    Source: ONNX Einsum-12; the pairwise reduction of Smith and Gray, "opt_einsum", JOSS 3 (2018).
    """
    terms, result = parse(text(node, "equation"), [len(s) for s in _shapes(node)])
    sizes = _sizes(terms, _shapes(node))
    operands = [
        _prepared(op, name, term, shape, sizes)
        for name, term, shape in zip(node.inputs, terms, _shapes(node), strict=True)
    ]
    total = _summed(op, operands[0], _needed(operands[1:], result))
    for index in range(1, len(operands)):
        needed = _needed(operands[index + 1 :], result)
        right = _summed(op, operands[index], needed | set(total.labels))
        left = _summed(op, total, needed | set(right.labels))
        total = _product(op, left, right, needed, sizes)
    return _arranged(op, _summed(op, total, set(result)), result)


def _shapes(node: Node) -> list[tuple[Dim, ...]]:
    require(1 <= len(node.inputs) <= MOST_OPERANDS, f"it has more than {MOST_OPERANDS} operands")
    return [shape_of(v, f"operand {i}") for i, v in enumerate(node.input_values())]


def parse(equation: str, ranks: Sequence[int]) -> tuple[list[list[str]], list[str]]:
    """The labels of each operand and of the result; an ellipsis becomes one label per axis.

    Args:
        equation: As ONNX has it, `bij,bjk->bik`, with or without the right-hand side.
        ranks: Of the operands.
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    parts = left.split(",")
    require(len(parts) == len(ranks), "the equation has another number of operands than the node")
    hidden = {
        rank - len(part.replace(ELLIPSIS, ""))
        for part, rank in zip(parts, ranks, strict=True)
        if ELLIPSIS in part
    }
    require(min(hidden, default=0) >= 0, "the equation does not fit the rank of an operand")
    require(len(hidden) <= 1, "the ellipses stand for different numbers of axes")
    names = [f"{ELLIPSIS}{i}" for i in range(max(hidden, default=0))]
    terms = [_labels(p, names) for p in parts]
    for term, rank in zip(terms, ranks, strict=True):
        require(len(term) == rank, "the equation does not fit the rank of an operand")
    if arrow:
        result = _labels(right, names)
    else:
        letters = [c for c in left if c.isalpha()]
        result = [*names, *sorted(c for c in set(letters) if letters.count(c) == 1)]
    known = {label for term in terms for label in term}
    require(len(set(result)) == len(result), "a letter is repeated in the result")
    require(set(result) <= known, "the result has a letter that no operand has")
    require(set(names) <= set(result), "an ellipsis is summed over")
    return terms, result


def _labels(part: str, names: list[str]) -> list[str]:
    before, ellipsis, after = part.partition(ELLIPSIS)
    require((before + after).isalpha() or not before + after, "the equation is malformed")
    return [*before, *(names if ellipsis else []), *after]


def _sizes(terms: list[list[str]], shapes: list[tuple[Dim, ...]]) -> dict[str, int | None]:
    """The size of each label, None where it is not known: 1 gives way to any other."""
    sizes: dict[str, int | None] = {}
    unknown: set[str] = set()
    for term, shape in zip(terms, shapes, strict=True):
        for label, dim in zip(term, shape, strict=True):
            if not isinstance(dim, int):
                unknown.add(label)
                continue
            require(dim > 0, "an operand is empty")
            known = sizes.get(label)
            fits = known in {None, 1, dim} or dim == 1
            require(fits, f"the axes {label} have different sizes")
            sizes[label] = max(dim, known or 1)
    return {
        label: None if label in unknown and sizes.get(label) in {None, 1} else sizes[label]
        for label in {label for term in terms for label in term}
    }


def _prepared(
    op: Ops, name: str, term: list[str], shape: tuple[Dim, ...], sizes: dict[str, int | None]
) -> Operand:
    """An operand without axes of size 1 that another operand stretches, and without repetitions."""
    stretched = [
        axis
        for axis, (label, dim) in enumerate(zip(term, shape, strict=True))
        if dim == 1 and sizes[label] != 1 and term.count(label) == 1
    ]
    if stretched:
        name = op.squeeze(name, stretched)
    operand = Operand(name, [label for i, label in enumerate(term) if i not in stretched])
    for label in dict.fromkeys(term):
        while operand.labels.count(label) > 1:
            operand = _diagonal(op, operand, label, sizes[label])
    return operand


def _diagonal(op: Ops, operand: Operand, label: str, size: int | None) -> Operand:
    """The diagonal of the first two axes of one label: every (n + 1)-th element of both in a row.

    Picked, not multiplied by a mask, which would make NaN of an infinity beside the diagonal.
    """
    if size is None:
        decline(f"the size of the repeated letter {label} is not known")
    first, second = [i for i, x in enumerate(operand.labels) if x == label][:2]
    shape = op.value(operand.value).shape or ()
    require(shape[first] == size and shape[second] == size, f"a repeated {label} is broadcast")
    rest = [i for i in range(len(operand.labels)) if i not in {first, second}]
    moved = op.transpose(operand.value, [*rest, first, second])
    flat = op.reshape(moved, [*[0] * len(rest), size * size])
    picked = op.Gather(flat, op.shape(range(0, size * size, size + 1)), axis=len(rest))
    return Operand(picked, [*(operand.labels[i] for i in rest), label])


def _needed(operands: Sequence[Operand], result: Sequence[str]) -> set[str]:
    return {label for o in operands for label in o.labels} | set(result)


def _summed(op: Ops, operand: Operand, needed: set[str]) -> Operand:
    """The operand without the axes that nothing needs."""
    axes = [i for i, label in enumerate(operand.labels) if label not in needed]
    if not axes:
        return operand
    value = op.reduce("ReduceSum", operand.value, axes, keepdims=False)
    return Operand(value, [label for label in operand.labels if label in needed])


def _arranged(op: Ops, operand: Operand, labels: Sequence[str]) -> str:
    """The value with its axes in the order of `labels`; those that it lacks get size 1."""
    own = [label for label in labels if label in operand.labels]
    value = operand.value
    if own != operand.labels:
        value = op.transpose(value, [operand.labels.index(label) for label in own])
    missing = [i for i, label in enumerate(labels) if label not in operand.labels]
    # leading axes of size 1 come by themselves when two shapes are broadcast
    while missing and missing[0] == 0:
        labels = labels[1:]
        missing = [i - 1 for i in missing[1:]]
    return op.unsqueeze(value, missing) if missing else value


def _product(
    op: Ops, left: Operand, right: Operand, needed: set[str], sizes: dict[str, int | None]
) -> Operand:
    """The product of two operands, summed over the axes that are needed no more."""
    shared = [label for label in left.labels if label in right.labels]
    contracted = [label for label in shared if label not in needed]
    batch = [label for label in shared if label in needed]
    of_left = [label for label in left.labels if label not in shared]
    of_right = [label for label in right.labels if label not in shared]
    if not contracted:
        labels = [*batch, *of_left, *of_right]
        value = op.Mul(_arranged(op, left, labels), _arranged(op, right, labels))
        return Operand(value, labels)
    merge_right = len(of_right) > 1 and _known(of_right, sizes)
    many = bool(batch) or (len(of_right) > 1 and not merge_right)
    merge_left = many and len(of_left) > 1 and _known(of_left, sizes)
    rows = of_left if merge_left else of_left[-1:]
    columns = of_right if merge_right else of_right[-1:]
    outer = [
        *batch,
        *of_left[: len(of_left) - len(rows)],
        *of_right[: len(of_right) - len(columns)],
    ]
    a = _matrix(op, left, outer, rows, contracted, sizes)
    b = _matrix(op, right, outer, columns, contracted, sizes, transposed=True)
    return _split(op, op.MatMul(a, b), outer, rows, columns, sizes)


def _known(labels: Sequence[str], sizes: dict[str, int | None]) -> bool:
    return all(sizes[label] is not None for label in labels)


def _size(labels: Sequence[str], sizes: dict[str, int | None]) -> int:
    """The number of elements along several axes, -1 where it is not known."""
    known = [s for label in labels if (s := sizes[label]) is not None]
    return product(known) if len(known) == len(labels) else -1


def _matrix(
    op: Ops,
    operand: Operand,
    outer: Sequence[str],
    free: Sequence[str],
    contracted: Sequence[str],
    sizes: dict[str, int | None],
    transposed: bool = False,
) -> str:
    """The operand as matrices `[outer..., free, contracted]`, or with the last two exchanged."""
    own = [label for label in outer if label in operand.labels]
    groups = [contracted, free] if transposed else [free, contracted]
    if all(len(g) == 1 for g in groups) or (len(free) == 0 and len(contracted) == 1):
        value = _arranged(op, operand, [*outer, *groups[0], *groups[1]])
        return value if free else op.unsqueeze(value, [_rank(op, value) - int(not transposed)])
    counts = [_size(g, sizes) for g in groups]
    swap = transposed and counts[0] == counts[1] == -1
    if swap:
        groups = groups[::-1]  # the free axis, single then, can be copied only where it stands
        counts = [0, -1]
    elif counts[0] == counts[1] == -1:
        counts = [0, -1]
    order = [*own, *groups[0], *groups[1]]
    value = _arranged(op, operand, order)
    value = op.reshape(value, [*[0] * len(own), *counts])
    if swap:
        rank = len(own) + 2
        value = op.transpose(value, [*range(rank - 2), rank - 1, rank - 2])
    missing = [i for i, label in enumerate(outer) if label not in own]
    while missing and missing[0] == 0:
        missing = [i - 1 for i in missing[1:]]
    return op.unsqueeze(value, missing) if missing else value


def _rank(op: Ops, value: str) -> int:
    rank = op.value(value).rank
    assert rank is not None
    return rank


def _split(
    op: Ops,
    value: str,
    outer: Sequence[str],
    rows: Sequence[str],
    columns: Sequence[str],
    sizes: dict[str, int | None],
) -> Operand:
    """The result of a matrix product with its merged axes taken apart again."""
    labels = [*outer, *rows, *columns]
    if len(rows) <= 1 and len(columns) <= 1:
        single = [len(outer) + i for i, group in enumerate((rows, columns)) if not group]
        return Operand(op.squeeze(value, single) if single else value, labels)
    inner = [s if (s := sizes[label]) is not None else -1 for label in (*rows, *columns)]
    return Operand(op.reshape(value, [*[0] * len(outer), *inner]), labels)
