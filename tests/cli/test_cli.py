import json
import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from legalize.toy import model, write_table

from porting.cli.app import run

HARD_SWISH = "g (float[n,4] x) => (float[n,4] y) { y = HardSwish(x) }"
TABLE = "Mul: {}\nAdd: {}\nClip: {}\nHardSigmoid: {}\nRelu: {}"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    onnx.save_model(model(HARD_SWISH), "model.onnx")
    onnx.save_model(model("g (float[2] x) => (float[2] y) { y = Relu(x) }"), "good.onnx")
    write_table(tmp_path, TABLE)
    return tmp_path


def test_check_passes_with_0_and_fails_with_1(folder, capsys):
    assert run(["check", "good.onnx", "--op-map", "toy.yaml"]) == 0
    assert "PASS" in capsys.readouterr().out
    assert run(["check", "model.onnx", "--op-map", "toy.yaml"]) == 1
    assert "FAIL  1 of 1 nodes fail on toy" in capsys.readouterr().out


def test_check_says_what_why_by_which_source_and_what_next(folder, capsys):
    run(["check", "model.onnx", "--op-map", "toy.yaml"])
    text = capsys.readouterr().out
    assert "unsupported  HardSwish  toyc does not take HardSwish" in text
    assert "[1] Toy list (nowhere)" in text
    assert "port convert" in text


def test_check_writes_json_to_stdout_or_a_file(folder, capsys):
    arguments = ["check", "model.onnx", "--op-map", "toy.yaml", "--format", "json"]
    assert run(arguments) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["schema"] == "port.check/1"
    assert data["verdict"] == "fail"
    assert run([*arguments, "-o", "report.json"]) == 1
    assert capsys.readouterr().out == ""
    assert json.loads((folder / "report.json").read_text()) == data


def test_check_writes_text_to_a_file(folder, capsys):
    assert run(["check", "good.onnx", "--op-map", "toy.yaml", "-o", "report.txt"]) == 0
    assert capsys.readouterr().out == ""
    assert "PASS" in (folder / "report.txt").read_text()


def test_all_lists_supported_nodes_too(folder, capsys):
    arguments = ["check", "good.onnx", "--op-map", "toy.yaml", "--format", "json"]
    run(arguments)
    assert json.loads(capsys.readouterr().out)["nodes"] == []
    run([*arguments, "--all"])
    assert [n["op_type"] for n in json.loads(capsys.readouterr().out)["nodes"]] == ["Relu"]


def test_convert_writes_the_model_and_the_report(folder, capsys):
    arguments = ["convert", "model.onnx", "--op-map", "toy.yaml", "-o", "out.onnx"]
    assert run([*arguments, "--report", "r.json", "--dim", "n=2"]) == 0
    text = capsys.readouterr().out
    assert "rewrote" in text
    assert "proved" in text
    assert "max rel" in text
    assert (folder / "out.onnx").exists()
    assert json.loads((folder / "r.json").read_text())["schema"] == "port.convert/1"


