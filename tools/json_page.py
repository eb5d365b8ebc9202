"""The reference of the JSON reports, from their schema."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from porting.report.schemas import FORMS, reports_schema

HEAD = """# The JSON reports

`--format json` of `port check`, `convert`, `verify`, `opset` and `diff`, and `to_dict()` of the
results in Python. The field `schema` names the form and its version: fields may be added, and a
field that is renamed or goes away makes a new version.
`port schema` writes the JSON Schema (`port schema check` that of one form); it allows fields that
it does not name.

| form | written by |
| --- | --- |
| [port.check/1](#check) | `port check`, one model on one target |
| [port.convert/1](#convert) | `port convert` |
| [port.report/1](#report) | `port check`, several models or targets |
| [port.verify/1](#verify) | `port verify` |
| [port.opset/1](#opset) | `port opset` |
| [port.diff/1](#diff) | `port diff` |

A field in *italics* may be missing; every other one is always there.
"""


def json_page() -> str:
    """The page."""
    definitions = reports_schema()["$defs"]
    lines = [HEAD]
    for name, definition in definitions.items():
        if "properties" in definition:
            lines += _section(name, definition)
    verdicts = ", ".join(f"`{v}`" for v in definitions["verdict"]["enum"])
    lines += ["## verdict", "", f"{definitions['verdict']['description']} {verdicts}.", ""]
    return "\n".join(lines).rstrip() + "\n"


def _section(name: str, definition: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"## {name}", "", definition["description"].replace("|", "\\|"), "")
    if name in FORMS:
        yield from (f"`schema` is `{FORMS[name]}`.", "")
    yield from ("| field | type | |", "| --- | --- | --- |")
    yield from _rows("", definition)
    yield ""


def _rows(prefix: str, definition: Mapping[str, Any]) -> Iterator[str]:
    for name, field in definition["properties"].items():
        shown = f"`{prefix}{name}`"
        if name not in definition["required"]:
            shown = f"*{shown}*"
        text = field.get("description", "").replace("|", "\\|")
        yield f"| {shown} | {_type(field)} | {text} |"
        inner = field.get("items", {})
        if "properties" in inner:
            yield from _rows(f"{prefix}{name}[].", inner)


def _type(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{v}`" for v in field["enum"])
    if "anyOf" in field or "oneOf" in field:
        return " or ".join(_type(each) for each in field.get("anyOf", field.get("oneOf", ())))
    kinds: Sequence[str] = [field["type"]] if isinstance(field["type"], str) else field["type"]
    words = [_list(field) if kind == "array" else kind for kind in kinds]
    if "additionalProperties" in field:
        words = [f"object of {_type(field['additionalProperties'])}"]
    return " or ".join(words)


def _list(field: Mapping[str, Any]) -> str:
    inner = field["items"]
    return "list of " + ("objects" if "properties" in inner else _type(inner))
