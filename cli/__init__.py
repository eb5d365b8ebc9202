"""The command `port`. Commands parse, call one function of `porting`, and render its result."""

from .app import main

__all__ = ["main"]
