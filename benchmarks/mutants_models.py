"""Correct rewrites to make wrong ones of: onnx's node tests, blocks of networks, real models."""

import contextlib
import io
import sys
import tempfile
import warnings
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
from onnx import ModelProto, numpy_helper

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from mutants_edits import MARK  # noqa: E402
from real.models import MODELS  # noqa: E402
from rules.harness import rewrite  # noqa: E402
from rules.test_onnx_node_cases import SOURCE, TYPES, cases  # noqa: E402

import porting  # noqa: E402
from porting.errors import PortError  # noqa: E402
from porting.legalize.rule import DeclinedError, Rule  # noqa: E402
from porting.model.schema import op_info  # noqa: E402
from porting.proof.inputs import generate  # noqa: E402
from porting.rules import registry  # noqa: E402

OPSETS = (13, 18, SOURCE, 11)
"""What node tests are rewritten for; the first at which the rule applies."""

TARGETS = ("rockchip-rk3588", "ascend-310p", "axera-ax650", "horizon-rdk-x5", "sophgo-bm1684x")
CACHE = ROOT / ".pytest_cache" / "d" / "real-models" / "models"
REAL = {
    "mtcnn-pnet": ("rockchip-rk3588", "horizon-rdk-x5"),
    "mtcnn-onet": ("rockchip-rk3588",),
    "ppocr-cls": ("horizon-rdk-x5", "ascend-310p"),
    "magika": ("rockchip-rk3588", "axera-ax650"),
    "khmersm": ("rockchip-rk3588", "axera-ax650"),
    "silero-op18": ("ascend-310p",),
}

