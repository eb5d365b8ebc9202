"""What a tensor says of its values: how many bytes there are, where they lie, whether they fit."""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

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


class _Layout(NamedTuple):
    """What values take: bytes of raw data, or so many entries of a typed field."""

    raw_bytes: int
    entries: int
    field: str


@lru_cache(maxsize=1024)
def _layout(data_type: int, dims: tuple[int, ...]) -> _Layout | None:
    """What values of a type and shape take; None if there are no such."""
    name = NAME_OF.get(data_type)
    if name is None or len(dims) > MAX_RANK or any(dim < 0 for dim in dims):
        return None
    elements = math.prod(dims)
    bits = PACKED_BITS.get(name) or numpy_dtype(name).itemsize * 8
    raw_bytes = -(-elements * bits // 8)
    entries = 2 * elements if name.startswith("complex") else elements
    if bits in (2, 4):  # one entry per byte; six-bit elements get one each
        entries = raw_bytes
    return _Layout(raw_bytes, entries, helper.tensor_dtype_to_field(data_type))


def stored_bytes(tensor: TensorProto) -> int:
    """Bytes that the values of `tensor` take as raw or external data; strings as they are.

    Raises:
        ModelError: `model-tensor-type` or `model-tensor-dims`.
    """
    layout = _layout(tensor.data_type, tuple(tensor.dims[:])) or _refuse(tensor)
    if tensor.data_type == TensorProto.STRING:
        return sum(len(value) for value in tensor.string_data)
    return layout.raw_bytes


def check_inline(tensor: TensorProto, data_type: int, dims: tuple[int, ...]) -> None:
    """Refuses a tensor that does not hold as many values as its dimensions say.

    Args:
        tensor: Its values are in the message itself.
        data_type: Its element type.
        dims: Its dimensions.

    Raises:
        ModelError: `model-tensor-size`, `model-tensor-type` or `model-tensor-dims`.
    """
    layout = _layout(data_type, dims) or _refuse(tensor)
    if tensor.HasField("raw_data"):
        length = len(tensor.raw_data)
        if data_type == TensorProto.STRING or length != layout.raw_bytes:
            raise wrong_size(tensor, f"{length} bytes of raw data")
        return
    found = len(getattr(tensor, layout.field))
    if found != layout.entries:
        raise wrong_size(tensor, f"{found} values")


def _refuse(tensor: TensorProto) -> NoReturn:
    """Raises what is wrong with the type or the dimensions of a tensor."""
    dims, subject = list(tensor.dims), f"tensor {tensor.name!r} has"
    if tensor.data_type not in NAME_OF:
        text = f"{subject} element type {tensor.data_type}, which onnx does not know"
        raise wire.broken("model-tensor-type", text)
    if len(dims) > MAX_RANK:
        text = f"{subject} {len(dims)} dimensions, more than {MAX_RANK}"
        raise wire.broken("model-tensor-dims", text)
    raise wire.broken("model-tensor-dims", f"{subject} a negative dimension: {dims}")


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
