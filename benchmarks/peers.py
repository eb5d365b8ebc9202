"""What the usual jobs cost, beside other tools on the same models in the same run.

    python -m venv peers
    peers/bin/pip install onnx-doctor coreai-onnx polygraphy onnxslim onnxscript
    peers/bin/pip install onnxoptimizer onnxsim
    python benchmarks/peers.py --peers peers

Printed are seconds of the processor and the peak of memory of the quickest of several runs, each a
process of its own, and both relative to port's. A tool that is not installed is left out; one that
fails or takes longer than the limit is said to. What the tools do differs: onnx-doctor lints,
coreai-onnx looks operators' names up, the others simplify without a target in mind.

    small      95 nodes, 3 MB of weights in the file
    weights    95 nodes, 100 MB of weights in the file
    external   95 nodes, 2.5 GB of weights in a data file
    sparse     95 nodes, a data file of 250 GB of which nothing is stored (port only)
    nodes      100,000 nodes in a row, no weights
    blocks     100,000 nodes of a residual network, with attributes and 125,000 small weights
"""

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from processes import PORT, Cost, best

TARGET = "ascend-310p"
LAYERS = 19
"""Of five nodes each."""

OPTIMIZE = "import sys, onnx; from onnxscript.optimizer import optimize; "
IN_MEMORY = OPTIMIZE + "onnx.save(optimize(onnx.load(sys.argv[1])), sys.argv[2])"
BY_IR = OPTIMIZE + (
    "import onnx_ir; m = onnx_ir.load(sys.argv[1]); "
    "optimize(m); onnx_ir.save(m, sys.argv[2], external_data='out.data')"
)


@dataclass(frozen=True)
class Job:
    """One thing to do with one model.

    Attributes:
        name: As printed.
        model: Which of the models; empty for none.
        port: Arguments of port; `{model}` and `{out}` are filled in.
        peers: For each tool its program and arguments.
    """

    name: str
    model: str
    port: Sequence[str]
    peers: Mapping[str, Sequence[str]] = field(default_factory=dict)


Step: TypeAlias = tuple[Job, str, Sequence[str]]
"""A job, a tool and its command."""

CHECK = ("check", "{model}", "--target", TARGET, "--no-cache")
CONVERT = ("convert", "{model}", "--target", TARGET, "--no-verify", "-o", "{out}")
LINTS: dict[str, Sequence[str]] = {
    "onnx-doctor": ("onnx-doctor", "check", "{model}"),
    "coreai-onnx": ("coreai-onnx", "inspect", "{model}"),
}
SIMPLIFIES: dict[str, Sequence[str]] = {
    "onnxslim": ("onnxslim", "{model}", "{out}"),
    "onnxsim": ("onnxsim", "{model}", "{out}"),
    "onnxoptimizer": ("onnxoptimizer", "{model}", "{out}"),
}
JOBS = (
    Job("--help", "", ("--help",), {t: (t, "--help") for t in ("polygraphy", *LINTS, *SIMPLIFIES)}),
    Job("targets", "", ("targets",)),
    Job("check", "small", CHECK, LINTS),
    Job("check", "weights", CHECK, LINTS),
    Job("check", "external", CHECK, LINTS),
    Job("check", "sparse", CHECK),
    Job("check", "nodes", CHECK, LINTS),
    Job("check", "blocks", CHECK, LINTS),
    Job(
        "check, all tables",
        "small",
        ("check", "{model}", "--target", "all", "--no-cache", "--jobs", "1"),
    ),
    Job(
        "convert",
        "weights",
        CONVERT,
        {**SIMPLIFIES, "onnxscript": ("python", "-c", IN_MEMORY, "{model}", "{out}")},
    ),
    Job(
        "convert",
        "external",
        CONVERT,
        {**SIMPLIFIES, "onnxscript": ("python", "-c", BY_IR, "{model}", "{out}")},
    ),
    Job("convert", "nodes", CONVERT, SIMPLIFIES),
    Job("convert", "blocks", CONVERT, SIMPLIFIES),
)


