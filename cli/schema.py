"""`port schema`: the form of the JSON reports."""

from pathlib import Path
from typing import Annotated

import typer

from porting.errors import UsageError

from . import output


def command(
    form: Annotated[
        str,
        typer.Argument(help="check, convert, report, verify, opset or diff; all if not given."),
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the schema to a file.")
    ] = None,
) -> int:
    """Write the JSON Schema of what --format json writes.

    \b
    Examples:
      port schema check
      port schema -o port.schema.json
    """
    from porting.report.schemas import FORMS, reports_schema, schema_of

    if form and form not in FORMS:
        known = ", ".join(FORMS)
        raise UsageError("schema-unknown", f"there is no report '{form}'", f"one of {known}")
    schema = schema_of(form) if form else reports_schema()
    output.write_report(output.to_json(schema), out)
    return 0
