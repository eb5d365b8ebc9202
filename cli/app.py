"""The application, and the one place where errors become exit statuses."""

import gc
import os
import sys
from typing import TextIO

import click

from porting.errors import PortError

from .commands import Commands

EXIT_PASS, EXIT_ERROR = 0, 2

_COLLECT_AFTER = 2_500_000
"""Objects until the next search for cycles: nodes and values live as long as the job does."""

_STOPPED = "stopped before the job was done; nothing was written"


def _version(context: click.Context, parameter: click.Parameter, show: bool) -> None:
    if show:
        from porting import __version__

        click.echo(f"port {__version__}")
        context.exit()


@click.group(
    "port",
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Move ONNX models to AI chips other than Nvidia's: check every node against the chip's "
        "capability table, rewrite what it does not take, prove the result numerically.\n\n"
        "Exit status: 0 the gate passes, 1 it fails, 2 the job could not be done."
    ),
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version.",
)
def app() -> None:
    """All commands, and the options that stand before them."""


def main() -> None:
    """Runs the command line and exits with its status."""
    gc.set_threshold(_COLLECT_AFTER)
    _open_closed_streams()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # to look for them takes time
    # Or numpy starts threads that spin, for sums that take no time here; what a user says by
    # OPENBLAS_NUM_THREADS goes before it.
    os.environ.setdefault("OPENBLAS_DEFAULT_NUM_THREADS", "1")
    status = run(sys.argv[1:])
    gc.freeze()  # the interpreter searches what is left for cycles on its way out
    sys.exit(status)


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
        with app.make_context("port", arguments) as context:
            status = app.invoke(context)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return EXIT_ERROR
    except PortError as error:
        return _error(error.code, error.message, error.help)
    except click.ClickException as error:
        return _error("usage", error.format_message(), "port --help lists commands and options")
    except KeyboardInterrupt:
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
    return status if isinstance(status, int) else EXIT_PASS


def _error(code: str, message: str, help_: str = "") -> int:
    from porting.report.safe import plain

    click.echo(f"error[{code}]: {plain(message)}", err=True)
    if help_:
        click.echo(f"help: {plain(help_)}", err=True)
    return EXIT_ERROR
