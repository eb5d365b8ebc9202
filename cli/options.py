"""Options that several commands share, and how their texts become values."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from porting.errors import UsageError

if TYPE_CHECKING:
    from porting.report.formats import Sink


_Form = TypeVar("_Form", bound=StrEnum)
_Function = TypeVar("_Function", bound=Callable[..., int])


class Format(StrEnum):
    """How a report is written."""

    text = "text"
    json = "json"


PATH = click.Path(path_type=Path)
"""Whether there is such a file, and a good one, is for the job to say."""

model_argument = click.argument("model", type=PATH, help="An ONNX file.")
target_option = click.option(
    "--target",
    "-t",
    default="",
    help="A chip, such as ascend-310p or a unique part of it.",
    metavar="T",
)
shape_option = click.option(
    "--shape",
    multiple=True,
    help="Shape of an input; may be repeated.",
    metavar="NAME=1,3,224,224",
)
dim_option = click.option(
    "--dim",
    multiple=True,
    help="Size of a symbolic dimension; may be repeated.",
    metavar="NAME=1",
)
op_map_option = click.option(
    "--op-map",
    type=PATH,
    help="A capability table of your own instead of --target.",
    metavar="FILE",
)
precision_option = click.option(
    "--precision",
    default="",
    help="Compute type on the chip; the table's default if not given.",
    metavar="TYPE",
)
choice_option = click.option(
    "--option",
    multiple=True,
    help="A choice that the table names.",
    metavar="NAME=VALUE",
)
allow_option = click.option(
    "--allow",
    multiple=True,
    help="A class (conditional, approximate) or rule not applied by default; may be repeated.",
    metavar="NAME",
)
deny_option = click.option(
    "--deny",
    multiple=True,
    help="A class or rule not to apply; may be repeated.",
    metavar="NAME",
)
float16_option = click.option(
    "--float16",
    is_flag=True,
    help="Bring the model to float16; what may overflow stays float32.",
)
bfloat16_option = click.option(
    "--bfloat16", is_flag=True, help="Bring the model to bfloat16, likewise."
)
keep_io_types_option = click.option(
    "--keep-io-types/--no-keep-io-types",
    default=True,
    show_default=True,
    help="With --float16 or --bfloat16: inputs and outputs stay float32.",
)
as_option = click.option(
    "--as",
    "as_type",
    default="",
    help="Also run it with every tensor rounded to float16, bfloat16 or int8.",
    metavar="TYPE",
)
as_tolerance_option = click.option(
    "--as-tolerance",
    type=float,
    help="Fail if an output then drifts by more than this share of its largest value.",
    metavar="0.05",
)
kit_option = click.option(
    "--kit",
    type=PATH,
    help="Write model, inputs, expected outputs and the compiler's commands to a folder.",
    metavar="DIR",
)
config_option = click.option(
    "--config",
    type=PATH,
    help="Configuration; else the nearest port.toml is taken.",
    metavar="FILE",
)
no_config_option = click.option("--no-config", is_flag=True, help="Take no configuration.")
no_verify_option = click.option(
    "--no-verify", is_flag=True, help="Do not run and compare the two models."
)
inputs_option = click.option(
    "--inputs",
    type=PATH,
    help="Inputs for the comparison: an .npz file, or a folder of ONNX test data "
    "(input_0.pb, or test_data_set_0/input_0.pb; output_0.pb is compared too).",
)
range_option = click.option(
    "--range",
    "ranges",
    multiple=True,
    help="Lowest and highest value to draw for an input; may be repeated.",
    metavar="NAME=LOW:HIGH",
)
seeds_option = click.option(
    "--seeds",
    type=click.IntRange(min=1),
    help="How many times inputs are drawn, for each size; 3 to 12 by the cost if not given.",
)
output_option = click.option(
    "--output",
    "-o",
    "out",
    type=PATH,
    help="Write the report to a file; its name's end says how.",
    metavar="FILE",
)
schema_output_option = click.option(
    "--output", "-o", "out", type=PATH, help="Write the schema to a file."
)
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(Format),
    default=Format.text,
    show_default=True,
    help="How the report is written.",
)
report_option = click.option(
    "--format",
    "form",
    multiple=True,
    help="text, json, markdown, html, sarif, junit, github or gitlab, and to which file; "
    "may be repeated.",
    metavar="FORMAT[=FILE]",
)


def table_options(function: _Function) -> _Function:
    """What decides how a model is held against a table, --shape to --option."""
    options = (shape_option, dim_option, op_map_option, precision_option, choice_option)
    for option in reversed(options):
        function = option(function)
    return function


def form_option(forms: type[StrEnum]) -> Callable[[_Function], _Function]:
    """`--format`, which the end of the file's name stands in for, as `form_for` reads it."""
    return click.option(
        "--format", "form", type=click.Choice(forms), help="How the report is written."
    )


