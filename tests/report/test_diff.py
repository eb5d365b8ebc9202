"""What `port diff` prints: every kind of change, bounded, and no more than text."""

import re

import onnx
import pytest
from legalize.toy import model, write_table
from onnx import helper

import porting
from porting.report import diff_markdown, diff_text

OLD = "g (float[2] x) => (float[2] y) <float[2] w = {1, 2}> { a = Mul(x, w) y = Relu(a) }"
NEW = """g (float[2] x, float[2] z) => (float[2] y) <float[2] w = {1, 3}> {
  a = Mul(x, w) b = Exp(a) y = Relu(b) }"""


@pytest.fixture
def result(tmp_path):
    table = write_table(tmp_path, "Relu: {}\nMul: {}")
    return porting.diff(model(OLD), model(NEW, 18), op_map=table)


@pytest.mark.parametrize("render", [diff_text.render, diff_markdown.render])
def test_every_kind_of_change_is_told(result, render):
    text = render(result)
    for word in (
        "new findings",
        "toyc does not take Exp",
        "opset ai.onnx",
        "input added",
        "operators",
        "1 unsupported",
        "added",
        "reads X a → b",
        "parameters",
    ):
        assert word in text, word


@pytest.mark.parametrize("render", [diff_text.render, diff_markdown.render])
def test_two_runs_print_the_same(result, render):
    assert render(result) == render(result)


def test_equal_models_have_no_table():
    same = porting.diff(model(OLD), model(OLD))
    assert diff_text.render(same).strip().splitlines()[-1] == "DIFF  no difference"
    assert "|" not in diff_markdown.render(same)


def test_every_row_has_as_many_cells_as_its_head(result):
    width = 0
    for line in diff_markdown.render(result).splitlines():
        if line.startswith("|"):
            cells = len(re.split(r"(?<!\\)\|", line))
            width = width or cells
            assert cells == width, line
        else:
            width = 0


def chain(count: int, op: str, name: str) -> onnx.ModelProto:
    nodes = [helper.make_node(op, [f"v{i}"], [f"v{i + 1}"], f"{name}{i}" * 8) for i in range(count)]
    ends = [helper.make_tensor_value_info(n, 1, [2]) for n in ("v0", f"v{count}")]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_much_is_cut_and_counted():
    result = porting.diff(chain(500, "Relu", "a"), chain(500, "Exp", "b"))
    text, markdown = diff_text.render(result), diff_markdown.render(result)
    assert "and 980 more" in text
    assert "950 more rows are left out" in markdown
    assert len(markdown) < 65_000


def test_names_are_text_and_nothing_else():
    evil = "\x1b[31m|<b>@all\n"
    result = porting.diff(chain(1, "Relu", "a"), chain(1, "Exp", evil))
    for text in (diff_text.render(result), diff_markdown.render(result)):
        assert "\x1b" not in text
    assert "<b>" not in diff_markdown.render(result)
    assert "@all" not in diff_markdown.render(result)
