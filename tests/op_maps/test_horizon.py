"""Horizon's RDK boards: limits of the BPU, and beside them those of the CPU that takes the rest."""

from typing import Any

import numpy as np
import onnx
import pytest
from capability.helpers import Given, check, floats, ints, model_of, node_model, ones, shipped
from onnx import helper

from porting.capability.targets import available, load_target
from porting.results import NodeResult

X3, ULTRA, X5 = "horizon-rdk-x3", "horizon-rdk-ultra", "horizon-rdk-x5"
CHIPS = [X3, ULTRA, X5]
BAYES = [ULTRA, X5]
IMAGE = (1, 4, 8, 8)
RUNS, HOST, NEVER, MAYBE = "supported", "fallback", "unsupported", "unknown"


def model(op_type: str, inputs: Any = IMAGE, *names: Any, **more: Any) -> onnx.ModelProto:
    given = inputs if isinstance(inputs, dict) else {"x": inputs}
    return node_model(op_type, given, *names, **({"opset": 11} | more))


def two(op_type: str, a: Given, b: Given, **more: Any) -> onnx.ModelProto:
    return model(op_type, {"a": a, "b": b}, **more)


def judged(given: onnx.ModelProto, target: str, **more: Any) -> NodeResult:
    nodes = check(given, target, **more).nodes
    return next((n for n in nodes if n.name == "node"), nodes[0])


def verdicts(given: onnx.ModelProto, **more: Any) -> list[str]:
    return [judged(given, target, **more).verdict for target in CHIPS]


def conv(shape: Given = IMAGE, out: int = 8, kernel: Any = (3, 3), **more: Any) -> onnx.ModelProto:
    assert shape is not None
    channels = int(shape[1]) // more.get("group", 1)
    weight = np.zeros((out, channels, *kernel), np.float32)
    return model("Conv", {"x": shape, "w": weight}, kernel_shape=list(kernel), **more)


def transposed(shape: Given = IMAGE, kernel: Any = (4, 4), **more: Any) -> onnx.ModelProto:
    assert shape is not None
    weight = np.zeros((shape[1], 4, *kernel), np.float32)
    more = {"strides": [2, 2], "kernel_shape": list(kernel)} | more
    return model("ConvTranspose", {"x": shape, "w": weight}, **more)


