"""What `port check` says of models for Sophgo's chips, limit by limit.

The importer is the same for all chips; its limits are tested on the BM1684X, those of a chip on
that chip.
"""

from typing import Any

import numpy as np
import onnx
import pytest
from capability.helpers import floats, ints, model_of, node_model, ones
from capability.helpers import judged as judge
from onnx import helper

import porting
from porting.capability.targets import available, find, load_target
from porting.errors import UsageError
from porting.results import worst

BM1684X, CV181X = "sophgo-bm1684x", "sophgo-cv181x"
UNMEASURED = ["sophgo-bm1684", "sophgo-bm1690", "sophgo-cv184x", "sophgo-cv18xx"]
TARGETS = [BM1684X, CV181X, "sophgo-bm1688", *UNMEASURED]
IMAGE = (1, 4, 8, 8)
KERNEL = ones(4, 4, 3, 3)
node = helper.make_node
TABLES = {name: load_target(name) for name in TARGETS}


def judged(model: onnx.ModelProto, target: str) -> tuple[str, str]:
    """The worst verdict of a model and everything that is said against it."""
    said = judge(model, TABLES[target])
    findings = [*said.findings, *(f for n in said.nodes for f in n.findings)]
    return worst([f.verdict for f in findings]), "; ".join(f.message for f in findings)


def x(op_type: str, shape: Any = IMAGE, **more: Any) -> onnx.ModelProto:
    return node_model(op_type, {"x": shape}, **({"opset": 13} | more))


def of(op_type: str, opset: int = 13, /, dtypes: Any = None, outputs: Any = 1, **inputs: Any):
    """An operator of several inputs; attributes are given in `more`."""
    more = inputs.pop("more", {})
    return node_model(op_type, inputs, outputs, opset=opset, dtypes=dtypes, **more)


def after_add(op_type: str, opset: int = 13, shape: Any = IMAGE, **inputs: Any):
    """The operator on something computed, which is neither an input nor an output."""
    more = inputs.pop("more", {})
    nodes = [
        node("Add", ["x", "x"], ["a"]),
        node(op_type, ["a", *inputs], ["b"], **more),
        node("Relu", ["b"], ["y"]),
    ]
    return model_of(nodes, {"x": shape, **inputs}, ["y"], opset=opset)


def chain(*nodes: onnx.NodeProto, opset: int = 13, dtypes: Any = None, **inputs: Any):
    return model_of(nodes, inputs, ["y"], opset=opset, dtypes=dtypes)


def gelu(*, half_last: bool) -> onnx.ModelProto:
    ends = {
        True: [node("Mul", ["x", "o"], ["m"]), node("Mul", ["m", "half"], ["y"])],
        False: [node("Mul", ["o", "half"], ["m"]), node("Mul", ["x", "m"], ["y"])],
    }
    return chain(
        node("Div", ["x", "root"], ["d"]),
        node("Erf", ["d"], ["e"]),
        node("Add", ["e", "one"], ["o"]),
        *ends[half_last],
        x=(2, 6),
        root=floats(1.4142135)[0],
        one=floats(1)[0],
        half=floats(0.5)[0],
    )


def masked(number: float) -> onnx.ModelProto:
    mask = np.triu(np.full((6, 6), number, np.float32), 1)
    nodes = node("Add", ["x", "m"], ["b"]), node("Softmax", ["b"], ["y"], axis=-1)
    return chain(*nodes, x=(2, 6, 6), m=mask)


def largest_masked(number: float, opset: int) -> onnx.ModelProto:
    attribute, given = ({"axes": [-1]}, []) if opset < 18 else ({}, ["a"])
    nodes = node("Add", ["x", "m"], ["b"]), node("ReduceMax", ["b", *given], ["y"], **attribute)
    mask = np.full((6, 6), number, np.float32)
    return chain(*nodes, opset=opset, x=(2, 6, 6), m=mask, **{n: ints(-1) for n in given})


def line(stride: int) -> onnx.ModelProto:
    return of("Conv", x=(1, 1, 256), w=ones(4, 1, 64), more={"strides": [stride]})


def repeated(op_type: str, *beside: int) -> onnx.ModelProto:
    nodes = node("Expand", ["x", "s"], ["e"]), node(op_type, ["e", "b"], ["y"])
    return chain(*nodes, x=(1, 6, 4, 1), s=ints(1, 6, 4, 4), b=beside)


