"""Every kind of limit that real vendors publish, A to AQ, written as a table writes it.

The examples are those of the vendors' own lists; each is shown on the smallest model that meets
the limit and on one that does not.
"""

import numpy as np
import pytest
from capability.helpers import (
    first,
    floats,
    ints,
    judged,
    model_of,
    node_model,
    ones,
    result,
    table,
    verdict,
)
from onnx import TensorProto, helper

from porting.errors import TableError, UsageError


def conv(shape=(1, 3, 16, 16), weight=(8, 3, 3, 3), **attributes):
    return node_model("Conv", {"X": shape, "W": ones(*weight)}, **attributes)


def unary(op_type, shape=(1, 3, 16, 16), **more):
    return node_model(op_type, {"x": shape}, **more)


def binary(op_type, a, b, **more):
    return node_model(op_type, {"a": a, "b": b}, **more)


def resize(size=(1, 3, 8, 8), scales=(1.0, 1.0, 2.0, 2.0), **attributes):
    return node_model("Resize", {"x": size, "roi": None, "scales": floats(*scales)}, **attributes)


def transposed(shape=(1, 8, 4, 4), weight=(8, 8, 3, 3), **attributes):
    return node_model("ConvTranspose", {"X": shape, "W": ones(*weight)}, **attributes)


def test_a_enumerated_attribute_axera_conv_auto_pad():
    axera = table("Conv: {attributes: {auto_pad: [NOTSET]}}")
    assert verdict(conv(), axera) == "supported"
    found = first(conv(auto_pad="SAME_UPPER"), axera)
    assert (found.verdict, found.code) == ("unsupported", "attribute")
    assert "auto_pad=SAME_UPPER" in found.message


def test_a_enumerated_attribute_rknn_resize_coordinate_mode():
    rknn = table(
        "Resize: {attributes: {coordinate_transformation_mode: "
        "[half_pixel, pytorch_half_pixel, align_corners]}}"
    )
    assert verdict(resize(), rknn) == "supported"
    assert verdict(resize(coordinate_transformation_mode="asymmetric"), rknn) == "unsupported"


def test_b_excluded_value_axera_roialign_sampling_ratio_whose_onnx_default_is_refused():
    axera = table("RoiAlign: {attributes: {sampling_ratio: {not_in: [0]}}}")
    inputs = {"X": (1, 3, 8, 8), "rois": (2, 4), "batch_indices": ints(0, 0)}
    assert verdict(node_model("RoiAlign", inputs, sampling_ratio=2), axera) == "supported"
    assert verdict(node_model("RoiAlign", inputs), axera) == "unsupported"


def test_b_excluded_combination_horizon_convtranspose_stride_1_1_though_each_may_be_1():
    horizon = table("ConvTranspose: {attributes: {strides: {not_in: [[1, 1]]}}}")
    assert verdict(transposed(strides=[1, 2]), horizon) == "supported"
    assert verdict(transposed(strides=[1, 1]), horizon) == "unsupported"
    assert verdict(transposed(), horizon) == "unsupported"


def test_c_range_per_element_rknn_conv():
    rknn = table(
        "Conv: {attributes: {kernel_shape: 1..31, strides: 1..7, pads: 0..15, dilations: 1..31}}"
    )
    assert verdict(conv(strides=[7, 1], pads=[15, 0, 15, 0]), rknn) == "supported"
    assert verdict(conv(strides=[7, 8]), rknn) == "unsupported"
    assert verdict(conv(pads=[0, 0, 16, 0]), rknn) == "unsupported"
    wide = conv(shape=(1, 3, 40, 40), weight=(1, 3, 32, 1))
    assert "kernel_shape" in first(wide, rknn).message, "kernel_shape follows from the weights"


def test_d_set_per_element_rk3588_convtranspose_stride():
    rk3588 = table("ConvTranspose: {attributes: {strides: [1, 2, 4, 8]}}")
    assert verdict(transposed(strides=[4, 8]), rk3588) == "supported"
    assert verdict(transposed(strides=[4, 3]), rk3588) == "unsupported"


def test_e_form_of_a_value_horizon_dilation_a_power_of_two_and_rknn_integer_factors():
    both = table("""
Conv:
  require:
    - {that: all(is_pow2(d) for d in dilations), why: dilations are powers of two}
Resize:
  require:
    - that: all(is_int(s) and 2 <= s <= 8 for s in scales.values[2:])
      why: factors are whole numbers from 2 to 8
""")
    assert verdict(conv(dilations=[4, 2]), both) == "supported"
    assert verdict(conv(dilations=[3, 2]), both) == "unsupported"
    assert verdict(resize(), both) == "supported"
    assert verdict(resize(scales=(1, 1, 2.5, 2.5)), both) == "unsupported"


def test_f_attribute_against_attribute_axera_output_padding_and_rknn_dilation():
    both = table("""
ConvTranspose:
  require:
    - that: output_padding[0] <= pads[2] and output_padding[1] <= pads[3]
      why: output_padding is at most the padding at the end
    - {when: "kernel_shape != [1, 1]", that: "dilations == [1, 1]", why: only 1x1 kernels dilate}
""")
    grown = {"strides": [2, 2], "output_padding": [1, 1]}
    assert verdict(transposed(pads=[1, 1, 1, 1], **grown), both) == "supported"
    assert verdict(transposed(pads=[1, 1, 0, 1], **grown), both) == "unsupported"
    assert verdict(transposed(dilations=[2, 2]), both) == "unsupported"
    assert verdict(transposed(weight=(8, 8, 1, 1), dilations=[2, 2]), both) == "supported"


