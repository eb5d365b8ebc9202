"""Files that are no model, or only part of one, and models whose weights are elsewhere."""

import os
import pickle
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from onnx import ModelProto, TensorProto, helper

from porting.model import wire

from .case import FLOAT, SECRET, Case, array, built, graph, info, model, node, relu, weighted, write


def _rich() -> ModelProto:
    """A model with every kind of field that ModelProto has."""
    body = graph([node("Relu", ["o"], ["p"])], ["o"], ["p"])
    constant = node("Constant", [], ["c"], value=array("t", [1.0, 2.0]), name="constant")
    choice = node("If", ["cond"], ["z"], then_branch=body, else_branch=body)
    gadget = node("Gadget", ["x"], ["q"], domain="custom", floats=[1.0, 2.0], ints=[1, 2])
    gadget.attribute.append(helper.make_attribute("strings", ["a", "b"]))
    gadget.attribute.append(helper.make_attribute("f", 1.5))
    gadget.attribute.append(helper.make_attribute("s", "text", doc_string="of it"))
    tensors = helper.make_attribute("many", [array("m", [1.0])])
    sparse = onnx.SparseTensorProto(
        values=array("s", [1.0]), indices=array("", [1], np.int64), dims=[4]
    )
    gadget.attribute.extend([tensors, helper.make_attribute("sparse", sparse)])
    gadget.attribute.append(helper.make_attribute("type", info("v").type))
    weights = [
        array("w", np.arange(400)),
        helper.make_tensor("typed", FLOAT, [2], [1.0, 2.0]),
        helper.make_tensor("doubles", TensorProto.DOUBLE, [2], [1.0, 2.0]),
        helper.make_tensor("longs", TensorProto.INT64, [2], [1, 2]),
        helper.make_tensor("bytes", TensorProto.INT8, [2], [1, 2]),
        helper.make_tensor("bigs", TensorProto.UINT64, [2], [1, 2]),
        helper.make_tensor("words", TensorProto.STRING, [2], [b"a", b"bc"]),
    ]
    made = model(graph([constant, choice, gadget], ["x", "cond"], ["z"], weights),
                 [("", 17), ("custom", 1)])  # fmt: skip
    made.graph.sparse_initializer.append(sparse)
    made.graph.value_info.extend([info("q", ["n", 3])])
    made.graph.doc_string = made.doc_string = "what it is"
    made.producer_version, made.domain, made.model_version = "1", "example", 7
    made.metadata_props.add(key="author", value="nobody")
    made.graph.quantization_annotation.add(tensor_name="w").quant_parameter_tensor_names.add(
        key="SCALE_TENSOR", value="typed"
    )
    made.training_info.add().algorithm.CopyFrom(body)
    opsets = [helper.make_opsetid("", 17)]
    made.functions.append(
        helper.make_function("custom", "F", ["a"], ["b"], [node("Relu", ["a"], ["b"])], opsets)
    )
    return made


def _cuts(data: bytes) -> dict[str, int]:
    """For each kind of field in a serialized model, a place inside of its first value."""
    found: dict[str, int] = {}

    def walk(kind: Descriptor, start: int, end: int) -> None:
        for field in wire.fields(data, start, end):
            known: FieldDescriptor = kind.fields_by_number[field.number]
            name = f"{kind.name.removesuffix('Proto')}.{known.name}"
            if field.end > field.start:
                found.setdefault(name, (field.start + field.end) // 2)
            if known.message_type is not None:
                walk(known.message_type, field.start, field.end)

    walk(ModelProto.DESCRIPTOR, 0, len(data))
    return found


def truncated() -> Iterator[Case]:
    """A file that ends within a field, for every kind of field."""
    data = _rich().SerializeToString(deterministic=True)
    for name, cut in _cuts(data).items():
        yield built(f"truncated-in-{name}", "model-truncated", lambda cut=cut: data[:cut])


def _missing(folder: Path) -> Path:
    return folder / "model.onnx"


def _folder(folder: Path) -> Path:
    (folder / "model.onnx").mkdir()
    return folder / "model.onnx"


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "model.onnx")
    return folder / "model.onnx"


