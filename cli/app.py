"""The Typer application, and the one place where errors become exit statuses."""

import gc
import os
import sys
from typing import Annotated, TextIO

import typer

from porting.errors import PortError

from . import (
    check,
    convert,
    demo,
    diff,
    explain,
    init,
    op_map,
    opset,
    rules,
    schema,
    targets,
    verify,
)

EXIT_PASS, EXIT_ERROR = 0, 2

_COLLECT_AFTER = 200_000
"""Objects until the next search for cycles: nodes and values live as long as the job does."""

_INTERRUPTED = 130
"""What typer makes of Ctrl-C."""
_STOPPED = "stopped before the job was done; nothing was written"

app = typer.Typer(
    name="port",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Move ONNX models to AI chips other than Nvidia's: check every node against the chip's "
        "capability table, rewrite what it does not take, prove the result numerically.\n\n"
        "Exit status: 0 the gate passes, 1 it fails, 2 the job could not be done."
    ),
)
app.command("check")(check.command)
app.command("convert")(convert.command)
app.command("verify")(verify.command)
app.command("diff")(diff.command)
app.add_typer(targets.app, name="targets")
app.command("explain")(explain.command)
app.add_typer(op_map.app, name="op-map")
app.command("opset")(opset.command)
app.add_typer(rules.app, name="rules")
app.command("schema")(schema.command)
app.command("init")(init.command)
app.command("demo")(demo.command)


def _version(show: bool) -> None:
    if show:
        from porting import __version__

        typer.echo(f"port {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Holds options that stand before the command."""


def main() -> None:
    """Runs the command line and exits with its status."""
    gc.set_threshold(_COLLECT_AFTER)
    _open_closed_streams()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # to look for them takes time
    sys.exit(run(sys.argv[1:]))


def _open_closed_streams() -> None:
    """Puts something in place of standard streams that were closed: a job may not need them."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, _nowhere())


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123


def run(arguments: list[str]) -> int:
    """Runs the command line; every error is one line on stderr and status 2."""
    try:
        status = app(arguments, standalone_mode=False)
    except PortError as error:
        return _error(error.code, error.message, error.help)
    except typer.TyperException as error:
        return _error("usage", error.format_message(), "port --help lists commands and options")
    except (KeyboardInterrupt, typer.Abort):
        return _error("interrupted", _STOPPED)
    except BrokenPipeError:
        sys.stdout = _nowhere()
        return EXIT_ERROR
    except MemoryError:
        return _error("out-of-memory", "there is not enough memory for this model")
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _error("system", f"{place}{error.strerror or error}")
    except Exception as error:
        if os.environ.get("PORT_TRACEBACK"):
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return _error(
            "internal",
            text,
            "this is a bug in port; PORT_TRACEBACK=1 shows where, please report it",
        )
    if status == _INTERRUPTED:
        return _error("interrupted", _STOPPED)
    return status if isinstance(status, int) else EXIT_PASS


def _error(code: str, message: str, help_: str = "") -> int:
    from porting.report.safe import plain

    typer.echo(f"error[{code}]: {plain(message)}", err=True)
    if help_:
        typer.echo(f"help: {plain(help_)}", err=True)
    return EXIT_ERROR