def test_g_attribute_against_shape_espdl_conv_group_and_horizon_reduced_length():
    both = table("""
Conv:
  require: [{that: "group in [1, X.shape[1]]", why: group is 1 or the number of channels}]
ReduceMax:
  require:
    - {that: "all(data.shape[a] <= 8192 for a in axes)", why: at most 8192 items are reduced}
""")
    assert verdict(conv(shape=(1, 4, 8, 8), weight=(4, 1, 3, 3), group=4), both) == "supported"
    assert verdict(conv(shape=(1, 4, 8, 8), weight=(4, 2, 3, 3), group=2), both) == "unsupported"
    assert verdict(unary("ReduceMax", (1, 8192), axes=[-1]), both) == "supported"
    assert verdict(unary("ReduceMax", (1, 8193), axes=[-1]), both) == "unsupported"


def test_h_dim_range_rknn_pooling_and_an_unknown_dim_is_unknown():
    rknn = table(
        "GlobalAveragePool: {require: "
        "[{that: 'C <= 8192 and H <= 8192 and W <= 8192', why: sides are at most 8192}]}"
    )
    assert verdict(unary("GlobalAveragePool", (1, 8192, 2, 2)), rknn) == "supported"
    assert verdict(unary("GlobalAveragePool", (1, 1, 9000, "w")), rknn) == "unsupported"
    open_width = first(unary("GlobalAveragePool", (1, 1, 2, "w")), rknn)
    assert open_width.verdict == "unknown"
    assert "--dim w=SIZE" in open_width.help


def test_i_product_of_dims_horizon_x3_tanh_and_conv_weight():
    x3 = table("""
Tanh: {require: [{that: C * H * W <= 8192, why: C*H*W is at most 8192}]}
Conv: {require: [{that: "prod(W.shape[1:]) <= 32768", why: kernel elements are at most 32768}]}
""")
    assert verdict(unary("Tanh", (1, 8, 32, 32)), x3) == "supported"
    assert verdict(unary("Tanh", (1, 9, 32, 32)), x3) == "unsupported"
    assert verdict(conv(), x3) == "supported"
    assert verdict(conv((1, 4, 99, 99), (1, 4, 91, 91)), x3) == "unsupported"


def test_j_product_with_hardware_alignment_horizon_x3_sigmoid():
    x3 = table("""
Sigmoid:
  require:
    - that: min(H * align(W, 8) * align(C, 4), H * W * align(C, 32)) <= 8192
      why: the tile is at most 8192
""")
    assert verdict(unary("Sigmoid", (1, 4, 32, 64)), x3) == "supported"
    assert verdict(unary("Sigmoid", (1, 5, 32, 64)), x3) == "unsupported", "5 is padded to 8"


def test_k_divisibility_rknn_lstm_batch_and_equal_split():
    both = table("""
LSTM:
  require:
    - that: X.shape[1] == 1 or X.shape[1] % 4 == 0
      why: the batch is 1 or a multiple of 4
Split:
  require:
    - that: split is None or all(s == split.values[0] for s in split.values)
      why: parts are equal
""")

    def lstm(batch):
        weights = {"W": ones(1, 8, 3), "R": ones(1, 8, 2)}
        return node_model("LSTM", {"X": (5, batch, 3), **weights}, 1, hidden_size=2)

    assert [verdict(lstm(b), both) for b in (1, 8, 6)] == ["supported", "supported", "unsupported"]
    equal = node_model("Split", {"x": (6,), "split": ints(3, 3)}, 2)
    uneven = node_model("Split", {"x": (6,), "split": ints(2, 4)}, 2)
    assert (verdict(equal, both), verdict(uneven, both)) == ("supported", "unsupported")


def test_l_case_table_on_one_attribute_rknn_transpose_by_permutation_and_precision():
    rknn = table(
        """
Transpose:
  attributes:
    perm: {in: [[0, 1, 2, 3], [0, 2, 3, 1], [0, 3, 1, 2]], else: fallback}
  require:
    - when: perm == [0, 2, 3, 1] and precision == 'int8'
      that: H * W <= 8192
      else: fallback
      why: height * width is at most 8192
    - when: perm == [0, 2, 3, 1] and precision == 'float16'
      that: H * W <= 4096
      else: fallback
      why: height * width is at most 4096
    - {when: "perm == [0, 3, 1, 2]", that: C % 8 == 0, else: fallback, why: channels by eight}
""",
        precisions=["int8", "float16"],
    )

    def turned(shape, *perm):
        return unary("Transpose", shape, perm=list(perm))

    large = turned((1, 3, 64, 128), 0, 2, 3, 1)
    assert verdict(large, rknn) == "supported"
    assert verdict(large, rknn, precision="float16") == "fallback"
    assert verdict(turned((1, 3, 64, 129), 0, 2, 3, 1), rknn) == "fallback"
    assert verdict(turned((1, 3, 4, 4), 0, 3, 1, 2), rknn) == "fallback"
    assert verdict(turned((1, 3, 4, 4), 1, 0, 2, 3), rknn) == "fallback"