def patches(axis: int) -> onnx.ModelProto:
    corners = [(0, 0), (1, 0), (0, 1), (1, 1)]
    parts = [
        node("Slice", ["x", f"s{k}", "ends", "axes", "steps"], [f"p{k}"])
        for k in range(len(corners))
    ]
    starts = {f"s{k}": ints(*corner) for k, corner in enumerate(corners)}
    joined = node("Concat", [f"p{k}" for k in range(len(corners))], ["y"], axis=axis)
    bounds = {"ends": ints(8, 8), "axes": ints(1, 2), "steps": ints(2, 2)}
    return chain(*parts, joined, x=(1, 8, 8, 4), **starts, **bounds)


def instances() -> onnx.ModelProto:
    nodes = (
        node("Reshape", ["x", "s"], ["r"]),
        node("InstanceNormalization", ["r", "a", "b"], ["y"]),
    )
    return chain(*nodes, x=IMAGE, s=ints(1, 2, 128), a=ones(2), b=np.zeros(2, np.float32))


def twice(one: Any, each: Any, shape: Any = IMAGE, first: str = "Add") -> onnx.ModelProto:
    return chain(
        node(first, ["x", "o"], ["p"]), node("Add", ["p", "e"], ["y"]), x=shape, o=one, e=each
    )


def resize(opset: int = 13, shape: Any = (1, 3, 6, 6), **more: Any) -> onnx.ModelProto:
    sizes = more.pop("sizes", ints(1, 3, 12, 12))
    inputs = {"x": shape, "roi": None, "scales": None, "sizes": sizes}
    return node_model("Resize", inputs, opset=opset, **more)


def pad(*pads: int, mode: str = "constant", **more: Any) -> onnx.ModelProto:
    return of("Pad", 18, x=IMAGE, p=ints(*pads), **more, more={"mode": mode})


def slices(target: Any, starts: Any, ends: Any, axes: Any, steps: Any) -> onnx.ModelProto:
    return of("Slice", x=target, s=starts, e=ends, a=axes, t=steps)


def recurrent(op_type: str, gates: int, **more: Any) -> onnx.ModelProto:
    inputs = {"x": (5, 2, 6), "w": ones(1, gates * 4, 6), "r": ones(1, gates * 4, 4)}
    if more.pop("bias", True):
        inputs["b"] = ones(1, gates * 8)
    return node_model(op_type, inputs, opset=14, hidden_size=4, **more)


