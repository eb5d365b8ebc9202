"""Changes of meaning that an operator's schema does not show: same attributes, other result.

Each function looks at a node and says why the versions on the two sides of one change treat it
differently; the empty string where they treat it alike. Read off the texts of ONNX's operator
versions side by side. They hold in both directions.
"""

from math import ceil

import numpy as np

from porting.model.dtypes import FLOATS
from porting.model.graph import Node
from porting.model.value import Value


def last_axis(node: Node) -> str:
    """Softmax, LogSoftmax, Hardmax at 13: before, all axes from `axis` on were one.

    Sizes of 1 do not matter.
    """
    axis, data = node.attribute("axis"), node.input(0)
    if not isinstance(axis, int):
        return "the axis is not known"
    if axis == -1:
        return ""
    if data is None or data.shape is None:
        return f"axis {axis} may not be the last one, before opset 13 it stood for several"
    rest = data.shape[axis % len(data.shape) + 1 :]
    if all(d == 1 for d in rest):
        return ""
    return f"axis {axis} is not the last one, before opset 13 it stood for all from there on"


def plain_axis(node: Node) -> str:
    """Versions before 11 count axes from the front only."""
    axis = node.attribute("axis")
    if isinstance(axis, int) and axis < 0:
        return f"axis {axis} is negative, before opset 11 axes are not"
    return ""


def plain_axes(node: Node) -> str:
    """The same for `axes`, an attribute or an input."""
    axes = node.attribute("axes")
    if node.position("axes") is not None and node.input("axes") is not None:
        array = node.const("axes")
        if array is None:
            return "the axes are computed, before opset 11 they must not be negative"
        axes = tuple(int(a) for a in np.ravel(array))
    if isinstance(axes, tuple) and any(int(a) < 0 for a in axes):
        return "an axis is negative, before opset 11 axes are not"
    return ""


def plain_scan_axes(node: Node) -> str:
    """Scan at 11: negative axes."""
    for name in ("scan_input_axes", "scan_output_axes"):
        axes = node.attribute(name)
        if isinstance(axes, tuple) and any(int(a) < 0 for a in axes):
            return f"{name} has a negative axis, before opset 11 axes are not"
    return ""


def plain_indices(node: Node) -> str:
    """Gather, OneHot at 11: before, indices count from the front only."""
    position = 0 if node.op_type == "OneHot" else 1
    value, array = node.input(position), node.const(position)
    if value is not None and (value.dtype or "").startswith("uint"):
        return ""
    if array is None:
        return "an index may be negative, which means something else before opset 11"
    return "an index is negative" if (np.asarray(array) < 0).any() else ""


def plain_one_hot(node: Node) -> str:
    """OneHot at 11: indices and axis; -1 stood for the last axis before, too."""
    axis = node.attribute("axis")
    if isinstance(axis, int) and axis < -1:
        return f"axis {axis} is negative, before opset 11 only -1 is known"
    return plain_indices(node)


def same_padding_side(node: Node) -> str:
    """ConvTranspose at 11: SAME_UPPER and SAME_LOWER changed sides."""
    pad = node.attribute("auto_pad")
    if pad in {"SAME_UPPER", "SAME_LOWER"}:
        return f"auto_pad {pad} puts an odd pad on the other side before opset 11"
    return ""


def no_window_in_padding(node: Node) -> str:
    """AveragePool and MaxPool at 22: a last window that starts in the padding is left out."""
    if not node.attribute("ceil_mode"):
        return ""
    data = node.input(0)
    kernel, strides = node.attribute("kernel_shape"), node.attribute("strides")
    dilations, pads = node.attribute("dilations"), node.attribute("pads")
    if data is None or data.shape is None:
        return "with ceil_mode, the last window may start in the padding"
    rank = len(data.shape) - 2
    steps = _ints(strides, (1,) * rank)
    spread = _ints(dilations, (1,) * rank)
    around = _ints(pads, (0,) * (2 * rank))
    for i, width in enumerate(_ints(kernel, (1,) * rank)):
        reach = spread[i] * (width - 1) + 1
        if steps[i] + around[i + rank] <= reach:
            continue
        size = data.shape[2 + i]
        if not isinstance(size, int):
            return "with ceil_mode, the last window may start in the padding"
        count = ceil((size + around[i] + around[i + rank] - reach) / steps[i]) + 1
        if (count - 1) * steps[i] >= size + around[i]:
            return "with ceil_mode, the last window starts in the padding: opset 22 leaves it out"
    return ""


def _ints(value: object, default: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(v) for v in value) if isinstance(value, tuple) else default


def not_wrapped(node: Node) -> str:
    """Pad at 19: mode `wrap` is new."""
    return "mode wrap is new in opset 19" if node.attribute("mode") == "wrap" else ""


