import pytest
from legalize.toy import graph

from porting.legalize.rule import DeclinedError
from porting.legalize.wellformed import require_wellformed

GIVEN = "g (float[2,2] x, int32[2,2] i) => (float[2,2] y)"


@pytest.mark.parametrize(
    ("opset", "node", "reason"),
    [
        (13, "y = Gelu(x)", "there is no Gelu of opset 13"),
        (17, "y = Upsample(x, x)", "there is no Upsample of opset 17"),
        (17, "y = Relu <alpha=1.0> (x)", "Relu of opset 17 has no attribute alpha"),
        (17, "y = MatMul(x)", "MatMul of opset 17 needs input B"),
        (11, "y = Max(i, i)", "Max of opset 11 does not take int32"),
        (11, "y = Cast <to=16> (x)", "Cast of opset 11 does not give bfloat16"),
        (17, 'y = Pad <mode="wrap"> (x, i)', "Pad of opset 17 has no mode wrap"),
    ],
)
def test_what_an_opset_does_not_have_is_declined(opset, node, reason):
    nodes = graph(f"{GIVEN} {{ {node} }}", opset).nodes
    with pytest.raises(DeclinedError, match=reason):
        require_wellformed(nodes)


@pytest.mark.parametrize("node", ["y = Relu(x)", "y = Sum(x, x, x)", "y = Cast <to=1> (i)"])
def test_what_an_opset_has_is_accepted(node):
    require_wellformed(graph(f"{GIVEN} {{ {node} }}").nodes)
