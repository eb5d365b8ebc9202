"""Slice, Concat, Tile, Expand and constant Pad in terms of each other."""

from dataclasses import dataclass

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import (
    decline,
    known_constant,
    known_dtype,
    known_rank,
    require,
    rule,
    static_shape,
)
from porting.model.dtypes import FLOATS, INTEGERS
from porting.model.graph import Node
from porting.rules.common import (
    axis_in,
    integers,
    optional_input,
    product,
    shape_of,
    text,
)
from porting.rules.indices import require_moderate
from porting.rules.selection import pad_amounts

MOST_COPIES = 32
_TO_THE_END = (2**31 - 1, 2**63 - 1)


@dataclass(frozen=True, slots=True)
class Cut:
    """What a Slice does to one axis, as it is written."""

    axis: int
    start: int
    end: int
    step: int

    def positions(self, length: int) -> range:
        """The positions that are kept, in order."""
        require(self.step != 0, "a step is 0")
        if self.step > 0:
            return range(*slice(self.start, self.end, self.step).indices(length))
        # where no position is before the end, slice() wants None
        past = self.end + length < 0
        require(self.end not in _TO_THE_END, "runtimes differ on going back to the largest number")
        inside = self.start + length >= 0
        require(inside, "runtimes differ on starting before the first element")
        return range(*slice(self.start, None if past else self.end, self.step).indices(length))


def _cuts(node: Node) -> list[Cut]:
    rank = known_rank(node.input(0), "the input")
    if node.info is not None and node.info.since < 10:
        lists = [list(integers(node, name) or ()) for name in ("starts", "ends", "axes")]
        lists.append([])
    else:
        names = ["starts", "ends", "axes", "steps"]
        lists = [
            [] if optional_input(node, i) is None else known_constant(node, name).tolist()
            for i, name in enumerate(names, start=1)
        ]
    starts, ends, axes, steps = lists
    axes = [axis_in(a, rank) for a in axes] or list(range(len(starts)))
    steps = steps or [1] * len(starts)
    require(len(starts) == len(ends) == len(axes) == len(steps), "its lists differ in length")
    require(len(set(axes)) == len(axes), "an axis is named twice")
    return [Cut(*each) for each in zip(axes, starts, ends, steps, strict=True)]


def _kept(node: Node, cut: Cut) -> tuple[range, int]:
    """The positions that a cut keeps, and how long its axis is."""
    length = shape_of(node.input(0))[cut.axis]
    if not isinstance(length, int):
        decline("the size of a sliced axis is not known; give it with --shape or --dim")
    return cut.positions(length), length


def _write(op: Ops, x: str, cuts: list[Cut]) -> str:
    """One Slice; steps are written only where one is not 1."""
    lists = [[getattr(c, name) for c in cuts] for name in ("start", "end", "axis", "step")]
    if all(c.step == 1 for c in cuts):
        return op.slice(x, *lists[:3])
    require(op.opset >= 10, "Slice has no steps below opset 10")
    return op.Slice(x, *(op.shape(numbers) for numbers in lists))


@rule("Slice", exactness="exact")
def slice_within_bounds(op: Ops, node: Node) -> str:
    """Starts and ends written as positions from 0 to the length, axes that are kept whole left out.

    Source: ONNX Slice-13: negative ones count from the end, all are held within the axis.
    """
    cuts, result = _cuts(node), []
    for cut in cuts:
        kept, length = _kept(node, cut)
        require(cut.step > 0, "a step is negative")
        require(len(kept) > 0, "the result is empty")
        if len(kept) < length:
            result.append(Cut(cut.axis, kept[0], kept[-1] + 1, cut.step if len(kept) > 1 else 1))
    require(result != cuts, "they are within the axis already")
    return _write(op, node.inputs[0], result) if result else node.inputs[0]


@rule("Slice", exactness="exact")
def slice_one_axis_at_a_time(op: Ops, node: Node) -> str:
    """A slice of several axes as a chain of slices of one.

    Source: ONNX Slice-1.
    """
    cuts, result = _cuts(node), node.inputs[0]
    require(len(cuts) > 1, "it slices one axis")
    for cut in cuts:
        result = _write(op, result, [cut])
    return result


@rule("Slice", exactness="exact", versions=(10, 11, 13))
def slice_written_out(op: Ops, node: Node) -> str:
    """`axes` and `steps` written out: the first axes in order, and ones.

    Source: ONNX Slice-10.
    """
    given = [optional_input(node, index) for index in (3, 4)]
    require(None in given, "axes and steps are written already")
    bounds = node.input(1)
    if given[0] is None and (bounds is None or not bounds.is_static):
        decline("how many axes it slices is not known")
    count = len(_cuts(node)) if bounds is None or bounds.size is None else bounds.size
    dtype = known_dtype(bounds, "the starts")
    axes = given[0] or op.const(list(range(count)), dtype)
    steps = given[1] or op.const([1] * count, dtype)
    return op.Slice(*node.inputs[:3], axes, steps)