def test_m_alternatives_by_shape_pattern_axera_prelu_slope_and_horizon_mul():
    both = table("""
PRelu:
  require:
    - that: slope.shape in [[C], [1, C, 1, 1]]
      why: the slope is (C,) or (1,C,1,1)
Mul:
  require:
    - that: B.shape == A.shape or B.shape == [1, A.shape[1], 1, 1] or B.shape == [1, 1, 1, 1]
      why: B is (1,C,H,W), (1,C,1,1) or (1,1,1,1)
""")

    def prelu(*slope):
        return node_model("PRelu", {"x": (1, 4, 8, 8), "slope": ones(*slope)})

    assert verdict(prelu(1, 4, 1, 1), both) == "supported"
    assert verdict(prelu(4, 1, 1), both) == "unsupported"
    assert verdict(binary("Mul", (1, 4, 8, 8), (1, 4, 1, 1)), both) == "supported"
    assert verdict(binary("Mul", (1, 4, 8, 8), (1, 1, 8, 8)), both) == "unsupported"
    assert verdict(binary("Mul", (1, 4, 8, "w"), (1, 4, 1, 1)), both) == "supported"
    assert verdict(binary("Mul", (1, "c", 8, 8), (1, 4, 1, 1)), both) == "unknown"


def test_n_broadcast_rules_horizon_bayes_and_one_constant_at_most():
    bayes = table("""
Add:
  require:
    - that: A.shape[0] == B.shape[0]
      why: the batch is not broadcast
    - {that: not (A.is_const and B.is_const), why: one operand at most is constant}
Equal:
  require:
    - that: A.shape == C.shape or B.shape == C.shape
      why: one operand only is broadcast
""")
    assert verdict(binary("Add", (2, 3, 1, 4), (2, 1, 5, 4)), bayes) == "supported"
    assert verdict(binary("Add", (2, 3, 4, 4), (1, 3, 4, 4)), bayes) == "unsupported"
    assert verdict(binary("Equal", (2, 3), (1, 3)), bayes) == "supported"
    assert verdict(binary("Equal", (2, 1), (1, 3)), bayes) == "unsupported"


def test_o_reducible_rank_horizon_x5_add_collapses_neighbours_of_one_broadcast_kind():
    x5 = table("""
Add:
  require:
    - when: C.rank > 4
      that: >-
        1 + sum((padded(A, C.rank)[i] == 1) != (padded(A, C.rank)[i - 1] == 1)
        or (padded(B, C.rank)[i] == 1) != (padded(B, C.rank)[i - 1] == 1)
        for i in [1, 2, 3, 4, 5, 6, 7] if i < C.rank) <= 4
      why: it merges into at most four dimensions
""")
    assert verdict(binary("Add", (2, 3, 4, 5, 6), (2, 3, 4, 5, 6)), x5) == "supported"
    assert verdict(binary("Add", (2, 3, 4, 5, 6), (5, 6)), x5) == "supported"
    assert verdict(binary("Add", (2, 3, 4, 5, 6), (2, 1, 4, 1, 6)), x5) == "unsupported"


def test_p_rank_axera_gather_indices_and_nncase_conv_weight():
    both = table("""
Gather: {rank: {indices: 1}}
Conv: {rank: {W: 3..4}}
""")
    assert verdict(node_model("Gather", {"data": (4, 4), "indices": ints(1, 2)}), both) == (
        "supported"
    )
    scalar = node_model("Gather", {"data": (4, 4), "indices": np.array(1, np.int64)})
    assert first(scalar, both).code == "rank"
    assert verdict(conv((1, 3, 4, 4, 4), (1, 3, 1, 1, 1)), both) == "unsupported"


def test_q_equal_ranks_and_shapes_horizon_matmul_and_x5_gatherelements():
    both = table("""
MatMul: {require: [{that: A.rank == B.rank, why: ranks are equal}]}
GatherElements:
  require:
    - that: >-
        all(indices.shape[i] <= data.shape[i] for i in [0, 1, 2, 3]
        if i < data.rank and i != axis_of(axis, data))
      why: indices are no larger than the data off the axis
""")
    assert verdict(binary("MatMul", (2, 3, 4), (2, 4, 5)), both) == "supported"
    assert verdict(binary("MatMul", (2, 3, 4), (4, 5)), both) == "unsupported"

    def gather(*shape):
        inputs = {"data": (3, 4), "indices": shape}
        return node_model("GatherElements", inputs, dtypes={"indices": "int64"}, axis=-1)

    assert verdict(gather(3, 9), both) == "supported"
    assert verdict(gather(9, 4), both) == "unsupported"


def test_r_input_must_be_constant_vsinpu_reshape_and_axera_scalar_exponent():
    both = table("""
Reshape: {inputs: {shape: const}}
Pow: {inputs: {Y: const}, require: [{that: Y.size == 1, why: the exponent is a scalar}]}
""")
    fixed = node_model("Reshape", {"x": (2, 3), "shape": ints(6)})
    computed = node_model("Reshape", {"x": (2, 3), "s": (1,)}, dtypes={"s": "int64"})
    assert verdict(fixed, both) == "supported"
    assert (first(computed, both).verdict, first(computed, both).code) == ("unsupported", "input")
    assert verdict(binary("Pow", (2, 3), floats(2)), both) == "supported"
    assert verdict(binary("Pow", (2, 3), (1,)), both) == "unsupported"
    assert verdict(binary("Pow", (2, 3), floats(1, 2, 3)), both) == "unsupported"


def test_r_a_value_computed_from_constants_alone_is_constant_however_large():
    vsinpu = table("Conv: {inputs: {W: const}}\nTranspose: {}\nDequantizeLinear: {}")
    nodes = [
        helper.make_node("Transpose", ["q"], ["t"], perm=[1, 0, 2, 3]),
        helper.make_node("DequantizeLinear", ["t", "s", "z"], ["w"]),
        helper.make_node("Conv", ["X", "w"], ["y"], name="node"),
    ]
    constants = {
        "q": np.ones((64, 64, 3, 3), np.int8),
        "s": np.array(0.5, np.float32),
        "z": np.array(0, np.int8),
    }
    model = model_of(nodes, {"X": (1, 64, 8, 8), **constants}, ["y"])
    assert verdict(model, vsinpu) == "supported"


