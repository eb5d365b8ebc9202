"""Inference over a whole model: sizes are followed, but not into lists that take all memory."""

import onnx
import pytest

from porting.model.propagate import infer_with_data

HEAD = '<ir_version: 8, opset_import: ["": 17]>'


def doubled(times: int, start: str = "s = Shape(x)") -> onnx.ModelProto:
    steps = " ".join(f"s{i + 1} = Concat<axis = 0>(s{i or ''}, s{i or ''})" for i in range(times))
    return onnx.parser.parse_model(
        f"{HEAD} g (float[n, 2] x) => (int64[m] s{times}) {{ {start} {steps} }}"
    )


def shape_of(model: onnx.ModelProto, name: str) -> list[int | str]:
    (found,) = [v for v in (*model.graph.value_info, *model.graph.output) if v.name == name]
    dims = found.type.tensor_type.shape.dim
    return [d.dim_value or d.dim_param for d in dims]


def test_sizes_are_followed_through_arithmetic():
    model = onnx.parser.parse_model(
        f"{HEAD} g (float[n, 4] x, float[8] y) => (float[a, b] z) {{ s = Shape(x)"
        " i = Constant<value_ints = [1]>() d = Gather(s, i)"
        " m = Constant<value_ints = [-1]>() t = Concat<axis = 0>(d, m)"
        " z = Reshape(y, t) }"
    )
    assert shape_of(infer_with_data(model), "z")[0] == 4


@pytest.mark.parametrize("times", [3, 40, 62])
def test_a_list_joined_to_itself_is_not_written_out(times: int):
    inferred = infer_with_data(doubled(times))
    assert shape_of(inferred, f"s{times}")[0] in (2 ** (times + 1), "m")


def test_channels_that_are_joined_again_and_again_are_no_lists():
    body = " ".join(f"a{i + 1} = Concat<axis = 1>(a{i or ''}, a{i or ''})" for i in range(30))
    tail = "s = Shape(x) z = Reshape(x, s)"
    model = onnx.parser.parse_model(
        f"{HEAD} g (float[2, 3] x) => (float[c, d] z, float[a, b] a30)"
        f" {{ a = Relu(x) {body} {tail} }}"
    )
    inferred = infer_with_data(model)
    assert shape_of(inferred, "a30")[0] == 2
    assert shape_of(inferred, "z") == [2, 3]
