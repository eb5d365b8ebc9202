"""Coverage-guided fuzzing of one target with atheris.

    python tests/fuzz/run.py loader -max_total_time=600

Options after the target are libFuzzer's. Seeds are made in a folder for temporary files; an input
that ends in an unexpected exception is written to the working directory as `crash-...`.
"""

import os
import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["PORT_CACHE"] = "off"

with atheris.instrument_imports(include=["porting", "yaml"]):
    from fuzz.targets import TARGETS, seeds


def main() -> None:
    """Fuzzes the target that the first argument names."""
    name = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="port-fuzz-") as folder:
        work, corpus = Path(folder) / "work", Path(folder) / "corpus"
        work.mkdir()
        corpus.mkdir()
        for number, seed in enumerate(seeds(name)):
            (corpus / str(number)).write_bytes(seed)
        target = TARGETS[name]
        options = ["-timeout=10", "-rss_limit_mb=2048", "-max_len=65536", *sys.argv[2:]]
        atheris.Setup([sys.argv[0], *options, str(corpus)], lambda data: target(data, work))
        atheris.Fuzz()


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python {sys.argv[0]} {'|'.join(TARGETS)} [-max_total_time=600]")
    main()
