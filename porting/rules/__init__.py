"""The rules, by family of operators: one module each, found by looking.

A module whose name starts with `opset_` holds adapters between versions of one operator, which
`porting.legalize.opset` uses; they are not in this registry.

Other packages add rules through the entry point group `porting.rules`: each entry names a module
whose functions carry `@rule`.
"""

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pkgutil import iter_modules
from types import ModuleType

from porting.errors import UsageError
from porting.legalize.rule import Registry, collect

GROUP = "porting.rules"
"""Where other packages state their modules of rules."""


@cache
def own() -> Registry:
    """Every rule of this package, by family in alphabetical order."""
    families = (m.name for m in iter_modules(__path__) if not m.name.startswith("opset_"))
    return collect(import_module(f"{__name__}.{name}") for name in sorted(families))


@cache
def registry() -> Registry:
    """Every rule: this package's, then those of other packages in the order of their names.

    Raises:
        UsageError: Another package's rules cannot be loaded, or one has the name of another rule.
    """
    rules = Registry(own())
    for entry in sorted(entry_points(group=GROUP), key=lambda e: (e.name, e.value)):
        try:
            for rule in collect([_module(entry)]):
                rules.add(rule)
        except Exception as error:
            package = entry.dist.name if entry.dist is not None else entry.value
            raise UsageError(
                "rules-broken",
                f"the rules of package {package} cannot be loaded ({entry.value}): {error}",
                "update or uninstall it",
            ) from error
    return rules


def _module(entry: EntryPoint) -> ModuleType:
    module = entry.load()
    if not isinstance(module, ModuleType):
        raise TypeError("the entry point is not a module")
    return module
