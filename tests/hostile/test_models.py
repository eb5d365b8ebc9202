"""Every command on every model that nobody should send."""

import pytest
from hostile.case import COMMANDS, Case
from hostile.corpus import MODELS
from hostile.sandbox import Server
from hostile.support import outcome, run_case

QUICK = [case for case in MODELS if not case.slow]
LONG = [case for case in MODELS if case.slow]
CUT = [case for case in QUICK if case.name.startswith("truncated-in-")]


@pytest.fixture(scope="module")
def server():
    with Server() as started:
        yield started


def _expect(server, case: Case, command: str, folder, *more: str, seconds: float = 10) -> None:
    run = run_case(server, case, command, folder, more, seconds)
    assert outcome(run) == case.of(command), f"{run.out}\n{run.err}"


def test_names_are_unique_and_cases_are_many():
    assert len({case.name for case in MODELS}) == len(MODELS) >= 60


def test_a_case_is_the_same_bytes_each_time(tmp_path):
    for case in QUICK[::7]:
        made = []
        for number in range(2):
            folder = tmp_path / f"{case.name}-{number}"
            folder.mkdir()
            path = case.make(folder)
            made.append(path.read_bytes() if path.is_file() else None)
        assert made[0] == made[1], case.name


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
def test_a_check_ends_with_a_verdict_or_one_line(server, case, tmp_path):
    _expect(server, case, "check", tmp_path)


STOPPED = [c for c in QUICK if not c.of("convert").isdigit()]
GOES_ON = [c for c in QUICK if c.of("convert").isdigit()]
IN_TURN = [
    pytest.param(case, COMMANDS[1 + i % 4], id=f"{case.name}-{COMMANDS[1 + i % 4]}")
    for i, case in enumerate(c for i, c in enumerate(STOPPED) if c not in CUT or i % 10 == 0)
]
"""Each with one of the other commands, which begin as a check does."""


@pytest.mark.parametrize(("case", "command"), IN_TURN)
def test_another_command_refuses_it_in_one_line(server, case, command, tmp_path):
    _expect(server, case, command, tmp_path)


@pytest.mark.parametrize("case", GOES_ON, ids=lambda case: case.name)
def test_a_conversion_is_proven_or_not_passed(server, case, tmp_path):
    _expect(server, case, "convert", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
def test_every_command_on_every_case(server, case, command, tmp_path):
    _expect(server, case, command, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["check", "convert", "opset", "diff"])
@pytest.mark.parametrize("case", LONG, ids=lambda case: case.name)
def test_a_large_file_stays_within_memory(server, case, command, tmp_path):
    more = ["--no-verify"] if command in ("convert", "opset") else []
    _expect(server, case, command, tmp_path, *more, seconds=60)
