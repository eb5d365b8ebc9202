"""What sets the Ascend 910B, 310B and the 310 of CANN 5 apart from the 310P."""

from typing import Any

import onnx
import pytest
from capability.helpers import Given, check, floats, ints, node_model, ones, shipped

from porting.capability.targets import load_target
from porting.results import CheckResult, NodeResult

NEWER = ["ascend-910b", "ascend-310b"]
OLD = "ascend-310-cann5"
IMAGE = (1, 3, 8, 8)


def judged(model: onnx.ModelProto, target: str = OLD, **more: Any) -> NodeResult:
    return check(model, target, **more).nodes[0]


def x(op_type: str, shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    """An operator of one input."""
    return node_model(op_type, {"x": shape}, **more)


def brain(op_type: str, **more: Any) -> onnx.ModelProto:
    return x(op_type, dtypes={"x": "bfloat16"}, **more)


def old(op_type: str, inputs: Any = IMAGE, **more: Any) -> onnx.ModelProto:
    """A model of CANN 5's time."""
    given = inputs if isinstance(inputs, dict) else {"x": inputs}
    return node_model(op_type, given, **({"opset": 11} | more))


def conv(shape: Given = IMAGE, kernel: tuple[int, int] = (3, 3), **more: Any) -> onnx.ModelProto:
    weight = ones(6, 3 // more.get("group", 1), *kernel)
    return old("Conv", {"x": shape, "w": weight}, kernel_shape=list(kernel), **more)


def transposed(**more: Any) -> onnx.ModelProto:
    inputs = {"x": (1, 3, 8, 8), "w": ones(3, 3, 2, 2)}
    return old("ConvTranspose", inputs, kernel_shape=[2, 2], strides=[2, 2], **more)


def pool(op_type: str = "MaxPool", shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    return old(op_type, shape, **({"kernel_shape": [3, 3]} | more))


def matmul(op_type: str, *more: str, **attributes: Any) -> onnx.ModelProto:
    return old(op_type, dict.fromkeys(("a", "b", *more), (4, 4)), **attributes)


def lstm(**more: Any) -> onnx.ModelProto:
    inputs = {"x": (5, 1, 4), "w": ones(1, 24, 4), "r": ones(1, 24, 6)}
    return old("LSTM", inputs, hidden_size=6, **more)


def resize(mode: str, scales: Given = None, **more: Any) -> onnx.ModelProto:
    scales = floats(1, 1, 2, 2) if scales is None else scales
    return old("Resize", {"x": IMAGE, "roi": floats(), "s": scales}, mode=mode, **more)


def roi_align(**more: Any) -> onnx.ModelProto:
    inputs = {"x": IMAGE, "r": (2, 4), "b": (2,)}
    return old("RoiAlign", inputs, **({"dtypes": {"b": "int64"}} | more))


def gather(*indices: int) -> onnx.ModelProto:
    return old("Gather", {"x": (4, 4), "i": ints(*indices)})


class TestTables:
    @pytest.mark.parametrize("target", [*NEWER, OLD])
    def test_every_entry_is_well_formed(self, target: str) -> None:
        shipped(target).validate()

    @pytest.mark.parametrize(
        ("name", "target"),
        [
            ("910b", "ascend-910b"),
            ("310b", "ascend-310b"),
            ("310p", "ascend-310p"),
            ("cann5", OLD),
            ("310-cann5", OLD),
        ],
    )
    def test_short_names(self, name: str, target: str) -> None:
        assert load_target(name).data.target == target

    @pytest.mark.parametrize("target", NEWER)
    def test_the_importer_is_the_same(self, target: str) -> None:
        assert shipped(target).data.ops.keys() == load_target("310p").data.ops.keys()

    def test_the_old_list_has_what_it_had(self) -> None:
        ops = load_target(OLD).data.ops
        assert len(ops) == 145
        assert sum(e.verdict == "unknown" for e in ops.values()) == 11


class TestNewerChips:
    @pytest.mark.parametrize("target", NEWER)
    def test_limits_of_the_310p_hold(self, target: str) -> None:
        gemm = node_model("Gemm", {"a": (4, 4), "b": (4, 4)}, alpha=0.5)
        assert judged(gemm, target).verdict == "deviates"
        loop = x("Loop", (), body=onnx.helper.make_graph([], "b", [], []))
        assert judged(loop, target).verdict == "unsupported"
        assert judged(x("Relu", (0, 3)), target).findings[0].message.startswith("no dimension")
        assert check(x("Relu"), target).passed
        assert not check(x("Relu", opset=19), target).passed

    @pytest.mark.parametrize("target", NEWER)
    @pytest.mark.parametrize(
        "op_type", ["ReduceL1", "ReduceL2", "ReduceProd", "ReduceSumSquare", "Mean"]
    )
    def test_bfloat16_where_a_document_has_it(self, target: str, op_type: str) -> None:
        assert judged(brain(op_type), target).verdict == "supported"
        assert judged(brain(op_type), "ascend-310p").verdict == "unsupported"

    @pytest.mark.parametrize("target", NEWER)
    @pytest.mark.parametrize("op_type", ["Relu", "Cast"])
    def test_bfloat16_elsewhere(self, target: str, op_type: str) -> None:
        more = {"to": 1} if op_type == "Cast" else {}
        node = judged(brain(op_type, **more), target)
        assert node.verdict == "unknown"
        assert any("no document names it" in f.message for f in node.findings)

    def test_ranges_of_shapes(self) -> None:
        def verdicts(target: str, **more: Any) -> list[str]:
            model = x("Relu", ("n", 3, 8, 8))
            result: CheckResult = check(model, target, **more)
            return [f.verdict for f in result.findings]

        assert verdicts("ascend-910b") == []
        assert verdicts("ascend-310b") == ["unknown"]
        assert verdicts("ascend-310b", dims={"n": 2}) == []
        assert verdicts("ascend-310b", precision="int8") == ["unknown", "unknown"]

    def test_pooling_that_stays_float32(self) -> None:
        model = x("MaxPool", kernel_shape=[3, 3])
        verdicts = [judged(model, t, precision="float32").verdict for t in NEWER]
        assert verdicts == ["unknown", "unsupported"]
        assert judged(model, "ascend-310b").verdict == "supported"
        volume = x("MaxPool", (1, 3, 8, 8, 8), kernel_shape=[3, 3, 3])
        assert judged(volume, "ascend-310b", precision="float32").verdict == "unknown"


SUPPORTED = {
    "relu": old("Relu"),
    "conv": conv(pads=[1, 1, 1, 1], strides=[2, 2]),
    "conv of the whole image": conv(kernel=(8, 8)),
    "conv transpose": transposed(output_shape=[16, 16]),
    "average pool": pool("AveragePool", pads=[1, 1, 1, 1]),
    "max pool": pool(ceil_mode=1),
    "same lower that pads evenly": pool("AveragePool", auto_pad="SAME_LOWER"),
    "matmul": matmul("MatMul"),
    "gemm": matmul("Gemm", beta=0.5),
    "clip": old("Clip", {"x": IMAGE, "lo": ones(1)[0], "hi": None}),
    "gather": gather(0, 2),
    "softmax": old("Softmax", axis=3),
    "softmax at opset 13": old("Softmax", axis=1, opset=13),
    "lstm": lstm(),
    "resize": resize("nearest", nearest_mode="round_prefer_ceil"),
    "linear resize": resize("linear"),
    "prelu": old("PRelu", {"x": IMAGE, "s": ones(3)}),
    "transpose": old("Transpose", perm=[0, 2, 3, 1]),
    "opsets of ReduceLogSum": old("ReduceLogSum", opset=13),
}

REST = {
    "not listed": (old("CastLike", {"a": (2,), "b": (2,)}, opset=15), "unsupported", "not take"),
    "between opsets": (old("ReduceLogSum", opset=12), "unsupported", "taken at 11, 13 only"),
    "opset of pad": (
        old("Pad", {"x": IMAGE, "p": ints(0, 0, 1, 1, 0, 0, 1, 1)}, opset=13),
        "unsupported",
        "taken at 11 only",
    ),
    "pad with another value": (
        old("Pad", {"x": IMAGE, "p": ints(0, 0, 1, 1, 0, 0, 1, 1), "v": ones(1)[0]}),
        "unsupported",
        "the value to pad with is 0",
    ),
    "types": (old("Relu", dtypes={"x": "float64"}, opset=13), "unknown", "float32, float16, int8"),
    "bfloat16": (old("ReduceL2", dtypes={"x": "bfloat16"}, opset=13), "unsupported", "no bfloat16"),
    "arg max, last index": (
        old("ArgMax", select_last_index=1, opset=12),
        "unknown",
        "later releases refuse it",
    ),
    "count_include_pad": (
        pool("AveragePool", count_include_pad=1),
        "unsupported",
        "count_include_pad is 0 only",
    ),
    "ceil and SAME": (
        pool("AveragePool", ceil_mode=1, auto_pad="SAME_UPPER"),
        "unsupported",
        "goes with auto_pad=NOTSET",
    ),
    "average pool, SAME_LOWER": (
        pool("AveragePool", auto_pad="SAME_LOWER", strides=[2, 2]),
        "deviates",
        "run as SAME_UPPER",
    ),
    "max pool, SAME_LOWER": (pool(auto_pad="SAME_LOWER"), "unknown", "nothing is said"),
    "large kernel": (
        pool("AveragePool", (1, 3, 32, 32), kernel_shape=[17, 17]),
        "fallback",
        "runs on the AI CPU",
    ),
    "wide pool": (pool(shape=(1, 3, 8, 5000)), "unsupported", "1 to 4096 wide"),
    "VALID and ceil": (pool(auto_pad="VALID", ceil_mode=1), "unsupported", "needs ceil_mode=0"),
    "pads and auto_pad": (
        pool(auto_pad="SAME_UPPER", pads=[0, 0, 0, 0]),
        "unsupported",
        "must not both be written",
    ),
    "dilated pool": (pool(dilations=[2, 2]), "unsupported", "dilations other than 1"),
    "indices": (pool(outputs=2), "unknown", "refuse the output Indices"),
    "conv of rank 3": (
        old("Conv", {"x": (1, 3, 8), "w": ones(4, 3, 3)}),
        "unsupported",
        "X has rank 4 only",
    ),
    "conv, SAME": (conv(auto_pad="SAME_UPPER"), "unsupported", "auto_pad is NOTSET or VALID only"),
    "conv, stride": (conv(strides=[64, 1]), "unsupported", "strides is within 1..63"),
    "conv, groups": (conv(group=3), "unknown", "the list says that group is 1"),
    "conv to one column": (conv((1, 3, 8, 3)), "unsupported", "must have height 1 too"),
    "conv to one element": (
        conv((1, 3, 4, 4), strides=[2, 2]),
        "unsupported",
        "the kernel must have the size of the input",
    ),
    "conv transpose, dilation": (transposed(dilations=[2, 2]), "unsupported", "dilations is 1"),
    "conv transpose, larger": (
        transposed(output_shape=[17, 16]),
        "unsupported",
        "only be smaller",
    ),
    "clip without bounds": (
        old("Clip", {"x": IMAGE}),
        "unknown",
        "refuse a Clip with neither bound",
    ),
    "a computed shape": (
        old("Expand", {"x": (1, 4), "s": (2,)}, dtypes={"s": "int64"}),
        "unsupported",
        "shape must be a constant",
    ),
    "eye": (old("EyeLike", (4, 4), k=1), "unsupported", "k is 0 only"),
    "flatten": (old("Flatten", axis=-2), "unsupported", "axis is within 0.."),
    "gather from the end": (gather(-1), "unsupported", "negative indices"),
    "gemm with C": (matmul("Gemm", "c"), "unsupported", "C must be left out"),
    "gemm, alpha": (matmul("Gemm", alpha=0.5), "unsupported", "alpha is 1 only"),
    "hardmax": (old("Hardmax", (2, 4)), "unknown", "allow_fp32_to_fp16"),
    "softmax over several axes": (old("Softmax", axis=1), "unknown", "all axes from axis on"),
    "log softmax, no axis": (old("LogSoftmax"), "unknown", "an axis that is left out"),
    "lrn": (old("LRN", size=4), "unsupported", "size must be odd"),
    "lstm, clip": (lstm(clip=1.0), "unknown", "none of clip, input_forget and activations"),
    "mod": (
        old("Mod", {"a": (4,), "b": (4,)}, fmod=1),
        "unknown",
        "a later plugin ignores fmod",
    ),
    "prelu": (old("PRelu", {"x": IMAGE, "s": ones(3, 1, 1)}), "unsupported", "slope has rank 1"),
    "resize, cubic": (resize("cubic"), "unsupported", "mode is nearest or linear only"),
    "resize, computed": (resize("linear", (4,)), "unsupported", "scales must be a constant"),
    "resize, nearest": (resize("nearest"), "unknown", "does not read nearest_mode"),
    "roi align": (roi_align(), "unknown", "also asks for int32"),
    "roi align, max": (
        roi_align(mode="max", dtypes={"b": "int32"}),
        "unknown",
        "does not read mode",
    ),
    "slice of a vector": (
        old("Slice", {"x": (8,), "b": ints(0), "e": ints(4)}),
        "unsupported",
        "data has rank 2.. only",
    ),
    "steps along the last axis": (
        old("Slice", {"x": (4, 8), "b": ints(0), "e": ints(8), "a": ints(1), "s": ints(2)}),
        "unsupported",
        "step along the last axis",
    ),
    "softplus": (old("Softplus"), "unknown", "one dimension only"),
    "transpose": (old("Transpose"), "unsupported", "perm must be written"),
    "bit shift": (
        old(
            "BitShift",
            dict.fromkeys("ab", (4,)),
            direction="LEFT",
            dtypes=dict.fromkeys("ab", "uint32"),
        ),
        "unsupported",
        "LEFT does not go with",
    ),
    "the vendor's own": (old("AscendQuant"), "unknown", "names this operator of the vendor's own"),
}


class TestOldList:
    @pytest.mark.parametrize("model", SUPPORTED.values(), ids=SUPPORTED)
    def test_it_runs(self, model: onnx.ModelProto) -> None:
        node = judged(model)
        assert node.verdict == "supported", node.findings

    @pytest.mark.parametrize(("model", "verdict", "words"), REST.values(), ids=REST)
    def test_it_does_not(self, model: onnx.ModelProto, verdict: str, words: str) -> None:
        node = judged(model)
        assert node.verdict == verdict
        assert any(words in f.message for f in node.findings), node.findings
        assert node.findings[0].source

    def test_opsets_of_the_time(self) -> None:
        for opset, passes in ((8, False), (9, True), (13, True), (14, False)):
            assert check(old("Relu", opset=opset), OLD).passed is passes

    @pytest.mark.parametrize("model", [matmul("MatMul"), old("ArgMax")], ids=["matmul", "arg max"])
    def test_float32_kept_as_it_is(self, model: onnx.ModelProto) -> None:
        assert judged(model).verdict == "supported"
        assert judged(model, precision="float32").verdict == "unsupported"