def _looped(folder: Path) -> Path:
    (folder / "model.onnx").symlink_to("model.onnx")
    return folder / "model.onnx"


def _secret(folder: Path) -> Path:
    (folder / "model.onnx").symlink_to("../outside/none.bin")
    return folder / "model.onnx"


def _noise(first: bytes) -> bytes:
    return first + random.Random(7).randbytes(4096)


def broken() -> Iterator[Case]:
    """Files that are no model."""
    yield built("empty", "model-empty", lambda: b"")
    yield built("random-bytes", "model-not-onnx", lambda: _noise(b"\xff"))
    yield built("random-bytes-behind-a-tag", "model-not-onnx", lambda: _noise(b"\x08\x08"))
    yield built("zeros", "model-not-onnx", lambda: bytes(4096))
    yield built("text", "model-not-onnx", lambda: b"this is a sentence\n" * 9)
    yield built("git-lfs-pointer", "model-not-onnx", lambda: b"version https://git-lfs.github.com")
    yield built("pickle", "model-not-onnx", lambda: pickle.dumps({"weights": [1.0] * 9}))
    yield built("zip", "model-not-onnx", lambda: b"PK\x03\x04" + bytes(100))
    yield built("a-tensor-alone", "model-not-onnx", lambda: array("w", [1.0]).SerializeToString())
    yield built("no-graph", "model-not-onnx", lambda: b"\x08\x08")
    yield built("a-field-of-another-type", "model-not-onnx", lambda: b"\x08\x08\x3d\0\0\0\0")
    yield built("bytes-after-the-end", "model-truncated",
                lambda: relu().SerializeToString() + b"\x3a\xff\xff\xff\xff\x0f")  # fmt: skip
    yield built(
        "a-length-of-2^63", "model-truncated", lambda: b"\x08\x08\x3a" + b"\xff" * 8 + b"\x7f"
    )
    yield built("a-varint-without-end", "model-not-onnx", lambda: b"\x08" + b"\xff" * 64)
    yield Case("missing", _missing, ("model-not-found",))
    yield Case("a-folder", _folder, ("model-is-directory",))
    yield Case("a-pipe", _pipe, ("model-unreadable",))
    yield Case("a-link-to-itself", _looped, ("model-unreadable",))
    yield Case("a-link-to-nothing", _secret, ("model-not-found",))


def _external(folder: Path, location: str, offset: int | str = 0, **more: str) -> Path:
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, "offset": str(offset), **more}.items():
        tensor.external_data.add(key=key, value=value)
    return write(folder, weighted(tensor))


def _beside(name: str, expected: str, location: str, **more: str) -> Case:
    """External data in `location`; beside the model is a file of 64 bytes, and a folder."""

    def make(folder: Path) -> Path:
        (folder / "w.bin").write_bytes(bytes(64))
        (folder / "folder").mkdir()
        (folder / "link").symlink_to("../outside/secret.bin")
        (folder / "up").symlink_to("../outside")
        (folder / "loop").symlink_to("loop")
        os.mkfifo(folder / "pipe")
        absolute = str(folder.parent / "outside" / "secret.bin")
        return _external(folder, location.replace("ABSOLUTE", absolute), **more)

    return Case(f"external-{name}", make, tuple(expected.split()))