def parse_shapes(texts: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """`x=1,3,224,224` as `{"x": (1, 3, 224, 224)}`. A scalar is `x=`.

    Raises:
        UsageError: Another form.
    """
    shapes = {}
    for text in texts:
        name, value = _split(text, "--shape", "input=1,3,224,224")
        parts = [p for p in value.split(",") if p.strip()]
        shapes[name] = tuple(_size(p, "--shape", text) for p in parts)
    return shapes


def parse_dims(texts: Iterable[str]) -> dict[str, int]:
    """`batch=1` as `{"batch": 1}`.

    Raises:
        UsageError: Another form.
    """
    dims = {}
    for text in texts:
        name, value = _split(text, "--dim", "batch=1")
        dims[name] = _size(value, "--dim", text)
    return dims


def parse_ranges(texts: Iterable[str]) -> dict[str, tuple[float, float]]:
    """`x=-1:1` as `{"x": (-1.0, 1.0)}`.

    Raises:
        UsageError: Another form.
    """
    ranges = {}
    for text in texts:
        name, value = _split(text, "--range", "image=0:255")
        low, colon, high = value.partition(":")
        try:
            ranges[name] = (float(low), float(high))
        except ValueError:
            colon = ""
        if not colon:
            raise UsageError(
                "option-form", f"--range {text!r} is not LOW:HIGH", "write --range image=0:255"
            )
    return ranges


def parse_choices(texts: Iterable[str]) -> dict[str, str]:
    """`run_on_bpu=Softmax,Min` as `{"run_on_bpu": "Softmax,Min"}`.

    Raises:
        UsageError: Another form.
    """
    return dict(_split(text, "--option", "name=value") for text in texts)


def parse_sinks(texts: Iterable[str], file: Path | None) -> list["Sink"]:
    """`html=report.html` as a format and its file; `json` goes to standard output.

    Args:
        texts: As given; a text report if none.
        file: Where the only report without a file goes; standard output if None.

    Raises:
        UsageError: An unknown format, or several for one place.
    """
    from porting.report.formats import Sink, format_of, require_format

    default = format_of(file) if file is not None else "text"
    sinks = []
    for text in texts or [default]:
        name, equals, path = text.partition("=")
        if equals and not path:
            raise UsageError("option-form", f"--format {text!r} names no file", "write html=FILE")
        sinks.append(Sink(require_format(name), Path(path) if path else file))
    if len({s.file for s in sinks}) < len(sinks):
        raise UsageError(
            "format-twice", "two reports go to one place", "write --format html=report.html"
        )
    return sinks


def form_for(given: _Form | None, file: Path | None, forms: type[_Form]) -> _Form:
    """The form that was asked for; else the one that the end of the file's name asks for; or text.

    Raises:
        UsageError: There is no such form here.
    """
    from porting.report.formats import format_of

    if given is not None:
        return given
    name = format_of(file) if file is not None else "text"
    if name not in list(forms):
        raise UsageError(
            "format-unknown",
            f"{file}: this report is not written as {name}",
            f"--format takes {', '.join(forms)}",
        )
    return forms(name)


def half_type(float16: bool, bfloat16: bool) -> str:
    """`float16`, `bfloat16`, or empty for neither.

    Raises:
        UsageError: Both were given.
    """
    if float16 and bfloat16:
        raise UsageError("dtype-twice", "--float16 and --bfloat16 exclude each other")
    return "float16" if float16 else "bfloat16" if bfloat16 else ""


def require_as(as_type: str, tolerance: float | None) -> None:
    """A tolerance is one of a type.

    Raises:
        UsageError: There is a tolerance alone.
    """
    if tolerance is not None and not as_type:
        raise UsageError("as-missing", "--as-tolerance needs --as", "add --as float16")


def require_target(target: str, op_map: Path | None) -> None:
    """One of --target and --op-map says which chip is meant.

    Raises:
        UsageError: Neither was given.
    """
    if not target and op_map is None:
        raise UsageError(
            "target-missing", "no target was given", "add --target ascend-310p, or --op-map FILE"
        )


def _split(text: str, option: str, form: str) -> tuple[str, str]:
    # A value's name may hold '=' itself; a shape never does.
    name, equals, value = text.rpartition("=")
    if not equals or not name:
        raise UsageError("option-form", f"{option} {text!r} has no name", f"write {option} {form}")
    return name, value


def _size(text: str, option: str, whole: str) -> int:
    try:
        return int(text.strip())
    except ValueError:
        raise UsageError(
            "option-form", f"{option} {whole!r}: {text.strip()!r} is not a whole number"
        ) from None