def test_convert_to_json(folder, capsys):
    arguments = ["convert", "model.onnx", "--op-map", "toy.yaml", "-o", "out.onnx"]
    assert run([*arguments, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "pass"


def test_convert_to_half_precision(folder, capsys):
    arguments = ["convert", "model.onnx", "--op-map", "toy.yaml", "-o", "out.onnx"]
    assert run([*arguments, "--partial", "--float16", "--format", "json"]) in {0, 1}
    assert json.loads(capsys.readouterr().out)["halving"]["dtype"] == "float16"
    assert run([*arguments, "--partial", "--float16", "--no-keep-io-types"]) in {0, 1}
    assert run([*arguments, "--float16", "--bfloat16"]) == 2
    assert "--float16 and --bfloat16 exclude each other" in capsys.readouterr().err


def test_convert_fails_with_1_and_writes_nothing_when_nodes_remain(folder, capsys):
    write_table(folder, "Relu: {}")
    arguments = ["convert", "model.onnx", "--op-map", "toy.yaml", "-o", "out.onnx"]
    assert run(arguments) == 1
    text = capsys.readouterr().out
    assert "wrote nothing" in text
    assert "tried" in text
    assert not (folder / "out.onnx").exists()
    assert run([*arguments, "--partial"]) == 1
    assert (folder / "out.onnx").exists()


def test_verify_compares_two_files(folder, capsys):
    onnx.save_model(model("g (float[2] x) => (float[2] y) { y = Abs(x) }"), "other.onnx")
    assert run(["verify", "good.onnx", "good.onnx"]) == 0
    assert "proved" in capsys.readouterr().out
    assert run(["verify", "good.onnx", "other.onnx", "--format", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["schema"] == "port.verify/1"
    assert data["status"] == "failed"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["check", "good.onnx"], "target-missing"),
        (["check", "good.onnx", "--target", "ascend-310q"], "target-unknown"),
        (["check", "none.onnx", "--op-map", "toy.yaml"], "model-not-found"),
        (["check", "good.onnx", "--op-map", "none.yaml"], "table-not-found"),
        (["check", "good.onnx", "--op-map", "toy.yaml", "--shape", "1,2"], "option-form"),
        (["check", "good.onnx", "--op-map", "toy.yaml", "--shape", "x=a"], "option-form"),
        (["check", "good.onnx", "--op-map", "toy.yaml", "--shape", "z=1"], "input-unknown"),
        (["check", "good.onnx", "--op-map", "toy.yaml", "--dim", "n=1"], "dim-unknown"),
        (
            ["check", "good.onnx", "--op-map", "toy.yaml", "--precision", "int3"],
            "precision-unknown",
        ),
        (["check"], "model-missing"),
        (["chek"], "usage"),
        (["check", "good.onnx", "--bogus"], "usage"),
        (["check", ".", "--op-map", "toy.yaml"], "model-is-directory"),
        (["verify", "good.onnx", "good.onnx", "--inputs", "none.npz"], "inputs-not-found"),
        (["verify", "good.onnx", "good.onnx", "--inputs", "toy.yaml"], "inputs-form"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(folder, capsys, arguments, code):
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"error[{code}]: ")
    assert len(captured.err.strip().splitlines()) <= 2


def test_an_unknown_target_gets_a_suggestion(folder, capsys):
    run(["check", "good.onnx", "--target", "rk3855"])
    err = capsys.readouterr().err
    assert "help: did you mean " in err
    assert "rockchip-rk3588" in err


def test_an_error_of_ours_is_not_a_traceback(folder, capsys, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("a bug\nin two lines")

    monkeypatch.setattr("porting.gate.jobs.run", broken)
    assert run(["check", "good.onnx", "--op-map", "toy.yaml"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error[internal]: RuntimeError: a bug in two lines")
    monkeypatch.setenv("PORT_TRACEBACK", "1")
    with pytest.raises(RuntimeError):
        run(["check", "good.onnx", "--op-map", "toy.yaml"])


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError(28, "No space left")])
def test_being_stopped_is_exit_2(folder, capsys, monkeypatch, error):
    def stop(*arguments, **options):
        raise error

    monkeypatch.setattr("porting.gate.jobs.run", stop)
    assert run(["check", "good.onnx", "--op-map", "toy.yaml"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_the_installed_command_starts_and_knows_its_version(folder):
    command = [sys.executable, "-c", "from porting.cli import main; main()", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    assert done.stdout.startswith("port ")


def test_help_does_not_import_the_engine(folder):
    code = (
        "import sys; from porting.cli.app import run; run(['--help']); "
        "sys.exit(bool({'onnx', 'numpy', 'onnxruntime', 'onnx_ir'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=folder).returncode == 0


def test_check_does_not_import_a_runtime(folder):
    code = (
        "import sys; from porting.cli.app import run; "
        "run(['check', 'good.onnx', '--op-map', 'toy.yaml']); "
        "sys.exit(bool({'onnxruntime', 'onnx_ir', 'onnx.reference'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=folder).returncode == 0


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_numpy_starts_no_threads_unless_the_user_has_it_do_so(folder):
    said = {"OPENBLAS_DEFAULT_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS"}
    plain = {k: v for k, v in os.environ.items() if k not in said | {"OMP_NUM_THREADS"}}

    def threads(before: str, environment: dict[str, str]) -> int:
        code = (
            "import atexit, os, sys\n"
            "count = lambda: print(len(os.listdir('/proc/self/task')), file=sys.stderr)\n"
            f"atexit.register(count)\n{before}"
        )
        command = [sys.executable, "-c", code, "check", "good.onnx", "--op-map", "toy.yaml"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=folder, env=environment
        )
        return int(done.stderr)

    port = "from porting.cli import main; main()"
    assert threads(port, plain) == 1
    two = plain | {"OPENBLAS_NUM_THREADS": "2"}
    assert threads(port, two) == threads("import numpy", two)


def test_a_pipe_that_closes_early_is_no_traceback(folder):
    code = "from porting.cli import main; main()"
    command = f"{sys.executable} -c '{code}' check model.onnx --op-map toy.yaml | true"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=False, cwd=folder
    )
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="closes a stream as shells do")
def test_closed_streams_are_no_error(folder):
    code = "from porting.cli import main; main()"
    port = f"{sys.executable} -c '{code}' check"
    for name, status in (("model.onnx", 1), ("none.onnx", 2)):
        command = f"{port} {name} --op-map toy.yaml -o report.json >&- 2>&-"
        assert subprocess.run(command, shell=True, check=False, cwd=folder).returncode == status


def test_ctrl_c_while_the_command_line_is_imported_is_status_2(folder):
    code = (
        "import sys; from porting.cli import main\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'porting.cli.app': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 2
    assert done.stderr == "error[interrupted]: stopped before the job was done\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no full device")
def test_standard_output_that_is_full_is_status_2(folder):
    code = "from porting.cli import main; main()"
    command = f"{sys.executable} -c '{code}' check good.onnx --op-map toy.yaml > /dev/full"
    done = subprocess.run(
        command, shell=True, stderr=subprocess.PIPE, text=True, check=False, cwd=folder
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error[system]: No space left on device")


def test_output_is_coloured_on_terminals_only(folder):
    code = "from porting.cli import main; main()"
    command = [sys.executable, "-c", code, "check", "model.onnx", "--op-map", "toy.yaml"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=dict(os.environ)
    )
    assert "\x1b" not in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="terminals")
@pytest.mark.parametrize("models", [["good.onnx"], ["good.onnx", "model.onnx"]])
def test_progress_is_shown_on_a_terminal_only_and_only_of_several(folder, models):
    import pty

    mine, its = pty.openpty()
    code = "from porting.cli import main; main()"
    command = [sys.executable, "-c", code, "check", *models, "--op-map", "toy.yaml"]
    environment = os.environ | {"TERM": "xterm"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=its, check=False, cwd=folder, env=environment
    )
    os.close(its)
    shown = b""
    try:
        while piece := os.read(mine, 65536):
            shown += piece
    except OSError:  # how a terminal says that it was closed
        pass
    os.close(mine)
    assert (b"2/2" in shown) == (len(models) == 2)
    assert b"\x1b" not in done.stdout
