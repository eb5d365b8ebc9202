import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto
from rules.harness import difference, rewrite, run_ort, run_reference, single, the_rule
from rules.support import arrays, declines, few, prove, shapes

from porting.rules import running_products as rules

MODEST = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 2.0])


def cum_prod(
    x: np.ndarray, axis: int, **attributes: int
) -> tuple[ModelProto, dict[str, np.ndarray]]:
    inputs = [x, np.array(axis, np.int64)]
    return single("CumProd", inputs, opset=26, constants=[1], ir_version=10, **attributes)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@few
@given(data=st.data(), reverse=st.integers(0, 1), exclusive=st.integers(0, 1))
def test_running_products_are_the_same(
    dtype: str, data: st.DataObject, reverse: int, exclusive: int
) -> None:
    odd = MODEST if dtype.startswith("float") else np.array([0.0, 1.0, -2.0])
    x = data.draw(arrays(shapes(1, 3, size=7), odd, "float64")).astype(dtype)
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    case = cum_prod(x, axis, reverse=reverse, exclusive=exclusive)
    # onnxruntime has no opset 26, so that it runs the results only
    prove(rules.cum_prod_by_doubling, case, ort=False, rel=1e-4)
    wanted = run_reference(*case)[0]
    for opset in (11, 13, 18):
        result = rewrite(case[0], the_rule(rules.cum_prod_by_doubling), opset)
        for run in (run_ort, run_reference):
            assert not difference(wanted, run(result, case[1])[0], 1e-4, 1e-6)


def test_a_long_axis_takes_few_products() -> None:
    case = cum_prod(np.full(1000, 1.001, np.float32), 0)
    operators = prove(rules.cum_prod_by_doubling, case, ort=False, rel=1e-3)
    assert operators.count("Mul") == 10


def test_an_axis_of_unknown_or_no_length_is_declined() -> None:
    model, feed = cum_prod(np.ones((2, 3), np.float32), 1)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "n"
    declines(rules.cum_prod_by_doubling, (model, feed), "the size of the axis is not known")
    empty = cum_prod(np.ones((2, 0), np.float32), 1)
    declines(rules.cum_prod_by_doubling, empty, "the axis is empty")
    computed = single("CumProd", [np.ones(3, np.float32), np.array(0)], opset=26, ir_version=10)
    declines(rules.cum_prod_by_doubling, computed, "not a constant")
