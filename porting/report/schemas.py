"""The JSON Schema of what `--format json` writes, for programs that read it."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

FORMS: Mapping[str, str] = {
    "check": "port.check/1",
    "convert": "port.convert/1",
    "report": "port.report/1",
    "verify": "port.verify/1",
    "opset": "port.opset/1",
    "diff": "port.diff/1",
}
"""Name of a form to what stands in its field `schema`."""


def reports_schema() -> dict[str, Any]:
    """The schema of all forms: one of them, told apart by the field `schema`."""
    text = (files("porting.report") / "reports.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def schema_of(form: str) -> dict[str, Any]:
    """The schema of one form, with the definitions that it needs."""
    schema = reports_schema()
    del schema["oneOf"]
    definitions: dict[str, Any] = schema.pop("$defs")
    used = [form]
    for name in used:  # it grows
        used += [n for n in _referred(definitions[name]) if n not in used]
    needed = {name: d for name, d in definitions.items() if name in used}
    return schema | {"title": FORMS[form], "$ref": f"#/$defs/{form}", "$defs": needed}


def _referred(part: Any) -> list[str]:
    """The definitions to which a part of a schema refers, each once."""
    if isinstance(part, list):
        part = dict(enumerate(part))
    if not isinstance(part, dict):
        return []
    found = [n for value in part.values() for n in _referred(value)]
    if isinstance(part.get("$ref"), str):
        found.append(part["$ref"].rpartition("/")[2])
    return list(dict.fromkeys(found))
