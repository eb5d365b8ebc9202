"""Padding at another rank, for chips that pad images only."""

from porting.legalize.ops import Ops
from porting.legalize.rule import known_rank, require, rule
from porting.model.graph import Node
from porting.rules.common import optional_input, text
from porting.rules.selection import pad_amounts

IMAGE = 4


@rule("Pad", exactness="exact")
def pad_as_image(op: Ops, node: Node) -> str:
    """Axes of size 1 are put in front of the padded ones, so that these are an image's last two.

    Source: ONNX Pad-11 to -25.
    """
    rank = known_rank(node.input(0), "the input")
    require(0 < rank < IMAGE, f"its rank is {rank}")
    require(op.opset >= 11, "pads are an attribute below opset 11")
    before, after = pad_amounts(node)
    padded = [a for a in range(rank) if before[a] or after[a]]
    require(bool(padded), "it pads nothing")
    first = max(padded[0], rank - 2)
    require(padded[0] >= first, "it pads more than the last two axes")
    first = first if padded[0] == rank - 1 else rank - 2
    added = list(range(first, first + IMAGE - rank))
    pads = []
    for side in (before, after):
        pads += [*side[:first], *[0] * len(added), *side[first:]]
    mode = text(node, "mode", "constant")
    require(mode != "wrap" or op.opset >= 19, "mode wrap needs opset 19")
    since = node.info.since if node.info is not None else 0
    value = optional_input(node, 2) if since >= 11 else None
    require(since >= 11 or not node.attribute("value"), "it fills with a number of its own")
    image = op.unsqueeze(node.inputs[0], added)
    return op.squeeze(op.Pad(image, op.shape(pads), value, mode=mode), added)
