"""Conditions that say nothing: those that always hold, those that never can.

An expression is reduced to its comparisons with constants. Whatever is compared is a variable of
its own, and is given every value that the constants tell apart: those at them, between them and
beyond them. What holds for all of these holds always. Two variables that depend on each other are
taken to be free, so that a condition may pass as useful that is not, but never the other way.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise, product
from typing import Any

from porting.capability.expression import parse
from porting.capability.operations import ExpressionError
from porting.capability.unknown import Unknown

MAX_SAMPLES = 3000
_OTHER = "\x00 another"
_WHOLE = (".rank", ".size", "opset", "since")
"""What is a whole number."""

Domains = Mapping[str, frozenset[int]]
"""For `opset` and `since`: which numbers there are."""


def syntax(text: str) -> ast.expr:
    """The syntax tree of an expression that is known to be well formed."""
    return ast.parse(" ".join(text.split()), mode="eval").body


def literal(node: ast.expr) -> tuple[bool, Any]:
    """Whether a node is a constant or a list of such, and its value."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return False, None
    return True, _tuples(value)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | set | tuple) else value


def outcome(node: ast.expr, domains: Domains) -> bool | None:
    """True for an expression that always holds, False for one that never does, else None."""
    skeleton = _Skeleton()
    reduced = parse(ast.unparse(skeleton.reduce(node)))
    values = [v.candidates(domains.get(v.text)) for v in skeleton.variables.values()]
    count = 1
    for each in values:
        count *= len(each)
    if not 0 < count <= MAX_SAMPLES:
        return None
    found = set()
    names = [v.name for v in skeleton.variables.values()]
    for sample in product(*values):
        try:
            held = reduced.holds(dict(zip(names, sample, strict=True)).__getitem__)
        except ExpressionError:
            continue
        if isinstance(held, Unknown):
            return None
        found.add(held)
        if len(found) > 1:
            return None
    return found.pop() if found else None


def constant_parts(text: str, domains: Domains) -> Sequence[tuple[str, bool]]:
    """The largest parts of a condition that always or never hold, and which of the two."""
    return _constant_parts(text, tuple(domains.items()))


@cache
def _constant_parts(
    text: str, numbers: tuple[tuple[str, frozenset[int]], ...]
) -> Sequence[tuple[str, bool]]:
    return tuple(_search(text, dict(numbers)))


def _search(text: str, domains: Domains) -> Iterator[tuple[str, bool]]:
    front: list[ast.expr] = [syntax(text)]
    while front:
        node = front.pop()
        result = outcome(node, domains)
        if result is not None:
            yield ast.unparse(node), result
            continue
        if isinstance(node, ast.BoolOp):
            front += node.values
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            front.append(node.operand)
        else:
            loops = (g for g in ast.walk(node) if isinstance(g, ast.GeneratorExp | ast.ListComp))
            front += [g.elt for g in loops if _is_test(g.elt)]


def _is_test(node: ast.expr) -> bool:
    """Whether a loop runs over truth values rather than over numbers."""
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not)
    return isinstance(node, ast.BoolOp | ast.Compare)


@dataclass
class _Variable:
    """Something in an expression that is not a constant.

    Attributes:
        text: As the expression has it.
        name: What stands for it in the reduced one.
        constants: What it is compared with.
        nullable: Whether the expression asks if it is absent.
        boolean: Whether it stands where a truth value does.
    """

    text: str
    name: str
    constants: list[Any] = field(default_factory=list)
    nullable: bool = False
    boolean: bool = False

    def candidates(self, domain: frozenset[int] | None) -> list[Any]:
        """Values that every comparison with the constants can tell apart."""
        numbers = sorted({c for c in self.constants if isinstance(c, int | float)})
        whole = self.text.endswith(_WHOLE) or self.text.startswith("len(")
        found: list[Any] = _around(numbers, whole)
        if domain:
            found = sorted({*domain.intersection(found), min(domain), max(domain)})
        found += dict.fromkeys(c for c in self.constants if isinstance(c, str | tuple))
        if any(isinstance(c, str) for c in self.constants):
            found.append(_OTHER)
        if any(isinstance(c, tuple) for c in self.constants):
            found.append((_OTHER,))
        if self.nullable:
            found += [None, _OTHER] if len(found) == 0 else [None]
        if self.boolean:
            found += [True, False]
        return found


def _around(numbers: Sequence[float], whole: bool) -> list[Any]:
    """The numbers, one below, one above, and between each two."""
    if not numbers:
        return []
    between = [(a + b) / 2 for a, b in pairwise(numbers)]
    low, high = numbers[0], numbers[-1]
    found = {low - 1 - abs(low), *numbers, high + 1 + abs(high), *between}
    if whole:  # one below 0 stays among them: `X.rank >= 0` asks whether the rank is known
        found |= {n + step for n in numbers for step in (-1, 1)}
        found = {int(n) for n in found if float(n).is_integer()}
    return sorted(found)


class _Skeleton:
    """Replaces what is not constant by variables."""

    def __init__(self) -> None:
        self.variables: dict[str, _Variable] = {}

    def reduce(self, node: ast.expr) -> ast.expr:
        """The same logic over variables."""
        if isinstance(node, ast.BoolOp):
            return ast.BoolOp(node.op, [self.reduce(v) for v in node.values])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ast.UnaryOp(node.op, self.reduce(node.operand))
        if isinstance(node, ast.IfExp):
            return ast.IfExp(*map(self.reduce, (node.test, node.body, node.orelse)))
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        return node if literal(node)[0] else self._free(node)

    def _comparison(self, node: ast.Compare) -> ast.expr:
        sides = [node.left, *node.comparators]
        open_ = {ast.unparse(s) for s in sides if not literal(s)[0]}
        if not open_:
            return node
        on_the_right = isinstance(node.ops[-1], ast.In | ast.NotIn) and not literal(sides[-1])[0]
        if len(open_) > 1 or on_the_right:
            return self._free(node)
        variable = self._variable(open_.pop())
        for operator, side in zip((*node.ops, node.ops[-1]), sides, strict=True):
            is_constant, value = literal(side)
            if not is_constant:
                continue
            variable.nullable |= value is None and isinstance(operator, ast.Is | ast.IsNot)
            is_list = isinstance(node.ops[-1], ast.In | ast.NotIn) and side is sides[-1]
            variable.constants += value if is_list and isinstance(value, tuple) else (value,)
        name = ast.Name(variable.name, ast.Load())
        left, *others = (s if literal(s)[0] else name for s in sides)
        return ast.Compare(left, node.ops, others)

    def _free(self, node: ast.expr) -> ast.expr:
        variable = self._variable(ast.unparse(node))
        variable.boolean = True
        return ast.Name(variable.name, ast.Load())

    def _variable(self, text: str) -> _Variable:
        return self.variables.setdefault(text, _Variable(text, f"v{len(self.variables)}"))
