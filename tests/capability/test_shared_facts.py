"""What a family of chips shares: conditions that are added, folding before all else, broadcasts."""

from pathlib import Path

import pytest
from capability.helpers import node_model, ones, table, verdict, write_table
from capability.test_expression import operand, value

from porting.capability.table import load_table
from porting.capability.unknown import Unknown


def test_also_adds_to_what_the_other_table_requires(tmp_path: Path):
    write_table(
        tmp_path / "_base.yaml",
        "Relu: {require: [{that: X.rank >= 2, why: no vector}]}",
        patterns=[{"name": "a", "match": "p = Abs(x)\ny = Abs(p)", "fuses": True}],
    )
    own = tmp_path / "n2.yaml"
    own.write_text(
        "extends: _base\ntarget: n2\n"
        'patterns: [{name: b, match: "p = Neg(x)\\ny = Neg(p)", fuses: true}]\n'
        "ops: {Relu: {also: [{that: X.rank <= 4, why: no volume}]}}\n"
    )
    chip = load_table(own)
    chip.validate()
    for shape, expected in (
        ((2,), "unsupported"),
        ((2, 2), "supported"),
        ((1,) * 5, "unsupported"),
    ):
        assert verdict(node_model("Relu", {"x": shape}), chip) == expected
    assert [p.name for p in chip.data.patterns] == ["a", "b"]


def test_folding_by_a_runtime_of_its_own_takes_unlisted_operators_away_up_to_its_opset():
    chip = table(
        "Sin: {verdict: unsupported, why: not there}\nCos: {folds: false}",
        folds={"opset": "..19", "unlisted": True},
    )
    for opset, expected in ((19, "supported"), (20, "unsupported")):
        for op_type in ("Sin", "Tan"):
            assert verdict(node_model(op_type, {"x": ones(2)}, opset=opset), chip) == expected
    assert verdict(node_model("Tan", {"x": (2,)}), chip) == "unsupported"


@pytest.mark.parametrize(
    ("small", "large", "runs"),
    [
        ((2, 4, 8, 8), (2, 4, 8, 8), 0),
        ((1, 4, 1, 1), (1, 4, 8, 8), 1),
        ((1, 4, 1, 1), (2, 4, 8, 8), 2),
        ((8,), (1, 4, 8, 8), 1),
        ((1, 2, 1), (3, 2, 1), 1),
        ((4, 1, 4, 1), (4, 1, 4, 1), 0),
        ((1, 1, 1), (3, 1, 3), 1),
        ((), (2, 3), 1),
    ],
)
def test_runs_counts_the_groups_of_axes_along_which_an_operand_is_repeated(small, large, runs):
    assert value("runs(a, b)", a=operand(small), b=operand(large)) == runs


def test_runs_of_a_shape_that_is_not_known_is_unknown():
    assert isinstance(value("runs(a, b)", a=operand(), b=operand((2, 3))), Unknown)
    assert isinstance(value("runs(a, b)", a=operand((2, 3)), b=operand()), Unknown)
    assert isinstance(value("runs(a, b)", a=operand((2, "n")), b=operand((2, 3))), Unknown)


def test_differences_are_the_steps_from_each_item_to_the_next():
    assert value("differences([0, 2, 1])") == (2, -1)
    assert value("differences([7])") == ()
    assert value("differences(k)", k=(3, 4, 6)) == (1, 2)