def test_s_input_must_not_be_constant_horizon_x3_div():
    x3 = table("Div: {inputs: {A: computed, B: computed}}")
    assert verdict(binary("Div", (2, 3), (2, 3)), x3) == "supported"
    assert verdict(binary("Div", (2, 3), floats(2)), x3) == "unsupported"


def test_s_at_most_one_constant_of_many():
    bayes = table(
        "Concat: {require: [{that: 'sum(x.is_const for x in inputs) <= 1', "
        "why: one constant at most}]}"
    )
    some = {"a": (2,), "b": floats(1), "c": (3,)}
    many = {**some, "c": floats(2)}
    assert verdict(node_model("Concat", some, axis=0), bayes) == "supported"
    assert verdict(node_model("Concat", many, axis=0), bayes) == "unsupported"


def test_t_value_of_a_constant_rknn_pow_clip_and_slice():
    rknn = table("""
Pow: {require: [{that: "Y.value in [0, 1, 2, 3, 0.5, -0.5]", why: few exponents}]}
Clip: {require: [{that: min == 0 and max == 6, why: it is a Relu6}]}
Slice: {require: [{that: "steps is None or all(s == 1 for s in steps)", why: steps are 1}]}
""")
    assert verdict(binary("Pow", (2, 3), floats(0.5)), rknn) == "supported"
    assert verdict(binary("Pow", (2, 3), floats(2.5)), rknn) == "unsupported"
    assert verdict(binary("Pow", (2, 3), (1,)), rknn) == "unknown"
    clip = {"x": (2, 3), "min": np.float32(0), "max": np.float32(6)}
    assert verdict(node_model("Clip", clip), rknn) == "supported"
    assert verdict(node_model("Clip", clip | {"max": floats(5)}), rknn) == "unsupported"
    assert verdict(unary("Clip", opset=6, min=0.0, max=6.0), rknn) == "supported", "as attributes"
    assert verdict(unary("Clip", opset=6, min=0.0, max=5.0), rknn) == "unsupported"
    slices = {"x": (9,), "starts": ints(0), "ends": ints(9), "axes": None}
    assert verdict(node_model("Slice", slices), rknn) == "supported"
    assert verdict(node_model("Slice", slices | {"steps": ints(2)}), rknn) == "unsupported"


def test_u_dtype_of_an_input_horizon_scatter_indices_and_axera_cast_target():
    both = table("""
ScatterElements: {dtypes: {indices: [int32]}}
Cast: {attributes: {to: [float32, int32, uint8]}}
Relu: {dtypes: [float32, int8]}
""")
    scatter = {"data": (4,), "indices": (2,), "updates": (2,)}
    as64 = node_model("ScatterElements", scatter, dtypes={"indices": "int64"})
    as32 = node_model("ScatterElements", scatter, dtypes={"indices": "int32"})
    assert first(as64, both).code == "dtype"
    assert verdict(as32, both) == "supported"
    assert verdict(unary("Cast", to=TensorProto.INT32), both) == "supported"
    assert verdict(unary("Cast", to=TensorProto.FLOAT16), both) == "unsupported"
    assert verdict(unary("Relu", dtypes={"x": "float64"}), both) == "unsupported"


def test_v_dtype_tied_to_constness_or_to_another_dtype():
    both = table("""
Gather:
  require:
    - that: indices.is_const or indices.dtype == 'int32'
      why: computed indices are int32
Pow: {require: [{that: X.dtype == Y.dtype, why: both operands have one type}]}
""")
    fixed = node_model("Gather", {"data": (4,), "indices": ints(1)})
    moving = node_model("Gather", {"data": (4,), "i": (1,)}, dtypes={"i": "int64"})
    assert verdict(fixed, both) == "supported"
    assert verdict(moving, both) == "unsupported"
    assert verdict(binary("Pow", (2,), (2,)), both) == "supported"
    assert verdict(binary("Pow", (2,), (2,), dtypes={"b": "int32"}), both) == "unsupported"


def test_w_compute_precision_is_not_the_onnx_dtype():
    espdl = table(
        "Conv: {compute: [int8, int16]}\nResize: {compute: [int8]}\nRelu: {}",
        precisions=["int8", "int16", "float32"],
    )
    assert verdict(conv(), espdl) == "supported"
    assert verdict(conv(), espdl, precision="int16") == "supported"
    found = first(resize(), espdl, precision="int16")
    assert (found.verdict, found.code) == ("unsupported", "compute")
    assert verdict(unary("Relu"), espdl, precision="float32") == "supported"


def test_x_presence_of_inputs_and_of_written_attributes():
    both = table("""
Resize: {inputs: {roi: absent}}
LSTM: {inputs: {sequence_lens: absent, P: absent}}
MaxPool: {attributes: {dilations: absent}}
ScatterND: {attributes: {reduction: absent}}
""")
    assert verdict(resize(), both) == "supported"
    roi = {"x": (1, 1, 2, 2), "roi": floats(*[0, 0, 0, 0, 1, 1, 1, 1]), "s": floats(1, 1, 2, 2)}
    assert verdict(node_model("Resize", roi), both) == "unsupported"
    weights = {"X": (5, 1, 3), "W": ones(1, 8, 3), "R": ones(1, 8, 2), "B": None}
    lens = np.array([5], np.int32)
    assert verdict(node_model("LSTM", weights, hidden_size=2), both) == "supported"
    assert verdict(node_model("LSTM", weights | {"l": lens}, hidden_size=2), both) == (
        "unsupported"
    )
    pool = {"kernel_shape": [2, 2]}
    assert verdict(unary("MaxPool", **pool), both) == "supported"
    assert verdict(unary("MaxPool", dilations=[1, 1], **pool), both) == "unsupported"
    scatter = {"d": (4,), "i": ints(1).reshape(1, 1), "u": (1,)}
    assert verdict(node_model("ScatterND", scatter), both) == "supported"
    written = node_model("ScatterND", scatter, reduction="none")
    assert verdict(written, both) == "unsupported", "its default, but written"