@rule("Slice", exactness="exact")
def slice_to_gather(op: Ops, node: Node) -> str:
    """Steps other than 1, backward ones too, as constant positions; one Gather per such axis.

    Source: ONNX Slice-10, Gather-1.
    """
    cuts, result = _cuts(node), node.inputs[0]
    require(any(c.step != 1 for c in cuts), "every step is 1")
    plain = [c for c in cuts if c.step == 1]
    if plain:
        result = _write(op, result, plain)
    for cut in cuts:
        if cut.step != 1:
            kept, _ = _kept(node, cut)
            require_moderate(len(kept))
            result = op.Gather(result, op.shape(kept), axis=cut.axis)
    return result


@rule("Slice", exactness="exact")
def slice_step_to_reshape(op: Ops, node: Node) -> str:
    """Every s-th element: the first of each group of s, in a view where groups have their own axis.

    Needs an axis that s divides.

    Source: ONNX Slice-10, Reshape-5.
    """
    cuts, shape = _cuts(node), list(static_shape(node.input(0), "the input"))
    require(any(c.step > 1 for c in cuts), "no step is above 1")
    require(0 not in shape, "the input is empty")
    result = node.inputs[0]
    for cut in cuts:
        kept, length = _kept(node, cut)
        require(len(kept) > 0, "the result is empty")
        if cut.step == 1:
            result = _write(op, result, [cut])
        else:
            whole = cut.step > 0 and length % cut.step == 0 and len(kept) == length // cut.step
            require(whole, "the steps do not divide the axis")
            groups = [*shape[: cut.axis], len(kept), cut.step, *shape[cut.axis + 1 :]]
            first = kept[0]
            result = op.slice(op.reshape(result, groups), [first], [first + 1], [cut.axis + 1])
            result = op.squeeze(result, [cut.axis + 1])
        shape[cut.axis] = len(kept)
    return result


@rule("Concat", exactness="exact")
def concat_of_two(op: Ops, node: Node) -> str:
    """Several tensors joined one after the other; a single one is itself.

    Source: ONNX Concat-4.
    """
    first, *others = node.inputs
    require(len(others) != 1, "it joins two")
    axis = node.attribute("axis")
    for other in others:
        first = op.Concat(first, other, axis=axis)
    return first


@rule("Tile", exactness="exact", versions=(6, 13))
def tile_to_concat(op: Ops, node: Node) -> str:
    """The tensor joined with itself as often as it is repeated, axis by axis.

    Source: ONNX Tile-6, Concat-4.
    """
    result = node.inputs[0]
    for axis, times in enumerate(_repeats(node)):
        require(0 < times <= MOST_COPIES, f"it repeats more than {MOST_COPIES} times, or never")
        if times > 1:
            result = op.Concat(*[result] * times, axis=axis)
    return result


def _repeats(node: Node) -> list[int]:
    return [int(r) for r in known_constant(node, 1).reshape(-1)]


@rule("Tile", exactness="exact", versions=(6, 13))
def tile_to_expand(op: Ops, node: Node) -> str:
    """Every repeated axis gets an axis of 1 before it, which is expanded and joined with it.

    Source: ONNX Tile-6, Expand-8.
    """
    shape, repeats = static_shape(node.input(0), "the input"), _repeats(node)
    require(0 not in shape and 0 not in repeats, "the input or the result is empty")
    spread: list[int] = []
    target: list[int] = []
    for size, times in zip(shape, repeats, strict=True):
        spread += [1, size] if times > 1 else [size]
        target += [times, size] if times > 1 else [size]
    wide = op.Expand(op.reshape(node.inputs[0], spread), op.shape(target))
    return op.reshape(wide, [s * r for s, r in zip(shape, repeats, strict=True)])


@rule("Expand", exactness="exact")
def expand_to_tile(op: Ops, node: Node) -> str:
    """Axes of 1 repeated, after new axes of 1 in front.

    Source: ONNX Expand-8, Tile-6: a wanted size of 1 keeps the axis as it is.
    """
    shape, target = _expanded(node)
    lead = len(target) - len(shape)
    known = [d for d in shape if isinstance(d, int)]
    result = node.inputs[0]
    if lead and len(known) == len(shape):
        result = op.reshape(result, [*[1] * lead, *known])
    elif lead:
        result = op.unsqueeze(result, range(lead))
    old = [*[1] * lead, *shape]
    repeats = [wanted if size == 1 else 1 for size, wanted in zip(old, target, strict=True)]
    return op.Tile(result, op.shape(repeats))


