"""Tensors and attributes in a form that two models share: content hashes and short texts."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from onnx import AttributeProto, TensorProto, numpy_helper

from porting.model.dtypes import NAME_OF
from porting.model.graph import Node
from porting.model.load import LoadedModel
from porting.model.schema import decode_attribute, domain_name

_CHUNK = 1 << 20
_SHOWN = 80
"""Characters of an attribute's value up to which it is its own text."""


class Contents:
    """What the tensors of one model hold, each read once and never whole.

    Args:
        model: The model whose tensors are asked for.
        external: Whether data files beside the model are read too.
    """

    def __init__(self, model: LoadedModel, *, external: bool) -> None:
        self._model = model
        self._external = external
        self._known: dict[int, str | None] = {}
        self._kept: list[TensorProto] = []
        self._functions = {
            (domain_name(f.domain), f.name): hashlib.sha256(
                f.SerializeToString(deterministic=True)
            ).hexdigest()
            for f in model.proto.functions
        }

    def sha256(self, tensor: TensorProto) -> str | None:
        """Hash of type, shape and contents; None where the contents are not to be read.

        Raises:
            ModelError: The data file is too short, or changed since the model was read.
        """
        if id(tensor) not in self._known:
            self._kept.append(tensor)  # an id counts only as long as its object lives
            self._known[id(tensor)] = self._digest(tensor)
        return self._known[id(tensor)]

    def label(self, tensor: TensorProto) -> str:
        """What stands for the tensor where nodes are matched by what they compute from."""
        return self.sha256(tensor) or self.place(tensor) or type_of(tensor)

    def place(self, tensor: TensorProto) -> str:
        """Where a tensor's bytes lie in another file: tensors at one place are equal."""
        if tensor.data_location != TensorProto.EXTERNAL:
            return ""
        where = self._model.locate(tensor)
        assert isinstance(where.source, Path)
        return f"{type_of(tensor)} {where.source} {where.start}"

    def attributes(self, node: Node) -> dict[str, str]:
        """Every attribute but bodies as text, ONNX's defaults filled in.

        Long values are cut and have their hash with them, so that equal texts mean equal values.
        """
        defaults = node.info.attributes if node.info else {}
        found = {k: _shortened(str(v)) for k, v in defaults.items() if v is not None}
        for attribute in node.proto.attribute:
            if attribute.type not in {AttributeProto.GRAPH, AttributeProto.GRAPHS}:
                found[attribute.name] = self._text(attribute)
        function = self._functions.get((node.domain, node.op_type))
        if function is not None:
            found["function"] = f"sha256:{function}"
        return dict(sorted(found.items()))

    def _text(self, attribute: AttributeProto) -> str:
        if attribute.type == AttributeProto.TENSOR:
            return f"{type_of(attribute.t)} {_short_hash(self.label(attribute.t))}"
        if attribute.ref_attr_name:
            return f"the function's {attribute.ref_attr_name}"
        value = decode_attribute(attribute)
        if value is None:
            serialized = attribute.SerializeToString(deterministic=True)
            return f"sha256:{hashlib.sha256(serialized).hexdigest()}"
        return _shortened(str(value))

    def _digest(self, tensor: TensorProto) -> str | None:
        outside = tensor.data_location == TensorProto.EXTERNAL
        if outside and not (self._external or self._model.is_embedded(tensor)):
            return None
        digest = hashlib.sha256(f"{type_of(tensor)}\0".encode())
        for chunk in self._chunks(tensor):
            digest.update(chunk)
        return digest.hexdigest()

    def _chunks(self, tensor: TensorProto) -> Iterator[bytes]:
        """The bytes of the contents, in one form however they are stored."""
        if tensor.data_location == TensorProto.EXTERNAL:
            where = self._model.locate(tensor)
            assert isinstance(where.source, Path)
            with where.source.open("rb") as file:
                file.seek(where.start)
                left = where.end - where.start
                while left > 0 and (chunk := file.read(min(_CHUNK, left))):
                    left -= len(chunk)
                    yield chunk
        elif tensor.data_type == TensorProto.STRING:
            for text in tensor.string_data:
                yield len(text).to_bytes(8, "little") + text
        elif tensor.HasField("raw_data"):
            yield tensor.raw_data
        else:
            yield numpy_helper.from_array(numpy_helper.to_array(tensor)).raw_data


def type_of(tensor: TensorProto) -> str:
    """`float32[64,3,7,7]`."""
    dtype = NAME_OF.get(tensor.data_type, str(tensor.data_type))
    return f"{dtype}[{','.join(map(str, tensor.dims))}]"


def _shortened(text: str) -> str:
    if len(text) <= _SHOWN:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{text[: _SHOWN // 2]}… sha256:{digest}"


def _short_hash(label: str) -> str:
    return f"sha256:{label}" if len(label) == 64 else "not read"