def test_y_must_be_written_out_because_the_importer_assumes_another_default():
    tpu = table("""
HardSigmoid: {attributes: {alpha: {written: explicit, else: deviates, why: 1/6 is assumed}}}
AveragePool: {attributes: {strides: explicit}}
LeakyRelu:
  require: [{that: explicit(alpha), else: deviates, why: 1.0 is assumed}]
""")
    assert verdict(unary("HardSigmoid", alpha=0.2), tpu) == "supported"
    assert verdict(unary("HardSigmoid"), tpu) == "deviates"
    assert verdict(unary("AveragePool", kernel_shape=[2, 2], strides=[1, 1]), tpu) == "supported"
    assert verdict(unary("AveragePool", kernel_shape=[2, 2]), tpu) == "unsupported"
    assert verdict(unary("LeakyRelu"), tpu) == "deviates"


def test_z_the_onnx_default_itself_is_outside_the_limits():
    both = table("""
AveragePool: {attributes: {count_include_pad: [1]}}
Mod: {attributes: {fmod: 1}}
HardSigmoid: {require: [{that: abs(alpha - 1 / 6) < 1e-4, why: alpha is 1/6}]}
""")
    pool = {"kernel_shape": [2, 2]}
    assert verdict(unary("AveragePool", count_include_pad=1, **pool), both) == "supported"
    assert "count_include_pad=0" in first(unary("AveragePool", **pool), both).message
    assert verdict(binary("Mod", (2,), (2,), fmod=1), both) == "supported"
    assert verdict(binary("Mod", (2,), (2,)), both) == "unsupported"
    assert verdict(unary("HardSigmoid", alpha=1 / 6), both) == "supported"
    assert verdict(unary("HardSigmoid"), both) == "unsupported"


def test_aa_silently_ignored_is_worse_than_a_fallback_and_named_as_such():
    tpu = table("""
CumSum: {attributes: {reverse: {in: [0], else: deviates}}}
Resize:
  require: [{when: mode == 'cubic', else: deviates, why: cubic becomes linear}]
Trilu: {inputs: {k: absent}, else: {default: unsupported, inputs: deviates}}
""")
    axis = {"x": (4,), "axis": np.array(0, np.int32)}
    assert verdict(node_model("CumSum", axis), tpu) == "supported"
    assert verdict(node_model("CumSum", axis, reverse=1), tpu) == "deviates"
    assert verdict(resize(mode="linear"), tpu) == "supported"
    assert verdict(resize(mode="cubic"), tpu) == "deviates"
    k = {"x": (3, 3), "k": np.array(1, np.int64)}
    assert verdict(node_model("Trilu", k), tpu) == "deviates"


def test_ab_number_of_inputs_and_outputs_used():
    tpu = table("""
Max: {require: [{that: len(inputs) == 2, why: there are two operands}]}
Einsum: {require: [{that: "len(inputs) in [2, 3]", why: there are two or three operands}]}
MaxPool: {outputs: {Indices: absent}}
""")
    three = {"a": (2,), "b": (2,), "c": (2,)}
    assert verdict(binary("Max", (2,), (2,)), tpu) == "supported"
    assert verdict(node_model("Max", three), tpu) == "unsupported"
    assert verdict(node_model("Einsum", three, equation="i,i,i->i"), tpu) == "supported"
    assert verdict(unary("MaxPool", kernel_shape=[2, 2]), tpu) == "supported"
    assert first(unary("MaxPool", outputs=2, kernel_shape=[2, 2]), tpu).code == "output"


def test_ac_batch_of_one_operator_and_of_the_whole_model():
    espdl = table(
        "Softmax: {require: [{that: 'input.shape[0] == 1', why: the batch is 1}]}\nRelu: {}",
        model=[{"that": "all(i.shape[0] == 1 for i in inputs)", "why": "the model's batch is 1"}],
    )
    assert verdict(unary("Softmax", (1, 5)), espdl) == "supported"
    assert verdict(unary("Softmax", (2, 5)), espdl) == "unsupported"
    assert judged(unary("Relu", (1, 5)), espdl).passed
    whole = judged(unary("Relu", (2, 5)), espdl)
    assert [n.verdict for n in whole.nodes] == ["supported"]
    assert [f.verdict for f in whole.findings] == ["unsupported"]
    assert not whole.passed


def test_ad_opset_of_the_whole_model_against_one_operator():
    nncase = table(
        "GridSample: {opset: ..16}\nRelu: {}", opset={"range": "9..20", "match": "model"}
    )
    grid = {"X": (1, 1, 4, 4), "grid": (1, 2, 2, 2)}
    assert verdict(node_model("GridSample", grid, opset=16), nncase) == "supported"
    found = first(node_model("GridSample", grid, opset=17), nncase)
    assert (found.verdict, found.code) == ("unsupported", "opset")
    horizon = table("Relu: {}", opset={"range": "10..11", "match": "model"})
    assert judged(unary("Relu", opset=11), horizon).passed
    outside = judged(unary("Relu", opset=17), horizon)
    assert outside.findings[0].code == "model-opset"
    assert "opset 11" in outside.findings[0].help


