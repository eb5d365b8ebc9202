import pytest
from legalize.toy import graph

from porting.legalize.cost import MACS_PER_ELEMENT, Cost, cost_of, elements_moved, multiply_adds


def only(body):
    return graph(body).nodes[-1]


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("g (float[2,3] x) => (float[2,3] y) { y = Relu(x) }", 12),
        ("g (float[2,3] x) => (float[2,3] y) { y = Mul(x, x) }", 12),
        ("g (float[2,3] x, float[3] b) => (float[2,3] y) { y = Add(x, b) }", 15),
        ("g (float[2,3] x) => (float[3,2] y) { y = Transpose(x) }", 12),
        ("g (float[2,3] x) => (float[6] y) <int64[1] s = {6}> { y = Reshape(x, s) }", 0),
        ("g (float[9,3] x) => (float[1,3] y) <int64[1] i = {4}> { y = Gather(x, i) }", 6),
        ("g (float[n,3] x) => (float[n,3] y) { y = Relu(x) }", 0),
    ],
)
def test_elements_that_a_node_reads_and_writes(body, count):
    assert elements_moved(only(body)) == count


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("g (float[2,3] x, float[3,5] w) => (float[2,5] y) { y = MatMul(x, w) }", 2 * 3 * 5),
        ("g (float[7,2,3] x, float[3,5] w) => (float[7,2,5] y) { y = MatMul(x, w) }", 7 * 30),
        ("g (float[3,2] x, float[3,5] w) => (float[2,5] y) { y = Gemm <transA=1> (x, w) }", 30),
        (
            "g (float[1,4,8,8] x, float[6,2,3,3] w) => (float[1,6,6,6] y) "
            "{ y = Conv <group=2> (x, w) }",
            6 * 36 * 2 * 9,
        ),
        (
            "g (float[1,4,8,8] x, float[4,3,2,2] w) => (float[1,6,16,16] y) "
            "{ y = ConvTranspose <group=2, strides=[2,2]> (x, w) }",
            4 * 64 * 3 * 4,
        ),
        ("g (float[2,3] x) => (float[2,3] y) { y = Relu(x) }", 0),
    ],
)
def test_multiplications_that_a_node_does(body, count):
    assert multiply_adds(only(body)) == count


def test_a_host_node_weighs_more_than_any_work_and_work_more_than_nodes():
    assert Cost(1, 0, 1) > Cost(0, 10**9, 99)
    assert Cost(0, 2, 1) > Cost(0, 1, 99)


def test_products_count_for_the_elements_that_a_chip_moves_meanwhile():
    node = only("g (float[10,50] x, float[50,20] w) => (float[10,20] y) { y = MatMul(x, w) }")
    assert cost_of([node], 0).work == 500 + 1000 + 200 + 10 * 50 * 20 // MACS_PER_ELEMENT
