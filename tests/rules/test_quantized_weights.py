"""onnxruntime is the only oracle: ONNX has no kernels for these operators."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import rewrite, run_ort, single, the_rule
from rules.support import arrays, declines, few, prove
from rules.test_quantization import scales, seeds, whole

from porting.rules import quantized_weights as rules

KIND = st.sampled_from(["int8", "uint8"])
PLAIN = np.array([-0.0, 1e-40, 300.0])


def contrib(op_type: str, inputs: Any, opset: int = 13, **options: Any) -> Any:
    return single(op_type, inputs, domain="com.microsoft", opset=opset, ir_version=10, **options)


@few
@given(
    seed=seeds, kind=KIND, columns=st.booleans(), bias=st.booleans(), zeros=st.booleans(),
    batch=st.sampled_from([(), (2,)]),
)  # fmt: skip
def test_integer_product_with_scales(
    seed: int, kind: str, columns: bool, bias: bool, zeros: bool, batch: tuple[int, ...]
) -> None:
    at = (3,) if columns else ()
    inputs: list[np.ndarray | None] = [
        whole("uint8", (*batch, 2, 5), seed), whole(kind, (5, 3), seed), scales((), seed),
        scales(at, seed), None, None, scales((3,), seed) if bias else None,
    ]  # fmt: skip
    if zeros:
        inputs[4:6] = [whole("uint8", ()), whole(kind, at, seed)]
    case = contrib("MatMulIntegerToFloat", inputs)
    targets = (13, 18) if columns else (11, 13, 18)
    prove(rules.ms_matmul_integer_to_float, case, targets=targets, reference=False, rel=1e-4)


def test_a_scale_per_row_is_declined() -> None:
    inputs = [whole("uint8", (2, 5)), whole("int8", (5, 3)), scales((2,)), scales(())]
    case = contrib("MatMulIntegerToFloat", inputs)
    declines(rules.ms_matmul_integer_to_float, case, "A has a scale per row")


@few
@given(a=arrays((2, 5), PLAIN), seed=seeds, kind=KIND, columns=st.booleans(), bias=st.booleans())
def test_product_with_an_operand_quantized_by_its_range(
    a: np.ndarray, seed: int, kind: str, columns: bool, bias: bool
) -> None:
    at = (3,) if columns else ()
    b, scale, zero = whole(kind, (5, 3), seed), scales(at, seed), whole(kind, at, seed)
    inputs = [a, b, scale, zero, scales((3,), seed) if bias else None]
    case = contrib("DynamicQuantizeMatMul", inputs, constants=(1, 2, 3))
    prove(rules.ms_dynamic_quantize_matmul, case, targets=(13, 18), reference=False, rel=1e-4,
          absolute=1e-3 * float(scale.max()))  # fmt: skip
    result = rewrite(case[0], the_rule(rules.ms_dynamic_quantize_matmul_unrounded), 13)
    exact, rounded = run_ort(result, case[1])[0], run_ort(*case)[0]
    weights = np.abs((b.astype(np.float64) - zero) * scale).sum(axis=0)
    span = max(a.max(), 0) - min(a.min(), 0)
    # half a step, and as much again for the zero point, which is rounded to a whole step
    assert (np.abs(exact - rounded) <= weights * span / 255 + 1e-3).all()


@st.composite
def narrow_weights(draw: st.DrawFn, bits: int, whole_blocks: bool) -> Any:
    block, columns = draw(st.sampled_from([16, 32])), draw(st.integers(1, 5))
    count, seed = draw(st.integers(1, 3)), draw(seeds)
    length = block * count - (0 if whole_blocks else draw(st.integers(0, block - 1)))
    rows = draw(st.integers(1, 3))
    a = draw(arrays((2, rows, length), np.array([-0.0, 1e-40])))
    b = whole("uint8", (columns, count, block * bits // 8), seed)
    scale = scales((columns * count,), seed)
    zero: np.ndarray | None = None
    kind = draw(st.sampled_from(["none", "packed", "float"] if bits == 4 else ["none", "packed"]))
    if kind == "packed":
        zero = whole("uint8", (columns * -(-count * bits // 8),), seed + 1)
    if kind == "float" and not whole_blocks:
        zero = np.random.default_rng(seed).integers(0, 16, columns * count).astype(np.float32)
    bias = scales((columns,), seed) if draw(st.booleans()) else None
    return contrib("MatMulNBits", [a, b, scale, zero, None, bias], opset=21, constants=(1, 2, 3),
                   K=length, N=columns, bits=bits, block_size=block)  # fmt: skip


@pytest.mark.parametrize("bits", [4, 8])
@few
@given(data=st.data())
def test_weights_of_few_bits_are_unpacked(bits: int, data: st.DataObject) -> None:
    case = data.draw(narrow_weights(bits, whole_blocks=False))
    prove(rules.ms_matmul_n_bits_to_matmul, case, targets=(11, 13, 21), reference=False,
          rel=1e-4, absolute=1e-2)  # fmt: skip
    case = data.draw(narrow_weights(bits, whole_blocks=True))
    prove(rules.ms_matmul_n_bits_to_dequantize, case, reference=False, rel=1e-4,
          absolute=1e-2)  # fmt: skip


def test_other_forms_of_narrow_weights_are_declined() -> None:
    a, b, scale = np.ones((1, 20), np.float32), whole("uint8", (2, 2, 8)), scales((4,))
    sizes = {"K": 20, "N": 2, "bits": 4, "block_size": 16}
    computed = contrib("MatMulNBits", [a, b, scale], opset=21, **sizes)
    declines(rules.ms_matmul_n_bits_to_matmul, computed, "are not constants")
    part = contrib("MatMulNBits", [a, b, scale], opset=21, constants=(1, 2), **sizes)
    declines(rules.ms_matmul_n_bits_to_dequantize, part, "the last block is not whole")
    inputs = [a, b, scale, None, np.zeros(20, np.int32)]
    permuted = contrib("MatMulNBits", inputs, opset=21, constants=(1, 2, 4), **sizes)
    declines(rules.ms_matmul_n_bits_to_matmul, permuted, "permuted by g_idx")


@few
@given(seed=seeds, both=st.booleans(), kind=KIND, columns=st.booleans(), held=st.booleans())
def test_lstm_with_quantized_weights(
    seed: int, both: bool, kind: str, columns: bool, held: bool
) -> None:
    ways, size, hidden = 1 + both, 3, 4
    random = np.random.default_rng(seed)
    at = (ways, 4 * hidden) if columns else (ways,)
    x = random.uniform(-1, 1, (5, 2, size)).astype(np.float32)
    w, r = (whole(kind, (ways, n, 4 * hidden), seed + n) for n in (size, hidden))
    scale = np.full(at, 1 / 128, np.float32)
    zero = np.full(at, 0 if kind == "int8" else 128, kind)
    bias = random.uniform(-1, 1, (ways, 8 * hidden)).astype(np.float32) if held else None
    inputs = [x, w, r, bias, None, None, None, None, scale, zero, scale, zero]
    direction = "bidirectional" if both else "forward"
    case = contrib("DynamicQuantizeLSTM", inputs, constants=(1, 2, 3, 8, 9, 10, 11), outputs=3,
                   hidden_size=hidden, direction=direction)  # fmt: skip
    prove(rules.ms_dynamic_quantize_lstm, case, targets=(11, 13), reference=False, absolute=0.05)


def test_weights_of_an_lstm_must_be_constants() -> None:
    w, r = whole("int8", (1, 3, 16)), whole("int8", (1, 4, 16))
    one, zero = np.ones(1, np.float32), np.zeros(1, np.int8)
    inputs = [np.ones((2, 1, 3), np.float32), w, r, *[None] * 5, one, zero, one, zero]
    case = contrib("DynamicQuantizeLSTM", inputs, hidden_size=4)
    declines(rules.ms_dynamic_quantize_lstm, case, "a weight is not a constant")