def test_ad_opset_matched_by_the_version_in_which_an_operator_was_last_changed():
    ort = table("Relu: {opset: 13}", opset={"range": "7..23", "match": "since"})
    assert verdict(unary("Relu", opset=13), ort) == "supported"
    assert verdict(unary("Relu", opset=12), ort) == "unsupported", "Relu-6 is in force"


def test_ae_same_operator_other_semantics_by_opset():
    rknn = table("""
Softmax:
  require:
    - {when: opset < 13, that: axis == 1, why: before opset 13 the axis is 1}
    - {when: since >= 13, that: "axis_of(axis, input) == input.rank - 1", why: the last axis}
""")
    assert verdict(unary("Softmax", (2, 3, 4), opset=11, axis=1), rknn) == "supported"
    assert verdict(unary("Softmax", (2, 3, 4), opset=13, axis=1), rknn) == "unsupported"
    assert verdict(unary("Softmax", (2, 3, 4), opset=13), rknn) == "supported"


X3 = """
Conv:
  require:
    - when: "'Add' in Y.consumers"
      that: all(s in [1, 2] for s in strides)
      why: a convolution before a residual addition has stride 1 or 2
    - when: not Y.is_graph_output
      that: W.shape[0] <= 16
      why: only the last convolution may have more than 16 channels
Relu:
  require: [{that: X.producer == 'Conv', else: fallback, why: Relu is only fused into Conv}]
Add: {}
Softmax: {require: [{that: output.is_graph_output, why: Softmax comes last}]}
"""


def chain(*nodes, weight=(4, 3, 1, 1), outputs=("y",)):
    return model_of(nodes, {"x": (1, 3, 8, 8), "w": ones(*weight)}, outputs)


def test_af_graph_context_the_producer_decides():
    x3 = table(X3)
    fused = chain(
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Relu", ["c"], ["y"], name="node"),
    )
    alone = chain(helper.make_node("Relu", ["x"], ["y"], name="node"))
    assert verdict(fused, x3) == "supported"
    assert verdict(alone, x3) == "fallback"


def test_af_graph_context_the_consumers_decide():
    x3 = table(X3)

    def residual(stride):
        return chain(
            helper.make_node("Conv", ["x", "w"], ["c"], name="node", strides=[stride, stride]),
            helper.make_node("Add", ["c", "c"], ["y"]),
        )

    assert verdict(residual(2), x3) == "supported"
    assert verdict(residual(3), x3) == "unsupported"


def test_af_graph_context_being_last_decides():
    x3 = table(X3)
    conv_node = helper.make_node("Conv", ["x", "w"], ["c"], name="node")
    relu = helper.make_node("Relu", ["c"], ["y"])
    assert verdict(chain(conv_node, weight=(32, 3, 1, 1), outputs=["c"]), x3) == "supported"
    assert verdict(chain(conv_node, relu, weight=(32, 3, 1, 1)), x3) == "unsupported"
    middle = helper.make_node("Softmax", ["x"], ["c"], name="node")
    assert verdict(chain(middle, relu), x3) == "unsupported"
    assert verdict(chain(middle, outputs=["c"]), x3) == "supported"


HORIZON_OPT_IN = """
Softmax:
  require:
    - that: node_name in option("run_on_bpu") or op_type in option("run_on_bpu")
      else: fallback
      why: it runs on the CPU unless run_on_bpu names it
      help: name the node in run_on_bpu
"""
RUN_ON_BPU = {"run_on_bpu": "nodes or operators to force onto the accelerator"}


def test_ag_user_opt_in_horizon_run_on_bpu():
    horizon = table(HORIZON_OPT_IN, options=RUN_ON_BPU)
    model = unary("Softmax")
    assert verdict(model, horizon) == "fallback"
    assert verdict(model, horizon, options={"run_on_bpu": "other, node"}) == "supported"
    assert verdict(model, horizon, options={"run_on_bpu": "Softmax"}) == "supported"
    assert verdict(model, horizon, options={"run_on_bpu": "other"}) == "fallback"


def test_ag_an_option_that_the_table_does_not_name_is_refused():
    horizon = table(HORIZON_OPT_IN, options=RUN_ON_BPU)
    with pytest.raises(UsageError, match="no option 'run_on_gpu'") as caught:
        verdict(unary("Softmax"), horizon, options={"run_on_gpu": "node"})
    assert caught.value.code == "option-unknown"
    assert "run_on_bpu" in caught.value.help
    with pytest.raises(TableError, match=r"Softmax: require.0.that: .*no option 'run_on_bpu'"):
        table(HORIZON_OPT_IN)


def test_ah_a_violation_leads_to_a_cpu_kernel_with_limits_of_its_own():
    rknn = table("""
MaxPool:
  attributes: {kernel_shape: {range: 1..7, else: fallback}}
  fallback: {attributes: {ceil_mode: [0]}}
""")

    def pool(size, **more):
        return unary("MaxPool", kernel_shape=[size, size], **more)

    assert verdict(pool(3, ceil_mode=1), rknn) == "supported", "the CPU's limit does not count"
    assert verdict(pool(9), rknn) == "fallback"
    both = result(pool(9, ceil_mode=1), rknn)
    assert both.verdict == "unsupported"
    assert [f.verdict for f in both.findings] == ["unsupported", "fallback"]
    assert "on the host CPU" in both.findings[0].message