LAST = ints(-1)
IMPORTER = [
    (x("Celu"), "unsupported", "does not take Celu"),
    (x("Relu", ("batch", 4)), "unsupported", "every dimension"),
    (x("Relu", (0, 4)), "unsupported", "without elements"),
    (x("Shape", opset=19), "unsupported", "folded and then not found"),
    (x("Shape", opset=23), "supported", ""),
    (x("Shape", opset=23, end=-1), "deviates", "counted from the back"),
    (x("AveragePool", kernel_shape=[2, 2]), "deviates", "strides that are left out"),
    (x("AveragePool", kernel_shape=[8, 8]), "supported", ""),
    (x("MaxPool", kernel_shape=[3, 3], strides=[1, 1]), "supported", ""),
    (x("MaxPool", kernel_shape=[3, 3], strides=[1, 1], dilations=[2, 2]), "deviates", "dilations"),
    (x("MaxPool", kernel_shape=[2, 2], strides=[2, 2], outputs=2), "unsupported", "Indices"),
    (x("Elu"), "deviates", "alpha"),
    (x("Elu", alpha=1.0), "supported", ""),
    (x("HardSigmoid"), "deviates", "1/6"),
    (x("Identity"), "unsupported", "is removed"),
    (x("Cast", to=onnx.TensorProto.UINT8), "unsupported", "not found"),
    (after_add("Cast", more={"to": onnx.TensorProto.UINT8}), "deviates", "fractions"),
    (x("Round"), "deviates", "to even"),
    (x("Transpose"), "unsupported", "perm must be written"),
    (x("Softmax", opset=11, axis=1), "deviates", "below opset 13"),
    (x("Softmax", axis=1), "supported", ""),
    (x("Split", opset=13, outputs=2), "unsupported", "axis must be written"),
    (x("ReduceMean", axes=[1]), "supported", ""),
    (of("ReduceMean", 18, x=IMAGE, a=ints(1)), "unsupported", "axes is an attribute"),
    (
        of("ReduceSum", x=IMAGE, a=(1,), dtypes={"a": "int64"}),
        "unsupported",
        "axes must be a const",
    ),
    (x("ReduceLogSumExp", axes=[1]), "unsupported", "keepdims"),
    (of("Clip", x=IMAGE, lo=(), hi=()), "deviates", "infinite"),
    (of("Gemm", a=(4, 6), b=ones(6, 5), c=ones(5), more={"transA": 0}), "supported", ""),
    (of("Gemm", a=(4, 6), b=ones(6, 5), c=ones(4, 5)), "deviates", "[N] or [1,N]"),
    (of("Gemm", a=(6, 4), b=ones(6, 5), more={"transA": 1}), "unsupported", "transA"),
    (of("Gemm", a=(4, 6), b=(6, 5), more={"alpha": 0.5}), "deviates", "alpha is dropped"),
    (of("Pow", x=IMAGE, y=floats(2)[0]), "supported", ""),
    (of("Pow", x=(2, 3), y=floats(1, 2, 3)), "deviates", "one constant number"),
    (of("PRelu", x=IMAGE, s=floats(*range(8))), "deviates", "slope"),
    (of("Max", a=IMAGE, b=IMAGE, c=IMAGE), "unsupported", "exactly two"),
    (of("Sum", a=IMAGE, b=ones(*IMAGE)), "unsupported", "no operand is a constant"),
    (of("Trilu", 14, x=(5, 64), k=np.int64(1)), "deviates", "k is not read"),
    (of("CumSum", 14, x=(5, 6), a=np.int64(1), more={"reverse": 1}), "deviates", "reverse"),
    (
        of("GatherElements", x=(3, 3), i=ints(-1, 0, 1).reshape(1, 3)),
        "deviates",
        "negative indices",
    ),
    (
        of(
            "ScatterND", 16, x=(4, 5), i=ints(0).reshape(1, 1), u=(1, 5), more={"reduction": "none"}
        ),
        "unsupported",
        "even none is refused",
    ),
    (
        of("Einsum", a=(2, 3, 4), b=(2, 4, 5), more={"equation": "bij,bjk->bik"}),
        "unsupported",
        "fixed list",
    ),
    (
        of("Einsum", a=(1, 2, 3, 4), b=(1, 2, 5, 4), more={"equation": "bhqd,bhkd->bhqk"}),
        "supported",
        "",
    ),
    (of("ConvTranspose", x=IMAGE, w=KERNEL), "unsupported", "kernel_shape"),
    (
        of(
            "ConvTranspose",
            x=IMAGE,
            w=KERNEL,
            more={"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER"},
        ),
        "deviates",
        "auto_pad",
    ),
    (of("GridSample", 16, x=IMAGE, g=(1, 5, 5, 2)), "unsupported", "mode must be written"),
    (of("Div", a=(4,), b=(4,), dtypes=dict.fromkeys("ab", "int32")), "unsupported", "by zero"),
    (of("Div", a=(4,), b=(4,), dtypes=dict.fromkeys("ab", "uint8")), "deviates", "as floats"),
    (recurrent("GRU", 3, linear_before_reset=1), "supported", ""),
    (recurrent("GRU", 3), "deviates", "linear_before_reset"),
    (recurrent("LSTM", 4, direction="reverse"), "deviates", "computed as forward"),
    (resize(mode="cubic"), "deviates", "cubic"),
    (resize(mode="linear"), "supported", ""),
    (resize(mode="nearest", nearest_mode="ceil"), "deviates", "nearest_mode is not read"),
    (resize(coordinate_transformation_mode="tf_crop_and_resize"), "unsupported", "coordinate"),
    (resize(mode="nearest", sizes=ints(1, 3, 7, 7)), "deviates", "rounded otherwise"),
    (pad(0, 0, 1, 1, 0, 0, 1, 1), "supported", ""),
    (pad(0, 0, 1, 1, 0, 0, 1, 1, mode="wrap"), "unsupported", "mode"),
    (pad(0, 1, 0, 0, 0, 1, 0, 0, mode="edge"), "unsupported", "edge mode"),
    (pad(0, 0, -1, 0, 0, 0, 0, 0), "deviates", "negative pads"),
    (
        of("Pad", 18, x=IMAGE, p=ints(1, 1), v=None, a=ints(2)),
        "unsupported",
        "axes must be left out",
    ),
    (slices((8,), (1,), ints(4), ints(0), ints(1)), "unsupported", "must be constants"),
    (twice(floats(1), ones(4, 1, 1)), "deviates", "wrong axis"),
    (twice(floats(1), ones(8)), "supported", ""),
    (twice(floats(1), ones(6), (4, 6), "Sub"), "deviates", "wrong axis"),
    (
        chain(
            node("Expand", ["x", "s"], ["e"]),
            node("Mul", ["e", "k"], ["y"]),
            x=(2, 1, 6),
            s=ints(2, 4, 6),
            k=floats(2),
        ),
        "unsupported",
        "Expand is removed",
    ),
    (
        chain(
            node("Tile", ["x", "s"], ["e"]),
            node("Mul", ["e", "k"], ["y"]),
            x=(2, 4, 6),
            s=ints(1, 2, 1),
            k=floats(2),
        ),
        "deviates",
        "Tile is removed",
    ),
]


