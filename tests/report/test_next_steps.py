import shlex
from dataclasses import replace

import pytest
from gate.support import finding, node, result
from legalize.toy import model, write_table

import porting
from porting.gate.evaluate import evaluate
from porting.report.next_steps import next_steps


def test_open_inputs_are_asked_for_when_something_is_unknown(tmp_path):
    body = "g (float[n,4] x) => (float[n,4] y) { y = Relu(x) }"
    limit = '{that: "X.shape[0] == 1", why: batch is 1}'
    table = write_table(tmp_path, f"Relu:\n  require: [{limit}]")
    steps = next_steps(evaluate(porting.check(model(body), op_map=table)))
    assert steps[0].endswith(f"port check MODEL --op-map {table} --shape x=SIZE,4")


def test_nothing_is_left_to_do_where_everything_is_supported():
    assert next_steps(evaluate(result([node("a")]))) == []


@pytest.mark.parametrize("path", ["m.onnx", "a b.onnx", "$(touch x).onnx", "it's;.onnx"])
def test_a_path_stays_one_word_in_a_shell(path):
    entry = evaluate(result([node("a", finding())], path))
    (step,) = next_steps(replace(entry, given="--dim n=1"))
    command = shlex.split(step.partition(": ")[2])
    out = path.removesuffix(".onnx") + ".toy.onnx"
    assert command == ["port", "convert", path, "--target", "toy", "--dim", "n=1", "-o", out]
