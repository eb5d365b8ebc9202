"""`porting.describe_rule`: what a rule does, what it needs and whom it helps."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from porting.capability.explain import explain
from porting.capability.targets import available, load_target
from porting.legalize.ops import Ops
from porting.legalize.policy import DEFAULT_CLASSES
from porting.legalize.rule import Rule
from porting.model.schema import all_versions


@dataclass(frozen=True)
class RuleDescription:
    """A rule in its surroundings.

    Attributes:
        rule: The rule.
        writes: Operators that its code writes, in one case or another.
        refused: Targets that do not run the operator on the accelerator at all.
        restricted: Targets that run it under conditions.
    """

    rule: Rule
    writes: tuple[str, ...]
    refused: tuple[str, ...]
    restricted: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        rule = self.rule
        return {
            "name": rule.name,
            "op_type": rule.op_type,
            "class": rule.exactness,
            "default": rule.exactness in DEFAULT_CLASSES,
            "doc": rule.doc,
            "opset": rule.since,
            "versions": list(rule.versions),
            "writes": list(self.writes),
            "helps": {"refused": list(self.refused), "restricted": list(self.restricted)},
            "module": rule.function.__module__,
        }


def describe_rule(rule: Rule) -> RuleDescription:
    """Puts together what is known of a rule; reads every target's table."""
    refused, restricted = [], []
    for target in available():
        explanation = explain(load_target(target), rule.op_type)
        if explanation.verdict != "supported":
            refused.append(target)
        elif any(s.condition for s in explanation.sentences):
            restricted.append(target)
    written = tuple(sorted(set(operators_written(rule))))
    return RuleDescription(rule, written, tuple(refused), tuple(restricted))


def operators_written(rule: Rule) -> Iterator[str]:
    """The operators that a rule's code writes, read off the code of all functions it calls.

    Written means `op.Name(...)`, or an operator's name given to a function as text.
    """
    waiting: list[Any] = [rule.function]
    seen: set[Any] = set()
    while waiting:
        function = waiting.pop()
        if function in seen:
            continue
        seen.add(function)
        for call in _calls(function):
            called = call.func
            if isinstance(called, ast.Attribute):
                if called.attr == "copy":
                    yield rule.op_type
                elif called.attr[:1].isupper() and all_versions(called.attr):
                    yield called.attr
                elif inspect.isfunction(method := getattr(Ops, called.attr, None)):
                    waiting.append(method)
            elif isinstance(called, ast.Name):
                waiting += _ours(function.__globals__.get(called.id), function)
            yield from _named(call)


def _calls(function: Any) -> list[ast.Call]:
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return []
    definition = ast.parse(source).body[0]
    body = definition.body if isinstance(definition, ast.FunctionDef) else []
    return [n for line in body for n in ast.walk(line) if isinstance(n, ast.Call)]


def _ours(called: Any, caller: Any) -> list[Any]:
    """The called function, if it is of the package of its caller."""
    package = caller.__module__.partition(".")[0]
    is_ours = inspect.isfunction(called) and called.__module__.partition(".")[0] == package
    return [called] if is_ours else []


def _named(call: ast.Call) -> Iterator[str]:
    for argument in call.args:
        text = argument.value if isinstance(argument, ast.Constant) else None
        if isinstance(text, str) and text[:1].isupper() and all_versions(text):
            yield text