@pytest.mark.parametrize("name", TARGETS)
def test_every_entry_of_the_table_is_well_formed(name: str) -> None:
    TABLES[name].validate()


@pytest.mark.parametrize(
    "short", ["bm1684x", "bm1684", "bm1688", "bm1690", "cv181x", "cv184x", "cv18xx"]
)
def test_short_names(short: str) -> None:
    assert find(short, available()) == f"sophgo-{short}"


@pytest.mark.parametrize(("model", "verdict", "reason"), IMPORTER)
def test_the_importer(model: onnx.ModelProto, verdict: str, reason: str) -> None:
    found, said = judged(model, BM1684X)
    assert (found, reason in said) == (verdict, True), said


def test_below_opset_20_what_is_constant_is_folded_even_if_the_importer_lacks_it() -> None:
    nodes = node("Celu", ["c"], ["d"]), node("Mul", ["x", "d"], ["y"])
    for opset, verdict in ((19, "supported"), (20, "unsupported")):
        assert judged(chain(*nodes, x=(2, 3), c=ones(3), opset=opset), BM1684X)[0] == verdict


def test_nothing_is_folded_from_opset_20_on() -> None:
    nodes = node("Identity", ["s"], ["t"]), node("Split", ["x", "t"], ["y", "z"], axis=0)
    model = model_of(nodes, {"x": (4,), "s": ints(1, 3)}, ["y", "z"], opset=21)
    assert "nothing is folded" in judged(model, BM1684X)[1]


@pytest.mark.parametrize(
    ("model", "verdict", "reason"),
    [
        (of("QuantizeLinear", x=(4,), s=floats(2)[0], z=np.uint8(0)), "unsupported", "no lowering"),
        (of("GatherND", x=(2, 3), i=ints(0, 1).reshape(1, 2)), "fallback", "CPU"),
        (x("Trilu", (2, 5, 5), opset=14, dtypes={"x": "int64"}), "unsupported", "two dimensions"),
        (x("Trilu", (5, 5), opset=14), "supported", ""),
        (after_add("Trilu", 14, (5, 5)), "unsupported", "narrow"),
        (after_add("Trilu", 14, (32, 32)), "unknown", "between 8 and 64"),
        (after_add("Trilu", 14, (64, 64)), "supported", ""),
        (x("LRN", size=5), "unsupported", "14x14"),
        (x("LRN", (1, 64, 28, 28), size=5), "supported", ""),
        (x("ReduceMean", (2, 4, 6, 8), axes=[1, 3]), "unsupported", "not neighbours"),
        (x("ReduceMean", axes=[1, 3]), "deviates", "not neighbours"),
        (x("ReduceMean", axes=[2, 3]), "supported", ""),
        (of("PRelu", x=IMAGE, s=ones(*IMAGE)), "deviates", "each element"),
        (of("MatMul", a=(6,), b=(2, 6, 5)), "unsupported", "vector"),
        (of("Reshape", x=(2,), s=LAST), "unsupported", "nothing is left"),
        (x("Transpose", (1,) * 7, perm=[6, 5, 4, 3, 2, 1, 0]), "unsupported", "four groups"),
        (after_add("Cast", more={"to": onnx.TensorProto.INT32}), "deviates", "half precision"),
        (gelu(half_last=False), "supported", ""),
        (masked(-1e9), "supported", ""),
        (x("GlobalAveragePool"), "supported", ""),
        (x("GlobalAveragePool", (2, 3, 6)), "deviates", "in the midst"),
    ],
)
def test_the_bm1684x(model: onnx.ModelProto, verdict: str, reason: str) -> None:
    found, said = judged(model, BM1684X)
    assert (found, reason in said) == (verdict, True), said


