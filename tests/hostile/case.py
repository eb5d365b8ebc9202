"""What a case of hostile input is, and small pieces that cases are made of."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

COMMANDS = ("check", "convert", "verify", "opset", "diff")
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
SECRET = b"port must never read this; "
"""What the file outside the model's folder holds, over and over."""


@dataclass(frozen=True)
class Case:
    """A file that nobody should send.

    Attributes:
        name: Kebab-case, unique.
        make: Writes it and what belongs to it into a folder, beside which is `outside/secret.bin`;
            returns its path.
        expected: For each command: the code of the error, or the exit status of a true verdict.
            One entry stands for all commands.
        slow: Left to the extended suite.
    """

    name: str
    make: Callable[[Path], Path]
    expected: tuple[str, ...]
    slow: bool = False

    def of(self, command: str) -> str:
        """What is expected of a command."""
        return self.expected[COMMANDS.index(command) if len(self.expected) > 1 else 0]


Build = Callable[[], ModelProto | bytes]


def built(name: str, expected: str, build: Build, *, slow: bool = False) -> Case:
    """A case of one file, given its message or its bytes."""

    def make(folder: Path) -> Path:
        return write(folder, build())

    return Case(name, make, tuple(expected.split()), slow)


def write(folder: Path, content: ModelProto | bytes) -> Path:
    """The model as a file."""
    path = folder / "model.onnx"
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    return path


def text(body: str, opset: int = 17, more: str = "") -> ModelProto:
    """A model in ONNX's text form."""
    return onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": {opset}{more}]> {body}')


def relu() -> ModelProto:
    """The least model."""
    return text("g (float[2] x) => (float[2] y) { y = Relu(x) }")


def info(name: str, shape: Sequence[int | str] | None = (2,), dtype: int = FLOAT):
    """A declared value."""
    return helper.make_tensor_value_info(name, dtype, shape)


def array(name: str, values: object, dtype: type = np.float32) -> TensorProto:
    """A tensor of values."""
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def graph(
    nodes: Iterable[NodeProto],
    inputs: Sequence[str] = ("x",),
    outputs: Sequence[str] = ("y",),
    weights: Iterable[TensorProto] = (),
) -> GraphProto:
    """A graph of float[2] values."""
    given, results = [info(i) for i in inputs], [info(o) for o in outputs]
    return helper.make_graph(list(nodes), "g", given, results, list(weights))


def model(
    body: GraphProto,
    opsets: Iterable[tuple[str, int]] = (("", 17),),
    functions: Iterable[onnx.FunctionProto] = (),
) -> ModelProto:
    """A model of a graph."""
    imports = [helper.make_opsetid(*pair) for pair in opsets]
    return helper.make_model(body, opset_imports=imports, ir_version=10, functions=list(functions))


def weighted(tensor: TensorProto, body: str = "y = Add(x, w)") -> ModelProto:
    """A model with one weight, `w`, which is added to its input unless the body says otherwise."""
    made = text(f"g (float[2] x) => (float[2] y) {{ {body} }}")
    tensor.name = "w"
    made.graph.initializer.append(tensor)
    return made


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: object):
    """A node; attributes by name, `domain` too."""
    return helper.make_node(kind, inputs, outputs, **attributes)
