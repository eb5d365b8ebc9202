"""Patterns as torch exports them become what each compiler takes, and stay the same function."""

from collections.abc import Iterable
from pathlib import Path

import onnx
import pytest
from legalize.toy import model

import porting

BM1684X, CV181X, K230 = "sophgo-bm1684x", "sophgo-cv181x", "canaan-k230"
C920, RK3588 = "thead-hhb", "rockchip-rk3588"
TARGETS = (BM1684X, CV181X, K230, C920, RK3588)
PRECISION = {K230: "uint8"}

HIDDEN = "-3.4e38"
CAUSAL = f"float[3,3] mask = {{0, {HIDDEN}, {HIDDEN}, 0, 0, {HIDDEN}, 0, 0, 0}}"
HEADS = "g (float[1,2,3,3] q, float[1,2,3,3] k) => (float[1,2,3,3] y)"
ROWS = "g (float[1,8,4] x) => (float[1,8,4] y)"

MODELS = {
    "gelu by erf": (
        17,
        f"""{ROWS} <float s = {{1.4142135}}, float one = {{1.0}}, float half = {{0.5}}>
        {{ a = Relu(x) d = Div(a, s) e = Erf(d) o = Add(e, one) h = Mul(o, half)
           g = Mul(a, h) y = Tanh(g) }}""",
    ),
    "gelu by erf times the root": (
        17,
        f"""{ROWS} <float s = {{0.70710677}}, float one = {{1.0}}, float half = {{0.5}}>
        {{ a = Relu(x) d = Mul(a, s) e = Erf(d) o = Add(e, one) h = Mul(a, half)
           g = Mul(h, o) y = Tanh(g) }}""",
    ),
    "gelu by erf times the root, the half last": (
        17,
        f"""{ROWS} <float s = {{0.70710677}}, float one = {{1.0}}, float half = {{0.5}}>
        {{ a = Relu(x) d = Mul(a, s) e = Erf(d) o = Add(e, one) m = Mul(a, o)
           g = Mul(m, half) y = Tanh(g) }}""",
    ),
    "gelu": (20, f"{ROWS} {{ a = Relu(x) g = Gelu(a) y = Tanh(g) }}"),
    "layer norm": (
        17,
        f"""{ROWS} <float[4] w = {{1., 2., 3., 4.}}, float[4] b = {{1., 2., 3., 4.}}>
        {{ a = Relu(x) n = LayerNormalization<axis = -1>(a, w, b) y = Tanh(n) }}""",
    ),
    "rms norm written out": (
        18,
        f"""{ROWS} <float two = {{2.0}}, int64[1] last = {{-1}}, float eps = {{0.000001}},
        float[4] w = {{1., 2., 3., 4.}}>
        {{ p = Pow(x, two) m = ReduceMean(p, last) v = Add(m, eps) s = Sqrt(v)
           r = Reciprocal(s) n = Mul(x, r) y = Mul(w, n) }}""",
    ),
    "rms norm": (
        23,
        f"""{ROWS} <float[4] w = {{1., 2., 3., 4.}}>
        {{ a = Relu(x) n = RMSNormalization<axis = -1>(a, w) y = Tanh(n) }}""",
    ),
    "guarded attention": (
        17,
        f"""{HEADS} <float zero = {{0.0}}, float root = {{2.0}}>
        {{ p = MatMul(q, k) a = Div(p, root) s = Softmax<axis = -1>(a) n = IsNaN(s)
           w = Where(n, zero, s) y = MatMul(w, k) }}""",
    ),
    "guarded causal attention": (
        17,
        f"""{HEADS} <float zero = {{0.0}}, {CAUSAL}>
        {{ p = MatMul(q, k) a = Add(p, mask) s = Softmax<axis = -1>(a) n = IsNaN(s)
           w = Where(n, zero, s) y = MatMul(w, k) }}""",
    ),
    "causal attention": (
        17,
        f"""{HEADS} <{CAUSAL}>
        {{ p = MatMul(q, k) a = Add(mask, p) s = Softmax<axis = -1>(a) y = MatMul(s, k) }}""",
    ),
    "reshape with allowzero": (
        17,
        f"""{ROWS} <int64[3] s = {{1, 4, 8}}, int64[3] t = {{1, 8, 4}}>
        {{ a = Relu(x) r = Reshape<allowzero = 1>(a, s) h = Tanh(r)
           y = Reshape<allowzero = 1>(h, t) }}""",
    ),
    "a stack times a matrix": (
        17,
        """g (float[1,2,3,2] x) => (float[1,2,3,2] y) <float[2,2] w = {1., 2., 3., 4.}>
        { a = Relu(x) p = MatMul(a, w) y = Tanh(p) }""",
    ),
    "scatter with a reduction of none": (
        17,
        """g (float[1,4] x, float[1,2] u) => (float[1,4] y) <int64[1,2] i = {0, 2}>
        { a = Relu(x) b = Relu(u) s = ScatterElements<axis = 1, reduction = "none">(a, i, b)
          y = Tanh(s) }""",
    ),
    "two sums": (
        17,
        """g (float[1,3,4,4] x) => (float[1,3,4,4] y)
        <float one = {1.0}, float[1,3,1,1] each = {1., 2., 3.}>
        { a = Relu(x) p = Add(a, one) s = Add(p, each) y = Tanh(s) }""",
    ),
    "a factor behind Tile": (
        17,
        """g (float[1,3,4] x) => (float[1,6,4] y) <float f = {2.0}, int64[3] r = {1, 2, 1}>
        { a = Relu(x) t = Tile(a, r) m = Mul(t, f) y = Tanh(m) }""",
    ),
    "a divisor behind Expand": (
        17,
        """g (float[1,1,4] x) => (float[1,6,4] y) <float f = {2.0}, int64[3] s = {1, 6, 4}>
        { a = Relu(x) t = Expand(a, s) m = Div(t, f) y = Tanh(m) }""",
    ),
    "a factor behind Gemm": (
        17,
        """g (float[2,3] x, float[4] c) => (float[2,4] y) <float f = {2.0},
        float[3,4] w = {1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12.}>
        { a = Relu(x) b = Relu(c) p = Gemm(a, w, b) m = Mul(p, f) y = Tanh(m) }""",
    ),
}
WANTED = {
    (CV181X, "gelu by erf"): {"gelu-respelled/Mul"},
    (CV181X, "gelu by erf times the root, the half last"): {"gelu-respelled/Mul"},
    (CV181X, "guarded attention"): {"guard-of-kept-rows"},
    (CV181X, "guarded causal attention"): {"guard-of-kept-rows", "mask-below-its-row"},
    (CV181X, "causal attention"): {"mask-below-its-row"},
    (CV181X, "a divisor behind Expand"): {"number-before-repetition/Div"},
    (BM1684X, "two sums"): {"constants-of-a-sum-joined/Add"},
    (BM1684X, "a factor behind Tile"): {"number-before-repetition/Mul"},
    (BM1684X, "a factor behind Gemm"): {"bias-behind-factor"},
    (BM1684X, "scatter with a reduction of none"): {"defaults-dropped/ScatterElements"},
    (C920, "guarded causal attention"): {"guard-of-kept-rows"},
    (C920, "a stack times a matrix"): {"matmul-of-rows"},
    (K230, "reshape with allowzero"): {"reshape-without-allowzero"},
}
"""Rules that must have had a part, where the table asks for a spelling."""


def cases() -> Iterable[tuple[str, str]]:
    return [(target, name) for target in TARGETS for name in MODELS]


@pytest.mark.parametrize(("target", "name"), cases())
def test_a_pattern_becomes_what_the_compiler_takes(target: str, name: str, tmp_path: Path) -> None:
    opset, body = MODELS[name]
    path = tmp_path / "model.onnx"
    onnx.save_model(model(" ".join(body.split()), opset=opset, ir_version=9), path)
    made = porting.convert(path, target, tmp_path / "out.onnx", precision=PRECISION.get(target, ""))
    assert made.after.legal, [n for n in made.after.nodes if n.findings]
    assert made.verified
    used = {r.rule for r in made.rewrites}
    assert used >= WANTED.get((target, name), set())


def test_what_is_not_needed_any_more_is_gone(tmp_path: Path) -> None:
    opset, body = MODELS["guarded causal attention"]
    path = tmp_path / "model.onnx"
    onnx.save_model(model(" ".join(body.split()), opset=opset), path)
    porting.convert(path, C920, tmp_path / "out.onnx")
    left = [n.op_type for n in onnx.load(tmp_path / "out.onnx").graph.node]
    assert left == ["MatMul", "Add", "Softmax", "MatMul"]
