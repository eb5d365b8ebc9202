import inspect
import subprocess
import sys

import click
import pytest

from porting.cli.app import app, run

CONTEXT = click.Context(app, info_name="port")


def found(group=app, context=CONTEXT):
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, context, name)
        yield pytest.param(command, inner, id=inner.command_path)
        if isinstance(command, click.Group):
            yield from found(command, inner)


COMMANDS = list(found())


@pytest.mark.parametrize(("command", "context"), COMMANDS)
def test_a_command_takes_exactly_the_options_that_it_declares(command, context):
    taken = inspect.signature(command.callback).parameters.keys() - {"context"}
    assert taken == {p.name for p in command.params}


@pytest.mark.parametrize(("command", "context"), COMMANDS)
def test_the_help_of_a_command_tells_of_all_that_it_takes(command, context):
    assert command.help
    assert all(p.help for p in command.params)
    shown = context.get_help()
    assert all(p.make_metavar(context) in shown for p in command.params if not p.opts)
    assert all(name in shown for p in command.params for name in p.opts if name.startswith("-"))


def test_a_command_does_not_import_the_others(tmp_path):
    code = (
        "import sys; from porting.cli.app import run; run(['opset', '--help']); "
        "print([m for m in sys.modules if m in {'porting.cli.convert', 'porting.cli.rules'}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [[], ["op-map"]])
def test_a_group_alone_is_answered_with_its_help(arguments, capsys):
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(" ".join(["Usage: port", *arguments, "[OPTIONS] COMMAND"]))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["chek"], "No such command 'chek'. (Did you mean one of: 'check', 'schema'?)"),
        (["op-map", "lnt"], "No such command 'lnt'. Did you mean 'lint'?"),
        (["check", "--bogus"], "No such option '--bogus'. Did you mean '--jobs'?"),
        (["verify", "a"], "Missing argument 'B.onnx'."),
        (["convert", "a"], "Missing option '--output' / '-o'."),
        (["check", "--jobs", "-1"], "'--jobs' / '-j': -1 is not in the range x>=0."),
        (["opset", "a", "--to", "new"], "'--to': 'new' is not a valid integer."),
        (["init", "--ci", "jenkins"], "'jenkins' is not one of 'github', 'gitlab', 'pre-commit'."),
        (["targets", "show", "a", "b"], "Got unexpected extra argument (b)"),
        (["check", "--dim"], "Option '--dim' requires an argument."),
        (["check", "--strict=1"], "Option '--strict' does not take a value."),
    ],
)
def test_a_mistake_is_told_with_what_was_perhaps_meant(arguments, told, capsys):
    assert run(arguments) == 2
    error, help_ = capsys.readouterr().err.splitlines()
    assert error.startswith("error[usage]: ")
    assert error.endswith(told)
    assert help_ == "help: port --help lists commands and options"


def test_an_option_given_twice_has_its_last_value(capsys):
    assert run(["targets", "--vendor", "nobody", "--vendor", "rockchip", "--class", "edge"]) == 0
    assert "rockchip-rk3588" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="closes a pipe as shells do")
def test_a_pipe_that_nobody_reads_is_status_2(tmp_path):
    code = "from porting.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "targets"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    ) as port:
        assert port.stdout is not None
        port.stdout.close()
        assert port.stderr is not None
        assert port.stderr.read() == b""
    assert port.returncode == 2
