"""`port schema`: the form of the JSON reports."""

from pathlib import Path

import click

from porting.errors import UsageError

from . import options, output


@click.command()
@click.argument(
    "form", default="", help="check, convert, report, verify, opset or diff; all if not given."
)
@options.schema_output_option
def command(form: str, out: Path | None) -> int:
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
