"""A node that ONNX does not allow is told, without its name: equal nodes share what is said."""

import onnx
import pytest
from legalize.toy import judge_for
from onnx import TensorProto, helper
from rules.harness import graph_of

from porting.capability.judge import Judge
from porting.conversion import Declined
from porting.legalize.policy import DEFAULT
from porting.legalize.search import Search
from porting.model.form import form_error, refusal
from porting.model.graph import Node
from porting.rules import registry


def node_of(op_type: str, inputs: list[str], **attributes: object) -> Node:
    info = helper.make_tensor_value_info
    node = helper.make_node(op_type, inputs, ["y"], name="a name", **attributes)  # type: ignore[arg-type]
    shape = info("x", TensorProto.FLOAT, [2, 3])
    made = helper.make_graph([node], "g", [shape], [info("y", TensorProto.FLOAT, None)])
    return graph_of(
        helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    ).nodes[0]


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (node_of("Relu", ["x"]), ""),
        (node_of("Relu", ["x", "x"]), "it has input size 2 not in range [min=1, max=1]"),
        (node_of("Add", ["x", ""]), "its input 1 is marked single but has an empty string"),
        (node_of("Relu", ["x"], foo=1), "Unrecognized attribute: foo"),
        (node_of("Cast", ["x"]), "Required attribute 'to' is missing"),
        (node_of("LeakyRelu", ["x"], alpha=1), "Mismatched attribute type in 'alpha'"),
        (node_of("Nothing", ["x"]), ""),
    ],
)
def test_what_the_checker_says_is_said_of_any_such_node(node: Node, said: str) -> None:
    found = form_error(node)
    assert found.startswith(said) if said else found == ""
    assert "a name" not in found


def test_a_node_with_a_body_needs_its_attributes() -> None:
    body = onnx.parser.parse_graph("g () => (float[1] y) <float[1] y = {1}> {}")
    info = helper.make_tensor_value_info
    node = helper.make_node("If", ["c"], ["y"], then_branch=body)
    made = helper.make_graph(
        [node], "g", [info("c", TensorProto.BOOL, [])], [info("y", TensorProto.FLOAT, None)]
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert form_error(graph_of(model).nodes[0]) == "attribute else_branch is missing"


def judge() -> Judge:
    return judge_for("Relu: {}\nElu: {}\nMax: {}\nMul: {}")


def test_such_a_node_is_unknown_to_a_table_that_takes_its_operator() -> None:
    (finding,) = judge().findings(node_of("Relu", ["x", "x"]))
    assert (finding.verdict, finding.code) == ("unknown", "node-invalid")
    assert not judge().findings(node_of("Relu", ["x"]))


def test_no_rule_guesses_what_such_a_node_means() -> None:
    search = Search(judge(), registry(), DEFAULT)
    assert not isinstance(search.replace(node_of("LeakyRelu", ["x"]), "unsupported"), list)
    found = search.replace(node_of("LeakyRelu", ["x"], alpha=1), "unsupported")
    assert isinstance(found, list)
    (declined,) = found
    assert isinstance(declined, Declined)
    assert declined.reason.startswith("ONNX does not allow the node: Mismatched attribute type")


def test_a_constant_whose_data_lies_in_a_file_is_allowed() -> None:
    node = node_of("Constant", [], value=helper.make_tensor("v", TensorProto.FLOAT, [1], [2.0]))
    tensor = node.proto.attribute[0].t
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="nowhere.bin")
    assert form_error(node) == ""


def test_what_the_checker_says_of_a_named_node_does_not_name_it_again() -> None:
    context = onnx.checker.DEFAULT_CONTEXT.__class__()
    context.ir_version, context.opset_imports = 8, {"": 17}
    for node in (
        helper.make_node("Relu", ["x", "x"], ["y"], name="a name"),
        helper.make_node("Add", ["x", ""], ["y"], name="a name"),
        helper.make_node("LeakyRelu", ["x"], ["y"], name="a name", alpha=1),
    ):
        with pytest.raises(onnx.checker.ValidationError) as raised:
            onnx.checker.check_node(node, context)
        assert "a name" in str(raised.value).split("\n", 1)[0]
        said = refusal(node, 8, {"": 17})
        assert said
        assert "a name" not in said
