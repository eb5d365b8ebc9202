"""The gate from the command line: what is checked, what fails, and with which status."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import jsonschema
import pytest
from gate.support import OPEN, RELU, TAN, save, write_tables

from porting.capability.targets import VARIABLE
from porting.cli.app import run
from porting.gate.request import Request
from porting.gate.run import run as gate

BOTH = "g (float[2] x) => (float[2] y) { a = Tan(x) y = Relu(a) }"
THREE = "g (float[2] x) => (float[2] y) { a = Tan(x) b = Tan(a) y = Tan(b) }"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv(VARIABLE, str(write_tables(tmp_path / "tables")))
    save(Path("models/relu.onnx"), RELU)
    save(Path("models/det/tan.onnx"), TAN)
    return tmp_path


def checked(capsys, *arguments):
    """The status of `port check`, and its JSON."""
    status = run(["check", *arguments, "--format", "json"])
    captured = capsys.readouterr()
    assert captured.err == "" or status == 2, captured.err
    return status, json.loads(captured.out) if captured.out else captured.err


def pairs(data):
    return [
        (Path(r["model"]["path"]).name, r["target"]["id"], r["verdict"]) for r in data["results"]
    ]


def test_every_model_is_checked_on_every_target_in_order(folder, capsys):
    status, data = checked(
        capsys, "models/relu.onnx", "models/**/*.onnx", "-t", "oth-c", "-t", "nobody/*"
    )
    assert status == 1
    assert data["schema"] == "port.report/1"
    assert data["verdict"] == "fail"
    assert pairs(data) == [
        ("relu.onnx", "oth-c", "fail"),
        ("relu.onnx", "nob-a", "pass"),
        ("relu.onnx", "nob-b", "pass"),
        ("tan.onnx", "oth-c", "pass"),
        ("tan.onnx", "nob-a", "pass"),
        ("tan.onnx", "nob-b", "fail"),
    ]


def test_processes_and_cache_change_no_byte(folder, capsys, monkeypatch):
    arguments = ["check", "models/**/*.onnx", "-t", "nob-*", "-t", "oth-c", "--format", "json"]
    monkeypatch.setattr("porting.cache._SETTLED_NS", 0)
    outputs = []
    for more in ([], ["--no-cache"], [], [], ["--jobs", "2"], ["--jobs", "2", "--no-cache"]):
        assert run([*arguments, *more]) == 1
        outputs.append(capsys.readouterr().out)
        monkeypatch.setenv("PORT_CACHE", str(folder / "cache"))
    assert len(set(outputs)) == 1
    assert list((folder / "cache").glob("*/*.json"))


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["models/det/tan.onnx", "-t", "nob-a"], 0),
        (["models/det/tan.onnx", "-t", "nob-a", "--fail-on", "fallback"], 1),
        (["models/det/tan.onnx", "-t", "nob-a", "--max-fallback", "0"], 1),
        (["models/det/tan.onnx", "-t", "nob-a", "--max-fallback", "100%"], 0),
        (["models/det/tan.onnx", "-t", "nob-b"], 1),
        (["models/relu.onnx", "-t", "oth-c"], 1),
        (["models/relu.onnx", "-t", "oth-c", "--fail-on", "unsupported"], 0),
    ],
)
def test_what_fails_can_be_chosen(folder, capsys, arguments, status):
    assert checked(capsys, *arguments)[0] == status


def test_strict_fails_on_what_cannot_be_decided(folder, capsys):
    from legalize.toy import table_text

    save(Path("open.onnx"), OPEN)
    rule = "Relu: {require: [{that: 'X.shape[0] < 9', why: rows are few}]}"
    Path("own.yaml").write_text(table_text(rule))
    arguments = ["open.onnx", "--op-map", "own.yaml"]
    assert checked(capsys, *arguments)[0] == 0
    assert checked(capsys, *arguments, "--strict")[0] == 1
    assert checked(capsys, *arguments, "--strict", "--dim", "n=2")[0] == 0


def test_one_result_alone_is_what_it_always_was(folder, capsys):
    _, data = checked(capsys, "models/det/tan.onnx", "-t", "nob-b")
    assert data["schema"] == "port.check/1"
    assert "gate" not in data
    assert "notes" not in data


def test_only_new_findings_fail_once_there_is_a_baseline(folder, capsys):
    model = "models/det/tan.onnx"
    status, error = checked(capsys, model, "-t", "nob-b", "--baseline", "b.json")
    assert (status, error.split(":")[0]) == (2, "error[baseline-missing]")
    arguments = [model, "-t", "nob-b", "--baseline", "b.json"]
    status, data = checked(capsys, *arguments, "--update-baseline")
    assert (status, data["verdict"]) == (0, "pass")
    assert data["notes"] == ["b.json now holds 1 finding"]
    first = Path("b.json").read_text()
    assert json.loads(first)["findings"][0]["model"] == model
    status, data = checked(capsys, *arguments)
    assert (status, [f["standing"] for f in data["gate"]["findings"]]) == (0, ["known"])
    save(Path(model), THREE)
    status, data = checked(capsys, *arguments)
    standings = [f["standing"] for f in data["gate"]["findings"]]
    assert (status, sorted(standings)) == (1, ["fails", "fails", "known"])
    save(Path(model), RELU)
    status, data = checked(capsys, *arguments)
    assert status == 0
    assert data["gate"]["gone"] == ["Tan: toyc does not take Tan"]
    assert any("gone from models/det/tan.onnx on nob-b" in note for note in data["notes"])
    assert Path("b.json").read_text() == first


@pytest.mark.parametrize("place", ["none/report.json", "models"])
def test_a_report_that_cannot_be_written_leaves_the_baseline_as_it_was(folder, capsys, place):
    arguments = ["check", "models/det/tan.onnx", "-t", "nob-b", "--update-baseline"]
    assert run([*arguments, "--format", "text", "--format", f"json={place}"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error[output-")
    assert captured.out == ""
    assert not Path("port-baseline.json").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no full device")
def test_a_report_that_breaks_off_leaves_the_baseline_as_it_was(folder, capsys):
    arguments = ["check", "models/det/tan.onnx", "-t", "nob-b", "--update-baseline"]
    assert run([*arguments, "-o", "/dev/full"]) == 2
    assert "No space left" in capsys.readouterr().err
    assert not Path("port-baseline.json").exists()


def test_a_baseline_is_the_same_from_whatever_folder(folder, capsys, monkeypatch):
    checked(capsys, "models/det/tan.onnx", "-t", "nob-b", "--update-baseline")
    first = Path("port-baseline.json").read_text()
    monkeypatch.chdir(folder / "models" / "det")
    arguments = ["tan.onnx", "-t", "nob-b", "--baseline", "../../port-baseline.json"]
    assert checked(capsys, *arguments)[0] == 0
    assert checked(capsys, *arguments, "--update-baseline")[0] == 0
    assert (folder / "port-baseline.json").read_text() == first


CONFIG = """
models = ["models/**/*.onnx"]
targets = ["nob-b"]