def _in_constant(folder: Path) -> Path:
    made = relu()
    tensor = TensorProto(data_type=FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../outside/secret.bin")
    made.graph.node.append(node("Constant", [], ["c"], value=tensor))
    return write(folder, made)


def _in_function(folder: Path) -> Path:
    tensor = TensorProto(data_type=FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../outside/secret.bin")
    nodes = [node("Constant", [], ["c"], value=tensor), node("Add", ["a", "c"], ["b"])]
    made = helper.make_function("f", "F", ["a"], ["b"], nodes, [helper.make_opsetid("", 17)])
    call = graph([node("F", ["x"], ["y"], domain="f")])
    return write(folder, model(call, [("", 17), ("f", 1)], [made]))


def _in_training(folder: Path) -> Path:
    made = relu()
    tensor = TensorProto(name="t", data_type=FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../outside/secret.bin")
    made.training_info.add().initialization.CopyFrom(graph([], [], [], [tensor]))
    return write(folder, made)


def _in_sparse(folder: Path) -> Path:
    made = relu()
    tensor = TensorProto(name="s", data_type=FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../outside/secret.bin")
    indices = array("", [0, 1], np.int64)
    made.graph.sparse_initializer.add(values=tensor, indices=indices, dims=[4])
    return write(folder, made)


def _overlapping(folder: Path) -> Path:
    (folder / "w.bin").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    made = weighted(TensorProto(), "a = Add(x, w) y = Add(a, v)")
    del made.graph.initializer[:]
    for name, offset in (("w", "0"), ("v", "4")):
        tensor = made.graph.initializer.add(name=name, data_type=FLOAT, dims=[2])
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="w.bin")
        tensor.external_data.add(key="offset", value=offset)
    return write(folder, made)


def _on_itself(folder: Path) -> Path:
    return _external(folder, "model.onnx")


def _linked_folder(folder: Path) -> Path:
    """The model is reached by a link; its data is said to be beside the link's target's folder."""
    path = _external(folder, "../outside/secret.bin")
    (folder / "link.onnx").symlink_to(path.name)
    return folder / "link.onnx"


def elsewhere() -> Iterator[Case]:
    """External data."""
    yield _beside("missing", "model-external-missing", "gone.bin")
    yield _beside("absolute", "model-external-outside", "ABSOLUTE")
    yield _beside("absolute-device", "model-external-outside", "/dev/zero")
    yield _beside("dot-dot", "model-external-outside", "../outside/secret.bin")
    yield _beside("dot-dot-hidden", "model-external-outside", "folder/../../outside/secret.bin")
    yield _beside("link-out", "model-external-outside", "link")
    yield _beside("linked-folder", "model-external-outside", "up/secret.bin")
    yield _beside("link-loop", "model-external-missing", "loop")
    yield _beside("pipe", "model-external-missing", "pipe")
    yield _beside("folder", "model-external-missing", "folder")
    yield _beside("nul-in-name", "model-external-missing", "w\0.bin")
    yield _beside("long-name", "model-external-missing", "w" * 5000)
    yield _beside("windows-path", "model-external-missing", "..\\outside\\secret.bin")
    yield _beside("address", "model-external-missing", "file:///etc/hostname")
    yield _beside("no-name", "model-external-malformed", "")
    yield _beside("too-short", "model-external-short", "w.bin", offset="60")
    yield _beside("offset-past-the-end", "model-external-short", "w.bin", offset="4096")
    yield _beside("offset-of-2^63", "model-external-short", "w.bin", offset=str(2**63 - 1))
    yield _beside("offset-negative", "model-external-malformed", "w.bin", offset="-4")
    yield _beside("offset-no-number", "model-external-malformed", "w.bin", offset="0x10")
    yield _beside("offset-of-5000-digits", "model-external-malformed", "w.bin", offset="9" * 5000)
    yield _beside("length-of-another", "model-tensor-size", "w.bin", length="64")
    yield Case("external-overlapping", _overlapping, ("0",))
    yield Case("external-in-the-model-itself", _on_itself, ("0",))
    yield Case("external-by-a-linked-model", _linked_folder, ("model-external-outside",))
    yield Case("external-in-a-constant", _in_constant, ("model-external-outside",))
    yield Case("external-in-a-function", _in_function, ("model-external-outside",))
    yield Case("external-in-a-sparse-tensor", _in_sparse, ("model-external-outside",))
    yield Case("external-in-training-info", _in_training, ("model-external-outside",))


def write_secret(folder: Path) -> Path:
    """The file outside."""
    folder.mkdir()
    path = folder / "secret.bin"
    path.write_bytes(SECRET * 100)
    return path