@pytest.mark.parametrize(
    ("stage", "text"),
    [("run", "builds and fails at run time"), ("load", "fails when it is loaded"), ("build", "")],
)
def test_ah_the_stage_at_which_a_violation_shows_is_said(stage, text):
    rknn = table(f"""
Transpose: {{attributes: {{perm: [[0, 1, 2, 3]]}}, stage: {stage}}}
Min: {{verdict: unsupported, why: there is no CPU kernel for it, stage: {stage}}}
Conv: {{compute: [int8], stage: {stage}}}
Relu: {{require: [{{that: "H > 99", why: small, stage: {stage}}}]}}
""")
    for model in (unary("Transpose", perm=[0, 2, 3, 1]), binary("Min", (2,), (2,)), unary("Relu")):
        found = first(model, rknn)
        assert found.verdict == "unsupported"
        assert text in found.message
        assert ("fails" in found.message) == bool(text)


def test_ah_partitioned_to_another_provider_for_every_operator_that_is_not_listed():
    vsinpu = table("Relu: {}", absent="fallback", **{"else": "fallback"})
    assert verdict(unary("Sin"), vsinpu) == "fallback"
    assert verdict(unary("Relu"), vsinpu) == "supported"
    assert verdict(unary("Foo", domain="my.ops"), table("Relu: {}", absent="unknown")) == "unknown"


def test_ai_two_sources_that_contradict_each_other_are_unknown_and_both_cited():
    rknn = table("""
TopK:
  verdict: unknown
  why: the compiler's list has it, the importer's list does not
  source: [doc, code]
""")
    found = first(node_model("TopK", {"x": (4,), "k": ints(2)}, 2), rknn)
    assert (found.verdict, found.code) == ("unknown", "operator-unknown")
    assert "Operator list" in found.source
    assert "Importer" in found.source


LIKE = """
Conv:
  opset: 1..11
  attributes: {kernel_shape: 1..7, strides: 1..4, group: 1..8}
  rank: {X: 4}
  inputs: {W: const}
  require:
    - {that: "W.shape[0] <= 64", why: at most 64 output channels}
    - {that: "X.shape[1] <= 32", why: at most 32 input channels}
AveragePool:
  like: Conv
  attributes: {ceil_mode: [0]}
"""


def test_aj_done_through_another_operator_whose_limits_count_besides_its_own():
    rk2118 = table(LIKE)

    def pool(shape=(1, 3, 16, 16), **attributes):
        return unary("AveragePool", shape, **{"kernel_shape": [2, 2]} | attributes)

    assert verdict(pool(), rk2118) == "supported", "what only a Conv has does not count"
    assert verdict(pool(ceil_mode=1), rk2118) == "unsupported"
    assert verdict(pool(kernel_shape=[8, 8]), rk2118) == "unsupported"
    assert verdict(pool((1, 33, 8, 8)), rk2118) == "unsupported"
    assert verdict(pool((1, 3, 16), kernel_shape=[2]), rk2118) == "unsupported"


def test_aj_what_the_other_operator_is_the_one_run_through_it_is_too():
    chip = table("""
Conv: {verdict: fallback, why: there is no Conv engine, fallback: {attributes: {strides: 1..2}}}
MaxPool: {like: Conv}
Gemm: {like: Conv, verdict: supported}
""")
    pool = unary("MaxPool", kernel_shape=[2, 2])
    assert verdict(pool, chip) == "fallback"
    assert "no Conv engine" in first(pool, chip).message
    strided = unary("MaxPool", kernel_shape=[2, 2], strides=[3, 3])
    assert verdict(strided, chip) == "unsupported"
    assert verdict(node_model("Gemm", {"a": (2, 2), "b": (2, 2)}), chip) == "supported"


@pytest.mark.parametrize("other", ["Missing", "AveragePool"])
def test_aj_like_must_name_an_operator_with_limits_of_its_own(other):
    with pytest.raises(TableError, match="GlobalAveragePool: like: names an operator"):
        table(LIKE + f"GlobalAveragePool: {{like: {other}}}")


def test_ak_folded_away_while_the_toolchain_builds():
    horizon = table("""
EyeLike: {folds: true, inputs: {input: const}}
Range: {folds: true, verdict: fallback, why: it runs on the host}
Neg: {verdict: fallback, why: it runs on the host}
Dropout: {verdict: unsupported, folds: true, why: not even folded}
""")
    assert verdict(node_model("EyeLike", {"x": ones(3, 3)}), horizon) == "supported"
    assert verdict(unary("EyeLike", (3, 3)), horizon) == "unsupported"
    fixed = {"a": np.array(0, np.int64), "b": np.array(9, np.int64), "c": np.array(2, np.int64)}
    assert verdict(node_model("Range", fixed), horizon) == "supported"
    moving = node_model("Range", fixed | {"b": ()}, dtypes={"b": "int64"})
    assert verdict(moving, horizon) == "fallback"
    assert verdict(node_model("Neg", {"x": floats(1)}), horizon) == "fallback"
    assert verdict(node_model("Dropout", {"x": ones(2)}), horizon) == "unsupported"


def test_ak_a_whole_toolchain_that_folds():
    horizon = table("Neg: {verdict: fallback, why: on the host}", folds=True)
    assert verdict(node_model("Neg", {"x": floats(1)}), horizon) == "supported"
    assert verdict(unary("Neg"), horizon) == "fallback"


