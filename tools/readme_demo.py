"""Writes the second step of what `port demo` prints into README.md.

python tools/readme_demo.py
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"(<!-- demo:.*?```text\n).*?(```)", re.DOTALL)


def main() -> None:
    """Runs the demo in a temporary folder and replaces the block."""
    code = "from porting.cli import main; main()"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, "demo"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    printed = done.stdout[done.stdout.index("$ port convert") : done.stdout.index("\n3. ")]
    lines = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    text = README.read_text(encoding="utf-8")
    README.write_text(BLOCK.sub(rf"\g<1>{lines}\n\g<2>", text), encoding="utf-8")


if __name__ == "__main__":
    main()
