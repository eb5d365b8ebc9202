"""Validates data against the form of a table, by models made from the form's own classes.

A table that was validated before is read without this module, and so without pydantic.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar, cast, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    create_model,
    model_validator,
)

from porting.capability import build_schema, schema
from porting.capability.build_schema import PLACEHOLDER, PLACEHOLDERS
from porting.capability.record import Record
from porting.capability.versions import Versions, parse_versions

_R = TypeVar("_R", bound=Record)


def record(form: type[_R], data: object) -> _R:
    """Data as an instance of a form, with that alone in it which the data says.

    Raises:
        ValidationError: It is not of that form.
    """
    return cast(_R, _plain(MODELS[form.__name__].model_validate(data)))


def _plain(value: Any) -> Any:
    """Models become records, at any depth."""
    if isinstance(value, BaseModel):
        given = [n for n in type(value).model_fields if n in value.model_fields_set]
        return FORMS[type(value).__name__](**{n: _plain(getattr(value, n)) for n in given})
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value


def _one_line(text: str) -> str:
    if "\n" in text.strip():
        raise ValueError("this is one line of text")
    return text


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _ranges(value: object) -> object:
    return value if isinstance(value, Versions) else parse_versions(value)


def _long_forms(attributes: dict[str, Any]) -> dict[str, Any]:
    """Limits in their long form; what is none stays, until the operator's names are known."""
    return {name: _long_form(v) if isinstance(v, dict) else v for name, v in attributes.items()}


def _long_form(value: object) -> object:
    try:
        return MODELS["AttributeLimit"].model_validate(value)
    except ValidationError:
        return value


def _checked_placeholders(text: str, known: Sequence[str]) -> str:
    """The text, which must not have other words alone in braces."""
    for word in PLACEHOLDER.findall(text):
        if word not in known:
            names = ", ".join(f"{{{name}}}" for name in known)
            raise ValueError(f"there is no placeholder {{{word}}}; there are {names}")
    return text


def _of_input(text: str) -> str:
    return _checked_placeholders(text, ("name", "sizes"))


def _commands(texts: list[str]) -> list[str]:
    return [_checked_placeholders(text, PLACEHOLDERS) for text in texts]


def _files(files: dict[str, str]) -> dict[str, str]:
    for name, text in files.items():
        _checked_placeholders(text, PLACEHOLDERS)
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            raise ValueError(f"'{name}' is no plain file name")
    return files


def _verdicts(cls: type[BaseModel], value: object) -> object:
    """A single verdict is that of everything."""
    return {"default": value} if isinstance(value, str) else value


def _says_something(condition: Any) -> Any:
    given = "that" in condition.model_fields_set or condition.when
    if not given and condition.else_ != "unknown":
        raise ValueError("`that` is missing; only `else: unknown` can do without a condition")
    return condition


_RANGE = {"type": ["integer", "string"], "pattern": r"^[-\d., ]+$"}
_TEXTS = {"type": "array", "items": {"type": "string"}}
_TYPES: Mapping[str, Any] = {
    "Attributes": Annotated[dict[str, Any], AfterValidator(_long_forms)],
    "Line": Annotated[str, AfterValidator(_one_line)],
    "OneOrMore": Annotated[
        list[str],
        BeforeValidator(_listed),
        WithJsonSchema({"anyOf": [{"type": "string"}, _TEXTS]}),
    ],
    "Ranges": Annotated[
        Versions,
        BeforeValidator(_ranges),
        WithJsonSchema({"anyOf": [_RANGE, {"type": "array", "items": _RANGE}]}),
    ],
}
"""What may stand for the kinds of field that the forms name."""

_FIELDS: Mapping[tuple[str, str], Sequence[Any]] = {
    ("Build", "commands"): (Field(min_length=1), AfterValidator(_commands)),
    ("Build", "files"): (AfterValidator(_files),),
    ("ShapeForm", "each"): (AfterValidator(_of_input),),
    ("Source", "date"): (
        BeforeValidator(str),
        WithJsonSchema({"type": ["string", "number"]}),
    ),
}
"""What a form asks of single fields."""

_WHOLE: Mapping[str, Mapping[str, Any]] = {
    "Condition": {"says_something": model_validator(mode="after")(_says_something)},
    "Otherwise": {"verdicts": model_validator(mode="before")(_verdicts)},
}
"""What a form asks of its fields together."""


class _Strict(BaseModel):
    """Nothing that the form does not name."""

    # a validator is built when it is first used: a list of chips needs none for operators
    model_config = ConfigDict(
        extra="forbid",
        arbitrary_types_allowed=True,
        defer_build=True,
        alias_generator=lambda name: name.removesuffix("_"),
    )


FORMS: Mapping[str, type[Record]] = {
    name: each
    for module in (build_schema, schema)
    for name, each in vars(module).items()
    if isinstance(each, type) and issubclass(each, Record) and each is not Record
}
"""The parts of a table by name, those first of which others are made."""


def _models() -> Mapping[str, type[BaseModel]]:
    made: dict[str, type[BaseModel]] = {}
    for name, form in FORMS.items():
        known = {**vars(build_schema), **vars(schema), **_TYPES, **made}
        hints = get_type_hints(form, known, include_extras=True)
        fields = {n: _field(form, n, hint) for n, hint in hints.items()}
        more: Any = {"__doc__": form.__doc__, "__validators__": _WHOLE.get(name), **fields}
        made[name] = create_model(name, __base__=_Strict, **more)
    return made


def _field(form: type[Record], name: str, hint: Any) -> Any:
    for check in _FIELDS.get((form.__name__, name), ()):
        hint = Annotated[hint, check]
    if not hasattr(form, name):
        return hint, ...
    default = getattr(form, name)
    return hint, Field(default_factory=lambda: default) if isinstance(default, Record) else default


MODELS = _models()
"""The models by the name of their form."""
