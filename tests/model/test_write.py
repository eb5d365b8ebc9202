import numpy as np
import onnx
from onnx import ModelProto, helper
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
