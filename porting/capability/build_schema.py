"""The form of `build` in a capability table: the vendor's commands, and what stands in them."""

import re
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, Field, field_validator

from porting.capability.fields import STRICT, OneOrMore

PLACEHOLDERS = (
    *("model", "output", "inputs", "files", "shapes", "input_names", "output_names"),
    *("precision", "chip"),
)
"""What texts under `build` may hold in braces."""

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def checked_placeholders(text: str, known: Sequence[str]) -> str:
    """The text, which must not have other words alone in braces.

    Raises:
        ValueError: It has.
    """
    for word in _PLACEHOLDER.findall(text):
        if word not in known:
            names = ", ".join(f"{{{name}}}" for name in known)
            raise ValueError(f"there is no placeholder {{{word}}}; there are {names}")
    return text


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with placeholders replaced once; nothing in a value is looked at again."""
    return _PLACEHOLDER.sub(lambda m: values.get(m[1], m[0]), text)


class _Strict(BaseModel):
    model_config = STRICT


class ShapeForm(_Strict):
    """How a compiler's command line spells the shapes of all inputs.

    Attributes:
        each: Of one input: its `{name}` and its `{sizes}`.
        sizes: Between two sizes.
        between: Between two inputs, and between names.
    """

    each: str = "{name}:{sizes}"
    sizes: str = ","
    between: str = ";"

    @field_validator("each")
    @classmethod
    def _known(cls, value: str) -> str:
        return checked_placeholders(value, ("name", "sizes"))


class Build(_Strict):
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

    commands: list[str] = Field(min_length=1)
    files: dict[str, str] = {}
    chip: str = ""
    precision: dict[str, str] = {}
    shapes: ShapeForm = Field(default_factory=ShapeForm)
    note: str = ""
    source: OneOrMore

    @field_validator("commands")
    @classmethod
    def _known_in_commands(cls, value: list[str]) -> list[str]:
        return [checked_placeholders(text, PLACEHOLDERS) for text in value]

    @field_validator("files")
    @classmethod
    def _known_in_files(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            checked_placeholders(text, PLACEHOLDERS)
            if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
                raise ValueError(f"'{name}' is no plain file name")
        return value
