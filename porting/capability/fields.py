"""What the parts of a table's form have in common: strictness, lists of one, ranges of numbers."""

from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, ConfigDict, WithJsonSchema

from porting.capability.versions import Versions, parse_versions


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _ranges(value: object) -> object:
    return value if isinstance(value, Versions) else parse_versions(value)


_TEXTS = {"type": "array", "items": {"type": "string"}}
_RANGE = {"type": ["integer", "string"], "pattern": r"^[-\d., ]+$"}

OneOrMore: TypeAlias = Annotated[
    list[str],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [{"type": "string"}, _TEXTS]}),
]
"""Texts, or a single one."""

Ranges: TypeAlias = Annotated[
    Versions,
    BeforeValidator(_ranges),
    WithJsonSchema({"anyOf": [_RANGE, {"type": "array", "items": _RANGE}]}),
]
"""Whole numbers, such as `11..18`."""

# a validator is built when it is first used: a list of chips needs none for operators
STRICT = ConfigDict(
    extra="forbid", populate_by_name=True, arbitrary_types_allowed=True, defer_build=True
)
"""Nothing that the form does not name."""
