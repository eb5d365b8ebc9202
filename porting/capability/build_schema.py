"""The form of `build` in a capability table: the vendor's commands, and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from porting.capability.fields import OneOrMore
from porting.capability.record import Record

PLACEHOLDERS = (
    *("model", "output", "inputs", "files", "shapes", "input_names", "output_names"),
    *("precision", "chip"),
)
"""What texts under `build` may hold in braces."""

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with placeholders replaced once; nothing in a value is looked at again."""
    return PLACEHOLDER.sub(lambda m: values.get(m[1], m[0]), text)


class ShapeForm(Record):
    """How a compiler's command line spells the shapes of all inputs.

    Attributes:
        each: Of one input: its `{name}` and its `{sizes}`.
        sizes: Between two sizes.
        between: Between two inputs, and between names.
    """

    each: str = "{name}:{sizes}"
    sizes: str = ","
    between: str = ";"


class Build(Record):
    """How a model is compiled for the chip, as the vendor or a measurement says.

    Texts may hold `{model}`, `{output}`, `{inputs}`, `{files}`, `{shapes}`, `{input_names}`,
    `{output_names}`, `{precision}` and `{chip}`; other braces stay as they are.

    Attributes:
        commands: Lines for a shell, in their order.
        files: What the commands read: contents by name, such as a script or a configuration.
        chip: What the compiler calls the chip.
        precision: What it calls each compute type.
        shapes: How it spells shapes.
        note: What the user has to fill in or know, without a full stop.
        source: Ids of sources.
    """

    commands: list[str]
    files: dict[str, str] = {}
    chip: str = ""
    precision: dict[str, str] = {}
    shapes: ShapeForm = ShapeForm()
    note: str = ""
    source: OneOrMore
