"""Names of tensor element types: ONNX `TensorProto.DataType` numbers and numpy's names."""

import numpy as np
from onnx import TensorProto, helper

NAME_OF: dict[int, str] = {
    number: name.lower()
    for name, number in TensorProto.DataType.items()
    if number != TensorProto.UNDEFINED
} | {TensorProto.FLOAT: "float32", TensorProto.DOUBLE: "float64"}
"""`{1: "float32", 7: "int64", 11: "float64", ...}` for every type ONNX knows."""

NUMBER_OF: dict[str, int] = {name: number for number, name in NAME_OF.items()}

FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
INTEGERS = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"})


def numpy_dtype(name: str) -> np.dtype[np.generic]:
    """The numpy type that stores ONNX element type `name`.

    Raises:
        KeyError: `name` is not an ONNX element type.
    """
    return np.dtype(helper.tensor_dtype_to_np_dtype(NUMBER_OF[name]))
