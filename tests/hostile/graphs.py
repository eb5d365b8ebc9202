"""Graphs that break a rule of ONNX, or keep to it in a way that nobody expects."""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper

from .case import FLOAT, INT64, Case, array, built, graph, info, model, node, relu, text, weighted

UNEXPECTED = {
    "newline": "a\nerror[forged]: b",
    "escape": "\x1b[31m\x1b]0;title\x07",
    "workflow-command": "\n::error file=a,line=1::forged",
    "markup": "</script><script>alert(1)</script>",
    "right-to-left": "\u202egnp.\u2066x",
    "nul": "a\0b",
    "path": "../../outside/secret.bin",
    "quote": "\"'`$(id)`",
    "very-long": "n" * 1_000_000,
    "empty-looking": " ",
    "surrogate": "\ue000\ufffe",
}


def _two(first: str, second: str) -> ModelProto:
    return text(f"g (float[2] x) => (float[2] y) {{ {first} {second} }}")


def _initializers(names: str) -> ModelProto:
    made = relu()
    made.graph.initializer.extend(array(name, [1.0, 2.0]) for name in names)
    return made


def order() -> Iterator[Case]:
    """How values and nodes are wired."""
    yield built("cyclic", "model-cycle", lambda: _two("a = Add(x, b) b = Relu(a)", "y = Relu(b)"))
    yield built("cyclic-to-itself", "model-cycle", lambda: _two("a = Add(x, a)", "y = Relu(a)"))
    yield built("duplicate-output", "model-duplicate-value",
                lambda: _two("y = Relu(x)", "y = Abs(x)"))  # fmt: skip
    yield built("output-named-as-input", "model-duplicate-value",
                lambda: model(graph([node("Relu", ["x"], ["x"])], outputs=["x"])))  # fmt: skip
    yield built("duplicate-input", "model-duplicate-value",
                lambda: model(graph([node("Relu", ["x"], ["y"])], ["x", "x"])))  # fmt: skip
    yield built("duplicate-initializer", "model-duplicate-value", lambda: _initializers("ww"))
    yield built("duplicate-node-names", "0 0 1 0 0", _same_names)
    yield built(
        "undefined-input", "model-undefined-value", lambda: _two("a = Relu(z)", "y = Relu(x)")
    )
    yield built("undefined-output", "model-undefined-value", lambda: _two("a = Relu(x)", ""))
    yield built("unsorted", "0", lambda: _two("y = Abs(a)", "a = Relu(x)"))
    yield built("no-nodes", "0", lambda: model(graph([], outputs=["x"])))
    yield built("no-outputs", "0 0 1 0 0", lambda: model(graph([], outputs=[])))
    yield built(
        "nothing-named", "model-undefined-value", lambda: model(graph([node("Relu", [""], [""])]))
    )
    yield built("an-empty-graph", "0 0 1 0 0", lambda: b"\x08\x08\x3a\x00\x42\x02\x10\x11")
    yield built("an-output-of-an-initializer", "0", lambda: model(
        graph([], outputs=["w"], weights=[array("w", [1.0, 2.0])])))  # fmt: skip
    yield built("operator-unknown", "1 1 1 1 0", lambda: model(graph([node("Rely", ["x"], ["y"])])))
    yield built("operator-empty", "1 1 1 1 0", lambda: model(graph([node("", ["x"], ["y"])])))
    yield built("too-many-inputs", "0 node-invalid 1 node-invalid 0", lambda: model(
        graph([node("Relu", ["x"] * 9, ["y"])])))  # fmt: skip
    yield built(
        "too-few-inputs",
        "0 node-invalid 1 node-invalid 0",
        lambda: model(graph([node("Add", ["x"], ["y"])])),
    )
    yield built("attribute-of-another-type", "0 node-invalid 1 node-invalid 0", lambda: model(
        graph([node("Softmax", ["x"], ["y"], axis="last")])))  # fmt: skip
    yield built("attribute-missing", "0 node-invalid 1 node-invalid 0", lambda: model(
        graph([node("Cast", ["x"], ["y"])])))  # fmt: skip
    yield built("attribute-twice", "0 node-invalid 1 node-invalid 0", _attribute_twice)
    yield built(
        "attribute-of-two-kinds", "0 node-invalid 1 node-invalid 0", _attribute_of_two_kinds
    )
    yield built("attribute-of-no-kind", "0 node-invalid 1 node-invalid 0", _attribute_of_no_kind)
    yield built("attribute-reference-outside-a-function", "0", _dangling_reference)
    yield built("types-that-contradict", "0 0 1 0 0", _contradiction)
    yield built("if-without-branches", "model-body-missing", lambda: model(
        graph([node("If", ["x"], ["y"])])))  # fmt: skip


