"""The expression language of capability tables: a small subset of Python's syntax.

Parsed with `ast`, compiled to closures, evaluated by us: nothing is executed as Python. Values
may be unknown (`porting.capability.unknown`); every operation over them follows Kleene's logic,
so that an answer is given wherever it does not depend on what is missing.
"""

import ast
import operator
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from porting.capability.operand import PROPERTIES, Operand
from porting.capability.operations import (
    ARITHMETIC,
    COMPARISONS,
    FUNCTIONS,
    ExpressionError,
    arithmetic,
    item,
    items_of,
    sliced,
    truth,
)
from porting.capability.unknown import Truth, Unknown, every, negate, some

MAX_LENGTH = 4000
MAX_NODES = 500
MAX_DEPTH = 30
MAX_STEPS = 1_000_000
"""Rounds of a loop, those of the loops around it counted in."""

ABOUT_ATTRIBUTES = frozenset({"explicit", "default"})
"""`explicit(alpha)`: whether it is written on the node; `default(alpha)`: what ONNX would take."""

OPTION = "option"
"""`option("run_on_bpu")`: the user's choices under this name, which the table lists."""

Lookup: TypeAlias = Callable[[str], Any]
Evaluate: TypeAlias = Callable[[Lookup], Any]


class Expression(NamedTuple):
    """A compiled expression.

    Attributes:
        text: As written in the table.
        names: The names it looks up.
        options: The options of the table that it asks for.
        evaluate: Its value, given how names are looked up; raises ExpressionError.
    """

    text: str
    names: frozenset[str]
    options: frozenset[str]
    evaluate: Evaluate

    def holds(self, lookup: Lookup) -> Truth:
        """Its value as a truth value; an absent thing is false."""
        return truth(self.evaluate(lookup))


def parse(text: str) -> Expression:
    """Compiles an expression.

    Raises:
        ExpressionError: With what is wrong and where.
    """
    text = " ".join(text.split())
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"longer than {MAX_LENGTH} characters")
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"not an expression: {error}") from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise ExpressionError(f"more than {MAX_NODES} parts")
    compiler = _Compiler()
    evaluate = compiler.compile(tree.body, 0)
    return Expression(text, frozenset(compiler.names), frozenset(compiler.options), evaluate)


