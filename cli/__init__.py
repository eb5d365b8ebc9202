"""The command `port`. Commands parse, call one function of `porting`, and render its result."""

import sys

__all__ = ["main"]


def main() -> None:
    """Runs the command line and exits with its status; Ctrl-C while it loads is no traceback."""
    try:
        from .app import main as run
    except KeyboardInterrupt:
        print("error[interrupted]: stopped before the job was done", file=sys.stderr)
        sys.exit(2)
    run()