[model."models/relu.onnx"]
targets = "oth-c"
fail-on = "unsupported"
"""


def test_a_configuration_says_what_is_checked_and_what_fails(folder, capsys, monkeypatch):
    Path("port.toml").write_text(CONFIG)
    status, data = checked(capsys)
    assert (status, pairs(data)) == (
        1,
        [("tan.onnx", "nob-b", "fail"), ("relu.onnx", "oth-c", "pass")],
    )
    monkeypatch.chdir(folder / "models")
    assert pairs(checked(capsys)[1]) == pairs(data)
    assert checked(capsys, "relu.onnx", "-t", "nob-a")[1]["target"]["id"] == "nob-a"
    assert checked(capsys, "relu.onnx", "--fail-on", "deviates")[0] == 1
    assert checked(capsys, "--no-config")[0] == 2
    assert checked(capsys, "--no-config", "--config", "../port.toml")[0] == 2
    assert checked(capsys, "--config", "../port.toml")[0] == 1


def test_shapes_of_a_section_are_those_of_its_models(folder, capsys):
    save(Path("models/open.onnx"), OPEN)
    Path("port.toml").write_text("targets = 'nob-b'\n[model.'open.onnx']\ndim = {n = 4}")
    _, data = checked(capsys, "models/open.onnx")
    assert data["model"]["inputs"][0]["shape"] == [4, 2]
    _, data = checked(capsys, "models/open.onnx", "--dim", "n=5")
    assert data["model"]["inputs"][0]["shape"] == [5, 2]
    status, error = checked(capsys, "models/open.onnx", "models/relu.onnx", "--dim", "n=5")
    assert status == 2
    assert "models/relu.onnx: no input has a dimension 'n'" in error


WAIVED = """
[[waiver]]
reason = "the head is cut off before it is deployed"
until = {until}
model = "models/det/*"
target = "nobody/*"
op = "Tan"
"""


def test_a_finding_is_waived_with_a_reason_until_a_day(folder, capsys):
    Path("port.toml").write_text(WAIVED.format(until="9999-12-31"))
    arguments = ["models/**/*.onnx", "-t", "nob-b"]
    status, data = checked(capsys, *arguments)
    assert status == 0
    (found,) = data["results"][0]["gate"]["findings"]
    assert found["standing"] == "waived"
    assert found["reason"] == "the head is cut off before it is deployed"
    assert data["notes"] == []
    Path("port.toml").write_text(WAIVED.format(until="2026-01-31"))
    status, data = checked(capsys, *arguments)
    assert status == 1
    assert "expired on 2026-01-31" in data["notes"][0]
    assert "expired" in data["results"][0]["gate"]["findings"][0]["reason"]


def test_the_last_day_of_a_waiver_is_one_of_it(folder):
    Path("port.toml").write_text(WAIVED.format(until="2026-06-30"))
    asked = Request(models=("models/det/tan.onnx",), targets=("nob-b",), use_cache=False)
    assert gate(asked, today=date(2026, 6, 30)).passed
    assert not gate(asked, today=date(2026, 7, 1)).passed


def test_a_waiver_that_nothing_needs_is_told(folder, capsys):
    Path("port.toml").write_text(WAIVED.format(until="9999-12-31"))
    _, data = checked(capsys, "models/det/tan.onnx", "-t", "nob-a")
    assert "covers nothing and can be taken out" in data["notes"][0]
    _, data = checked(capsys, "models/relu.onnx", "-t", "nob-a")
    assert "notes" not in data
    config = "models = 'models/**/*.onnx'\ntargets = 'nob-b'\n[model.'no/*']\nstrict = true\n"
    waiver = "[[waiver]]\nreason = 'r'\nop = 'Tan'\ntarget = 'oth-c'\n"
    Path("port.toml").write_text(config + waiver)
    assert checked(capsys)[1]["notes"] == [
        "waiver 1 (r) covers nothing and can be taken out",
        "port.toml: no model fits 'no/*'",
    ]
    assert checked(capsys, "-t", "nob-b")[1]["notes"] == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], "model-missing"),
        (["models/*.pb", "-t", "nob-a"], "model-none"),
        (["models/relu.onnx"], "target-missing"),
        (["models/relu.onnx", "-t", "no/*"], "target-unknown"),
        (["models/relu.onnx", "-t", "nob"], "target-ambiguous"),
        (["models/relu.onnx", "-t", "nob-a", "--fail-on", "bad"], "fail-on-unknown"),
        (["models/relu.onnx", "-t", "nob-a", "--max-fallback", "x"], "max-fallback-form"),
        (["models/relu.onnx", "-t", "nob-a", "--jobs", "-1"], "usage"),
        (["models/relu.onnx", "-t", "nob-a", "--config", "none.toml"], "config-missing"),
        (["models/relu.onnx", "none.onnx", "-t", "nob-a"], "model-not-found"),
        (["models/relu.onnx", "none.onnx", "-t", "nob-a", "-j", "2"], "model-not-found"),
        (["models/relu.onnx", "-t", "nob-a", "--update-baseline", "--baseline", "no/b"], "output"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_2(folder, capsys, arguments, code):
    before = sorted(folder.rglob("*"))
    assert run(["check", *arguments, "-o", "report.json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"error[{code}")
    assert len(captured.err.splitlines()) <= 2
    assert sorted(folder.rglob("*")) == before


def test_a_configuration_that_is_wrong_is_status_2(folder, capsys):
    Path("port.toml").write_text("targts = 'nob-a'")
    status, error = checked(capsys, "models/relu.onnx")
    assert status == 2
    assert error.splitlines() == [
        "error[config-invalid]: port.toml:1: targts: there is no such setting",
        "help: did you mean targets?",
    ]


@pytest.mark.parametrize("name", ["a\\u0000b", "x" * 5000, "a\\nb"])
def test_a_model_of_an_impossible_name_is_status_2(folder, capsys, monkeypatch, name):
    monkeypatch.setenv("PORT_CACHE", str(folder / "cache"))
    Path("port.toml").write_text(f'models = "{name}"\ntargets = "nob-a"')
    status, error = checked(capsys)
    assert status == 2
    assert error.startswith("error[model-")
    assert len(error.splitlines()) <= 2


def test_text_of_several_ends_in_a_table(folder, capsys):
    assert run(["check", "models/**/*.onnx", "-t", "nob-a", "-t", "nob-b"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("PASS") for line in lines) == 3
    assert lines[-1] == "FAIL  1 of 4 checks fail, of 1 model"
    assert sum("toyc does not take Tan" in line for line in lines) == 1


def test_text_says_what_is_waived_known_and_broken(folder, capsys):
    Path("port.toml").write_text(WAIVED.format(until="9999-12-31"))
    assert run(["check", "models/det/tan.onnx", "-t", "nob-b"]) == 0
    text = capsys.readouterr().out
    assert "waived       Tan" in text
    assert "why    the head is cut off before it is deployed" in text
    assert "PASS  no node fails, 1 waived" in text
    arguments = ["check", "models/det/tan.onnx", "-t", "nob-a", "--max-fallback", "0"]
    assert run([*arguments, "--no-config"]) == 1
    assert "FAIL  1 of 1 nodes run on the host, 0 may" in capsys.readouterr().out


def test_the_json_has_the_published_form(folder, capsys):
    schema = Path(__file__).parents[2] / "porting" / "report" / "reports.schema.json"
    Path("port.toml").write_text(WAIVED.format(until="9999-12-31"))
    form = json.loads(schema.read_text(encoding="utf-8"))
    for more in (["-t", "nob-b"], ["-t", "nobody/*"], ["-t", "nob-b", "--update-baseline"]):
        jsonschema.validate(checked(capsys, "models/det/tan.onnx", *more)[1], form)


def children_of(process_id):
    return Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()


def in_group(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def waited_for(condition):
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
def test_ctrl_c_is_status_2_and_says_so(folder):
    for number in range(40):
        save(Path(f"many/{number}.onnx"), BOTH)
    listen = "signal.signal(signal.SIGINT, signal.default_int_handler)"  # ignored in a background
    code = (
        f"import signal; {listen}; from porting.cli import main\nif __name__ == '__main__': main()"
    )
    command = [sys.executable, "-c", code, "check", "many/*.onnx", "-t", "all", "--jobs", "2"]
    started = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=dict(os.environ),
    )
    assert waited_for(lambda: len(children_of(started.pid)) >= 2)
    os.killpg(started.pid, signal.SIGINT)
    out, err = started.communicate(timeout=60)
    assert started.returncode == 2
    assert out == ""
    assert err.startswith("error[interrupted]: stopped before the job was done")
    assert len(err.splitlines()) == 1
    assert waited_for(lambda: not in_group(started.pid))
