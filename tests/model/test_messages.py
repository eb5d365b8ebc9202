"""What a graph's messages say is read once, and attributes compare as they are written."""

import numpy as np
import onnx
import pytest
from capability.helpers import ones
from onnx import AttributeProto, NodeProto, TensorProto, helper, numpy_helper

from porting.model.messages import Messages, Nodes, row_of

BODY = helper.make_graph([], "body", [], [])


def test_a_row_says_what_the_node_says() -> None:
    nodes = [
        helper.make_node("Clip", ["x", "", "max"], ["y"], name="n"),
        helper.make_node("Split", ["y"], ["a", "b"], domain="com.example", axis=1),
        helper.make_node("Constant", [], ["c"], value_int=1),
    ]
    rows = list(Nodes.of(nodes).rows())
    assert rows == [row_of(node) for node in nodes]
    assert rows[0][1:] == ("Clip", "", "n", ("x", "", "max"), ("y",), ())
    assert rows[1][1:6] == ("Split", "com.example", "", ("y",), ("a", "b"))


def test_equal_attributes_are_one_object() -> None:
    given = [{"axis": 1, "keepdims": 0}, {"axis": 1, "keepdims": 0}, {"axis": 2, "keepdims": 0}]
    nodes = [helper.make_node("ArgMax", ["x"], ["y"], **attributes) for attributes in given]
    first, second, third = Nodes.of(nodes).written
    assert first is second
    assert first != third


def two_faced() -> AttributeProto:
    attribute = helper.make_attribute("axis", 1)
    attribute.g.CopyFrom(BODY)
    return attribute


@pytest.mark.parametrize(
    "attribute",
    [
        helper.make_attribute("then_branch", BODY),
        helper.make_attribute("bodies", [BODY]),
        helper.make_attribute("value", numpy_helper.from_array(ones(20_000))),
        helper.make_attribute("values", [numpy_helper.from_array(ones(2))]),
        two_faced(),
    ],
    ids=["graph", "graphs", "large", "tensors", "two-faced"],
)
def test_bodies_and_large_attributes_are_not_compared(attribute: AttributeProto) -> None:
    node = NodeProto(op_type="Any", attribute=[attribute])
    assert Nodes.of([node]).written == [None]
    assert row_of(node)[-1] is None


@pytest.mark.parametrize("field", ["input", "output", "name", "op_type", "domain", "overload"])
def test_a_name_that_is_not_text_is_noticed(field: str) -> None:
    plain = {"input": ["name"], "output": ["name"]}.get(field, "name")
    data = NodeProto(**{field: plain}).SerializeToString()
    assert Nodes.of([NodeProto.FromString(data)]).is_text
    assert not Nodes.of([NodeProto.FromString(data.replace(b"name", b"n\xffme"))]).is_text


def test_weights_have_their_type_and_dimensions() -> None:
    arrays = {"w": ones(2, 3), "empty": ones(0), "scalar": np.array(1, np.int64)}
    graph = onnx.GraphProto(initializer=[numpy_helper.from_array(a, n) for n, a in arrays.items()])
    assert [weight[1:] for weight in Messages.of(graph).weights] == [
        ("w", TensorProto.FLOAT, (2, 3)),
        ("empty", TensorProto.FLOAT, (0,)),
        ("scalar", TensorProto.INT64, ()),
    ]