def _expanded(node: Node) -> tuple[tuple[int | str | None, ...], list[int]]:
    """The shape before, and the wanted one with as many axes as the result has."""
    shape = shape_of(node.input(0))
    wanted = [int(d) for d in known_constant(node, 1).reshape(-1)]
    require(0 not in shape and 0 not in wanted, "the input or the result is empty")
    wanted = [1] * (len(shape) - len(wanted)) + wanted
    own = shape[::-1]
    sizes = wanted[::-1][: len(shape)]
    open_axis = any(not isinstance(d, int) and w != 1 for d, w in zip(own, sizes, strict=True))
    require(not open_axis, "whether an axis is 1 is not known; give it with --shape or --dim")
    return shape, wanted


@rule("Expand", exactness="exact")
def expand_to_mul(op: Ops, node: Node) -> str:
    """`x` times ones of the wanted shape, which leaves infinities, NaN and -0 as they are.

    Source: ONNX Expand-8, Mul-7.
    """
    dtype = known_dtype(node.input(0), "the input")
    require(dtype in FLOATS | INTEGERS, f"elements are {dtype}")
    _, target = _expanded(node)
    require_moderate(product(target))
    return op.Mul(node.inputs[0], op.const(np.ones(target), dtype))


@rule("Pad", exactness="exact")
def pad_negative_to_slice(op: Ops, node: Node) -> str:
    """Negative pads cut as a Slice, and the others pad afterwards.

    Source: ONNX Pad-2 to -24, mode constant.
    """
    before, after = _constant_pads(node)
    cut = [i for i, pads in enumerate(zip(before, after, strict=True)) if min(pads) < 0]
    require(bool(cut), "no pad is negative")
    starts = [max(-before[i], 0) for i in cut]
    ends = [min(after[i], 0) or _TO_THE_END[0] for i in cut]
    sizes = [shape_of(node.input(0))[i] for i in cut]
    fits = all(
        isinstance(s, int) and s + min(before[i], 0) + min(after[i], 0) > 0
        for i, s in zip(cut, sizes, strict=True)
    )
    require(fits, "nothing is left of an axis, or its size is not known")
    part = op.slice(node.inputs[0], starts, ends, cut)
    pads = [max(p, 0) for p in (*before, *after)]
    if not any(pads):
        return part
    if op.opset < 11:
        value = node.attribute("value")
        return op.Pad(part, pads=pads, value=value, mode="constant")
    return op.Pad(part, op.shape(pads), optional_input(node, 2), mode="constant")


def _constant_pads(node: Node) -> tuple[list[int], list[int]]:
    require(text(node, "mode", "constant") == "constant", "the mode is not constant")
    return pad_amounts(node)


@rule("Pad", exactness="exact")
def pad_to_concat(op: Ops, node: Node) -> str:
    """Constant padding as blocks of the value, concatenated axis by axis.

    Source: ONNX Pad-2 to -24, Concat-4.
    """
    before, after = _constant_pads(node)
    shape = list(static_shape(node.input(0), "the input"))
    require(min([*before, *after]) >= 0, "a pad is negative")
    dtype, value = known_dtype(node.input(0), "the input"), _pad_value(node)
    result = node.inputs[0]
    for axis, sides in enumerate(zip(before, after, strict=True)):
        blocks: list[list[str]] = [[], []]
        for side, amount in zip(blocks, sides, strict=True):
            if amount:
                block = [*shape[:axis], amount, *shape[axis + 1 :]]
                require_moderate(product(block))
                side.append(op.const(np.full(block, value), dtype))
        if any(sides):
            result = op.Concat(*blocks[0], result, *blocks[1], axis=axis)
            shape[axis] += sum(sides)
    return result


def _pad_value(node: Node) -> float:
    """What constant padding puts in; 0 where nothing is given."""
    if node.info is not None and node.info.since < 11:
        value = node.attribute("value")
        return float(value) if isinstance(value, int | float) else 0.0
    if optional_input(node, 2) is None:
        return 0.0
    found: float = known_constant(node, 2).reshape(-1)[0].item()
    return found


@rule("Size", exactness="exact")
def size_to_shape(op: Ops, node: Node) -> str:
    """The product of the shape.

    Source: ONNX Size-1.
    """
    require(known_rank(node.input(0), "the input") > 0, "the input is a scalar")
    return op.reduce("ReduceProd", op.Shape(node.inputs[0]), [0], keepdims=False)
