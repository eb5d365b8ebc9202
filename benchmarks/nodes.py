"""How long it takes to convert models of many nodes, beside simplifiers on the same models.

    pip install onnxslim onnxscript
    python benchmarks/nodes.py

The model is a chain of blocks of five nodes, LayerNormalization, MatMul, Gelu, Add and HardSwish,
of which the target refuses or restricts four. `convert` reads, judges, changes the opset, rewrites,
judges again and writes; onnxslim and onnxscript's optimizer do what they do by default. Each runs
in a process of its own, from start to end; printed are the seconds of the processor, which other
programs disturb less than the wall clock, the peak of memory, and both relative to port's.
A peer that is not installed is left out. Growth is the time for ten times the nodes.
"""

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from processes import measure

TARGET = "rockchip-rk3588"
WIDTH = 16
CODE = {
    "port convert": (
        "from porting.cli import main; import sys; "
        "sys.argv[1:] = ['convert', {model!r}, '-t', {target!r}, '-o', {out!r}, '--no-verify']; "
        "main()"
    ),
    "onnxslim": "import onnxslim; onnxslim.slim({model!r}, {out!r})",
    "onnxscript": (
        "import onnx; from onnxscript.optimizer import optimize; "
        "onnx.save(optimize(onnx.load({model!r})), {out!r})"
    ),
}
MODULE = {"port convert": "porting"}


def chain(count: int) -> onnx.ModelProto:
    """A model of `count` nodes."""
    random = np.random.default_rng(0)
    weight = random.standard_normal((WIDTH, WIDTH)).astype(np.float32) / WIDTH
    constants = {"w": weight, "g": np.ones(WIDTH, np.float32), "b": np.zeros(WIDTH, np.float32)}
    nodes = []
    x = "x"
    for block in range(count // 5):
        n, m, g, a, h = (f"{name}{block}" for name in ("n", "m", "g", "a", "h"))
        nodes += [
            helper.make_node("LayerNormalization", [x, "g", "b"], [n], name=n, axis=-1),
            helper.make_node("MatMul", [n, "w"], [m], name=m),
            helper.make_node("Gelu", [m], [g], name=g),
            helper.make_node("Add", [g, x], [a], name=a),
            helper.make_node("HardSwish", [a], [h], name=h),
        ]
        x = h
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "chain",
        [info("x", TensorProto.FLOAT, [1, 8, WIDTH])],
        [info(x, TensorProto.FLOAT, [1, 8, WIDTH])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nodes", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--limit", type=float, default=300.0, help="Seconds for one run.")
    arguments = parser.parse_args()
    tools = [n for n in CODE if importlib.util.find_spec(MODULE.get(n, n))]
    with tempfile.TemporaryDirectory() as folder:
        for count in arguments.nodes:
            model, out = Path(folder) / "model.onnx", Path(folder) / "out.onnx"
            onnx.save(chain(count), model)
            own = None
            for name in tools:
                code = CODE[name].format(model=str(model), out=str(out), target=TARGET)
                found = measure([sys.executable, "-P", "-c", code], arguments.limit)
                own = found if name == "port convert" else own
                if found is None or own is None:
                    print(f"{count:>8} nodes  {name:<14} failed, or over {arguments.limit:.0f} s")
                    continue
                slower, larger = found.seconds / own.seconds, found.megabytes / own.megabytes
                cost = f"{found.seconds:8.1f} s {found.megabytes:6.0f} MB"
                print(f"{count:>8} nodes  {name:<14} {cost}  {slower:6.1f} x  {larger:5.1f} x")


if __name__ == "__main__":
    main()
