"""Options that several commands share, and how their texts become values."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from porting.errors import UsageError

if TYPE_CHECKING:
    from porting.report.formats import Sink


class Format(StrEnum):
    """How a report is written."""

    text = "text"
    json = "json"


ModelArgument = Annotated[Path, typer.Argument(help="An ONNX file.", show_default=False)]
TargetOption = Annotated[
    str,
    typer.Option(
        "--target", "-t", help="A chip, such as ascend-310p or a unique part of it.", metavar="T"
    ),
]
ShapeOption = Annotated[
    list[str] | None,
    typer.Option("--shape", help="Shape of an input; may be repeated.", metavar="NAME=1,3,224,224"),
]
DimOption = Annotated[
    list[str] | None,
    typer.Option("--dim", help="Size of a symbolic dimension; may be repeated.", metavar="NAME=1"),
]
OpMapOption = Annotated[
    Path | None,
    typer.Option(
        "--op-map", help="A capability table of your own instead of --target.", metavar="FILE"
    ),
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        "--precision",
        help="Compute type on the chip; the table's default if not given.",
        metavar="TYPE",
    ),
]
ChoiceOption = Annotated[
    list[str] | None,
    typer.Option("--option", help="A choice that the table names.", metavar="NAME=VALUE"),
]
AllowOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        help="A class (conditional, approximate) or rule not applied by default; may be repeated.",
        metavar="NAME",
    ),
]
DenyOption = Annotated[
    list[str] | None,
    typer.Option("--deny", help="A class or rule not to apply; may be repeated.", metavar="NAME"),
]
Float16Option = Annotated[
    bool,
    typer.Option("--float16", help="Bring the model to float16; what may overflow stays float32."),
]
Bfloat16Option = Annotated[
    bool,
    typer.Option("--bfloat16", help="Bring the model to bfloat16, likewise."),
]
KeepIoTypesOption = Annotated[
    bool,
    typer.Option(
        "--keep-io-types/--no-keep-io-types",
        help="With --float16 or --bfloat16: inputs and outputs stay float32.",
    ),
]
AsOption = Annotated[
    str,
    typer.Option(
        "--as",
        help="Also run it with every tensor rounded to float16, bfloat16 or int8.",
        metavar="TYPE",
    ),
]
AsToleranceOption = Annotated[
    float | None,
    typer.Option(
        "--as-tolerance",
        help="Fail if an output then drifts by more than this share of its largest value.",
        metavar="0.05",
    ),
]
KitOption = Annotated[
    Path | None,
    typer.Option(
        "--kit",
        help="Write model, inputs, expected outputs and the compiler's commands to a folder.",
        metavar="DIR",
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", help="Configuration; else the nearest port.toml is taken.", metavar="FILE"
    ),
]
NoConfigOption = Annotated[bool, typer.Option("--no-config", help="Take no configuration.")]
NoVerifyOption = Annotated[
    bool, typer.Option("--no-verify", help="Do not run and compare the two models.")
]
InputsOption = Annotated[
    Path | None,
    typer.Option(
        "--inputs",
        help="Inputs for the comparison: an .npz file, or a folder of ONNX test data "
        "(input_0.pb, or test_data_set_0/input_0.pb; output_0.pb is compared too).",
    ),
]
RangeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--range",
        help="Lowest and highest value to draw for an input; may be repeated.",
        metavar="NAME=LOW:HIGH",
    ),
]
SeedsOption = Annotated[
    int | None,
    typer.Option(
        "--seeds",
        min=1,
        help="How many times inputs are drawn, for each size; 3 to 12 by the cost if not given.",
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Write the report to a file; its name's end says how.",
        metavar="FILE",
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How the report is written.")]
ReportOption = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        help="text, json, markdown, html, sarif, junit, github or gitlab, and to which file; "
        "may be repeated.",
        metavar="FORMAT[=FILE]",
    ),
]


def parse_shapes(texts: Iterable[str] | None) -> dict[str, tuple[int, ...]]:
    """`x=1,3,224,224` as `{"x": (1, 3, 224, 224)}`. A scalar is `x=`.

    Raises:
        UsageError: Another form.
    """
    shapes = {}
    for text in texts or ():
        name, value = _split(text, "--shape", "input=1,3,224,224")
        parts = [p for p in value.split(",") if p.strip()]
        shapes[name] = tuple(_size(p, "--shape", text) for p in parts)
    return shapes


def parse_dims(texts: Iterable[str] | None) -> dict[str, int]:
    """`batch=1` as `{"batch": 1}`.

    Raises:
        UsageError: Another form.
    """
    dims = {}
    for text in texts or ():
        name, value = _split(text, "--dim", "batch=1")
        dims[name] = _size(value, "--dim", text)
    return dims


def parse_ranges(texts: Iterable[str] | None) -> dict[str, tuple[float, float]]:
    """`x=-1:1` as `{"x": (-1.0, 1.0)}`.

    Raises:
        UsageError: Another form.
    """
    ranges = {}
    for text in texts or ():
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


def parse_choices(texts: Iterable[str] | None) -> dict[str, str]:
    """`run_on_bpu=Softmax,Min` as `{"run_on_bpu": "Softmax,Min"}`.

    Raises:
        UsageError: Another form.
    """
    return dict(_split(text, "--option", "name=value") for text in texts or ())


def parse_sinks(texts: Iterable[str] | None, file: Path | None) -> list["Sink"]:
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


_Form = TypeVar("_Form", bound=StrEnum)


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