def _same_names() -> ModelProto:
    made = _two("a = Relu(x)", "y = Abs(a)")
    for each in made.graph.node:
        each.name = "n"
    return made


def _attribute_twice() -> ModelProto:
    made = text("g (float[2] x) => (float[2] y) { y = Softmax<axis = 0>(x) }")
    made.graph.node[0].attribute.add().CopyFrom(helper.make_attribute("axis", -1))
    return made


def _attribute_of_two_kinds() -> ModelProto:
    made = text("g (float[2] x) => (float[2] y) { y = Softmax<axis = 0>(x) }")
    made.graph.node[0].attribute[0].t.CopyFrom(array("t", [1.0]))
    made.graph.node[0].attribute[0].g.CopyFrom(relu().graph)
    return made


def _attribute_of_no_kind() -> ModelProto:
    made = text("g (float[2] x) => (float[2] y) { y = Softmax<axis = 0>(x) }")
    made.graph.node[0].attribute[0].ClearField("type")
    made.graph.node[0].attribute.add().name = "nothing"
    return made


def _dangling_reference() -> ModelProto:
    made = text("g (float[2] x) => (float[2] y) { y = Softmax<axis = 0>(x) }")
    made.graph.node[0].attribute[0].ref_attr_name = "outer"
    return made


def _contradiction() -> ModelProto:
    made = text("g (float[2] x) => (float[2] y) { y = Relu(x) }")
    made.graph.output[0].CopyFrom(info("y", [3, 3], INT64))
    made.graph.value_info.append(info("x", [7], TensorProto.BOOL))
    return made


def versions() -> Iterator[Case]:
    """Domains and operator sets."""
    yield built("no-opset", "model-no-opset", lambda: model(relu().graph, []))
    for name, version in (("999", 999), ("0", 0), ("negative", -1), ("2^62", 2**62)):
        yield built(f"opset-{name}", "model-opset-unknown",
                    lambda v=version: model(relu().graph, [("", v)]))  # fmt: skip
    yield built("two-opsets-of-a-domain", "model-opset-conflict",
                lambda: model(relu().graph, [("", 17), ("", 18)]))  # fmt: skip
    yield built("unknown-domain", "model-domain-not-imported",
                lambda: model(graph([node("Relu", ["x"], ["y"], domain="nowhere")])))  # fmt: skip
    there = graph([node("Relu", ["x"], ["y"], domain="nowhere")])
    yield built("unknown-domain-imported", "1 1 1 0 0",
                lambda: model(there, [("", 17), ("nowhere", 1)]))  # fmt: skip
    yield built("ir-version-0", "model-ir-unknown", lambda: _ir(0))
    yield built("ir-version-2^40", "model-ir-unknown", lambda: _ir(2**40))
    yield built("a-thousand-domains", "0", lambda: model(
        relu().graph, [("", 17), *((f"d{i}", 1) for i in range(1000))]))  # fmt: skip


def _ir(version: int) -> ModelProto:
    made = relu()
    made.ir_version = version
    return made


def _named(name: str) -> ModelProto:
    made = model(graph([node("Rely", [name], ["m"], name=name), node("Abs", ["m"], [name + "y"])],
                       [name], [name + "y"]))  # fmt: skip
    made.graph.name = made.producer_name = made.graph.doc_string = name
    made.metadata_props.add(key=name, value=name)
    return made


def names() -> Iterator[Case]:
    """Names that mean something to a terminal, a log, a page or a shell."""
    for label, name in UNEXPECTED.items():
        yield built(f"name-{label}", "1 1 1 1 0", lambda name=name: _named(name))
    data = _named("abc").SerializeToString()
    yield built("name-not-utf-8", "model-not-onnx", lambda: data.replace(b"abc", b"\xff\xc0\x80"))
    yield built("dimension-named-as-code", "0", lambda: _sized("__import__('os')"))
    yield built("dimension-named-as-bomb", "0", lambda: _sized("9**9**9**9"))
    yield built("dimension-named-deeply", "0", lambda: _sized("(" * 90 + "n" + ")" * 90))


def _sized(*dims: int | str) -> ModelProto:
    made = text("g (float[2] x) => (float[2] y) { a = Relu(x) y = Abs(a) }")
    made.graph.input[0].CopyFrom(info("x", dims))
    made.graph.output[0].CopyFrom(info("y", dims))
    return made


def _raw(dims: list[int], raw: bytes, dtype: int = FLOAT) -> ModelProto:
    return weighted(TensorProto(dims=dims, data_type=dtype, raw_data=raw))


