"""Compares what a device made of the inputs with what was expected of it. Needs numpy alone.

python compare.py OUTPUTS.npz                 outputs by name, or else in their order
python compare.py FOLDER                      .npy or raw .bin files, sorted by name
python compare.py OUTPUTS.npz --tolerance 2   allows twice as much
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent


def main(arguments: "list[str] | None" = None) -> int:
    """Prints a line for each output; 0 if all are within the tolerance."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("outputs", type=Path)
    parser.add_argument("--tolerance", type=float, default=1.0, metavar="FACTOR")
    options = parser.parse_args(arguments)
    kit = json.loads((HERE / "kit.json").read_text(encoding="utf-8"))
    with np.load(HERE / "expected.npz", allow_pickle=False) as data:
        expected = [(each, data[each["key"]]) for each in kit["outputs"]]
    try:
        given = read(options.outputs, expected)
    except (OSError, ValueError) as error:
        print(f"cannot compare: {error}")
        return 2
    wrong = 0
    for (each, a), b in zip(expected, given, strict=True):
        line, passed = compare(a, b, kit["tolerance"], options.tolerance)
        print(f"{'ok' if passed else 'DIFFERS':<8} {each['name']}: {line}")
        wrong += not passed
    print(f"{wrong} of {len(given)} outputs differ" if wrong else "all outputs agree")
    return 1 if wrong else 0


def read(path: Path, expected: "list[tuple[dict[str, Any], Any]]") -> "list[Any]":
    """The device's outputs in the order of the model's.

    Raises:
        ValueError: There are too few, or they have other sizes.
    """
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix in (".npy", ".bin"))
        if len(files) < len(expected):
            raise ValueError(f"{path} has {len(files)} files for {len(expected)} outputs")
        pairs = zip(files, expected, strict=False)
        return [shaped(load(file, a), a, file.name) for file, (_, a) in pairs]
    with np.load(path, allow_pickle=False) as data:
        names = list(data.files)
        if len(names) < len(expected):
            raise ValueError(f"{path} has {len(names)} arrays for {len(expected)} outputs")
        named = all(each["name"] in names for each, _ in expected)
        keys = [each["name"] for each, _ in expected] if named else names
        return [shaped(data[k], a, k) for k, (_, a) in zip(keys, expected, strict=False)]


def load(file: Path, a: Any) -> Any:
    """An array from a file; raw bytes are of the expected type, or halves where they are so few."""
    if file.suffix == ".npy":
        return np.load(file, allow_pickle=False)
    raw = file.read_bytes()
    if a.dtype.kind == "f" and len(raw) == 2 * a.size and a.dtype.itemsize != 2:
        return np.frombuffer(raw, np.float16)
    single = a.dtype.kind == "f" and len(raw) == 4 * a.size
    return np.frombuffer(raw, np.float32 if single else a.dtype)


def shaped(b: Any, a: Any, name: str) -> Any:
    """The array in the expected shape: devices often give a row of numbers."""
    if b.size != a.size:
        raise ValueError(f"{name} has {b.size} elements instead of {a.size}")
    return b.reshape(a.shape)


def compare(a: Any, b: Any, tolerance: "dict[str, float]", factor: float) -> "tuple[str, bool]":
    """What is said of an output, and whether it is within the tolerance.

    Allowed is |a - b| <= factor * (scale * S + rel * max(|a|, floor * S)), with S the largest
    finite magnitude of what is expected. What is no float has to be equal.
    """
    if a.dtype.kind != "f":
        wrong = int(np.count_nonzero(a != b))
        return f"{wrong} of {a.size} elements differ", wrong == 0
    x, y = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    both = np.isfinite(x) & np.isfinite(y)
    same = both | (np.isnan(x) & np.isnan(y)) | (x == y)
    x0, y0 = x[both], y[both]
    error, size = np.abs(x0 - y0), float(np.abs(x0).max(initial=0.0))
    share = np.maximum(np.abs(x0), tolerance["floor"] * size) * tolerance["rel"]
    far = error > factor * (tolerance["scale"] * size + share)
    wrong = int(np.count_nonzero(far) + np.count_nonzero(~same))
    norms = float(np.sqrt((x0 @ x0) * (y0 @ y0)))
    cosine = float(x0 @ y0) / norms if norms else float(not x0.any() and not y0.any())
    drift = float(error.max(initial=0.0)) / size if size else float(error.max(initial=0.0))
    return (
        f"{wrong} of {a.size} elements differ, largest error {error.max(initial=0.0):.3g} "
        f"({drift:.2g} of the largest value), cosine {cosine:.6f}"
    ), wrong == 0


if __name__ == "__main__":
    sys.exit(main())
