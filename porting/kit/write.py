"""Writes a kit: model, inputs, expected outputs, the vendor's commands, and how to compare."""

import json
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto

from porting.capability.table import CapabilityTable
from porting.errors import UsageError
from porting.kit.commands import INPUTS, MODEL, Commands, commands
from porting.kit.readme import readme
from porting.model.load import LoadedModel
from porting.model.save import save
from porting.proof.exchange import Array, Values
from porting.proof.tolerance import FLOOR, Tolerance

SCHEMA = "port.kit/1"
MANIFEST = "kit.json"
INTEGERS = Tolerance(rel=0.0, scale=0.1)
"""What is allowed on chips that compute in integers, of which no rounding can be derived."""


@dataclass(frozen=True)
class Contents:
    """What goes into a kit.

    Attributes:
        proto: The converted model; its weights may still lie in the source's files.
        source: The loaded model.
        table: The chip's table.
        precision: Compute type on the chip; the table's default if empty.
        inputs: Of the converted model, by name.
        expected: What the original makes of them, in its own precision.
        classes: Exactness classes of the rewrites.
    """

    proto: ModelProto
    source: LoadedModel
    table: CapabilityTable
    precision: str
    inputs: Mapping[str, Array]
    expected: Values
    classes: frozenset[str]

    @property
    def tolerance(self) -> Tolerance:
        """How far the device may be from what is expected."""
        precision = self.precision or self.table.precision
        if precision.startswith(("int", "uint")):
            return INTEGERS
        return Tolerance.for_classes(self.classes | {"reordered"}, precision)


def check_kit(folder: Path) -> None:
    """Finds out early whether a kit can be written there.

    Raises:
        UsageError: It is a file, holds something else than a kit, or its folder does not exist.
    """
    if not folder.parent.is_dir():
        text = f"there is no folder {folder.parent}"
        raise UsageError("kit-folder-missing", text, "make it first")
    if folder.exists() and not folder.is_dir():
        raise UsageError("kit-not-a-folder", f"{folder} is a file", "name a folder: --kit DIR")
    if folder.is_dir() and any(folder.iterdir()) and not _is_kit(folder):
        raise UsageError(
            "kit-not-empty", f"{folder} holds something else than a kit", "name a new folder"
        )


def _is_kit(folder: Path) -> bool:
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("schema") == SCHEMA


def write_kit(folder: Path, contents: Contents) -> None:
    """Writes a kit, in place of an earlier one; all of it or nothing.

    Raises:
        UsageError: As `check_kit`, or the folder cannot be written.
    """
    check_kit(folder)
    with _in_place(folder.resolve()) as new:
        save(contents.proto, new / MODEL, source=contents.source)
        inputs = _arrays(new, "inputs", contents.inputs)
        outputs = _arrays(new, "expected", contents.expected)
        shapes = {each["name"]: each["shape"] for each in inputs}
        files = [f"inputs/{each['file']}.npy" for each in inputs]
        names = [each["name"] for each in outputs]
        how = commands(contents.table, contents.precision, shapes, names, files)
        _write_commands(new, how)
        manifest = _manifest(contents, inputs, outputs)
        text = json.dumps(manifest, indent=2, ensure_ascii=False)
        (new / MANIFEST).write_text(text + "\n", encoding="utf-8")
        shutil.copyfile(Path(__file__).with_name("compare.py"), new / "compare.py")
        (new / "README.md").write_text(readme(manifest, how), encoding="utf-8")


@contextmanager
def _in_place(folder: Path) -> Iterator[Path]:
    """A new folder beside, which takes the place of `folder` at the end."""
    tag = secrets.token_hex(4)
    new, old = (folder.with_name(f".{folder.name}.{tag}.{what}") for what in ("new", "old"))
    try:
        new.mkdir()
        yield new
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    except OSError as error:
        if old.exists() and not folder.exists():
            old.rename(folder)
        reason = error.strerror or str(error)
        raise UsageError("kit-unwritable", f"{folder} cannot be written: {reason}") from error
    finally:
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)


def _arrays(folder: Path, what: str, arrays: Mapping[str, Array]) -> list[dict[str, Any]]:
    """Saves arrays as one .npz, and each as .npy and as raw bytes; tells where.

    Types that numpy has not itself are saved as float32, which holds them, and their bytes as
    they are. Texts have no raw bytes.
    """
    inner = folder / what
    inner.mkdir()
    listed, stored = [], {}
    for number, (name, value) in enumerate(arrays.items()):
        array = np.ascontiguousarray(value).reshape(np.shape(value))
        file = f"{number:02d}_{re.sub(r'[^A-Za-z0-9_-]+', '_', name)[:40]}"
        plain = array.astype(str) if array.dtype.kind == "O" else array
        if array.dtype.isbuiltin != 1 and array.dtype.kind not in "OU":
            plain = array.astype(np.float32)
        key = name if name.isidentifier() and name != "file" else f"array_{number}"
        stored[key] = plain
        np.save(inner / f"{file}.npy", plain)
        if plain.dtype.kind != "U":
            (inner / f"{file}.bin").write_bytes(array.tobytes())
        listed.append(
            {
                "name": name,
                "key": key,
                "file": file,
                "dtype": array.dtype.name,
                "shape": list(array.shape),
            }
        )
    np.savez(folder / (INPUTS if what == "inputs" else f"{what}.npz"), **stored)  # type: ignore[arg-type]
    return listed


def _write_commands(folder: Path, how: Commands) -> None:
    if not how.lines:
        return
    script = "\n".join(["#!/bin/sh", "set -e", 'cd "$(dirname "$0")"', *how.lines]) + "\n"
    for name, text in {**(how.files or {}), "build.sh": script}.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "build.sh").chmod(0o755)


def _manifest(
    contents: Contents, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]
) -> dict[str, Any]:
    target, tolerance = contents.table.target, contents.tolerance
    return {
        "schema": SCHEMA,
        "target": target.to_dict(),
        "precision": contents.precision or contents.table.precision,
        "model": MODEL,
        "inputs": inputs,
        "outputs": outputs,
        "tolerance": {"rel": tolerance.rel, "scale": tolerance.scale, "floor": FLOOR},
    }