def tensors() -> Iterator[Case]:
    """Shapes, types and values."""
    yield built("dimension-zero", "1 1 1 0 0", lambda: _sized(0, 3))
    yield built("dimension-negative", "0", lambda: _sized(-1, 3))
    yield built("dimension-huge", "0 0 1 0 0", lambda: _sized(2**62))
    yield built("dimensions-of-2^64-elements", "0 0 1 0 0", lambda: _sized(2**32, 2**32))
    yield built("rank-1000", "0 0 1 0 0", lambda: _sized(*[1] * 1000))
    yield built("a-sequence-as-input", "1 0 1 0 0", _sequence)
    yield built("an-input-of-no-type", "0 model-invalid 1 model-invalid 0", _untyped)
    yield built("an-input-of-type-999", "model-value-type", lambda: _of_type(999))
    yield built("weights-raw-too-short", "model-tensor-size", lambda: _raw([2], bytes(7)))
    yield built("weights-raw-too-long", "model-tensor-size", lambda: _raw([2], bytes(9)))
    yield built("weights-none", "model-tensor-size", lambda: _raw([2], b""))
    yield built("weights-negative-dimension", "model-tensor-dims", lambda: _raw([-1, 2], bytes(8)))
    yield built("weights-huge", "model-tensor-size", lambda: _raw([2**40], bytes(8)))
    yield built("weights-of-2^64-elements", "model-tensor-size", lambda: _raw([2**32] * 2, b""))
    yield built("weights-of-type-999", "model-tensor-type", lambda: _raw([2], bytes(8), 999))
    yield built("weights-of-no-type", "model-tensor-type", lambda: _raw([2], bytes(8), 0))
    yield built("weights-rank-1000", "model-tensor-dims", lambda: _raw([2] + [1] * 1000, bytes(8)))
    yield built("weights-empty", "0 0 1 0 0", lambda: _raw([0], b""))
    yield built("weights-nan", "0", lambda: weighted(array("", [np.nan, 1.0])))
    yield built("weights-inf", "0", lambda: weighted(array("", [np.inf, -np.inf])))
    yield built("weights-string", "0", lambda: _words(b"a", b"\xff\x1b"))
    yield built("weights-string-of-a-megabyte", "0", lambda: _words(b"a" * 2**20))
    for kind in ("FLOAT8E4M3FN", "FLOAT8E8M0", "INT4", "UINT4", "FLOAT4E2M1", "COMPLEX64", "INT2"):
        number = TensorProto.DataType.Value(kind)
        yield built(f"weights-{kind.lower()}", "0 0 1 0 0", lambda n=number: _narrow(n))
    yield from _sparse()
    yield built("training-info", "0", _training)


def _words(*words: bytes) -> ModelProto:
    held = helper.make_tensor("", TensorProto.STRING, [len(words)], words)
    return weighted(held, "y = Relu(x)")


def _narrow(kind: int) -> ModelProto:
    held = helper.make_tensor("", kind, [2], [1, 1])
    return weighted(held, "c = CastLike(w, x) y = Add(x, c)")


def _sequence() -> ModelProto:
    return text("g (seq(float[2]) s) => (float[2] y) { i = Constant<value_int = 0>() "
                "y = SequenceAt(s, i) }")  # fmt: skip


def _untyped() -> ModelProto:
    made = relu()
    made.graph.input[0].ClearField("type")
    made.graph.output[0].ClearField("type")
    return made


def _of_type(number: int) -> ModelProto:
    made = relu()
    made.graph.input[0].type.tensor_type.elem_type = number
    return made


def _sparse() -> Iterator[Case]:
    def make(indices: list[int], dims: list[int], values: int = 1) -> ModelProto:
        made = text("g (float[4] x) => (float[4] y) { y = Add(x, s) }")
        made.graph.sparse_initializer.add(
            values=array("s", [1.0] * values), indices=array("", indices, np.int64), dims=dims
        )
        return made

    yield built("sparse", "0", lambda: make([1], [4]))
    yield built(
        "sparse-index-outside", "0 model-invalid 1 model-invalid 0", lambda: make([99], [4])
    )
    yield built(
        "sparse-index-negative", "0 model-invalid 1 model-invalid 0", lambda: make([-1], [4])
    )
    yield built("sparse-of-2^40-elements", "0 0 1 0 0", lambda: make([1], [2**40]))
    yield built("sparse-indices-missing", "model-sparse-tensor", lambda: make([], [4]))


def _training() -> ModelProto:
    made = relu()
    step = made.training_info.add()
    step.algorithm.CopyFrom(graph([node("Abs", ["y"], ["z"])], [], ["z"]))
    step.update_binding.add(key="w", value="z")
    return made