class _Compiler:
    """Turns syntax into closures, one method for each kind of syntax."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.options: set[str] = set()
        self._bound: list[str] = []

    def compile(self, node: ast.expr, depth: int) -> Evaluate:
        """The closure for one node.

        Raises:
            ExpressionError: The node is not part of the language.
        """
        if depth > MAX_DEPTH:
            raise ExpressionError(f"nested deeper than {MAX_DEPTH}")
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise ExpressionError(f"{type(node).__name__} is not part of the language")
        compiled: Evaluate = method(node, depth + 1)
        return compiled

    def _constant(self, node: ast.Constant, depth: int) -> Evaluate:
        value = node.value
        if not isinstance(value, int | float | str | None):
            raise ExpressionError(f"{value!r} is not a number, a string, a truth value or None")
        return lambda lookup: value

    def _name(self, node: ast.Name, depth: int) -> Evaluate:
        name = node.id
        if name not in self._bound:
            self.names.add(name)
        return lambda lookup: lookup(name)

    def _tuple(self, node: ast.Tuple | ast.List | ast.Set, depth: int) -> Evaluate:
        parts = [self.compile(e, depth) for e in node.elts]
        return lambda lookup: tuple(p(lookup) for p in parts)

    _list = _tuple
    _set = _tuple

    def _attribute(self, node: ast.Attribute, depth: int) -> Evaluate:
        name = node.attr
        if name not in PROPERTIES:
            raise ExpressionError(f".{name} is not one of {', '.join(sorted(PROPERTIES))}")
        base = self.compile(node.value, depth)

        def evaluate(lookup: Lookup) -> Any:
            value = base(lookup)
            if value is None or isinstance(value, Unknown):
                return value
            if not isinstance(value, Operand):
                return _of_attribute(value, name)
            return getattr(value, name)

        return evaluate

    def _subscript(self, node: ast.Subscript, depth: int) -> Evaluate:
        base = self.compile(node.value, depth)
        if isinstance(node.slice, ast.Slice):
            parts = [node.slice.lower, node.slice.upper, node.slice.step]
            ends = [self.compile(p, depth) if p is not None else None for p in parts]
            return lambda lookup: sliced(
                base(lookup), [e(lookup) if e is not None else None for e in ends]
            )
        index = self.compile(node.slice, depth)
        return lambda lookup: item(base(lookup), index(lookup))

    def _boolop(self, node: ast.BoolOp, depth: int) -> Evaluate:
        parts = [self.compile(v, depth) for v in node.values]
        combine = every if isinstance(node.op, ast.And) else some
        return lambda lookup: combine(truth(p(lookup)) for p in parts)

    def _unaryop(self, node: ast.UnaryOp, depth: int) -> Evaluate:
        operand = self.compile(node.operand, depth)
        if isinstance(node.op, ast.Not):
            return lambda lookup: negate(truth(operand(lookup)))
        if isinstance(node.op, ast.USub):
            return lambda lookup: arithmetic(operator.sub, 0, operand(lookup))
        raise ExpressionError(f"{type(node.op).__name__} is not part of the language")

    def _binop(self, node: ast.BinOp, depth: int) -> Evaluate:
        function = ARITHMETIC.get(type(node.op))
        if function is None:
            raise ExpressionError(f"{type(node.op).__name__} is not part of the language")
        left, right = self.compile(node.left, depth), self.compile(node.right, depth)
        return lambda lookup: arithmetic(function, left(lookup), right(lookup))

    def _compare(self, node: ast.Compare, depth: int) -> Evaluate:
        parts = [self.compile(p, depth) for p in (node.left, *node.comparators)]
        tests = [COMPARISONS[type(o)] for o in node.ops]

        def evaluate(lookup: Lookup) -> Truth:
            values = [p(lookup) for p in parts]
            return every(t(a, b) for t, a, b in zip(tests, values, values[1:], strict=False))

        return evaluate

    def _ifexp(self, node: ast.IfExp, depth: int) -> Evaluate:
        test, body, other = (self.compile(p, depth) for p in (node.test, node.body, node.orelse))

        def evaluate(lookup: Lookup) -> Any:
            chosen = truth(test(lookup))
            if isinstance(chosen, Unknown):
                return chosen
            return body(lookup) if chosen else other(lookup)

        return evaluate

    def _call(self, node: ast.Call, depth: int) -> Evaluate:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise ExpressionError("only the language's own functions can be called, by position")
        name = node.func.id
        if name in ABOUT_ATTRIBUTES:
            return self._about_attribute(node, name)
        if name == OPTION:
            return self._option(node)
        function = FUNCTIONS.get(name)
        if function is None:
            known = ", ".join(sorted([*FUNCTIONS, *ABOUT_ATTRIBUTES, OPTION]))
            raise ExpressionError(f"there is no function {name}; there are {known}")
        parts = [self.compile(a, depth) for a in node.args]

        def evaluate(lookup: Lookup) -> Any:
            try:
                return function(*(p(lookup) for p in parts))
            except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
                raise ExpressionError(f"{name}: {error}") from None

        return evaluate

    def _about_attribute(self, node: ast.Call, question: str) -> Evaluate:
        argument = node.args[0] if len(node.args) == 1 else None
        if not isinstance(argument, ast.Name):
            raise ExpressionError(f"{question} takes the name of an attribute")
        name = argument.id
        self.names.add(name)
        return lambda lookup: lookup(f"{question}:{name}")

    def _option(self, node: ast.Call) -> Evaluate:
        argument = node.args[0] if len(node.args) == 1 else None
        if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
            raise ExpressionError(f"{OPTION} takes the name of an option, in quotes")
        name = argument.value
        self.options.add(name)
        return lambda lookup: lookup(f"{OPTION}:{name}")

    def _generatorexp(self, node: ast.GeneratorExp, depth: int) -> Evaluate:
        if len(node.generators) != 1 or not isinstance(node.generators[0].target, ast.Name):
            raise ExpressionError("one `for` over one name at a time")
        loop = node.generators[0]
        variable = node.generators[0].target.id
        source = self.compile(loop.iter, depth)
        self._bound.append(variable)
        element = self.compile(node.elt, depth)
        tests = [self.compile(t, depth) for t in loop.ifs]
        self._bound.pop()

        def evaluate(lookup: Lookup) -> Any:
            items = items_of(source(lookup))
            if isinstance(items, Unknown):
                return items
            steps = _steps(lookup) * max(len(items), 1)
            if steps > MAX_STEPS:
                raise ExpressionError(f"loops of more than {MAX_STEPS} rounds")
            results = []
            for each in items:
                inner = _Scope(lookup, variable, each, steps)
                chosen = every(truth(t(inner)) for t in tests)
                if isinstance(chosen, Unknown):
                    results.append(chosen)
                elif chosen:
                    results.append(element(inner))
            return tuple(results)

        return evaluate

    _listcomp = _generatorexp


def _of_attribute(value: Any, name: str) -> Any:
    """What was an attribute in an older version of an operator reads like a constant input."""
    if name == "is_const":
        return True
    if name == "value":
        return value[0] if isinstance(value, tuple) and len(value) == 1 else value
    if name == "values":
        return value if isinstance(value, tuple) else (value,)
    raise ExpressionError(f".{name} stands behind the name of an input or output only")


class _Scope:
    """How names are looked up inside a loop."""

    def __init__(self, outer: Lookup, name: str, value: Any, steps: int) -> None:
        self.outer = outer
        self.name = name
        self.value = value
        self.steps = steps

    def __call__(self, wanted: str) -> Any:
        return self.value if wanted == self.name else self.outer(wanted)


def _steps(lookup: Lookup) -> int:
    """Rounds of the loops around; one outside of any."""
    return lookup.steps if isinstance(lookup, _Scope) else 1
