import pytest
from onnx import TensorProto, helper, numpy_helper

from porting.model import stored


@pytest.mark.parametrize("kind", ["INT4", "UINT4", "FLOAT8E4M3FN", "BFLOAT16", "COMPLEX64", "BOOL"])
@pytest.mark.parametrize("count", [1, 3, 8])
def test_the_size_of_typed_and_raw_tensors_is_known_for_every_type(kind: str, count: int):
    number = TensorProto.DataType.Value(kind)
    typed = helper.make_tensor("t", number, [count], [1] * count)
    stored.check_inline(typed, number, (count,))
    raw = numpy_helper.from_array(numpy_helper.to_array(typed), "t")
    assert raw.data_type == number
    assert stored.stored_bytes(raw) == len(raw.raw_data)
    stored.check_inline(raw, number, (count,))
