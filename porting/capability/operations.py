"""The operators and functions of the expression language, each in three-valued logic."""

import ast
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

from porting.capability.operand import Operand
from porting.capability.unknown import Truth, Unknown, every, join, negate, some

MAX_ITEMS = 100_000
MAX_RANK = 64
MAX_BITS = 8192
"""Size up to which whole numbers are computed with."""


class ExpressionError(Exception):
    """The text is not an expression of the language, or cannot be applied to these values."""


def truth(value: Any) -> Truth:
    """A value as a truth value. None, zero and an empty list are false, as in Python."""
    return value if isinstance(value, Unknown) else bool(value)


def items_of(value: Any) -> tuple[Any, ...] | Unknown:
    """What a loop or a function over many runs through: an operand stands for its contents."""
    if isinstance(value, Operand):
        value = value.values
    if value is None:
        return ()
    if isinstance(value, Unknown):
        return value
    if not isinstance(value, tuple):
        raise ExpressionError(f"{value!r} is not a list")
    if len(value) > MAX_ITEMS:
        raise ExpressionError(f"a list of more than {MAX_ITEMS} items")
    return value


def item(base: Any, index: Any) -> Any:
    """One item of a list; absent (None) where the index is outside."""
    unknown = join((base, index))
    if unknown is not None:
        return unknown
    items = items_of(base)
    if isinstance(items, Unknown):
        return items
    if not isinstance(index, int):
        raise ExpressionError("an index is a number, behind a list")
    if not -len(items) <= index < len(items):
        return None
    return items[index]


def sliced(base: Any, ends: list[Any]) -> Any:
    """Part of a list; the ends are numbers or None."""
    unknown = join((base, *ends))
    if unknown is not None:
        return unknown
    items = items_of(base)
    if not isinstance(items, tuple):
        return items
    if any(e is not None and not isinstance(e, int) for e in ends) or ends[2] == 0:
        raise ExpressionError("a part of a list runs from number to number, in steps of not 0")
    return items[slice(*ends)]


def number(value: Any) -> Any:
    """A number for arithmetic; an operand of one element stands for its value."""
    if isinstance(value, Operand):
        value = value.value
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise ExpressionError("a number too large")
    if isinstance(value, Unknown | int | float):
        return value
    raise ExpressionError(f"{_shown(value)} is not a number")


def _shown(value: Any) -> str:
    return "an absent value" if value is None else repr(value)


def arithmetic(function: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """A function of two numbers, unknown where one of them is."""
    a, b = number(left), number(right)
    unknown = join((a, b))
    if unknown is not None:
        return unknown
    try:
        return function(a, b)
    except ZeroDivisionError:
        raise ExpressionError("division by zero") from None
    except OverflowError:
        raise ExpressionError("a number too large") from None


def _power(base: Any, exponent: Any) -> Any:
    if abs(exponent) > 64 or abs(base) > 2**64:
        raise ExpressionError("a power too large")
    result = base**exponent
    if isinstance(result, complex):
        raise ExpressionError("a root of a negative number")
    return result


ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}


def equal(left: Any, right: Any) -> Truth:
    """Equality; numbers as float32 sees them, lists item by item."""
    if isinstance(left, Operand):
        left = left.value
    if isinstance(right, Operand):
        right = right.value
    unknown = join((left, right))
    if unknown is not None:
        return unknown
    if isinstance(left, tuple) and isinstance(right, tuple):
        if len(left) != len(right):
            return False
        return every(equal(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, float) or isinstance(right, float):
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            return False
        return left == right or _close(left, right)
    return bool(left == right)


def _close(left: float, right: float) -> bool:
    try:
        return math.isclose(left, right, rel_tol=1e-6)
    except OverflowError:  # a whole number beyond every float
        return False


def _ordered(function: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Truth]:
    def compare(left: Any, right: Any) -> Truth:
        a, b = number(left), number(right)
        unknown = join((a, b))
        return unknown if unknown is not None else function(a, b)

    return compare


def contains(item: Any, collection: Any) -> Truth:
    """Whether a list, or the contents of a tensor, has an item."""
    items = items_of(collection)
    if isinstance(items, Unknown):
        return items
    return some(equal(item, candidate) for candidate in items)


def _is(left: Any, right: Any) -> Truth:
    """Only `is None`: whether an input or attribute is absent."""
    if right is not None:
        raise ExpressionError("`is` compares with None only; use ==")
    return left is None


COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Truth]] = {
    ast.Eq: equal,
    ast.NotEq: lambda a, b: negate(equal(a, b)),
    ast.Lt: _ordered(operator.lt),
    ast.LtE: _ordered(operator.le),
    ast.Gt: _ordered(operator.gt),
    ast.GtE: _ordered(operator.ge),
    ast.In: contains,
    ast.NotIn: lambda a, b: negate(contains(a, b)),
    ast.Is: _is,
    ast.IsNot: lambda a, b: negate(_is(a, b)),
}