HEADER = '<ir_version: 9, opset_import: ["": {opset}]>\n'
BLOCKS: dict[str, tuple[int, str]] = {
    "attention": (17, """g (float[2,6,16] x) => (float[2,6,16] y)
        <float[16,16] wq, float[16,16] wk, float[16,16] wv, float[16,16] wo, float[16] g,
         float[16] b, int64[4] heads = {0, 0, 2, 8}, int64[3] flat = {0, 0, 16},
         float scale = {0.35355339}> {
        n = LayerNormalization <axis = -1, epsilon = 0.00001> (x, g, b)
        q0 = MatMul(n, wq) k0 = MatMul(n, wk) v0 = MatMul(n, wv)
        q1 = Reshape(q0, heads) k1 = Reshape(k0, heads) v1 = Reshape(v0, heads)
        q = Transpose <perm = [0, 2, 1, 3]> (q1) k = Transpose <perm = [0, 2, 3, 1]> (k1)
        v = Transpose <perm = [0, 2, 1, 3]> (v1)
        s0 = MatMul(q, k) s = Mul(s0, scale) p = Softmax <axis = -1> (s)
        c0 = MatMul(p, v) c1 = Transpose <perm = [0, 2, 1, 3]> (c0) c = Reshape(c1, flat)
        o = MatMul(c, wo) y = Add(x, o) }"""),
    "attention-23": (23, """g (float[2,6,16] x) => (float[2,6,16] y)
        <float[16,16] wq, float[16,16] wk, float[16,16] wv, float[16,16] wo, float[16] g> {
        n = RMSNormalization <axis = -1, epsilon = 0.00001> (x, g)
        q = MatMul(n, wq) k = MatMul(n, wk) v = MatMul(n, wv)
        a = Attention <q_num_heads = 2, kv_num_heads = 2, is_causal = 1> (q, k, v)
        o = MatMul(a, wo) y = Add(x, o) }"""),
    "mlp": (20, """g (float[3,16] x) => (float[3,16] y)
        <float[16,32] up, float[32] b, float[16,32] down, float[16] c, float[16] g> {
        n = LayerNormalization <axis = -1, epsilon = 0.00001> (x, g, c)
        h = Gemm <alpha = 0.5> (n, up, b) a = Gelu (h) t = Gelu <approximate = "tanh"> (h)
        s = Mul(a, t) d = Gemm <transB = 1, beta = 0.5> (s, down, c) m = Mish(d)
        y = Add(x, m) }"""),
    "conv": (20, """g (float[1,4,9,9] x) => (float[1,6,1,1] y)
        <float[6,4,3,3] w, float[6] s, float[6] b, float[6] m, float[6] v = {1, 2, 0.5, 1, 3, 1},
         float[6,2,3,3] u> {
        c = Conv <pads = [0, 1, 2, 1], strides = [2, 1]> (x, w, b)
        n = BatchNormalization <epsilon = 0.001> (c, s, b, m, v) h = HardSwish(n)
        g = Conv <group = 3, dilations = [2, 2], pads = [2, 2, 2, 2]> (h, u)
        e = Elu <alpha = 0.7> (g) p = LpPool <kernel_shape = [2, 2], p = 2> (e)
        y = GlobalAveragePool(p) }"""),
    "transposed": (18, """g (float[1,4,5,5] x) => (float[1,3,11,11] y)
        <float[4,3,3,3] w, float[3] b> {
        d = ConvTranspose <strides = [2, 2], output_padding = [1, 1], pads = [0, 1, 1, 0]> (x, w, b)
        n = InstanceNormalization <epsilon = 0.00001> (d, b, b) y = Softsign(n) }"""),
    "pools": (19, """g (float[1,4,9,9] x) => (float[1,4,3,3] y) {
        a = AveragePool <kernel_shape = [3, 3], pads = [1, 1, 1, 1], count_include_pad = 0> (x)
        m = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (a)
        l = LRN <size = 3> (m) s = Selu(l)
        y = AveragePool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (s) }"""),
    "resize": (18, """g (float[1,2,5,6] x) => (float[1,2,10,12] y, float[1,2,7,9] z)
        <float[4] scales = {1, 1, 2, 2}, int64[4] to = {1, 2, 7, 9},
         int64[8] pads = {0, 0, 1, 2, 0, 0, 1, 1}> {
        a = Pad <mode = "reflect"> (x, pads)
        z = Resize <mode = "linear", coordinate_transformation_mode = "half_pixel"> (a, , , to)
        y = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric",
                    nearest_mode = "floor"> (x, , scales) }"""),
    "grid": (20, """g (float[1,2,5,5] x) => (float[1,2,3,4] y) <float[1,3,4,2] grid> {
        d = DepthToSpace <blocksize = 1> (x)
        y = GridSample <mode = "linear", padding_mode = "zeros", align_corners = 1> (d, grid) }"""),
    "norms": (21, """g (float[2,8,4,4] x) => (float[2,8,4,4] y) <float[8] s, float[8] b> {
        n = GroupNormalization <num_groups = 4, epsilon = 0.00001> (x, s, b)
        m = MeanVarianceNormalization <axes = [0, 2, 3]> (n) l = LpNormalization <axis = 1> (m)
        c = Celu <alpha = 1.5> (l) k = ThresholdedRelu <alpha = 0.1> (c) h = HardSigmoid (l)
        y = Sub(h, k) }"""),
    "reductions": (18, """g (float[3,5,4] x) => (float[3,4] y, float[3,5] z, float[3,5,4] w)
        <int64[1] one = {1}, int64[1] two = {2}, int64 axis = {1}> {
        y = ReduceLogSumExp <keepdims = 0> (x, one) q = ReduceL2 <keepdims = 0> (x, two)
        r = ReduceSumSquare <keepdims = 0> (x, two) z = Sub(q, r)
        w = CumSum <exclusive = 1, reverse = 1> (x, axis) }"""),
    "moves": (18, """g (float[4,6] x) => (float[4,6] y, float[4,3] z, float[24] f)
        <int64[3,1] rows = {2, 0, 3}, float[3,6] u, int64[4,3] at = {0,1,5,2,2,3,5,4,0,1,3,2}> {
        t = Trilu <upper = 0> (x) y = ScatterND(t, rows, u) z = GatherElements <axis = 1> (x, at)
        r = Transpose <perm = [1, 0]> (t) shape = Constant <value_ints = [24]> ()
        f = Reshape(r, shape) }"""),
    "recurrent": (14, """g (float[5,2,4] x) => (float[5,1,2,3] y, float[5,1,2,3] z)
        <float[1,12,4] w, float[1,12,3] r, float[1,24] b, float[1,9,4] gw, float[1,9,3] gr,
         float[1,18] gb> {
        y = LSTM <hidden_size = 3> (x, w, r, b)
        z = GRU <hidden_size = 3, linear_before_reset = 1> (x, gw, gr, gb) }"""),
}  # fmt: skip


@dataclass(frozen=True)
class Specimen:
    """A model and a correct rewrite of it.

    Attributes:
        name: Of the node test, block or real model, with the rule or target.
        rules: Names of the rules that were applied.
        classes: Their exactness classes, which set the tolerance.
        original: The model.
        correct: What was made of it.
        example: Inputs that suit it.
        real: Whether it is a whole real model.
    """

    name: str
    rules: tuple[str, ...]
    classes: frozenset[str]
    original: ModelProto
    correct: ModelProto
    example: dict[str, np.ndarray]
    real: bool = False


def of_nodes() -> Iterator[Specimen]:
    """One rule of each family on onnx's tests of its operator, inputs but the first constant."""
    done: set[str] = set()
    for rule in sorted(registry(), key=lambda r: r.name):
        if rule.family in done or not rule.function.__module__.startswith("porting.rules."):
            continue
        if "::" in rule.op_type or rule.function.__module__.startswith(TYPES):
            continue
        for specimen in islice(_of_rule(rule), 1):
            done.add(rule.family)
            yield specimen


def of_rules(names: Collection[str]) -> Iterator[Specimen]:
    """The rules of these names on the first node test to which each applies."""
    for rule in registry():
        if rule.name in names:
            yield from islice(_of_rule(rule), 1)