@pytest.mark.parametrize("to", ["INT8", "UINT8", "INT32", "INT64"])
@pytest.mark.parametrize("before", ["Floor", "Ceil"])
def test_a_cast_right_behind_a_rounding_has_no_fraction_to_keep(before: str, to: str) -> None:
    nodes = [
        node("Add", ["x", "x"], ["a"]),
        node(before, ["a"], ["b"]),
        node("Cast", ["b"], ["c"], to=getattr(onnx.TensorProto, to)),
        node("Cast", ["c"], ["y"], to=onnx.TensorProto.FLOAT),
    ]
    assert judged(chain(*nodes, x=IMAGE), BM1684X) == ("supported", "")


def test_integers_cast_twice_crash_the_bm1684x() -> None:
    nodes = (
        node("Cast", ["x"], ["b"], to=onnx.TensorProto.INT64),
        node("Cast", ["b"], ["y"], to=onnx.TensorProto.FLOAT),
    )
    assert (
        "crashes the compiler" in judged(chain(*nodes, x=(4,), dtypes={"x": "int32"}), BM1684X)[1]
    )


@pytest.mark.parametrize(
    ("model", "verdict", "reason"),
    [
        (x("Sin"), "unsupported", "no lowering"),
        (x("Erf"), "unsupported", "GELU that is fused"),
        (gelu(half_last=True), "supported", ""),
        (gelu(half_last=False), "unsupported", "order of a GELU"),
        (line(31), "supported", ""),
        (line(32), "deviates", "strides above 31"),
        (repeated("Mul", 1, 1, 4, 4), "unsupported", "both operands are broadcast"),
        (repeated("Add", 1, 1, 4, 4), "unsupported", "both operands are broadcast"),
        (repeated("Mul", 1, 6, 4, 4), "supported", ""),
        (patches(-1), "unsupported", "Depth2Space of channels last"),
        (patches(3), "unsupported", "Depth2Space of channels last"),
        (instances(), "unsupported", "a GroupNormalization"),
        (x("GlobalAveragePool", (1, 4, 4096)), "deviates", "4096 elements"),
        (masked(-1e9), "deviates", "garbage"),
        (largest_masked(-1e9, 13), "deviates", "garbage"),
        (largest_masked(-1e9, 18), "deviates", "garbage"),
        (masked(-1e4), "supported", ""),
        (x("Floor"), "deviates", "other numbers"),
        (x("ArgMax", axis=1), "fallback", "argmax_v3"),
        (after_add("ArgMax", more={"axis": 1}), "unsupported", "last operator"),
        (
            x("AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
            "unsupported",
            "padding must be counted",
        ),
        (x("AveragePool", kernel_shape=[2, 2], strides=[2, 2]), "supported", ""),
        (
            x("AveragePool", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
            "unsupported",
            "over the edge",
        ),
        (of("Clip", x=IMAGE, lo=None, hi=floats(1)[0]), "deviates", "lower bound"),
        (of("Clip", x=IMAGE, lo=floats(-1)[0], hi=floats(1)[0]), "supported", ""),
        (of("Gather", w=ones(16, 6), i=(1, 5), dtypes={"i": "int64"}), "fallback", "embedding"),
        (of("Gather", x=(4, 6), i=ints(0, 2, 1)), "unsupported", "evenly spaced"),
        (of("Gather", x=(4, 6), i=ints(0, 1, 2)), "supported", ""),
        (of("Gather", x=(4, 6), i=ints(2, 1, 0)), "deviates", "rising"),
        (of("Add", a=(1, 4, 1, 8), b=(1, 1, 8, 1)), "unsupported", "one operand alone"),
        (of("Mul", a=(1, 8, 8, 6), b=ones(8, 1)), "unsupported", "neighbouring"),
        (of("Mul", a=(2, 4, 8, 6), b=ones(4, 1, 1)), "supported", ""),
        (of("Max", a=IMAGE, b=(1, 4, 1, 1)), "deviates", "broadcast"),
        (
            of("Sub", a=IMAGE, b=ones(4, 1, 1) * np.float32([[[1]], [[2]], [[3]], [[4]]])),
            "deviates",
            "each channel",
        ),
        (
            of("Conv", x=(1, 4, 6, 6, 6), w=ones(4, 1, 3, 3, 3), more={"group": 4}),
            "unsupported",
            "3-D",
        ),
        (of("Pow", x=(2, 3), y=(2, 3)), "unsupported", "one constant number"),
        (recurrent("LSTM", 4), "supported", ""),
        (recurrent("LSTM", 4, bias=False), "unsupported", "B must be given"),
        (
            of("LayerNormalization", 17, x=(1, 1, 1, 2, 3, 6), s=ones(6)),
            "deviates",
            "five dimensions",
        ),
        (x("Transpose", (2, 3, 4, 5), perm=[3, 2, 1, 0]), "unsupported", "not this order"),
        (x("Transpose", (2, 3, 4, 5), perm=[0, 2, 3, 1]), "supported", ""),
        (x("Transpose", (2, 3, 4, 5, 6), perm=[4, 3, 2, 1, 0]), "unsupported", "four groups"),
        (of("Tile", x=(1, 1, 1, 1, 2), r=ints(1, 1, 1, 1, 2)), "unsupported", "rank"),
        (of("TopK", x=(2, 6), k=ints(3), outputs=2), "unsupported", "indices"),
        (resize(shape=(1, 3, 6), sizes=ints(1, 3, 12)), "unsupported", "four dimensions"),
        (resize(mode="linear", sizes=ints(1, 3, 9, 9)), "fallback", "interp"),
        (slices((2, 8), ints(-1), ints(-99), ints(1), ints(-1)), "unsupported", "first axis"),
        (
            chain(
                node("Reshape", ["x", "s"], ["r"]),
                node("Transpose", ["r"], ["t"], perm=[0, 3, 4, 1, 5, 2]),
                node("Reshape", ["t", "u"], ["y"]),
                x=(1, 8, 4, 6),
                s=ints(1, 2, 2, 2, 4, 6),
                u=ints(1, 2, 8, 12),
            ),
            "supported",
            "",
        ),
    ],
)
def test_the_cv181x(model: onnx.ModelProto, verdict: str, reason: str) -> None:
    found, said = judged(model, CV181X)
    assert (found, reason in said) == (verdict, True), said


@pytest.mark.parametrize("target", UNMEASURED)
def test_without_a_measurement_the_vendors_tests_decide(target: str) -> None:
    assert judged(x("Relu"), target)[0] == "supported"
    assert judged(x("Cos"), target)[0] == "unknown"
    assert judged(x("Celu"), target)[0] == "unsupported"


def test_tests_that_are_switched_off_leave_it_open() -> None:
    assert "switched off" in judged(x("Erf"), "sophgo-bm1684")[1]
    assert judged(x("Erf"), "sophgo-bm1690")[0] == "supported"
    pool = x("MaxPool", (1, 2, 4, 4, 4), kernel_shape=[2, 2, 2], strides=[2, 2, 2])
    assert judged(pool, "sophgo-bm1684")[0] == "unknown"
    model = of("Concat", a=(2, 3), b=(2, 3), more={"axis": 1})
    verdict, said = judged(model, "sophgo-cv18xx")
    assert (verdict, "Concat3" in said) == ("supported", True)


def test_the_bm1684_has_no_half_precision() -> None:
    with pytest.raises(UsageError):
        porting.check(x("Relu"), "bm1684", precision="float16")


def test_what_the_bm1688_was_not_asked_is_unknown() -> None:
    assert judged(x("Sigmoid"), "sophgo-bm1688")[0] == "supported"
    assert judged(x("Tan"), "sophgo-bm1688")[0] == "unknown"
    assert judged(of("MatMul", a=(6,), b=(2, 6, 5)), "sophgo-bm1688")[0] == "unknown"
