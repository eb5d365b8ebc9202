"""Small files that ask for much: memory, time, or both."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, helper

from porting.model import wire

from .case import FLOAT, Case, array, built, graph, info, model, node, relu, text

COUNT = 100_000


def _constant(kind: str, values: str, outputs: str = "y") -> ModelProto:
    """A node that makes a tensor of a shape or size that is said in numbers."""
    return text(f"g (float[1] x) => (float {outputs}) {{ {values} {kind} }}")


def bombs() -> Iterator[Case]:
    """What is small in the file and large when it is computed."""
    numbers = "s = Constant<value_ints = [{}]>()"
    yield built("fold-ConstantOfShape", "1 0 1 0 0", lambda: _constant(
        "z = ConstantOfShape(s) y = Add(z, x)", numbers.format("65536, 65536")))  # fmt: skip
    yield built("fold-Expand", "1 0 1 0 0", lambda: _constant(
        "y = Expand(x, s)", numbers.format("65536, 65536")))  # fmt: skip
    yield built("fold-Tile", "1 0 1 0 0", lambda: _constant(
        "y = Tile(x, s)", numbers.format(2**40)))  # fmt: skip
    yield built("fold-Range", "1 0 1 0 0", lambda: text(
        "g () => (int64[n] y) { a = Constant<value_int = 0>() "
        f"b = Constant<value_int = {2**62}>() c = Constant<value_int = 1>() y = Range(a, b, c) }}"
    ))  # fmt: skip
    yield built("fold-Pad", "1 0 1 0 0", lambda: _constant(
        "y = Pad(x, s)", numbers.format(f"0, {2**40}")))  # fmt: skip
    yield built("fold-Resize", "1 0 1 0 0", lambda: text(
        "g (float[1, 1, 4, 4] x) => (float y) { s = Constant<value_floats = [1.0, 1.0, 1e9, 1e9]>()"
        " y = Resize(x, , s) }"))  # fmt: skip
    yield built("fold-RandomNormal", "0 0 1 0 0", lambda: text(
        f"g (float[1] x) => (float y) {{ r = RandomNormal<shape = [{2**20}, {2**20}]>() "
        "y = Add(r, x) }"))  # fmt: skip
    yield built("fold-EyeLike-OneHot", "1 0 1 0 0", lambda: text(
        f"g (int64[4] x) => (float y) {{ d = Constant<value_int = {2**40}>() "
        "v = Constant<value_floats = [0.0, 1.0]>() y = OneHot(x, d, v) }"))  # fmt: skip
    yield built("doubling-40-times", "0 0 1 0 0", lambda: _chain(40, "Concat", 2, axis=0))
    yield built("doubling-of-constants", "0 model-invalid 1 model-invalid 0", _doubling_constants)
    yield built("doubling-of-shapes", "0 0 1 0 0", _doubling_shapes)
    yield built("ranks-that-grow", "0 0 1 0 0", lambda: _unsqueezed(300))
    yield built("einsum-of-50-operands", "1 1 1 0 0", _einsum)
    yield built("einsum-of-nonsense", "model-equation", lambda: text(
        'g (float[2] x) => (float y) { y = Einsum<equation = "...->->,,%">(x) }'))  # fmt: skip
    yield built("einsum-of-other-letters", "model-equation", lambda: text(
        'g (float[2] x) => (float y) { y = Einsum<equation = "\u0301->b">(x) }'))  # fmt: skip
    yield built("loop-of-2^62-rounds", "1 1 1 0 0", lambda: _loop(2**62))
    yield built("loop-without-end", "1 1 1 0 0", lambda: _loop(None))
    yield built("loops-in-loops", "1 1 1 0 0", _loops)
    yield built("split-to-10000", "0 0 1 0 0", _split)
    yield built("a-convolution-of-2^40-groups", "1 1 1 0 0", _convolution)


def _chain(count: int, kind: str, inputs: int, **attributes: object) -> ModelProto:
    values = ["x", *(f"v{i}" for i in range(count - 1)), "y"]
    nodes = [node(kind, [a] * inputs, [b], **attributes)
             for a, b in pairwise(values)]  # fmt: skip
    body = graph(nodes)
    body.output[0].CopyFrom(info("y", None))
    return model(body)


def _doubling_constants() -> ModelProto:
    made = _chain(60, "Concat", 2, axis=0)
    made.graph.input.pop()
    made.graph.initializer.append(array("x", np.ones(512)))
    return made


def _doubling_shapes() -> ModelProto:
    """A list of sizes that is joined to itself, in a model with an open dimension."""
    made = _chain(40, "Concat", 2, axis=0)
    made.graph.node.insert(0, node("Shape", ["given"], ["x"]))
    made.graph.input[0].CopyFrom(info("given", ["n", 3]))
    made.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    return made


def _unsqueezed(count: int) -> ModelProto:
    made = _chain(count, "Unsqueeze", 2)
    for each in made.graph.node:
        each.input[1] = "axes"
    made.graph.initializer.append(array("axes", [0], np.int64))
    return made


def _einsum() -> ModelProto:
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[:50]
    body = graph([node("Einsum", ["x"] * 50, ["y"], equation=",".join(letters) + "->" + letters)])
    body.output[0].CopyFrom(info("y", None))
    return model(body)


def _loop(rounds: int | None, inner: object = None) -> ModelProto:
    body = helper.make_graph(
        [node("Identity", ["c"], ["d"]), node("Relu", ["v"], ["w"])],
        "b",
        [info("i", [], TensorProto.INT64), info("c", [], TensorProto.BOOL), info("v")],
        [info("d", [], TensorProto.BOOL), info("w")],
    )
    weights = [array("c0", True, np.bool_)]
    if rounds is not None:
        weights.append(array("n", rounds, np.int64))
    if inner is not None:
        copied = helper.make_node("Loop", ["n", "c", "v"], ["w2"])
        copied.attribute.extend(inner.attribute)  # type: ignore[attr-defined]
        for graph_ in (a.g for a in copied.attribute):
            for each in (*graph_.input, *graph_.output):
                each.name += "_"
            for each in graph_.node:
                each.input[:] = [f"{name}_" for name in each.input]
                each.output[:] = [f"{name}_" for name in each.output]
        body.node.append(copied)
    call = node("Loop", ["n" if rounds is not None else "", "c0", "x"], ["y"], body=body)
    return model(graph([call], weights=weights))


def _split() -> ModelProto:
    return model(graph([node("Split", ["x"], [f"o{i}" for i in range(10_000)])], outputs=["o0"]))


def _loops() -> ModelProto:
    return _loop(2**20, _loop(2**20).graph.node[-1])


def _convolution() -> ModelProto:
    return text(
        "g (float[1, 4, 8, 8] x) => (float y) { y = Conv<group = 1099511627776, "
        "dilations = [1099511627776, 1], pads = [4611686018427387904, 0, 0, 0]>(x, x) }"
    )


def large() -> Iterator[Case]:
    """Files of many parts, which onnxruntime may take minutes to load: nothing is verified."""
    yield built("100000-nodes", "0 0 - 0 0", lambda: _chain(COUNT, "Relu", 1), slow=True)
    yield built("100000-nodes-of-one-value", "0 0 - 0 0", _fan, slow=True)
    yield built("100000-initializers", "0 0 - 0 0", _weights, slow=True)
    yield built("100000-constants", "0 0 - 0 0", _constants, slow=True)
    yield built("100000-inputs-of-a-node", "0 0 - 0 0", lambda: _chain(1, "Sum", COUNT), slow=True)
    yield built("100000-attributes", "0 node-invalid - node-invalid 0", _attributes, slow=True)
    yield built("100000-metadata", "0 0 - 0 0", _metadata, slow=True)
    yield built("20000-folds-in-a-row", "0 0 - 0 0", _folds, slow=True)
    yield Case("a-protobuf-of-3-gb", _sparse_file, ("1", "0", "-", "0", "0"), slow=True)


def _fan() -> ModelProto:
    nodes = [node("Relu", ["x"], [f"v{i}"]) for i in range(COUNT)]
    return model(graph(nodes, outputs=["v0", f"v{COUNT - 1}"]))


def _weights() -> ModelProto:
    made = relu()
    made.graph.initializer.extend(array(f"w{i}", [1.0]) for i in range(COUNT))
    return made


def _constants() -> ModelProto:
    value = array("", [1.0, 2.0])
    made = relu()
    made.graph.node.extend(node("Constant", [], [f"c{i}"], value=value) for i in range(COUNT))
    return made


def _attributes() -> ModelProto:
    made = relu()
    made.graph.node[0].attribute.extend(helper.make_attribute(f"a{i}", i) for i in range(COUNT))
    return made


def _metadata() -> ModelProto:
    made = relu()
    for i in range(COUNT):
        made.metadata_props.add(key=f"k{i}", value="v")
    return made


def _folds() -> ModelProto:
    made = _chain(20_000, "Add", 2)
    made.graph.input.pop()
    made.graph.initializer.append(array("x", np.ones(500)))
    return made


def _sparse_file(folder: Path) -> Path:
    """A weight of 3 GB inside the file, most of which takes no room on disk."""
    size = 3 * 2**30
    weight = TensorProto(name="w", data_type=FLOAT, dims=[size // 4]).SerializeToString()
    raw = wire.header(TensorProto.RAW_DATA_FIELD_NUMBER, size)
    tensor = wire.header(5, len(weight) + len(raw) + size)
    made = text("g (float[2] x, float w0) => (float[2] y) { i = Constant<value_ints = [0, 1]>() "
                "a = Gather(w, i) y = Add(x, a) }".replace(", float w0", ""))  # fmt: skip
    rest = made.graph.SerializeToString()
    path = folder / "model.onnx"
    with path.open("wb") as file:
        file.write(b"\x08\x08\x42\x02\x10\x11")
        file.write(wire.header(7, len(rest) + len(tensor) + len(weight) + len(raw) + size))
        file.write(rest + tensor + weight + raw)
        file.truncate(file.tell() + size)
    return path