def pool(op_type: str, side: int = 3, shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    return model(op_type, shape, kernel_shape=[side, side], **more)


def resize(mode: str, *sizes: int, **more: Any) -> onnx.ModelProto:
    inputs = {"x": IMAGE, "roi": floats(), "s": floats(), "z": ints(1, 4, *sizes)}
    return model("Resize", inputs, mode=mode, **more)


def pad(*pads: int, shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    return model("Pad", {"x": shape, "p": ints(*pads)}, **more)


def gemm(k: int = 64, n: int = 10) -> onnx.ModelProto:
    return two("Gemm", (1, k), np.zeros((k, n), np.float32))


def gather(indices: Given, dtype: str = "int64", data: Given = (4, 4)) -> onnx.ModelProto:
    return model("Gather", {"x": data, "i": indices}, dtypes={"i": dtype})


def lstm(batch: int = 1, **more: Any) -> onnx.ModelProto:
    inputs = {"x": (5, batch, 4), "w": ones(1, 24, 4), "r": ones(1, 24, 6)}
    return model("LSTM", inputs, 2, hidden_size=6, **more)


def chain(*nodes: onnx.NodeProto, outputs: Any = ("y",)) -> onnx.ModelProto:
    inputs = {"x": IMAGE, "w": ones(4, 4, 1, 1), **{n: ones(4) for n in ("s", "b", "m", "v")}}
    return model_of(nodes, inputs, outputs, opset=11)


def named(op_type: str, inputs: str, output: str, **more: Any) -> onnx.NodeProto:
    return helper.make_node(op_type, inputs.split(), [output], **more)


class TestTables:
    @pytest.mark.parametrize("target", CHIPS)
    def test_every_entry_is_well_formed(self, target: str) -> None:
        shipped(target).validate()
        assert load_target(target.removeprefix("horizon-")).data.target == target
        assert "_horizon" not in available()

    def test_the_list_of_the_x3_has_two_more(self) -> None:
        ops = {t: set(shipped(t).data.ops) for t in CHIPS}
        assert ops[X3] - ops[ULTRA] == {"NonZero", "ReduceLogSum"}
        assert ops[ULTRA] == ops[X5]
        assert len(ops[X5]) == 157

    def test_what_is_not_integrated(self) -> None:
        missing = [[k for k, e in shipped(t).data.ops.items() if e.verdict == NEVER] for t in CHIPS]
        assert [len(m) for m in missing] == [37, 37, 36]
        assert set(missing[1]) - set(missing[2]) == {"Mod"}

    def test_opsets_10_and_11(self) -> None:
        for opset, passes in ((9, False), (10, True), (11, True), (12, False)):
            assert check(model("Exp", opset=opset), X5).passed is passes

    def test_open_dimensions(self) -> None:
        def found(target: str, **more: Any) -> list[str]:
            result = check(model("Exp", (1, 4, "h", 8)), target, **more)
            return [f.verdict for f in result.findings]

        assert [found(t) for t in CHIPS] == [[MAYBE], [MAYBE], [NEVER]]
        assert found(X5, dims={"h": 8}) == []

    def test_each_cites_its_own_list(self) -> None:
        sources = [judged(model("Hardmax"), t).findings[0].source for t in CHIPS]
        assert "0e03fc39" in sources[0]
        assert "fde2a105" in sources[2]


A_HUGE_BATCH = (5000, 1, 1, 1)
BROADCAST = {"a": (1, 2, 3, 4, 5, 6), "b": (1, 2, 3, 4, 5, 6)}

CASES: dict[str, tuple[onnx.ModelProto, list[str]]] = {
    # of the CPU alone, and of no one
    "absent": (model("MaxUnpool", {"x": IMAGE, "i": IMAGE}, dtypes={"i": "int64"}), [NEVER] * 3),
    "not integrated": (model("Celu", opset=12), [NEVER] * 3),
    "mod": (two("Mod", (4,), (4,), dtypes={"a": "int32", "b": "int32"}), [NEVER, NEVER, HOST]),
    "cpu": (model("LogSoftmax"), [HOST] * 3),
    "cpu, type": (model("LogSoftmax", dtypes={"x": "float64"}), [NEVER] * 3),
    "cpu, type of one chip": (
        model("LpNormalization", dtypes={"x": "float64"}),
        [HOST, HOST, NEVER],
    ),
    "listed for one chip": (model("NonZero", (4,)), [HOST, NEVER, NEVER]),
    "cast": (model("Cast", to=10), [NEVER] * 3),
    "scatter": (
        model("ScatterElements", {"x": (4,), "i": (2,), "u": (2,)}, dtypes={"i": "int64"}),
        [NEVER] * 3,
    ),
    "gru backwards": (
        model(
            "GRU",
            {"x": (5, 1, 4), "w": ones(1, 18, 4), "r": ones(1, 18, 6)},
            2,
            hidden_size=6,
            direction="reverse",
        ),
        [NEVER] * 3,
    ),
    "gru, one output": (
        model("GRU", {"x": (5, 1, 4), "w": ones(1, 18, 4), "r": ones(1, 18, 6)}, hidden_size=6),
        [NEVER, HOST, HOST],
    ),
    "gru, two outputs, one blank": (
        model(
            "GRU",
            {"x": (5, 1, 4), "w": ones(1, 18, 4), "r": ones(1, 18, 6)},
            ["", "h"],
            hidden_size=6,
        ),
        [HOST] * 3,
    ),
    "rnn": (
        model(
            "RNN",
            {"x": (5, 1, 4), "w": ones(1, 6, 4), "r": ones(1, 6, 6)},
            ["", "h"],
            hidden_size=6,
        ),
        [HOST] * 3,
    ),
    "rnn with Y": (
        model("RNN", {"x": (5, 1, 4), "w": ones(1, 6, 4), "r": ones(1, 6, 6)}, 2, hidden_size=6),
        [NEVER] * 3,
    ),
    "where": (
        model("Where", {"c": (1, 4, 1, 8), "a": IMAGE, "b": IMAGE}, dtypes={"c": "bool"}),
        [HOST] * 3,
    ),
    "where, condition broadcast": (
        model("Where", {"c": (8,), "a": IMAGE, "b": IMAGE}, dtypes={"c": "bool"}),
        [NEVER] * 3,
    ),
    "sum of squares, two axes": (model("ReduceSumSquare", axes=[1, 2]), [NEVER] * 3),
    # folded away
    "shape": (model("Shape"), [RUNS] * 3),
    "constant of a shape": (model("ConstantOfShape", ints(2, 2)), [RUNS] * 3),
    "constant of any shape": (model("ConstantOfShape", (2,), dtypes={"x": "int64"}), [HOST] * 3),
    "dropout": (model("Dropout"), [RUNS] * 3),
    # element by element
    "exp": (model("Exp"), [RUNS] * 3),
    "exp of rank 2": (model("Exp", (4, 8)), [RUNS] * 3),
    "exp of rank 11": (model("Exp", (1,) * 11), [RUNS, HOST, HOST]),
    "exp of a batch": (model("Exp", A_HUGE_BATCH), [HOST] * 3),
    "exp of two batches": (model("Exp", (129, 1, 1, 1)), [HOST, RUNS, RUNS]),
    "exp of a long row": (model("Exp", (1, 70000)), [RUNS, HOST, RUNS]),
    "exp of too much": (model("Exp", (1, 4, 65536, 65536)), [RUNS, HOST, HOST]),
    "tanh": (model("Tanh", (1, 8, 32, 32)), [RUNS] * 3),
    "large tanh": (model("Tanh", (1, 9, 32, 32)), [HOST, RUNS, RUNS]),
    "tanh of a batch": (model("Tanh", (2, 4, 8, 8)), [MAYBE, RUNS, RUNS]),
    "sigmoid": (model("Sigmoid", (1, 4, 32, 64)), [RUNS] * 3),
    "sigmoid, aligned beyond": (model("Sigmoid", (1, 5, 32, 64)), [HOST, RUNS, RUNS]),
    "acos": (model("Acos"), [HOST, HOST, RUNS]),
    "acos of rank 11": (model("Acos", (1,) * 11, dtypes={"x": "float64"}), [NEVER, NEVER, HOST]),
    "prelu": (model("PRelu", {"x": IMAGE, "s": ones(4, 1, 1)}), [RUNS, HOST, RUNS]),
    "prelu, odd slope": (model("PRelu", {"x": (4, 8), "s": ones(8)}), [RUNS, NEVER, NEVER]),
    "pow": (two("Pow", IMAGE, floats(2)), [RUNS] * 3),
    "pow, computed": (two("Pow", IMAGE, (1,)), [HOST] * 3),
    # two operands
    "add": (two("Add", IMAGE, IMAGE), [RUNS] * 3),
    "add a constant": (two("Add", IMAGE, ones(1, 4, 8, 8)), [HOST, RUNS, RUNS]),
    "add by channel from outside": (two("Add", IMAGE, (1, 4, 1, 1)), [HOST, RUNS, RUNS]),
    "add rank 1": (two("Add", IMAGE, (8,)), [HOST, HOST, RUNS]),
    "add over batches": (two("Add", (2, 4, 8, 8), (1, 4, 8, 8)), [HOST, HOST, RUNS]),
    "add rank 6": (model("Add", BROADCAST), [NEVER, NEVER, RUNS]),
    "add that does not merge": (
        two("Add", (2, 3, 4, 5, 6), (2, 1, 4, 1, 6)),
        [HOST, HOST, HOST],
    ),
    "and of rank 6": (
        model("And", BROADCAST, dtypes=dict.fromkeys("ab", "bool")),
        [NEVER, NEVER, HOST],
    ),
    "many channels": (two("Add", (1, 4096, 1, 1), (1, 4096, 1, 1)), [HOST, RUNS, RUNS]),
    "mul by one number": (two("Mul", IMAGE, (1, 1, 1, 1)), [RUNS] * 3),
    "mul by row": (two("Mul", IMAGE, (1, 1, 8, 8)), [HOST, RUNS, RUNS]),
    "div by a constant": (two("Div", IMAGE, ones(1, 4, 1, 1)), [HOST, HOST, RUNS]),
    "sum": (two("Sum", IMAGE, IMAGE), [RUNS] * 3),
    "sum of three": (model("Sum", dict.fromkeys("abc", IMAGE)), [RUNS, MAYBE, MAYBE]),
    "max": (two("Max", IMAGE, (1, 4, 1, 1)), [HOST, RUNS, RUNS]),
    "max, both broadcast": (two("Max", (1, 4, 1, 8), (1, 4, 8, 1)), [HOST, HOST, RUNS]),
    "max of three": (model("Max", dict.fromkeys("abc", IMAGE)), [HOST, MAYBE, MAYBE]),
    "greater or equal": (two("GreaterOrEqual", IMAGE, IMAGE, opset=12), [NEVER] * 3),
    # convolutions
    "conv": (conv(pads=[1, 1, 1, 1]), [RUNS] * 3),
    "conv, kernel": (conv((1, 4, 16, 16), kernel=(9, 9)), [HOST, RUNS, RUNS]),
    "conv, 3-D": (conv((1, 4, 8, 8, 8), kernel=(3, 3, 3)), [NEVER, RUNS, RUNS]),
    "conv, 3-D and dilated": (
        conv((1, 4, 8, 8, 8), kernel=(3, 3, 3), dilations=[2, 2, 2]),
        [NEVER, NEVER, HOST],
    ),
    "conv, 3-D, strides": (
        conv((1, 4, 8, 8, 8), kernel=(3, 3, 3), strides=[1, 1, 2]),
        [NEVER, NEVER, HOST],
    ),
    "conv, 1-D": (conv((1, 4, 8), kernel=(3,)), [NEVER, NEVER, HOST]),
    "conv, channels of a group": (
        conv((1, 4100, 1, 1), group=2, kernel=(1, 1)),
        [HOST, RUNS, RUNS],
    ),
    "conv, weights": (conv((1, 4000, 3, 3), out=1), [HOST, RUNS, HOST]),
    "conv, many outputs": (conv(out=8200, kernel=(1, 1)), [HOST, MAYBE, MAYBE]),
    "conv, dilation": (conv(dilations=[2, 2]), [RUNS] * 3),
    "conv, dilation 3": (conv(dilations=[3, 3]), [HOST, HOST, HOST]),
    "conv, dilation across": (conv(dilations=[2, 1]), [HOST, RUNS, RUNS]),
    "conv, dilation and stride": (conv(dilations=[2, 2], strides=[2, 2]), [RUNS, HOST, HOST]),
    "conv, CPU and pads": (conv(dilations=[3, 3], pads=[1, 1, 2, 2]), [NEVER] * 3),
    "conv transpose": (transposed(pads=[1, 1, 1, 1]), [RUNS] * 3),
    "conv transpose, stride": (transposed(strides=[3, 3]), [HOST, RUNS, RUNS]),
    "conv transpose, stride 1": (transposed(strides=[1, 1]), [HOST, MAYBE, MAYBE]),
    "conv transpose, pads": (transposed(pads=[3, 3, 3, 3]), [HOST, MAYBE, MAYBE]),
    "conv transpose, weights": (
        transposed((1, 2048, 4, 4), kernel=(8, 8)),
        [RUNS, MAYBE, MAYBE],
    ),
    "gemm": (gemm(), [RUNS] * 3),
    "gemm, wide": (gemm(5000), [MAYBE, RUNS, RUNS]),
    "gemm, wider": (gemm(17000), [HOST, HOST, HOST]),
    "gemm, many outputs": (gemm(n=9000), [HOST, MAYBE, MAYBE]),
    # matrices
    "matmul": (two("MatMul", (1, 2, 8, 4), (1, 2, 4, 8)), [HOST, RUNS, RUNS]),
    "matmul, one matrix": (two("MatMul", (1, 2, 8, 4), (1, 1, 4, 8)), [RUNS] * 3),
    "matmul by weights": (two("MatMul", (2, 8, 4), ones(4, 8)), [RUNS, HOST, HOST]),
    "matmul by computed weights": (two("MatMul", (2, 8, 4), (4, 8)), [HOST] * 3),
    "matmul, vector": (two("MatMul", (4,), ones(4, 8)), [RUNS, HOST, HOST]),
    "matmul, A broadcast": (two("MatMul", (1, 1, 8, 4), (2, 3, 4, 8)), [HOST, RUNS, RUNS]),
    "matmul, part of A broadcast": (two("MatMul", (2, 1, 8, 4), (2, 3, 4, 8)), [HOST] * 3),
    "matmul, end of B broadcast": (two("MatMul", (2, 3, 8, 4), (2, 1, 4, 8)), [HOST, RUNS, RUNS]),
    "matmul, start of B broadcast": (two("MatMul", (2, 3, 8, 4), (1, 3, 4, 8)), [HOST] * 3),
    "matmul, large": (two("MatMul", (8193, 4), (4, 8)), [HOST] * 3),
    # windows
    "average pool": (pool("AveragePool"), [RUNS] * 3),
    "average pool, kernel": (pool("AveragePool", 8), [HOST, RUNS, RUNS]),
    "average pool of one": (pool("AveragePool", 1), [RUNS, RUNS, HOST]),
    "average pool, CPU, SAME": (
        pool("AveragePool", 257, (1, 1, 300, 300), auto_pad="SAME_UPPER"),
        [NEVER, NEVER, HOST],
    ),
    "max pool, dilation": (pool("MaxPool", dilations=[2, 2]), [NEVER] * 3),
    "max pool, 3-D": (
        model("MaxPool", (1, 4, 8, 8, 8), kernel_shape=[3, 3, 3]),
        [RUNS, NEVER, HOST],
    ),
    "global average": (model("GlobalAveragePool", (1, 4, 100, 100)), [HOST, RUNS, RUNS]),
    "global max": (model("GlobalMaxPool", (1, 4, 300, 300)), [RUNS, HOST, HOST]),
    # shapes
    "concat": (two("Concat", IMAGE, IMAGE, axis=1), [RUNS] * 3),
    "concat of batches": (two("Concat", IMAGE, IMAGE, axis=-4), [RUNS, HOST, HOST]),
    "split": (model("Split", IMAGE, 2, axis=-3), [RUNS] * 3),
    "split of batches": (model("Split", (4, 4, 8, 8), 2, axis=0), [HOST] * 3),
    "split, uneven": (model("Split", IMAGE, 2, axis=1, split=[1, 3]), [HOST] * 3),
    "reshape": (model("Reshape", {"x": IMAGE, "s": ints(1, 256)}), [HOST, RUNS, RUNS]),
    "flatten": (model("Flatten"), [HOST, RUNS, RUNS]),
    "expand": (model("Expand", {"x": (1, 4, 1, 8), "s": ints(1, 4, 8, 8)}), [HOST, RUNS, RUNS]),
    "expand twice": (model("Expand", {"x": (1, 4, 1, 1), "s": ints(1, 4, 8, 8)}), [HOST] * 3),
    "tile": (model("Tile", {"x": IMAGE, "r": ints(1, 1, 2, 2)}), [HOST] * 3),
    "transpose": (model("Transpose", perm=[0, 2, 3, 1]), [HOST, RUNS, RUNS]),
    "depth to space by 4": (model("DepthToSpace", (1, 64, 8, 8), blocksize=4), [HOST] * 3),
    "depth to space": (model("DepthToSpace", (1, 16, 8, 8), blocksize=2), [RUNS] * 3),
    "depth to space, one channel": (
        model("DepthToSpace", blocksize=2),
        [RUNS, HOST, HOST],
    ),
    "pad": (pad(0, 0, 1, 1, 0, 0, 1, 1), [RUNS] * 3),
    "pad, reflect": (pad(0, 0, 1, 1, 0, 0, 1, 1, mode="reflect"), [HOST] * 3),
    "pad channels": (pad(0, 1, 0, 0, 0, 1, 0, 0), [NEVER, RUNS, RUNS]),
    "pad channels, reflect": (pad(0, 1, 0, 0, 0, 1, 0, 0, mode="reflect"), [NEVER] * 3),
    "crop at opset 10": (
        model("Pad", pads=[0, 0, 0, 0, 0, 0, -1, -1], opset=10, mode="edge"),
        [NEVER] * 3,
    ),
    "gather": (gather(ints(1)), [HOST, RUNS, RUNS]),
    "gather, computed": (gather((1,)), [HOST] * 3),
    "gather, computed int32": (gather((1,), "int32"), [HOST, RUNS, RUNS]),
    "gather, rank 5": (gather(ints(0), data=(1, 1, 1, 1, 4)), [HOST] * 3),
    "gather elements": (
        model("GatherElements", {"x": (3, 4), "i": ints(*range(10)).reshape(5, 2) % 2}, axis=1),
        [HOST, RUNS, HOST],
    ),
    "top k": (model("TopK", {"x": IMAGE, "k": ints(2)}, 2), [NEVER, RUNS, RUNS]),
    "top k at opset 10": (
        model("TopK", {"x": IMAGE, "k": ints(2)}, 2, opset=10),
        [HOST, RUNS, RUNS],
    ),
    "arg max": (model("ArgMax", axis=-3), [RUNS] * 3),
    "arg max, axis": (model("ArgMax"), [HOST] * 3),
    "arg max, channels": (model("ArgMax", (1, 65, 8, 8), axis=1), [HOST, HOST, RUNS]),
    "mean of H and W": (model("ReduceMean", axes=[-1, -2]), [RUNS] * 3),
    "mean of one axis": (model("ReduceMean", axes=[1]), [HOST, RUNS, RUNS]),
    "mean of two others": (model("ReduceMean", axes=[1, 2]), [NEVER] * 3),
    "max of a long axis": (model("ReduceMax", (1, 9000), axes=[1]), [HOST] * 3),
    "sum without keepdims": (model("ReduceSum", axes=[1], keepdims=0), [HOST, RUNS, RUNS]),
    "resize": (resize("nearest", 16, 32), [RUNS] * 3),
    "resize, more in H": (resize("nearest", 32, 16), [HOST] * 3),
    "resize by 3": (resize("nearest", 24, 24), [HOST] * 3),
    "resize, shrinking": (resize("nearest", 4, 4), [MAYBE] * 3),
    "linear resize": (resize("linear", 24, 24), [RUNS] * 3),
    "cubic resize": (resize("cubic", 24, 24), [HOST] * 3),
    "cubic resize, asymmetric": (
        resize("cubic", 24, 24, coordinate_transformation_mode="asymmetric"),
        [NEVER] * 3,
    ),
    "resize, crop": (
        resize("linear", 24, 24, coordinate_transformation_mode="tf_crop_and_resize"),
        [MAYBE] * 3,
    ),
    "lstm": (lstm(), [RUNS] * 3),
    "lstm of a batch": (lstm(2), [HOST] * 3),
    "lstm of a batch, backwards": (lstm(2, clip=1.0), [NEVER, HOST, HOST]),
}


@pytest.mark.parametrize(("given", "expected"), CASES.values(), ids=CASES)
def test_verdicts_of_the_three(given: onnx.ModelProto, expected: list[str]) -> None:
    assert verdicts(given) == expected


def test_reasons_name_where_the_limit_is() -> None:
    beyond = judged(conv(dilations=[3, 3], pads=[1, 1, 2, 2]), X3)
    assert [f.verdict for f in beyond.findings] == [NEVER, HOST]
    assert beyond.findings[0].message.startswith("on the host CPU: the padding is the same")
    assert "at run time" not in beyond.findings[0].message
    assert "powers of two" in beyond.findings[1].message


class TestContext:
    def test_relu_is_a_part_of_a_convolution(self) -> None:
        relu = named("Relu", "c", "y", name="node")
        fused = chain(named("Conv", "x w", "c"), relu)
        normalised = chain(
            named("Conv", "x w", "d"), named("BatchNormalization", "d s b m v", "c"), relu
        )
        assert verdicts(fused) == [RUNS] * 3
        assert verdicts(model("Relu")) == [HOST, RUNS, RUNS]
        assert verdicts(normalised) == [MAYBE, RUNS, RUNS]

    def test_normalisation_is_too(self) -> None:
        norm = named("BatchNormalization", "c s b m v", "y", name="node")
        assert verdicts(chain(named("Conv", "x w", "c"), norm)) == [RUNS] * 3
        alone = named("BatchNormalization", "x s b m v", "y", name="node")
        assert verdicts(chain(alone)) == [HOST, RUNS, RUNS]

    @pytest.mark.parametrize(("stride", "expected"), [(1, RUNS), (2, RUNS), (4, HOST)])
    def test_strides_before_a_residual_add(self, stride: int, expected: str) -> None:
        first = named("Conv", "x w", "c", name="node", strides=[stride, stride])
        assert verdicts(chain(first, named("Add", "c c", "y"))) == [expected] * 3
        assert verdicts(chain(first, outputs=["c"])) == [RUNS] * 3

    def test_add_by_channel_of_two_nodes(self) -> None:
        nodes = [
            named("Conv", "x w", "c"),
            named("GlobalAveragePool", "c", "g"),
            named("Add", "c g", "y", name="node"),
        ]
        assert verdicts(chain(*nodes)) == [RUNS] * 3

    def test_gemm_of_what_was_flattened(self) -> None:
        nodes = [named("Flatten", "x", "f"), named("Gemm", "f k", "y", name="node")]
        inputs = {"x": (1, 128, 7, 7), "k": np.zeros((6272, 8), np.float32)}
        assert verdicts(model_of(nodes, inputs, ["y"], opset=11)) == [MAYBE, RUNS, RUNS]


class TestChoice:
    def test_softmax_runs_on_the_bpu_where_it_is_named(self) -> None:
        by_channel, last = model("Softmax", axis=1), model("Softmax", axis=3)
        named_node, named_type = {"run_on_bpu": "other, node"}, {"run_on_bpu": "Softmax"}
        assert verdicts(by_channel) == [HOST] * 3
        assert "run_on_bpu" in judged(by_channel, X3).findings[0].message
        assert verdicts(by_channel, options=named_node) == [RUNS, HOST, HOST]
        assert verdicts(last, options=named_type) == [HOST, RUNS, RUNS]

    def test_on_the_x3_softmax_comes_last(self) -> None:
        nodes = [named("Softmax", "x", "c", name="node", axis=1), named("Exp", "c", "y")]
        assert verdicts(chain(*nodes), options={"run_on_bpu": "node"}) == [HOST] * 3

    @pytest.mark.parametrize("op_type", ["Equal", "Greater", "Less", "Min"])
    def test_comparisons_too(self, op_type: str) -> None:
        given = two(op_type, IMAGE, (1, 4, 1, 1))
        assert verdicts(given) == [HOST] * 3
        chosen = [judged(given, t, options={"run_on_bpu": op_type}).verdict for t in BAYES]
        assert chosen == [RUNS, RUNS]

    def test_one_operand_is_broadcast(self) -> None:
        given = two("Greater", (1, 4, 1, 8), (1, 4, 8, 1))
        assert verdicts(given, options={"run_on_bpu": "Greater"}) == [HOST] * 3


class TestPrecision:
    def test_int16_where_the_list_says_so(self) -> None:
        assert [judged(model("Exp"), t, precision="int16").verdict for t in BAYES] == [RUNS, RUNS]
        assert [judged(conv(), t, precision="int16").verdict for t in BAYES] == [MAYBE, MAYBE]
        depth = model("DepthToSpace", (1, 16, 8, 8), blocksize=2)
        assert [judged(depth, t, precision="int16").verdict for t in BAYES] == [MAYBE, RUNS]


def test_grid_sample_is_an_operator_of_the_vendors() -> None:
    grid = node_model("GridSample", {"x": IMAGE, "g": (1, 4, 4, 2)}, opset=16)
    assert verdicts(grid) == [NEVER] * 3
    assert any("horizon_nn" in f.help for f in judged(grid, X5).findings)


def test_multiplication_by_zero_is_worth_knowing() -> None:
    (advice,) = judged(two("Mul", IMAGE, IMAGE), X3).findings
    assert "may be 0" in advice.message