def test_al_chip_differences_within_one_toolchain(tmp_path):
    from capability.helpers import write_table

    from porting.capability.table import load_table

    write_table(
        tmp_path / "_family.yaml",
        """
Transpose: {require: [{that: H * W <= 8192, why: at most 8192}]}
And: {}
Cos: {dtypes: [float32]}
""",
    )
    own = """
schema: 1
extends: _family
target: acme-n2
name: Acme N2
ops:
  Transpose: {require: [{that: H * W <= 65536, why: at most 65536}]}
  And: null
  Cos: {rank: {input: 1}}
"""
    (tmp_path / "acme-n2.yaml").write_text(own)
    n2 = load_table(tmp_path / "acme-n2.yaml")
    n2.validate()
    assert (n2.target.id, n2.target.vendor) == ("acme-n2", "Acme")
    assert verdict(unary("Transpose", (1, 1, 200, 200), perm=[0, 1, 3, 2]), n2) == "supported"
    assert verdict(unary("Transpose", (1, 1, 300, 300), perm=[0, 1, 3, 2]), n2) == "unsupported"
    both = node_model("And", {"a": (2,), "b": (2,)}, dtypes={"a": "bool", "b": "bool"})
    assert first(both, n2).code == "operator-absent"
    assert verdict(unary("Cos", (4,)), n2) == "supported"
    assert verdict(unary("Cos", (4, 4)), n2) == "unsupported", "the chip's own field"
    assert verdict(unary("Cos", (4,), dtypes={"x": "float16"}), n2) == "unsupported", "inherited"


def test_am_not_checkable_statically_is_unknown_and_says_so():
    axera = table("""
LayerNormalization:
  require:
    - {else: unknown, why: the vendor says small sizes only and gives no number}
Mul:
  require:
    - when: not B.is_const
      else: unknown
      why: values must not be 0
    - when: B.is_const
      that: all(v != 0 for v in B.values)
      why: values must not be 0
""")
    norm = node_model("LayerNormalization", {"x": (2, 4), "s": ones(4)})
    found = first(norm, axera)
    assert found.verdict == "unknown"
    assert "small sizes only" in found.message
    assert verdict(binary("Mul", (2,), (2,)), axera) == "unknown"
    assert verdict(binary("Mul", (2,), floats(1, 2)), axera) == "supported"
    assert verdict(binary("Mul", (2,), floats(1, 0)), axera) == "unsupported"


@pytest.mark.parametrize("fields", ["else: unsupported", "source: doc", "else: deviates"])
def test_am_a_condition_that_was_forgotten_is_an_error(fields):
    with pytest.raises(TableError, match=r"Relu: require\.0.*`that` is missing"):
        table(f"Relu: {{require: [{{{fields}, why: never}}]}}")


def test_an_advice_changes_no_verdict():
    rknn = table("""
LSTM:
  advise:
    - {when: hidden_size % 8 != 0, say: a hidden size that is a multiple of 8 is faster}
""")

    def lstm(hidden):
        weights = {"W": ones(1, 4 * hidden, 3), "R": ones(1, 4 * hidden, hidden)}
        return node_model("LSTM", {"X": (5, 1, 3), **weights}, hidden_size=hidden)

    advised = result(lstm(2), rknn)
    assert advised.verdict == "supported"
    assert [(f.verdict, f.code) for f in advised.findings] == [("supported", "advice")]
    assert result(lstm(8), rknn).findings == ()


def test_ao_quantisation_shape_per_tensor_and_zero_points_of_zero():
    vsinpu = table("""
QuantizeLinear: {require: [{that: y_scale.size == 1, why: per tensor only}]}
QLinearConv:
  require:
    - when: w_scale.size != 1
      that: w.dtype == 'int8' and all(z == 0 for z in w_zero_point)
      why: per-channel weights are int8 with zero points of 0
    - {that: "w.shape[2] <= 15", why: the kernel is at most 15 high}
""")
    quantize = {"x": (1, 2, 4, 4), "s": floats(0.5), "z": np.zeros(1, np.int8)}
    assert verdict(node_model("QuantizeLinear", quantize), vsinpu) == "supported"
    many = quantize | {"s": floats(1, 2), "z": np.zeros(2, np.int8)}
    assert verdict(node_model("QuantizeLinear", many, axis=1), vsinpu) == "unsupported"

    def qconv(zero_points, height=3):
        return node_model(
            "QLinearConv",
            {
                "x": (1, 1, 16, 16),
                "xs": np.float32(1),
                "xz": np.zeros((), np.int8),
                "w": np.ones((2, 1, height, 1), np.int8),
                "ws": floats(1, 2),
                "wz": np.array(zero_points, np.int8),
                "ys": np.float32(1),
                "yz": np.zeros((), np.int8),
            },
            dtypes={"x": "int8"},
        )

    assert verdict(qconv([0, 0]), vsinpu) == "supported"
    assert verdict(qconv([0, 1]), vsinpu) == "unsupported"
    assert verdict(qconv([0, 0], height=16), vsinpu) == "unsupported"


def test_ap_pattern_sets_nncase_einsum_whatever_the_letters_are():
    nncase = table("""
Einsum:
  require:
    - that: letters(equation) in ['abc,abd->acd', 'ab,bc->ac']
      why: only a few equations are known
""")
    matmul = node_model("Einsum", {"a": (2, 3), "b": (3, 4)}, equation="iK, Kj -> ij")
    other = node_model("Einsum", {"a": (2, 3), "b": (3, 4)}, equation="ik,kj->ji")
    assert verdict(matmul, nncase) == "supported"
    assert verdict(other, nncase) == "unsupported"


def test_aq_not_yet_is_told_apart_from_cannot():
    axera = table("""
Conv:
  require:
    - {that: group == 1, why: groups are not supported, outlook: not-yet}
    - {that: "dilations == [1, 1]", why: dilation is impossible, outlook: never}
""")
    grouped = conv((1, 4, 8, 8), (4, 2, 3, 3), group=2)
    assert "not yet" in first(grouped, axera).message
    assert "not yet" not in first(conv(dilations=[2, 2]), axera).message
