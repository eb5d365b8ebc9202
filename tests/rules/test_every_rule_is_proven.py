"""A rule passes the gate only with both kinds of tests: drawn nodes, and onnx's own cases."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from rules import test_onnx_node_cases

from porting.legalize.rule import Rule
from porting.rules import registry

HERE = Path(__file__).parent
RULES = [r for r in registry() if r.function.__module__.startswith("porting.rules.")]
PROOFS = {"prove", "assert_equivalent"}
"""What compares a rewritten model with the original; one of them is to be reached, too."""


@dataclass(frozen=True)
class Parsed:
    """What a file of tests defines and what the names in it stand for.

    Attributes:
        tests: Its property tests: those that hypothesis calls.
        definitions: Functions, classes and tables at the level of the module, by name.
        rules: Local names of modules of rules, with the modules' full names.
        imported: Names from other modules of the tests, with their file and their name there.
    """

    tests: list[ast.FunctionDef] = field(default_factory=list)
    definitions: dict[str, ast.stmt] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)


def parse(source: str) -> Parsed:
    """Reads the text of a file of tests."""
    tree, module = ast.parse(source), Parsed()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                local = alias.asname or alias.name
                if node.module == "porting.rules":
                    module.rules[local] = f"porting.rules.{alias.name}"
                elif node.module.startswith("porting.rules."):
                    module.rules[local] = node.module
                elif node.module.startswith("rules."):
                    module.imported[local] = (node.module.removeprefix("rules."), alias.name)
    for statement in tree.body:
        for name in defined(statement):
            module.definitions[name] = statement
        if isinstance(statement, ast.FunctionDef) and is_property(statement):
            module.tests.append(statement)
    return module


def defined(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else []
    targets = statement.targets if isinstance(statement, ast.Assign) else targets
    return [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]


def is_property(function: ast.FunctionDef) -> bool:
    """Whether hypothesis draws its arguments."""
    calls = [d.func for d in function.decorator_list if isinstance(d, ast.Call)]
    return any(isinstance(c, ast.Name) and c.id == "given" for c in calls)


@cache
def shared(name: str) -> Parsed:
    """A module that tests import from."""
    path = HERE / f"{name}.py"
    return parse(path.read_text(encoding="utf-8")) if path.is_file() else Parsed()


def reached(module: Parsed, start: ast.stmt) -> Iterator[tuple[str, str]]:
    """What a test leads to: rules as (module, function), anything else as ("", name).

    Helpers and tables are followed, in the file itself and in the modules that it imports from.
    """
    seen: set[int] = set()
    todo: list[tuple[Parsed, ast.stmt]] = [(module, start)]
    while todo:
        where, statement = todo.pop()
        if id(statement) in seen:
            continue
        seen.add(id(statement))
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                yield where.rules.get(node.value.id, ""), node.attr
            if not isinstance(node, ast.Name):
                continue
            yield where.rules.get(node.id, ""), node.id
            if node.id in where.definitions:
                todo.append((where, where.definitions[node.id]))
            elif node.id in where.imported:
                file, original = where.imported[node.id]
                other = shared(file)
                if original in other.definitions:
                    todo.append((other, other.definitions[original]))


def proven(sources: Mapping[str, str]) -> set[tuple[str, str]]:
    """The rule functions that some property test applies and compares."""
    found: set[tuple[str, str]] = set()
    for source in sources.values():
        module = parse(source)
        for test in module.tests:
            names = set(reached(module, test))
            if PROOFS & {name for _, name in names}:
                found |= {(file, name) for file, name in names if file}
    return found


@cache
def proven_here() -> set[tuple[str, str]]:
    return proven({p.name: p.read_text(encoding="utf-8") for p in HERE.glob("test_*.py")})


@pytest.mark.parametrize("each", RULES, ids=lambda r: r.name)
def test_a_rule_is_proven_on_drawn_nodes(each: Rule) -> None:
    module, name = each.function.__module__, each.function.__name__
    found = (module, name) in proven_here()
    assert found, f"no test with @given proves {module}.{name}"


def test_a_rule_for_an_operator_of_onnx_runs_on_its_node_cases() -> None:
    ran = {r.name for r in test_onnx_node_cases.RULES}
    assert {r.name for r in RULES if "::" not in r.op_type} <= ran
    assert ran >= test_onnx_node_cases.NEVER_APPLIED, "an excuse for a rule that is not there"


PROVED = """
from hypothesis import given
from rules.support import few, prove
from porting.rules import gelu as rules

TABLE = [(rules.in_a_table, "Gelu")]

def helper(case):
    prove(rules.in_a_helper, case)

@pytest.mark.parametrize("function", TABLE)
@few
@given(x=X)
def test_all(function, x):
    helper(x)
"""


def test_tables_and_helpers_count() -> None:
    names = {name for _, name in proven({"": PROVED})}
    assert {"in_a_table", "in_a_helper"} <= names


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@given(x=X)\n", ""),
        ("prove(rules.in_a_helper, case)", "rules.in_a_helper"),
        ("porting.rules import gelu as rules", "somewhere import gelu as rules"),
    ],
)
def test_what_draws_nothing_or_compares_nothing_does_not_count(old: str, new: str) -> None:
    assert old in PROVED
    assert proven({"": PROVED.replace(old, new)}) == set()
