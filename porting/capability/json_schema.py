"""The form of a table as JSON Schema, for editors: made from the models that validate tables."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from pydantic.json_schema import models_json_schema

from porting.capability.models import FORMS, MODELS

_MERGED = ("Build", "OpsetRule", "Source", "Toolchain")
"""Forms of which a table that extends another one may write a part."""
_BASES = {"target"}
"""Fields without which a file is the common part of a family, which others extend."""


def table_schema() -> dict[str, Any]:
    """The JSON Schema of a table's file.

    A file may extend another one and leave out what that says. What conditions say, and whether
    operators have the names used, is checked by `port op-map lint` alone.
    """
    _, generated = models_json_schema(
        [(MODELS["Table"], "validation"), (MODELS["AttributeLimit"], "validation")]
    )
    forms = {n: form for n, form in generated["$defs"].items() if n in FORMS}
    for name, form in forms.items():
        _describe(name, form)
    limit = {"$ref": "#/$defs/AttributeLimit"}
    values = [{"type": "array"}, {"type": ["integer", "string"]}, limit]
    verdict = forms["Condition"]["properties"]["else"]["anyOf"][0]
    for form in forms.values():
        properties = form["properties"]
        if "attributes" in properties:
            properties["attributes"]["additionalProperties"] = {"anyOf": values}
        for reference in list(_references(properties.get("else", {}), "Otherwise")):
            reference["anyOf"] = [verdict, {"$ref": reference.pop("$ref")}]
    table = forms.pop("Table")
    partial = {name: forms[name].pop("required") for name in _MERGED}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Capability table of port",
        "description": "What a chip takes of ONNX with one version of its toolchain.",
        **_file(table, partial),
        "$defs": dict(sorted(forms.items())),
    }


def _file(table: dict[str, Any], partial: dict[str, list[str]]) -> dict[str, Any]:
    """The form of a file: a whole table, or one that leaves to another what it does not say."""
    entry = table["properties"]["ops"]
    entry["additionalProperties"] = {"anyOf": [entry["additionalProperties"], {"type": "null"}]}
    sources = table["properties"]["sources"]
    sources["additionalProperties"] = {"anyOf": [sources["additionalProperties"], {"type": "null"}]}
    extends = {
        "type": "string",
        "description": "A table of which this one has all but what it writes.",
    }
    whole = {
        "required": [n for n in table["required"] if n not in _BASES],
        "properties": {
            "build": {"required": partial["Build"]},
            "toolchain": {"required": partial["Toolchain"]},
            "opset": {"required": partial["OpsetRule"]},
            "sources": {"additionalProperties": {"required": partial["Source"]}},
            "ops": {"additionalProperties": {"type": "object"}},
        },
    }
    return {
        "type": "object",
        "properties": {"extends": extends, **table["properties"]},
        "additionalProperties": False,
        "if": {"required": sorted(_BASES), "not": {"required": ["extends"]}},
        "then": whole,
    }


def _describe(name: str, form: dict[str, Any]) -> None:
    """Puts what the docstrings say of each attribute where editors show it."""
    form["description"] = " ".join(form["description"].partition("Attributes:\n")[0].split())
    described = _described(FORMS[name])
    form.pop("title", None)
    for key, field in form["properties"].items():
        field.pop("title", None)
        if field.get("default", "") in ("", None, [], {}):
            field.pop("default", None)
        words = described.get(key) or described.get(f"{key}_")
        if words:
            field["description"] = words


def _described(model: type) -> dict[str, str]:
    """What the docstrings of a model and of those that it extends say of each attribute."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        _, _, attributes = (inspect.getdoc(each) or "").partition("\nAttributes:\n")
        parts = re.split(r"^    (\w+): ", attributes, flags=re.MULTILINE)[1:]
        found |= zip(parts[::2], (" ".join(p.split()) for p in parts[1::2]), strict=True)
    return found


def _references(node: Any, name: str) -> Iterator[dict[str, Any]]:
    """The places inside of a schema that refer to a form."""
    if isinstance(node, dict):
        if node.get("$ref") == f"#/$defs/{name}":
            yield node
        for value in list(node.values()):
            yield from _references(value, name)
    elif isinstance(node, list):
        for value in list(node):
            yield from _references(value, name)