def stack(width: int, layers: int = LAYERS, *, data: str = "") -> onnx.ModelProto:
    """Layers of MatMul, Add, Gelu, Mul and LayerNormalization.

    Args:
        width: Of the vectors; a layer has width * width weights.
        layers: How many.
        data: Name of a data file in which the weights lie, one after the other; inside if empty.
    """
    random = np.random.default_rng(0)
    nodes, weights = [], []
    x = "x"
    size = width * width * 4
    for layer in range(layers):
        name = f"weight{layer}"
        if data:
            tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[width, width])
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (("location", data), ("offset", layer * size), ("length", size)):
                tensor.external_data.add(key=key, value=str(value))
        else:
            drawn = random.standard_normal((width, width), dtype=np.float32) / width**0.5
            tensor = numpy_helper.from_array(drawn, name)
        weights.append(tensor)
        for op_type, operands in (
            ("MatMul", [x, name]),
            ("Add", ["", "bias"]),
            ("Gelu", [""]),
            ("Mul", ["", "gain"]),
            ("LayerNormalization", ["", "gain", "bias"]),
        ):
            given = [operand or x for operand in operands]
            x = f"layer{layer}/{op_type}"
            nodes.append(helper.make_node(op_type, given, [x], name=x))
    for name in ("gain", "bias"):
        weights.append(numpy_helper.from_array(np.full(width, 0.5, np.float32), name))
    return _model(nodes, weights, [1, 4, width], x)


def chain(count: int) -> onnx.ModelProto:
    """As many nodes in a row, most of which chips take as they are."""
    operators = ("Relu", "Sigmoid", "Add", "Mul", "Tanh", "Gelu", "Sub", "Neg", "Abs", "Softmax")
    nodes = []
    x = "x"
    for index in range(count):
        op_type = operators[index % len(operators)]
        given = [x, "x"] if op_type in ("Add", "Mul", "Sub") else [x]
        x = f"{op_type}_{index}"
        nodes.append(helper.make_node(op_type, given, [x], name=x))
    return _model(nodes, [], [1, 8, 16], x)


