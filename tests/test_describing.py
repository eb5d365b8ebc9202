from click.testing import CliRunner

from porting.cli.app import app
from porting.describing import describe_rule, operators_written
from porting.rules import registry

RULES = {r.name: r for r in registry()}


def test_a_rule_tells_the_operators_that_it_writes() -> None:
    written = set(operators_written(RULES["gelu-to-erf"]))
    assert written == {"Add", "Div", "Erf", "Mul"}


def test_operators_written_by_helpers_are_found() -> None:
    written = set(operators_written(RULES["layer-normalization-to-means"]))
    assert {"ReduceMean", "Sqrt"} <= written


def test_a_rule_tells_which_targets_refuse_its_operator() -> None:
    description = describe_rule(RULES["gelu-to-erf"])
    assert "rockchip-rk3588" in description.refused
    assert not set(description.refused) & set(description.restricted)


def test_the_command_shows_it() -> None:
    result = CliRunner().invoke(app, ["rules", "show", "gelu-to-erf"])
    assert result.exit_code == 0
    assert "refused by" in result.output
    assert "rockchip-rk3588" in result.output
