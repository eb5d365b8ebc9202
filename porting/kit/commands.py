"""The vendor's commands for a model, as the chip's table cites them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from porting.capability.build_schema import ShapeForm, filled
from porting.capability.table import CapabilityTable

MODEL, OUTPUT, INPUTS = "model.onnx", "model", "inputs.npz"


@dataclass(frozen=True)
class Commands:
    """How the model is compiled.

    Attributes:
        lines: For a shell; empty where no command is known.
        files: What they read, by name.
        note: What is left to fill in.
        sources: Where the commands are from.
    """

    lines: tuple[str, ...] = ()
    files: Mapping[str, str] | None = None
    note: str = ""
    sources: tuple[str, ...] = ()


def commands(
    table: CapabilityTable,
    precision: str,
    inputs: Mapping[str, Sequence[int]],
    outputs: Sequence[str],
    files: Sequence[str],
) -> Commands:
    """The commands with everything filled in that is known.

    Args:
        table: The chip's table.
        precision: Compute type; the table's default if empty.
        inputs: Shape of each input by name.
        outputs: Names of the outputs.
        files: A file for each input, in that order.
    """
    build = table.data.build
    if build is None:
        return Commands()
    precision = precision or table.precision
    notes = [build.note] if build.note else []
    values = {
        "model": MODEL,
        "output": OUTPUT,
        "inputs": INPUTS,
        "files": " ".join(files),
        "shapes": _shapes(build.shapes, inputs),
        "input_names": build.shapes.between.join(inputs),
        "output_names": build.shapes.between.join(outputs),
        "precision": build.precision.get(precision, "PRECISION"),
        "chip": build.chip,
    }
    texts = " ".join([*build.commands, *build.files.values()])
    if "{precision}" in texts and precision not in build.precision:
        notes.append(f"PRECISION stands for what the compiler calls {precision or 'the type'}")
    if not all(map(_PLAIN.fullmatch, (*inputs, *outputs))):
        # A name that a shell or a script would read as more than a name is not put into one.
        for name in ("shapes", "input_names", "output_names"):
            if f"{{{name}}}" in texts and (name != "shapes" or "{name}" in build.shapes.each):
                values[name] = name.upper()
                notes.append(f"{name.upper()} is to be filled in: names hold special characters")
    return Commands(
        tuple(filled(line, values).rstrip() for line in build.commands),
        {name: filled(text, values) for name, text in build.files.items()},
        "; ".join(notes),
        table.cite(build.source),
    )


_PLAIN = re.compile(r"[A-Za-z0-9_./:+-]+")


def _shapes(form: ShapeForm, inputs: Mapping[str, Sequence[int]]) -> str:
    return form.between.join(
        filled(form.each, {"name": name, "sizes": form.sizes.join(map(str, shape))})
        for name, shape in inputs.items()
    )