def blocks(count: int) -> onnx.ModelProto:
    """Nodes in residual blocks of Conv, BatchNormalization, Relu and Add; all types declared."""
    shape, random = [1, 4, 8, 8], np.random.default_rng(0)
    window = {"dilations": [1, 1], "kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [1, 1]}
    nodes, weights = [], []
    x = "x"
    for index in range(count // 4):
        name = f"block{index}"
        kernel = random.standard_normal((4, 4, 3, 3), dtype=np.float32)
        weights.append(numpy_helper.from_array(kernel, f"{name}.kernel"))
        ones = [f"{name}.{w}" for w in ("scale", "bias", "mean", "var")]
        weights += [numpy_helper.from_array(np.ones(4, np.float32), w) for w in ones]
        for op_type, given, attributes in (
            ("Conv", [x, f"{name}.kernel"], {"group": 1, **window}),
            ("BatchNormalization", [f"{name}/Conv", *ones], {"epsilon": 1e-5, "momentum": 0.9}),
            ("Relu", [f"{name}/BatchNormalization"], {}),
            ("Add", [f"{name}/Relu", x], {}),
        ):
            y = f"{name}/{op_type}"
            nodes.append(helper.make_node(op_type, given, [y], name=y, **attributes))
        x = y
    model = _model(nodes, weights, shape, x)
    made = [helper.make_tensor_value_info(n.output[0], TensorProto.FLOAT, shape) for n in nodes]
    model.graph.value_info.extend(made[:-1])
    return model


def _model(
    nodes: list[onnx.NodeProto], weights: list[TensorProto], shape: list[int], out: str
) -> onnx.ModelProto:
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "benchmark",
        [info("x", TensorProto.FLOAT, shape)],
        [info(out, TensorProto.FLOAT, shape)],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def models(folder: Path, wanted: frozenset[str]) -> dict[str, Path]:
    """Writes the models that are wanted."""
    paths = {name: folder / name / "model.onnx" for name in sorted(wanted)}
    for name, path in paths.items():
        path.parent.mkdir()
        if name == "small":
            onnx.save(stack(200), path)
        elif name == "weights":
            onnx.save(stack(1150), path)
        elif name == "external":
            path.write_bytes(stack(5790, data="weights.bin").SerializeToString())
            _fill(path.parent / "weights.bin", LAYERS * 5790 * 5790 * 4)
        elif name == "sparse":
            path.write_bytes(stack(57_000, data="weights.bin").SerializeToString())
            with (path.parent / "weights.bin").open("wb") as file:
                file.truncate(LAYERS * 57_000 * 57_000 * 4)
        elif name == "nodes":
            onnx.save(chain(100_000), path)
        elif name == "blocks":
            onnx.save(blocks(100_000), path)
    return paths


def _fill(path: Path, size: int) -> None:
    """Random bytes of small floats, the same block again and again."""
    block = np.random.default_rng(0).standard_normal(1 << 20, dtype=np.float32).tobytes()
    with path.open("wb") as file:
        while size > 0:
            file.write(block[:size])
            size -= len(block)


def commands(
    job: Job, model: Path | None, out: Path, peers: Path | None
) -> Iterator[tuple[str, list[str]]]:
    """Port's command, then those of the tools that are there."""
    filled = {"{model}": str(model), "{out}": str(out)}
    yield "port", [*PORT, *(filled.get(word, word) for word in job.port)]
    for tool, (program, *arguments) in job.peers.items():
        path = peers / "bin" / program if peers is not None else None
        if path is not None and path.exists():
            yield tool, [str(path), *(filled.get(word, word) for word in arguments)]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers", type=Path, help="A virtual environment with the other tools.")
    parser.add_argument("--limit", type=float, default=60.0, help="Seconds for one run.")
    parser.add_argument("--rounds", type=int, default=3, help="Of which the best one counts.")
    parser.add_argument("--only", default="", help="A part of the jobs' names: 'check nodes'.")
    arguments = parser.parse_args()
    jobs = [j for j in JOBS if arguments.only in f"{j.name} {j.model}"]
    os.environ["PYTHONHASHSEED"] = "0"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out" / "out.onnx"
        wanted = frozenset(j.model for j in jobs if j.model)
        # in another process: what this one ever held would count as the peak of what it starts
        with ProcessPoolExecutor(1, get_context("spawn")) as maker:
            paths = maker.submit(models, Path(folder), wanted).result()
        steps = [
            (job, tool, command)
            for job in jobs
            for tool, command in commands(job, paths.get(job.model), out, arguments.peers)
        ]
        found = rounds(steps, out, arguments.limit, arguments.rounds)
    print("| job | model | tool | CPU s | peak MB | CPU x | MB x |")
    print("|---|---|---|---|---|---|---|")
    own: Cost | None = None
    for (job, tool, _), cost in zip(steps, found, strict=True):
        own = cost if tool == "port" else own
        print(_row(job, tool, cost, own, arguments.limit))


def rounds(steps: Sequence[Step], out: Path, limit: float, count: int) -> list[Cost | None]:
    """The best cost of each step; None for one that fails, which is not tried again.

    All are run once before any is run again: a machine that is slow for a minute is slow for all.
    """
    found: list[list[Cost | None]] = [[] for _ in steps]
    for _ in range(count):
        for costs, (job, _, command) in zip(found, steps, strict=True):
            if None in costs:
                continue
            out.parent.mkdir(exist_ok=True)
            accepted = frozenset({0, 1}) if job.name.startswith("check") else frozenset({0})
            costs.append(best(command, limit, accepted))
            for left in out.parent.iterdir():
                left.unlink()
    return [
        None if None in costs else min((c for c in costs if c), key=lambda cost: cost.seconds)
        for costs in found
    ]


def _row(job: Job, tool: str, cost: Cost | None, own: Cost | None, limit: float) -> str:
    if cost is None:
        return f"| {job.name} | {job.model} | {tool} | fails, or over {limit:.0f} s | | | |"
    row = f"| {job.name} | {job.model} | {tool} | {cost.seconds:.2f} | {cost.megabytes:.0f} |"
    if own is None:
        return f"{row} | |"
    return f"{row} {cost.seconds / own.seconds:.1f} | {cost.megabytes / own.megabytes:.1f} |"


if __name__ == "__main__":
    main()
