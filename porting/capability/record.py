"""Data with named fields, as light as an object can be: what a table's form is made of."""

import sys
from collections.abc import Set
from functools import cache
from types import SimpleNamespace
from typing import Any, TypeVar, dataclass_transform, get_type_hints

_R = TypeVar("_R", bound="Record")


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Record:
    """Fields that were given are the object's own; the others are the defaults of its class.

    A field that is called as a word of Python has a `_` behind it, which it has not in a file.
    """

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(given)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} stays what it is")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"


def written(record: Record) -> Set[str]:
    """The fields that were given."""
    return vars(record).keys()


def changed(record: _R, **fields: Any) -> _R:
    """The record with other values in some fields."""
    return type(record)(**vars(record) | fields)


def hints_of(form: type[Record]) -> dict[str, Any]:
    """The types of all fields, those of the forms that it extends first."""
    forms = [f for f in reversed(form.__mro__) if issubclass(f, Record)]
    return {n: _meant(t, f.__module__) for f in forms for n, t in f.__annotations__.items()}


@cache
def _meant(text: str, module: str) -> Any:
    """What an annotation means where it stands; few of them are different."""
    annotated = SimpleNamespace(__annotations__={text: text})
    return get_type_hints(annotated, vars(sys.modules[module]))[text]


def as_dict(record: Record) -> dict[str, Any]:
    """All fields, those of the forms that its own form extends first."""
    return {name: getattr(record, name) for name in hints_of(type(record))}
