"""Every rule on the onnx package's own cases of its operator: declined, or the expected outputs."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, helper, numpy_helper
from rules.harness import difference, node_tests, rewrite, run_ort, run_reference

from porting.legalize.rule import DeclinedError, Rule
from porting.model.schema import op_info
from porting.rules import registry

RULES = sorted((r for r in registry() if "::" not in r.op_type), key=lambda r: r.name)
SOURCE = 24
TARGETS = (11, 13, 18, SOURCE)

NEVER_APPLIED = {
    # They read versions of an operator that are older than the cases.
    "softmax-of-rows/Softmax",
    "softmax-of-rows/LogSoftmax",
    "softmax-of-rows/Hardmax",
    # Their bodies are copied at the opset of the case, which is none of the targets, and what
    # decides how often they run is an input; their own tests run these cases.
    "bounded-loop-to-where",
    "bounded-loop-to-where-if-all-run",
    "if-to-branch",
    "loop-unrolled",
    "scan-unrolled",
    "sequence-map-unrolled",
    # The cases need a newer opset than onnxruntime knows; their own tests run them.
    "function-body/CausalConvWithState",
    "function-body/LinearAttention",
    "function-body/SwiGLU",
    # No case has the form that they rewrite.
    "full-lengths-to-none/GRU",
    "full-lengths-to-none/RNN",
    "constant-to-tensor",
    "convolution-of-lines-to-images/Conv",
    "convolution-with-pad-apart",
    "dequantized-weight-to-floats",
    "dilated-convolution-to-dense",
    "gelu-by-tanh-respelled/Div",
    "gelu-by-tanh-respelled/Mul",
    "gelu-joined/Div",
    "gelu-joined/Mul",
    "gelu-respelled/Div",
    "gelu-respelled/Mul",
    "grouped-convolution-to-split",
    "guard-of-kept-rows",
    "guard-of-softmax",
    "abs-of-unsigned-to-nothing",
    "equal-of-booleans",
    "low-bits-to-mod",
    "output-padding-to-pads",
    "sign-of-integers-to-clip",
    "where-of-booleans",
    "pointwise-convolution-to-matmul",
    "defaults-dropped/ConvTranspose",
    "mask-below-its-row",
    "constant-operand-last/Add",
    "constant-operand-last/Mul",
    "mask-of-bounded-scores",
    "operand-times-ones/Add",
    "operand-times-ones/Div",
    "operand-times-ones/Mul",
    "operand-times-ones/Sub",
    "strided-convolution-over-blocks",
    "pad-as-image",
    "softplus-without-threshold",
    "mask-constant-of-ten-thousand/Add",
    "mask-constant-of-ten-thousand/Mul",
    "mask-constant-of-ten-thousand/Where",
    "mask-of-ten-thousand",
    "max-to-global-max-pool",
    "mean-to-global-average-pool",
    "pow-of-constant-to-exponential",
    "pow-to-exponential",
    "pow-to-roots",
    "pow-to-roots-assuming-positive",
    "prelu-to-leaky-relu",
    "reduce-nothing/ReduceMax",
    "reduce-nothing/ReduceMean",
    "reduce-nothing/ReduceMin",
    "reduce-nothing/ReduceProd",
    "reshape-without-allowzero",
    "resize-nearest-half-pixel-floor",
    "resize-smooth-align-corners",
    "resize-smooth-half-pixel",
    "gather-to-one-hot-matmul",
    "gather-to-slice",
    "non-zero-to-constant",
    "scatter-to-concat/ScatterND",
    "top-k-along-last-axis",
    "top-k-of-one",
    "range-to-constant",
    "trilu-by-distance",
    "concat-of-two",
    "pad-negative-to-slice",
    "slice-step-to-reshape",
    "transpose-by-swaps",
    "blackman-window-to-constant",
    "hamming-window-to-constant",
    "hann-window-to-constant",
    "mel-weight-matrix-to-constant",
    "bias-behind-factor",
    "cast-behind-floor",
    "cast-of-whole-numbers",
    "division-by-equal-numbers",
    "cast-through-narrow-integers",
    "cast-to-narrow-integer-by-int32",
    "constants-of-a-sum-joined/Add",
    "constants-of-a-sum-joined/Sub",
    "defaults-dropped/BatchNormalization",
    "defaults-dropped/GRU",
    "defaults-dropped/LSTM",
    "defaults-dropped/NonMaxSuppression",
    "defaults-dropped/OneHot",
    "defaults-dropped/RNN",
    "defaults-dropped/ScatterElements",
    "defaults-dropped/ScatterND",
    "defaults-dropped/Upsample",
    "factor-before-convolution",
    "first-operand-expanded/Add",
    "first-operand-expanded/Div",
    "first-operand-expanded/Equal",
    "first-operand-expanded/Greater",
    "first-operand-expanded/Less",
    "first-operand-expanded/Max",
    "first-operand-expanded/Min",
    "first-operand-expanded/Mul",
    "first-operand-expanded/Pow",
    "first-operand-expanded/Sub",
    "matmul-of-rows",
    "matmul-transposed",
    "number-before-repetition/Div",
    "number-before-repetition/Mul",
    "second-operand-expanded/Max",
    "second-operand-expanded/Min",
    "average-pool-in-two",
    "col2im-to-transpose",
    "unique-to-constants",
}
"""Rules for which no case has the form that they rewrite; their own tests have it."""

TYPES = "porting.rules.types_"
"""Modules whose rules are for element types that few cases have; their tests retype the cases."""


def cases(op_type: str) -> Iterator[tuple[str, ModelProto, tuple[Any, ...], tuple[Any, ...]]]:
    """Name, model at an opset that onnxruntime knows, inputs and outputs.

    All inputs but the first are constants, as they are in real models.
    """
    for name, model, data_sets in node_tests(op_type):
        inputs, outputs = data_sets[0]
        values = (*model.graph.input, *model.graph.output)
        if not all(v.type.HasField("tensor_type") for v in values):
            continue
        inputs, outputs = [_array(a) for a in inputs], tuple(_array(a) for a in outputs)
        copy = ModelProto()
        copy.CopyFrom(model)
        own = next(o.version for o in model.opset_import if not o.domain)
        opset = min(SOURCE, own)
        info = op_info(op_type, "ai.onnx", opset)
        if info is None:  # no runtime but the reference knows it; what it becomes is older
            opset, info = own, op_info(op_type, "ai.onnx", own)
        if info is None or info.deprecated:
            continue
        names = [i.name for i in copy.graph.input]
        for index, array in list(enumerate(inputs))[:0:-1]:
            copy.graph.initializer.append(numpy_helper.from_array(array, names[index]))
            del copy.graph.input[index]
        copy.ir_version = 10
        del copy.opset_import[:]
        copy.opset_import.append(helper.make_opsetid("", opset))
        try:
            onnx.checker.check_model(copy)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
            continue  # the case needs a newer opset
        yield name, onnx.shape_inference.infer_shapes(copy), inputs[:1], outputs


def _array(given: Any) -> np.ndarray:
    """The cases hold types that numpy lacks, such as int4, as tensors."""
    return (
        numpy_helper.to_array(given) if isinstance(given, onnx.TensorProto) else np.asarray(given)
    )


def run(model: ModelProto, inputs: tuple[Any, ...]) -> list[np.ndarray] | None:
    """onnxruntime, else the reference; None where neither can run the model."""
    feed = {i.name: a for i, a in zip(model.graph.input, inputs, strict=True)}
    for runtime in (run_ort, run_reference):
        try:
            return [np.asarray(a) for a in runtime(model, feed)]
        except Exception:  # noqa: BLE001 - whatever it is, the other one may do
            continue
    return None


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)
def test_gives_the_expected_outputs_or_declines(rule: Rule) -> None:
    applied, reasons = 0, set()
    typed = rule.function.__module__.startswith(TYPES)
    for name, model, inputs, outputs in cases(rule.op_type):
        for target in (SOURCE,) if typed else TARGETS:
            try:
                result = rewrite(model, rule, target)
            except DeclinedError as error:
                reasons.add(str(error))
                continue
            found = run(result, inputs)
            if found is None:
                continue
            applied += 1
            for want, got in zip(outputs, found, strict=True):
                rel = 2e-2 if got.dtype.name == "bfloat16" else 2e-3
                problem = difference(np.asarray(want), got, rel, 1e-4)
                tolerated = rule.exactness == "approximate"
                assert not problem or tolerated, f"{name} at {target}: {problem}"
    assert "" not in reasons, "declined without a reason"
    never = typed or rule.name in NEVER_APPLIED or not node_tests(rule.op_type)
    assert applied or never, f"it never applies: {sorted(reasons)}"
    assert not (applied and rule.name in NEVER_APPLIED), "strike it from the list"