def nesting() -> Iterator[Case]:
    """Graphs in graphs, functions in functions."""
    yield built("if-28-deep", "0", lambda: _branches(28))
    yield built("if-120-deep", "model-too-deep", lambda: _branches(120))
    yield built("messages-100000-deep", "model-too-deep", _messages)
    yield built("function-recursive", "model-recursive-function", lambda: _functions(["f0"]))
    yield built("functions-mutually-recursive", "model-recursive-function",
                lambda: _functions(["f1", "f2", "f0"]))  # fmt: skip
    yield built(
        "functions-that-double-40-times", "model-functions-too-large", lambda: _doubling(40)
    )
    yield built("functions-5000-deep", "model-functions-too-deep", lambda: _chained(5000))
    yield built("two-functions-of-one-name", "model-duplicate-function", _twice)
    yield built("a-function-that-is-not-called", "0", _unused)


def _branches(depth: int) -> bytes:
    """Built from the inside, as bytes: the messages may nest deeper than protobuf writes."""
    body = graph([node("Relu", ["x"], ["o0"])], [], ["o0"]).SerializeToString()
    for level in range(1, depth + 1):
        branches = (
            b"".join(
                _field(
                    5, onnx.AttributeProto(name=name, type=5).SerializeToString() + _field(6, body)
                )
                for name in ("then_branch", "else_branch")
            )
            if level == 1
            else _field(
                5,
                onnx.AttributeProto(name="then_branch", type=5).SerializeToString()
                + _field(6, body),
            )
            + _field(5, helper.make_attribute("else_branch", _leaf(level)).SerializeToString())
        )
        choice = onnx.NodeProto(op_type="If", input=["c"], output=[f"o{level}"])
        outer = onnx.GraphProto(name="g", output=[info(f"o{level}")])
        body = _field(1, choice.SerializeToString() + branches) + outer.SerializeToString()
    declared = onnx.GraphProto(input=[info("x"), info("c", [], TensorProto.BOOL)])
    return _file(body + declared.SerializeToString())


def _leaf(level: int) -> onnx.GraphProto:
    return graph([node("Abs", ["x"], [f"e{level}"])], [], [f"e{level}"])


def _field(number: int, body: bytes) -> bytes:
    from porting.model import wire

    return wire.header(number, len(body)) + body


def _file(body: bytes) -> bytes:
    return b"\x08\x08" + _field(7, body) + b"\x42\x02\x10\x11"


def _messages() -> bytes:
    """Attributes in nodes in graphs, headers only; quadratic if built naively."""
    sizes, size = [], 0
    for _ in range(100_000):
        for number in (6, 5, 1):
            head = _head(number, size)
            sizes.append(head)
            size += len(head)
    return b"\x08\x08" + _head(7, size) + b"".join(reversed(sizes)) + b"\x42\x02\x10\x11"


def _head(number: int, size: int) -> bytes:
    from porting.model import wire

    return wire.header(number, size)


def _function(name: str, nodes: list[onnx.NodeProto]) -> onnx.FunctionProto:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    return helper.make_function("f", name, ["a"], ["b"], nodes, opsets)


def _calling(functions: list[onnx.FunctionProto], name: str) -> ModelProto:
    call = graph([node(name, ["x"], ["y"], domain="f")])
    return model(call, [("", 17), ("f", 1)], functions)


def _functions(calls: list[str]) -> ModelProto:
    made = [_function(f"f{i}", [node(c, ["a"], ["b"], domain="f")]) for i, c in enumerate(calls)]
    return _calling(made, "f0")


def _doubling(count: int) -> ModelProto:
    """2^count nodes, were they written out."""
    made = [_function("f0", [node("Relu", ["a"], ["b"])])]
    for i in range(1, count + 1):
        calls = [node(f"f{i - 1}", ["a"], ["m"], domain="f"),
                 node(f"f{i - 1}", ["m"], ["b"], domain="f")]  # fmt: skip
        made.append(_function(f"f{i}", calls))
    return _calling(made, f"f{count}")


def _chained(count: int) -> ModelProto:
    made = [_function("f0", [node("Relu", ["a"], ["b"])])]
    made += [_function(f"f{i}", [node(f"f{i - 1}", ["a"], ["b"], domain="f")])
             for i in range(1, count)]  # fmt: skip
    return _calling(made, f"f{count - 1}")


def _twice() -> ModelProto:
    made = _functions(["f1", "Relu"])
    made.functions.append(made.functions[0])
    return made


def _unused() -> ModelProto:
    made = relu()
    made.opset_import.append(helper.make_opsetid("f", 1))
    made.functions.append(_function("f0", [node("Relu", ["a"], ["b"])]))
    return made