def _of_rule(rule: Rule) -> Iterator[Specimen]:
    for name, case, inputs, _ in _quietly(rule.op_type):
        model = _restamped(case)
        if not inputs or inputs[0].size < 2 or inputs[0].dtype.name not in _DTYPES:
            continue
        if any(node.op_type in _RANDOM for node in model.graph.node):
            continue
        for opset in OPSETS:
            try:
                correct = rewrite(model, rule, opset)
            except DeclinedError:
                continue
            if any(MARK in node.name for node in correct.graph.node):
                example = {model.graph.input[0].name: np.asarray(inputs[0])}
                classes = frozenset({rule.exactness})
                yield Specimen(
                    f"{name} by {rule.name}", (rule.name,), classes, model, correct, example
                )
            break


_RANDOM = frozenset({"Bernoulli", "Multinomial", "RandomUniformLike", "RandomNormalLike"})
_DTYPES = frozenset({"float32", "float64", "int32", "int64", "bool", "uint8", "int8"})


def _restamped(model: ModelProto) -> ModelProto:
    """At the newest opset that has the same operators; models of one opset can stand together."""
    own = model.opset_import[0].version
    for node in model.graph.node:
        old, new = (op_info(node.op_type, "ai.onnx", opset) for opset in (own, SOURCE))
        if old is None or new is None or old.since != new.since:
            return model
    model.opset_import[0].version = SOURCE
    return model


def _quietly(op_type: str) -> list[tuple[str, ModelProto, tuple[np.ndarray, ...], object]]:
    """The cases, without what numpy says while onnx makes them."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return list(cases(op_type))


def block(name: str) -> ModelProto:
    """A block of a network, its weights drawn."""
    opset, text = BLOCKS[name]
    model = _with_weights(HEADER.format(opset=opset), text, zlib.crc32(name.encode()))
    onnx.checker.check_model(model, full_check=True)
    return model


def _with_weights(header: str, text: str, seed: int) -> ModelProto:
    """The parser reads initializers that have no values as further inputs; they are filled."""
    model = onnx.parser.parse_model(header + text)
    random = np.random.default_rng(seed)
    given = {tensor.name for tensor in model.graph.initializer}
    declared = [v for v in (*model.graph.input, *model.graph.value_info) if v.name not in given]
    made = {o for node in model.graph.node for o in node.output}
    first = model.graph.input[0].name
    for value in declared:
        if value.name == first or value.name in made:
            continue
        shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
        array = (random.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(array, value.name))
    del model.graph.value_info[:]
    for index in range(len(model.graph.input) - 1, 0, -1):
        del model.graph.input[index]
    for number, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{number}"
    return model


def of_blocks(targets: Sequence[str] = TARGETS) -> Iterator[Specimen]:
    """The blocks, converted for each target; equal results once."""
    for name in BLOCKS:
        model = block(name)
        random = np.random.default_rng(0)
        value = model.graph.input[0]
        shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
        example = {value.name: random.standard_normal(shape).astype(np.float32)}
        yield from _converted(name, model, example, targets)


def of_real_models() -> Iterator[Specimen]:
    """The models of tests/real, where a test run has left them in its cache."""
    for real in MODELS:
        path = CACHE / real.path.removeprefix("models/")
        if real.name in REAL and path.is_file():
            model = _fixed(onnx.load(path), real.shapes, real.dims)
            shapes = {
                v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim)
                for v in model.graph.input
            }
            example = {k: np.asarray(v) for k, v in generate(model, shapes, 0).items()}
            yield from _converted(real.name, model, example, REAL[real.name], real=True)


def _fixed(
    model: ModelProto, shapes: dict[str, tuple[int, ...]], dims: dict[str, int]
) -> ModelProto:
    """The model at the shapes at which it is ported."""
    for value in model.graph.input:
        for position, dim in enumerate(value.type.tensor_type.shape.dim):
            size = dims.get(dim.dim_param, dim.dim_value)
            if value.name in shapes:
                size = shapes[value.name][position]
            dim.dim_value = size or 1
    return model


def _converted(
    name: str,
    model: ModelProto,
    example: dict[str, np.ndarray],
    targets: Sequence[str],
    real: bool = False,
) -> Iterator[Specimen]:
    seen: set[bytes] = set()
    for target in targets:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out.onnx"
            try:
                result = porting.convert(model, target, out, partial=True, verify=False)
            except PortError as error:
                print(f"{name} for {target}: {error}", file=sys.stderr)
                continue
            correct = onnx.load(out)
        key = correct.graph.SerializeToString(deterministic=True)
        if key in seen or not any(MARK in node.name for node in correct.graph.node):
            continue
        seen.add(key)
        rules = tuple(sorted({r.rule for r in result.rewrites}))
        classes = frozenset(r.exactness for r in result.rewrites)
        yield Specimen(f"{name} for {target}", rules, classes, model, correct, example, real)