def not_symmetric(node: Node) -> str:
    """Resize at 19: `half_pixel_symmetric` is new, and its sizes may follow the aspect ratio."""
    if node.attribute("coordinate_transformation_mode") == "half_pixel_symmetric":
        return "coordinate_transformation_mode half_pixel_symmetric is new in opset 19"
    return ""


def not_tf_half_pixel(node: Node) -> str:
    """Resize at 13: `tf_half_pixel_for_nn` is gone."""
    if node.attribute("coordinate_transformation_mode") == "tf_half_pixel_for_nn":
        return "coordinate_transformation_mode tf_half_pixel_for_nn is gone in opset 13"
    return ""


def same_grid_names(node: Node) -> str:
    """GridSample at 20: modes were renamed, and more than two spatial axes came."""
    data = node.input(0)
    if data is None or data.rank != 4:
        return "GridSample before opset 20 is for 4 dimensions"
    if node.attribute("mode") != "nearest":
        return "the modes have other names in opset 20"
    return ""


def per_tensor(node: Node) -> str:
    """QuantizeLinear, DequantizeLinear at 13: a scale per channel is new."""
    scale = node.input(1)
    if scale is None or scale.shape is None:
        return "the scale may be one per channel, which is new in opset 13"
    if scale.shape in ((), (1,)):
        return ""
    return "a scale per channel is new in opset 13"


def not_blocked(node: Node) -> str:
    """QuantizeLinear, DequantizeLinear at 21: a scale per block is new."""
    scale = node.input(1)
    if scale is None or scale.rank is None:
        return "the scale may be one per block, which is new in opset 21"
    if scale.rank > 1 or node.attribute("block_size"):
        return "a scale per block is new in opset 21"
    return ""


def integers_or_fmod(node: Node) -> str:
    """Mod at 28: floor division of floats is new."""
    data = node.input(0)
    if data is not None and data.dtype in FLOATS and not node.attribute("fmod"):
        return "Mod of floats with fmod=0 is new in opset 28"
    return ""


def no_extremes(node: Node) -> str:
    """ScatterElements and ScatterND at 18: reductions `max` and `min` are new."""
    kind = node.attribute("reduction")
    return f"reduction {kind} is new in opset 18" if kind in {"max", "min"} else ""


def sizes_given(node: Node) -> str:
    """Split at 18: without sizes, the number of parts has to be given."""
    if len(node.outputs) > 1 and node.input(1) is None:
        return "Split without sizes needs num_outputs from opset 18 on, which is unknown before"
    if node.input(1) is None:
        return "Split without sizes needs num_outputs from opset 18 on"
    return ""


def one_output(node: Node) -> str:
    """BatchNormalization at 14: the outputs of training are others."""
    if len([o for o in node.outputs if o]) > 1:
        return "the outputs for training are others in opset 14"
    return ""


def no_mask(node: Node) -> str:
    """Dropout at 12: outside of training the mask is true; before, nothing says what it is."""
    mask = node.outputs[1] if len(node.outputs) > 1 else ""
    if mask and (node.graph.is_output(mask) or node.graph.consumers(mask)):
        return "its mask is used, and nothing before opset 12 says what that is"
    return ""


def equal_shapes(node: Node) -> str:
    """Max, Mean, Min, Sum at 8: before, nothing is broadcast."""
    shapes = {v.shape if v is not None else None for v in node.input_values()}
    if len(node.inputs) > 1 and (len(shapes) != 1 or None in shapes or not _all_static(node)):
        return "inputs are not broadcast before opset 8"
    return ""


def _all_static(node: Node) -> bool:
    return all(v is None or v.is_static for v in node.input_values())


def equal_branches(node: Node) -> str:
    """If at 11: before, both branches give the same shapes."""
    bodies = list(node.subgraphs.values())
    for results in zip(*(b.outputs for b in bodies), strict=False):
        shapes = {_shape(b.value(r.name)) for b, r in zip(bodies, results, strict=True)}
        if len(shapes) > 1:
            return "the branches give different shapes, before opset 11 they must not"
    return ""


def _shape(value: Value) -> object:
    return value.shape if value.is_static else value.name


def full_mask(node: Node) -> str:
    """Attention at 24: a mask that is shorter than the keys is padded."""
    mask, keys = node.input("attn_mask"), node.input(1)
    if mask is None:
        return ""
    past = node.input("past_key")
    if mask.shape and keys is not None and keys.shape and past is None:
        length = keys.shape[1 if len(keys.shape) == 3 else 2]
        if isinstance(length, int) and mask.shape[-1] == length:
            return ""
    return "the mask may be shorter than the keys, which is new in opset 24"
