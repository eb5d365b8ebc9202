"""What verification costs, against running the two models once each.

    python benchmarks/verification.py [MODEL.onnx ...]

Without models, on two that it makes: a small convolutional network and one of about 100 MB. "Once"
is what one would do without `port`: two processes, one after the other, each of which imports
onnxruntime, loads a model without graph optimizations and runs it on every input that verification
uses; "one input" is the same with one input only. Verification is a process of its own, too. Wall
time and processor time are given: the former depends on what else the machine does.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

REPEATS = 3
CODE = """
import sys
import numpy as np
import onnxruntime as ort
options = ort.SessionOptions()
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = ort.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
for path in sys.argv[2:]:
    with np.load(path) as feeds:
        session.run(None, dict(feeds))
"""


def network(path: Path, widths: tuple[int, ...], size: int) -> None:
    """Writes a chain of convolutions that halve the image, five of each width."""
    rng = np.random.default_rng(0)
    nodes, weights, value, channels = [], [], "x", 3
    for number, width in enumerate(w for w in widths for _ in range(5)):
        kernel = rng.standard_normal((width, channels, 3, 3)) * np.sqrt(2 / (9 * channels))
        weights.append(numpy_helper.from_array(kernel.astype(np.float32), f"w{number}"))
        stride = 2 if width != channels else 1
        nodes.append(
            helper.make_node("Conv", [value, f"w{number}"], [f"c{number}"], kernel_shape=[3, 3],
                             strides=[stride, stride], pads=[1, 1, 1, 1])
        )  # fmt: skip
        nodes.append(helper.make_node("Relu", [f"c{number}"], [f"r{number}"]))
        value, channels = f"r{number}", width
    nodes.append(helper.make_node("GlobalAveragePool", [value], ["y"]))
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, size, size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, channels, 1, 1])],
        weights,
    )
    ids = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=ids, ir_version=8), path)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds, children included, of the fastest of some tries."""
    import resource

    best = (float("inf"), float("inf"))
    for _ in range(REPEATS):
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        work()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = min(best, (time.perf_counter() - start, used))
    return best


def inputs(model: Path, folder: Path) -> list[str]:
    """The inputs that verification draws for a model of fixed shapes, as files."""
    from porting.proof.given import Given
    from porting.proof.request import Request
    from porting.proof.shapes import load_structure

    structure = load_structure(model)
    files = []
    for number, case in enumerate(Request.of(structure, {}, {}, Given()).cases(structure)):
        path = folder / f"{number}.npz"
        np.savez(path, **case.feeds)
        files.append(str(path))
    return files


def measure(model: Path, folder: Path) -> None:
    """Prints a line about one model."""
    copy = folder / f"copy-{model.name}"
    shutil.copy(model, copy)
    files = inputs(model, folder)

    def once(feeds: list[str]) -> None:
        for path in (model, copy):
            subprocess.run([sys.executable, "-c", CODE, str(path), *feeds], check=True)  # noqa: S603

    def verify() -> None:
        code = (
            "import sys, porting; r = porting.verify(*sys.argv[1:]);"
            "sys.exit(r.status != 'passed' and r.reason)"
        )
        subprocess.run([sys.executable, "-c", code, str(model), str(copy)], check=True)  # noqa: S603

    one, plain, whole = timed(lambda: once(files[:1])), timed(lambda: once(files)), timed(verify)
    size = model.stat().st_size / 1e6
    times = "".join(f"{wall:8.2f} {used:8.2f}" for wall, used in (one, plain, whole))
    ratios = f"{whole[0] / one[0]:10.2f} {whole[0] / plain[0]:8.2f} {whole[1] / plain[1]:8.2f}"
    print(f"{model.name[:28]:<28} {size:7.1f} {len(files):6}{times}{ratios}")


def main() -> None:
    """Measures the models named, or the two that it makes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("models", nargs="*", type=Path, help="with fixed input shapes")
    arguments = parser.parse_args()
    print(
        f"{'seconds: wall, CPU':<28} {'MB':>7} {'inputs':>6}{'one input':>16}{'once':>17}"
        f"{'verify':>17}{'/ one':>10} {'/ once':>8} {'CPU':>8}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = arguments.models
        if not models:
            models = [folder / "small.onnx", folder / "100-mb.onnx"]
            network(models[0], (16, 32), 64)
            network(models[1], (64, 128, 256, 512, 512), 224)
        for model in models:
            measure(model, folder)


if __name__ == "__main__":
    main()