def _known(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of numbers, unknown where one of them is."""

    def call(*arguments: Any) -> Any:
        numbers = [number(a) for a in arguments]
        unknown = join(numbers)
        return unknown if unknown is not None else function(*numbers)

    return call


def _over(function: Callable[[Iterable[Any]], Any]) -> Callable[..., Any]:
    """A function of one list of numbers, or of several numbers."""

    def call(*arguments: Any) -> Any:
        items = items_of(arguments[0]) if len(arguments) == 1 else arguments
        if isinstance(items, Unknown):
            return items
        numbers = [number(i) for i in items]
        unknown = join(numbers)
        return unknown if unknown is not None else function(numbers)

    return call


def _product(numbers: Iterable[Any]) -> Any:
    """As `math.prod`, but it stops before the number grows out of bounds."""
    result: Any = 1
    for each in numbers:
        result = number(result * each)
    return result


def _quantifier(combine: Callable[[Iterable[Truth]], Truth]) -> Callable[[Any], Truth]:
    def call(items: Any) -> Truth:
        known = items_of(items)
        return known if isinstance(known, Unknown) else combine(truth(i) for i in known)

    return call


def _length(value: Any) -> int | Unknown:
    items = items_of(value)
    return items if isinstance(items, Unknown) else len(items)


def _axis(axis: Any, operand: Any) -> Any:
    """The axis counted from the front: `axis(-1, X)` is X.rank - 1."""
    rank = operand.rank if isinstance(operand, Operand) else operand
    given = number(axis)
    unknown = join((given, rank))
    if unknown is not None:
        return unknown
    return given + rank if given < 0 else given


def _padded(operand: Any, rank: Any) -> Any:
    """The shape with ones in front up to `rank`, as broadcasting sees it."""
    if operand is None or isinstance(operand, Unknown):
        return operand
    if not isinstance(operand, Operand) or not isinstance(rank, int | Unknown):
        raise ExpressionError("padded takes an input or output and a rank")
    shape = operand.shape
    unknown = join((shape, rank))
    if unknown is not None:
        return unknown
    assert isinstance(shape, tuple)
    assert isinstance(rank, int)
    return (1,) * (min(rank, MAX_RANK) - len(shape)) + shape


def _letters(equation: Any) -> Any:
    """An Einsum equation with its letters renamed in order of appearance, without spaces."""
    if not isinstance(equation, str):
        return equation
    names: dict[str, str] = {}
    alphabet = iter("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    renamed = []
    for character in equation.replace(" ", ""):
        if character.isalpha() and character not in names:
            names[character] = next(alphabet, character)
        renamed.append(names.get(character, character))
    return "".join(renamed)


def _terms(equation: Any) -> Any:
    """The inputs' subscripts of an Einsum equation, each as a list of characters."""
    if not isinstance(equation, str):
        return equation
    inputs = equation.replace(" ", "").partition("->")[0]
    return tuple(tuple(term) for term in inputs.split(","))


def _is_empty(operand: Any) -> bool:
    """Whether a dimension is known to be 0. One that is not known is taken to be positive."""
    shape = operand.shape if isinstance(operand, Operand) else ()
    return not isinstance(shape, Unknown) and any(d == 0 for d in shape if isinstance(d, int))


def _differences(items: Any) -> Any:
    """From each item of a list to the next: `differences([0, 2, 4])` is [2, 2]."""
    known = items_of(items)
    if isinstance(known, Unknown):
        return known
    return tuple(arithmetic(operator.sub, b, a) for a, b in pairwise(known))


def _or_else(value: Any, otherwise: Any) -> Any:
    """The value, or `otherwise` where it is not known: for a limit that hardly any model meets."""
    return otherwise if isinstance(value, Unknown) else value


def _runs(small: Any, large: Any) -> Any:
    """In how many separate groups of axes `small` is repeated to get the shape of `large`.

    [1, 4, 1, 1] in [2, 4, 8, 8]: two, the first axis and the last two. Axes of size 1 in `large`
    separate nothing.
    """
    if not isinstance(large, Operand) or isinstance(large.rank, Unknown):
        return large.rank if isinstance(large, Operand) else large
    ours, theirs = items_of(_padded(small, large.rank)), items_of(large.shape)
    if isinstance(ours, Unknown) or isinstance(theirs, Unknown):
        return ours if isinstance(ours, Unknown) else theirs
    unknown = join((*ours, *theirs))
    if unknown is not None:
        return unknown
    repeated = [a != b for a, b in zip(ours, theirs, strict=False) if b != 1]
    return sum(1 for before, now in pairwise([False, *repeated]) if now and not before)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": _known(abs),
    "align": _known(lambda n, k: -(-n // k) * k),
    "all": _quantifier(every),
    "any": _quantifier(some),
    "axis_of": _axis,
    "differences": _differences,
    "gcd": _known(math.gcd),
    "is_empty": _is_empty,
    "is_int": _known(lambda n: float(n).is_integer()),
    "is_pow2": _known(lambda n: n > 0 and float(n).is_integer() and int(n) & (int(n) - 1) == 0),
    "known": _or_else,
    "len": _length,
    "letters": _letters,
    "lower": lambda text: text.lower() if isinstance(text, str) else text,
    "max": _over(max),
    "min": _over(min),
    "padded": _padded,
    "prod": _over(_product),
    "runs": _runs,
    "sum": _over(sum),
    "terms": _terms,
}
"""The functions of the language, besides `explicit`."""
