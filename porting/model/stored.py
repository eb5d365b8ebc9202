"""What a tensor says of its values: how many bytes there are, where they lie, whether they fit."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper, numpy_helper

from porting.errors import ModelError
from porting.model import wire
from porting.model.dtypes import NAME_OF, numpy_dtype

Array = npt.NDArray[Any]

MAX_RANK = 64
"""Dimensions of a tensor; numpy has no more."""

PACKED_BITS = {
    "int2": 2,
    "uint2": 2,
    "int4": 4,
    "uint4": 4,
    "float4e2m1": 4,
    "float6e2m3": 6,
    "float6e3m2": 6,
}
"""Bits per element of the types whose elements share bytes."""


@dataclass(frozen=True)
class Reference:
    """Where an external tensor says its bytes are; offset and length in bytes."""

    location: str
    offset: int
    length: int | None

    @classmethod
    def of(cls, tensor: TensorProto) -> "Reference":
        """What the `external_data` entries of `tensor` say.

        Raises:
            ModelError: `model-external-malformed` if they name no file or no valid range.
        """
        entries = {entry.key: entry.value for entry in tensor.external_data}
        numbers = [entries.get("offset", "0"), entries.get("length", "0")]
        if not entries.get("location") or not all(_is_count(number) for number in numbers):
            raise ModelError(
                "model-external-malformed",
                f"external data of tensor {tensor.name!r} names no file or no valid byte range",
                "Export the model again; `location`, `offset` and `length` must be set.",
            )
        length = int(numbers[1]) if "length" in entries else None
        return cls(str(entries["location"]), int(numbers[0]), length)


def stored_bytes(tensor: TensorProto) -> int:
    """Bytes that the values of `tensor` take as raw or external data; strings as they are.

    Raises:
        ModelError: `model-tensor-type` or `model-tensor-dims`.
    """
    name = NAME_OF.get(tensor.data_type)
    if name is None:
        raise wire.broken(
            "model-tensor-type",
            f"tensor {tensor.name!r} has element type {tensor.data_type}, which onnx does not know",
        )
    if len(tensor.dims) > MAX_RANK:
        raise wire.broken(
            "model-tensor-dims",
            f"tensor {tensor.name!r} has {len(tensor.dims)} dimensions, more than {MAX_RANK}",
        )
    if any(dim < 0 for dim in tensor.dims):
        raise wire.broken(
            "model-tensor-dims",
            f"tensor {tensor.name!r} has a negative dimension: {list(tensor.dims)}",
        )
    if name == "string":
        return sum(len(value) for value in tensor.string_data)
    bits = PACKED_BITS.get(name) or numpy_dtype(name).itemsize * 8
    elements: int = math.prod(tensor.dims)
    return -(-elements * bits // 8)


def check_inline(tensor: TensorProto) -> None:
    """Refuses a tensor that does not hold as many values as its dimensions say.

    Raises:
        ModelError: `model-tensor-size`, `model-tensor-type` or `model-tensor-dims`.
    """
    length = stored_bytes(tensor)
    if tensor.HasField("raw_data"):
        if tensor.data_type == TensorProto.STRING or len(tensor.raw_data) != length:
            raise wrong_size(tensor, f"{len(tensor.raw_data)} bytes of raw data")
        return
    elements = math.prod(tensor.dims)
    name = NAME_OF[tensor.data_type]
    if PACKED_BITS.get(name, 8) in (2, 4):  # one entry per byte; six-bit elements get one each
        elements = length
    elif name.startswith("complex"):
        elements *= 2
    found = len(getattr(tensor, helper.tensor_dtype_to_field(tensor.data_type)))
    if found != elements:
        raise wrong_size(tensor, f"{found} values")


def wrong_size(tensor: TensorProto, found: str) -> ModelError:
    """The error for a tensor that holds `found`, not what its type and dimensions ask for."""
    return wire.broken(
        "model-tensor-size",
        f"tensor {tensor.name!r} has {found}, which is not what "
        f"{NAME_OF[tensor.data_type]}{list(tensor.dims)} takes",
    )


def map_values(tensor: TensorProto, where: wire.Slice) -> Array:
    """External values, mapped; types that numpy packs differently are read and unpacked."""
    name = NAME_OF[tensor.data_type]
    length = where.end - where.start
    assert isinstance(where.source, Path)
    if name == "string":
        raise wrong_size(tensor, "strings in a data file")
    if length == 0:
        return np.empty(tuple(tensor.dims), numpy_dtype(name))
    raw = np.memmap(where.source, np.uint8, "r", where.start, (length,))
    if name in PACKED_BITS:
        inline = TensorProto(dims=tensor.dims, data_type=tensor.data_type, raw_data=raw.tobytes())
        return numpy_helper.to_array(inline)
    return np.asarray(raw).view(numpy_dtype(name)).reshape(tuple(tensor.dims))


def external_error(kind: str, tensor: TensorProto, location: str, why: str) -> ModelError:
    """The error `model-external-<kind>`: `why` data file `location` cannot be used."""
    return ModelError(
        f"model-external-{kind}",
        f"the data file {location!r} of tensor {tensor.name!r} {why}",
        "Keep the model's data files in its own folder, and give the model by its path.",
    )


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20
