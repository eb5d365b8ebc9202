"""What convolutions and poolings share: kernels, strides, dilations and padding written out."""

from dataclasses import dataclass
from typing import Any

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, require, rule
from porting.model.graph import Node
from porting.model.value import Dim
from porting.rules.common import integer, integers, shape_of, spatial_rank, text

CONVOLUTIONS = ("Conv", "ConvTranspose")
POOLS = ("AveragePool", "MaxPool", "LpPool")


@dataclass(frozen=True, slots=True)
class Window:
    """The sliding window of a node, one entry per spatial axis, with ONNX's defaults."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[int, ...]

    @property
    def extents(self) -> list[int]:
        """How far the window reaches along each axis, its gaps included."""
        return [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True)]

    @property
    def is_padded(self) -> bool:
        """Whether any side is padded."""
        return any(self.pads)


def window(node: Node) -> Window:
    """The window of a convolution or pooling; declines where its size is not known."""
    spatial = spatial_rank(node)
    kernel = integers(node, "kernel_shape")
    if kernel is None:
        decline("the shape of the kernel is not known")
    require(len(kernel) == spatial, "the kernel has another rank than the input")
    return Window(
        kernel,
        integers(node, "strides") or (1,) * spatial,
        integers(node, "dilations") or (1,) * spatial,
        integers(node, "pads") or (0,) * (2 * spatial),
    )


def pads_in_effect(node: Node) -> list[int]:
    """The pads that `auto_pad` stands for, or those that are written.

    For SAME the output has ceil(input / stride) elements; what that needs in padding is split
    in two, an odd element going to the end (UPPER) or to the start (LOWER).
    """
    mode, spatial = text(node, "auto_pad", "NOTSET"), window(node)
    if mode == "NOTSET":
        return list(spatial.pads)
    if mode == "VALID":
        return [0] * (2 * len(spatial.kernel))
    require(set(spatial.dilations) == {1}, "runtimes disagree on SAME padding of dilated kernels")
    sizes = shape_of(node.input(0))[2:]
    totals = [
        _same_total(size, extent, stride)
        for size, extent, stride in zip(sizes, spatial.extents, spatial.strides, strict=True)
    ]
    return _halves(totals, upper=mode == "SAME_UPPER")


def _same_total(size: Dim, extent: int, stride: int) -> int:
    if stride == 1:
        return extent - 1
    if not isinstance(size, int):
        decline("auto_pad needs the spatial shape; give it with --shape or --dim")
    return max((-(-size // stride) - 1) * stride + extent - size, 0)


def _halves(totals: list[int], upper: bool) -> list[int]:
    small = [t // 2 for t in totals]
    large = [t - t // 2 for t in totals]
    return [*small, *large] if upper else [*large, *small]


@rule("Conv", *POOLS, exactness="exact")
def auto_pad_to_pads(op: Ops, node: Node) -> list[str]:
    """SAME_UPPER, SAME_LOWER and VALID as pads.

    Source: ONNX Conv-1, MaxPool-1; the size of a SAME result leaves ceil_mode without effect.
    """
    mode = text(node, "auto_pad", "NOTSET")
    require(mode != "NOTSET", "auto_pad is not used")
    changes: dict[str, Any] = {}
    if node.attribute("ceil_mode"):
        require(mode != "VALID", "with ceil_mode the size of a VALID result is not defined")
        changes["ceil_mode"] = None
    return op.copy(node, auto_pad=None, pads=pads_in_effect(node), **changes)


@rule("ConvTranspose", exactness="exact")
def transposed_auto_pad_to_pads(op: Ops, node: Node) -> list[str]:
    """SAME_UPPER, SAME_LOWER and VALID, and a wanted output shape, as pads.

    total = stride * (input - 1) + output_padding + extent - output, where the output has
    input * stride elements unless its shape is given; the odd element of a total goes to the end
    for SAME_UPPER, and else to the start. What a wanted shape has beyond is output padding.

    Source: ONNX ConvTranspose-1.
    """
    mode, wanted = text(node, "auto_pad", "NOTSET"), integers(node, "output_shape")
    require(mode != "NOTSET" or wanted is not None, "auto_pad is not used")
    spatial = window(node)
    if mode == "VALID" and wanted is None:
        return op.copy(node, auto_pad=None, pads=[0] * (2 * len(spatial.kernel)))
    extra = integers(node, "output_padding") or (0,) * len(spatial.kernel)
    if wanted is None:
        totals = [
            e + p - s for e, p, s in zip(spatial.extents, extra, spatial.strides, strict=True)
        ]
    else:
        totals = _wanted_totals(node, spatial, extra, wanted[-len(spatial.kernel) :])
    changes: dict[str, Any] = {}
    if min(totals) < 0:
        require(mode == "NOTSET", "the result is larger than the kernel reaches")
        more = [e + max(-t, 0) for e, t in zip(extra, totals, strict=True)]
        allowed = all(m < s for m, s in zip(more, spatial.strides, strict=True))
        require(allowed, "the result is larger than output padding reaches")
        totals, changes["output_padding"] = [max(t, 0) for t in totals], more
    pads = _halves(totals, upper=mode == "SAME_UPPER")
    return op.copy(node, auto_pad=None, output_shape=None, pads=pads, **changes)


def _wanted_totals(
    node: Node, spatial: Window, extra: tuple[int, ...], wanted: tuple[int, ...]
) -> list[int]:
    sizes = shape_of(node.input(0))[2:]
    totals = []
    for axis, size in enumerate(sizes):
        if not isinstance(size, int):
            decline("output_shape needs the spatial shape; give it with --shape or --dim")
        reach = spatial.strides[axis] * (size - 1) + extra[axis] + spatial.extents[axis]
        totals.append(reach - wanted[axis])
    return totals


@rule(*CONVOLUTIONS, exactness="exact")
def convolution_written_out(op: Ops, node: Node) -> list[str]:
    """kernel_shape, strides, dilations, pads and group written out.

    Source: ONNX Conv-1: the kernel's shape is that of the weight, the others default to 1 and 0.
    """
    spatial = window(node)
    written: dict[str, Any] = {
        "kernel_shape": list(spatial.kernel),
        "strides": list(spatial.strides),
        "dilations": list(spatial.dilations),
        "group": integer(node, "group"),
    }
    if text(node, "auto_pad", "NOTSET") == "NOTSET" and "output_shape" not in node.attributes:
        written["pads"] = list(spatial.pads)
    return _with_missing(op, node, written)


@rule(*POOLS, exactness="exact")
def pooling_written_out(op: Ops, node: Node) -> list[str]:
    """`strides` and `pads` written out.

    Source: ONNX MaxPool-1: they default to 1 and 0.
    """
    spatial = window(node)
    written: dict[str, Any] = {"strides": list(spatial.strides)}
    if text(node, "auto_pad", "NOTSET") == "NOTSET":
        written["pads"] = list(spatial.pads)
    return _with_missing(op, node, written)


def _with_missing(op: Ops, node: Node, written: dict[str, Any]) -> list[str]:
    missing = {name: value for name, value in written.items() if name not in node.attributes}
    require(bool(missing), "every attribute is written already")
    return op.copy(node, **missing)
