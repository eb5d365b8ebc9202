"""How many times a model is run follows from its structure."""

import numpy as np
import onnx
import onnx.parser
from hypothesis import given
from hypothesis import strategies as st

from porting.proof.effort import FEWEST, MOST, seeds_for
from porting.proof.given import Given
from porting.proof.request import Request
from porting.proof.run import run_model
from porting.proof.tolerance import Tolerance
from porting.proof.verify import verify_files

EXACT = Tolerance.for_classes(["exact"])


def network(weights):
    """A product with that many weights, of which only the shape is there."""
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["": 17]> g (float[N, M] x) => (float y)
        { y = MatMul (x, w) }"""
    )
    model.graph.initializer.add(name="w", data_type=onnx.TensorProto.FLOAT, dims=[weights])
    return model


@given(st.integers(1, 10**8), st.integers(1, 10**6))
def test_more_work_never_means_more_seeds(weights, elements):
    seeds = len(seeds_for(network(weights), {"x": (1, elements)}))
    assert FEWEST <= seeds <= MOST
    assert len(seeds_for(network(2 * weights), {"x": (1, elements)})) <= seeds
    assert len(seeds_for(network(weights), {"x": (2, elements)})) <= seeds


def test_small_models_get_many_seeds_and_large_ones_few():
    assert seeds_for(network(1000), {"x": (1, 1000)}) == tuple(range(MOST))
    assert seeds_for(network(25_000_000), {"x": (3, 224, 224)}) == tuple(range(FEWEST))


def test_seeds_that_are_asked_for_are_kept(save):
    a = save("g (float[3] x) => (float[3] y) { y = Tanh (x) }")
    assert verify_files(a, a, tolerance=EXACT).runs == MOST
    assert verify_files(a, a, tolerance=EXACT, inputs=Given(seeds=(5,))).runs == 1
    assert verify_files(a, a, tolerance=EXACT, inputs=Given(seeds=tuple(range(20)))).runs == 20


def test_what_onnxruntime_does_not_run_alone_gets_few_seeds(save):
    slow = save("g (bfloat16[3] x) => (bfloat16[3] y) { y = Add (x, x) }")
    result = verify_files(slow, slow, tolerance=EXACT)
    assert (result.status, result.runs) == ("passed", FEWEST)


def test_a_model_that_runs_more_slowly_than_the_original_is_compared_on_what_both_ran(save):
    a = save("g (float[3] x) => (float[3] y) { y = Add (x, x) }")
    b = save("""g (float[3] x) => (float[3] y)
        { h = Cast <to = 16> (x) s = Add (h, h) y = Cast <to = 1> (s) }""")
    loose = Tolerance.for_classes(["approximate"], "bfloat16")
    result = verify_files(a, b, tolerance=loose)
    assert (result.status, result.runs) == ("passed", FEWEST)


def test_the_same_is_said_twice(save):
    a = save("g (float[N, 4] x) => (float[N, 4] y) { y = Softmax (x) }")
    b = save("""g (float[N, 4] x) => (float[N, 4] y) <int64[1] axes = {-1}> {
        m = ReduceMax <axes = [-1]> (x) d = Sub (x, m) e = Exp (d) s = ReduceSum (e, axes)
        y = Div (e, s) }""")
    first, again = (verify_files(a, b, tolerance=EXACT).to_dict() for _ in range(2))
    assert first == again


def test_spare_cases_are_left_out_where_onnx_reference_runs(save):
    path = save("g (float[3] x) => (float[3] y) { y = Tanh (x) }")
    model = onnx.load(path)
    cases = Request.of(model, {}, {}, Given()).cases(model)
    assert [case.spare for case in cases] == [False] * FEWEST + [True] * (MOST - FEWEST)
    run = run_model(path, cases, reference=True)
    assert [result is None for result in run.results] == [case.spare for case in cases]
    assert all(np.isfinite(run.results[i]["y"]).all() for i in range(FEWEST))
