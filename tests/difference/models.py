"""Random small models, and the edits whose differences are known."""

from collections.abc import Iterator

import numpy as np
from hypothesis import strategies as st
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper

UNARY = ("Relu", "Sigmoid", "LeakyRelu")
BINARY = ("Add", "Mul")


@st.composite
def models(draw: st.DrawFn) -> ModelProto:
    """A graph of up to twelve nodes over float[4], with weights and sometimes a branch."""
    values = ["x", "z"]
    nodes: list[NodeProto] = []
    weights = []
    for number in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(["unary", "binary", "weight", "branch"]))
        name, out = f"node{number}", f"v{number}"
        read = draw(st.sampled_from(values))
        if kind == "unary":
            op = draw(st.sampled_from(UNARY))
            alpha = {"alpha": draw(st.sampled_from([0.1, 0.2]))} if op == "LeakyRelu" else {}
            nodes.append(helper.make_node(op, [read], [out], name=name, **alpha))
        elif kind == "binary":
            second = draw(st.sampled_from(values))
            nodes.append(
                helper.make_node(draw(st.sampled_from(BINARY)), [read, second], [out], name)
            )
        elif kind == "weight":
            array = np.full(4, draw(st.integers(0, 2)), np.float32)
            weights.append(numpy_helper.from_array(array, f"w{number}"))
            op = draw(st.sampled_from(BINARY))
            nodes.append(helper.make_node(op, [read, f"w{number}"], [out], name))
        else:
            nodes.append(branch(name, read, out, draw(st.sampled_from(UNARY))))
        values.append(out)
    return model(nodes, weights, values[-1])


def branch(name: str, read: str, out: str, op: str) -> NodeProto:
    """An If whose branches capture a value."""
    bodies = [
        helper.make_graph(
            [helper.make_node(o, [read], [f"{name}_{o}"], f"{name}_{o}_node")],
            o,
            [],
            [helper.make_tensor_value_info(f"{name}_{o}", 1, [4])],
        )
        for o in (op, "Neg")
    ]
    return helper.make_node(
        "If", ["flag"], [out], name, then_branch=bodies[0], else_branch=bodies[1]
    )


def model(nodes: list[NodeProto], weights: list, output: str) -> ModelProto:
    nodes = [*nodes, helper.make_node("Identity", [output], ["y"], "last")]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, 1, [4]) for n in ("x", "z")]
        + [helper.make_tensor_value_info("flag", 9, [])],
        [helper.make_tensor_value_info("y", 1, [4])],
        weights,
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="t"
    )


def copy(proto: ModelProto) -> ModelProto:
    copied = ModelProto()
    copied.CopyFrom(proto)
    return copied


def graphs(graph: GraphProto) -> Iterator[GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from graphs(attribute.g)


def renamed(proto: ModelProto) -> ModelProto:
    """The same model as another exporter would name it: only inputs and outputs keep theirs."""
    made = copy(proto)
    kept = {v.name for v in (*made.graph.input, *made.graph.output)}
    names: dict[str, str] = {}

    def new(name: str) -> str:
        return name if name in kept or not name else names.setdefault(name, f"t{len(names)}")

    for graph in graphs(made.graph):
        for number, node in enumerate(graph.node):
            node.name = f"{node.op_type}_{number}_{graph.name}"
            node.input[:] = map(new, node.input)
            node.output[:] = map(new, node.output)
        for value in (*graph.output, *graph.initializer):
            value.name = new(value.name)
    return made
