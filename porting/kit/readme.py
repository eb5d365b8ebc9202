"""The README of a kit: compile, run, compare."""

from collections.abc import Iterator, Mapping
from typing import Any

from porting.kit.commands import Commands
from porting.report.safe import plain


def readme(manifest: Mapping[str, Any], how: Commands) -> str:
    """The text, in Markdown."""
    target = manifest["target"]
    precision = manifest["precision"] or "its own precision"
    lines = [
        f"# A model for {_text(target['name'])}",
        "",
        f"`model.onnx` was converted for `{target['id']}` ({_text(target['toolchain'])}, "
        f"{precision}). Here is what it takes to see whether the chip computes what it should.",
        "",
        "## 1. Compile",
        "",
        *_compile(how),
        "## 2. Run",
        "",
        "Feed the compiled model these inputs. Each is in `inputs.npz`, and in `inputs/` as `.npy` "
        "and as raw bytes (`.bin`, C order, little endian).",
        "",
        *_table(manifest["inputs"]),
        "Save the outputs under their names with `numpy.savez`, or each as `.npy` or raw `.bin` "
        "into a folder, so that sorting by name gives this order:",
        "",
        *_table(manifest["outputs"]),
        "## 3. Compare",
        "",
        "    python compare.py OUTPUTS.npz",
        "    python compare.py FOLDER",
        "",
        *_tolerance(manifest),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _compile(how: Commands) -> Iterator[str]:
    if not how.lines:
        yield (
            "No command of the vendor's compiler is known that could be cited here. Compile "
            "`model.onnx` as the vendor's manual says."
        )
        yield ""
        return
    yield "    sh build.sh"
    yield ""
    yield "runs"
    yield ""
    yield from (f"    {line}" for command in how.lines for line in plain(command).split("\n"))
    yield ""
    for name in how.files or {}:
        yield f"`{name}` is read by it."
        yield ""
    if how.note:
        yield f"{_text(how.note)[:1].upper()}{_text(how.note)[1:]}."
        yield ""
    yield f"Commands as in {_text('; '.join(how.sources))}. They were not run here."
    yield ""


def _table(arrays: list[dict[str, Any]]) -> Iterator[str]:
    yield "| name | type | shape | key in the npz | file |"
    yield "| --- | --- | --- | --- | --- |"
    for each in arrays:
        shape = "x".join(map(str, each["shape"])) or "one number"
        cells = (_text(each["name"]), each["dtype"], shape, each["key"], each["file"])
        yield f"| {' | '.join(cells)} |"
    yield ""


def _tolerance(manifest: Mapping[str, Any]) -> Iterator[str]:
    limits, precision = manifest["tolerance"], manifest["precision"]
    yield (
        "`expected.npz` is what the original model gives in its own precision. Allowed is an error "
        f"of {limits['scale']:g} of the output's largest value and {limits['rel']:g} of the "
        "element's own, what is no float must be equal; `--tolerance 2` allows twice as much."
    )
    if str(precision).startswith(("int", "uint")):
        yield (
            f"How far {precision} may drift depends on the model and on calibration: this limit "
            "is a rule of thumb, and accuracy on real data decides."
        )


def _text(text: str) -> str:
    """Names from models may hold anything."""
    for character in "\\|*<[`":
        text = text.replace(character, f"\\{character}")
    return " ".join(plain(text).split())
