"""Makes porting/demo/demo.onnx: a small image classifier as today's exporters write it.

Opset 20, with what stops or misleads an importer of Ascend: Gelu and LayerNormalization, a Gemm
whose alpha is dropped without C, a Resize with antialias, a pooling with SAME_LOWER.

    python tools/make_demo_model.py
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

OUT = Path(__file__).parent.parent / "porting" / "demo" / "demo.onnx"
CHANNELS, CLASSES = 16, 10


def build() -> onnx.ModelProto:
    """The model; the same bytes at every call."""
    random = np.random.default_rng(0)

    def weight(name: str, *shape: int) -> onnx.TensorProto:
        scale = np.sqrt(2 / max(np.prod(shape[1:]), 1))
        values = (random.standard_normal(shape) * scale).astype(np.float32)
        return numpy_helper.from_array(values, name)

    def constant(name: str, values: list[float]) -> onnx.TensorProto:
        return numpy_helper.from_array(np.array(values, np.float32), name)

    node = helper.make_node
    nodes = [
        node(
            "Conv",
            ["image", "stem.weight", "stem.bias"],
            ["stem"],
            "stem",
            pads=[1, 1, 1, 1],
            kernel_shape=[3, 3],
            strides=[2, 2],
        ),
        node("HardSwish", ["stem"], ["act"], "stem.act"),
        node(
            "AveragePool",
            ["act"],
            ["pooled"],
            "pool",
            kernel_shape=[2, 2],
            strides=[1, 1],
            auto_pad="SAME_LOWER",
        ),
        node("Resize", ["pooled", "", "scales"], ["small"], "shrink", mode="linear", antialias=1),
        node("Transpose", ["small"], ["channels_last"], "to_last", perm=[0, 2, 3, 1]),
        node(
            "LayerNormalization",
            ["channels_last", "norm.weight", "norm.bias"],
            ["normed"],
            "norm",
            axis=-1,
        ),
        node("MatMul", ["normed", "mlp.weight"], ["hidden"], "mlp"),
        node("Gelu", ["hidden"], ["gelu"], "mlp.act"),
        node("MatMul", ["gelu", "proj.weight"], ["projected"], "proj"),
        node("Add", ["projected", "channels_last"], ["residual"], "residual"),
        node("ReduceMean", ["residual", "axes"], ["features"], "mean", keepdims=0),
        node("Gemm", ["features", "head.weight"], ["logits"], "head", alpha=0.5),
        node("Softmax", ["logits"], ["scores"], "softmax", axis=-1),
    ]
    initializers = [
        weight("stem.weight", CHANNELS, 3, 3, 3),
        weight("stem.bias", CHANNELS),
        constant("scales", [1, 1, 0.5, 0.5]),
        constant("norm.weight", [1.0] * CHANNELS),
        constant("norm.bias", [0.0] * CHANNELS),
        weight("mlp.weight", CHANNELS, 4 * CHANNELS),
        weight("proj.weight", 4 * CHANNELS, CHANNELS),
        numpy_helper.from_array(np.array([1, 2], np.int64), "axes"),
        weight("head.weight", CHANNELS, CLASSES),
    ]
    image = helper.make_tensor_value_info("image", 1, ["batch", 3, 32, 32])
    scores = helper.make_tensor_value_info("scores", 1, ["batch", CLASSES])
    graph = helper.make_graph(nodes, "demo", [image], [scores], initializers)
    opset = helper.make_opsetid("", 20)
    model = helper.make_model(graph, producer_name="port", opset_imports=[opset], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


if __name__ == "__main__":
    onnx.save_model(build(), OUT)
    print(f"wrote {OUT.name}, {OUT.stat().st_size} bytes")
