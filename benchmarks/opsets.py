"""How much of onnx's own node tests survives the way to an older opset.

    python benchmarks/opsets.py
    python benchmarks/opsets.py 13 --list
    python benchmarks/opsets.py --markdown

Every case of the default domain that is newer than the opset is converted, run and compared with
its expected outputs. Of what is declined, some can be expressed by nothing that the older opset
has: `inexpressible` in tests/rules/opset_sweep.py says what, and why. The share is of the rest.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from rules.opset_sweep import Swept, sweep

OPSETS = (18, 17, 13, 11)


HEAD = ["opset", "cases", "passed", "missed", "inexpressible", "not run", "wrong", "share"]


def cells(opset: int, swept: Swept) -> list[str]:
    """The row of a table."""
    missed, beyond = len(swept.missed), len(swept.beyond)
    unrun, wrong = swept.count("not run"), swept.count("wrong")
    counts = [opset, len(swept.outcomes), swept.count("passed"), missed, beyond, unrun, wrong]
    return [*map(str, counts), f"{swept.share:.1%}"]


def show(results: Mapping[int, Swept], markdown: bool) -> None:
    """The table of all opsets."""
    rows = [HEAD, *(cells(*item) for item in results.items())]
    if markdown:
        rows.insert(1, ["---"] * len(HEAD))
        print("\n".join("| " + " | ".join(row) + " |" for row in rows))
        return
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


def show_reasons(opset: int, swept: Swept) -> None:
    """Why cases are inexpressible, and which operators are missed."""
    print(f"\nto opset {opset}, inexpressible:")
    for reason, count in Counter(o.beyond for o in swept.beyond).most_common():
        print(f"  {count:4}  {reason}")
    print(f"to opset {opset}, missed:")
    first = {o.op_type: o.reason for o in swept.missed[::-1]}
    for op_type, count in Counter(o.op_type for o in swept.missed).most_common():
        print(f"  {count:4}  {op_type}: {first[op_type][:150]}")


def main() -> None:
    """Prints the shares, and on request the reasons."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("opset", nargs="*", type=int, help=f"default: {OPSETS}")
    parser.add_argument("--list", action="store_true", help="why what does not pass does not")
    parser.add_argument("--markdown", action="store_true", help="as rows for docs/opsets.md")
    arguments = parser.parse_args()
    opsets = arguments.opset or OPSETS
    results = {opset: Swept(list(sweep((opset,)))) for opset in opsets}
    show(results, arguments.markdown)
    for opset, swept in results.items() if arguments.list else ():
        show_reasons(opset, swept)


if __name__ == "__main__":
    main()
