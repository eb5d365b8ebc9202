import numpy as np
import onnx
from onnx import ModelProto, helper, numpy_helper
from rules.harness import graph_of

from porting.legalize.apply import add_constant
from porting.model.write import write_model

OPSETS = {"ai.onnx": 7}


def of_format(version: int) -> ModelProto:
    """A model without a constant."""
    infos = [helper.make_tensor_value_info(name, 1, [2]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", infos[:1], infos[1:])
    opsets = [helper.make_opsetid("", 7)]
    return helper.make_model(graph, ir_version=version, opset_imports=opsets)


def test_a_constant_that_is_no_input_needs_a_newer_format() -> None:
    source = of_format(3)
    graph = graph_of(source)
    assert write_model(graph, source, OPSETS).ir_version == 3
    add_constant(graph, "new", np.ones(2, np.float32))
    written = write_model(graph, source, OPSETS)
    assert written.ir_version == 4
    onnx.checker.check_model(written)
    assert write_model(graph, of_format(8), OPSETS).ir_version == 8


def test_sparse_initializers_are_kept_in_the_graph_and_in_bodies() -> None:
    sparse = onnx.SparseTensorProto(
        values=numpy_helper.from_array(np.array([2.0], np.float32), "s"),
        indices=numpy_helper.from_array(np.array([1], np.int64)),
        dims=[2],
    )
    proto = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 17]> g (float[2] x, bool c) => (float[2] y) {'
        " y = If (c) <then_branch = a () => (float[2] p) { p = Add(x, s) },"
        " else_branch = b () => (float[2] q) { q = Sub(x, s) }> }"
    )
    proto.graph.sparse_initializer.append(sparse)
    inner = proto.graph.node[0].attribute[0].g.sparse_initializer
    inner.append(sparse)
    inner[0].values.name = "t"
    written = write_model(graph_of(proto), proto, {"ai.onnx": 17})
    assert list(written.graph.sparse_initializer) == list(proto.graph.sparse_initializer)
    assert list(written.graph.node[0].attribute[0].g.sparse_initializer) == list(inner)
