"""Every command that reads a table, on every table that nobody should send."""

import pytest
from hostile.case import relu, write
from hostile.sandbox import Server
from hostile.support import Place, held, outcome
from hostile.tables import TABLES


@pytest.fixture(scope="module")
def server():
    with Server() as started:
        yield started


def _line(command: str, table: str, model: str, out: str) -> list[str]:
    return {
        "check": ["check", model, "--no-config", "--op-map", table],
        "convert": ["convert", model, "--op-map", table, "-o", out, "--no-verify"],
        "diff": ["diff", model, model, "--op-map", table],
        "explain": ["explain", "Relu", "--op-map", table],
        "lint": ["op-map", "lint", table],
    }[command]


@pytest.mark.parametrize(
    "command",
    [
        "check",
        "lint",
        *(pytest.param(c, marks=pytest.mark.slow) for c in ("convert", "diff", "explain")),
    ],
)
@pytest.mark.parametrize("case", TABLES, ids=lambda case: case.name)
def test_a_table_is_read_or_refused_in_one_line(server, case, command, tmp_path):
    place = Place(tmp_path)
    table = case.make(place.model)
    model = write(place.out, relu())
    line = _line(command, str(table), str(model), str(place.log / "converted.onnx"))
    run = held(server, place, line, seconds=10, kept=model)
    expected = {"lint": case.lint, "explain": case.explained or case.code}.get(command, case.code)
    assert outcome(run) == expected, f"{run.out[:2000]}\n{run.err[:2000]}"
