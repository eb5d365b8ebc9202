"""The rules, by family of operators: one module each, found by looking.

A module whose name starts with `opset_` holds adapters between versions of one operator, which
`porting.legalize.opset` uses; they are not in this registry.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from porting.legalize.rule import Registry, collect


@cache
def registry() -> Registry:
    """Every rule of this package, by family in alphabetical order."""
    families = (m.name for m in iter_modules(__path__) if not m.name.startswith("opset_"))
    return collect(import_module(f"{__name__}.{name}") for name in sorted(families))
