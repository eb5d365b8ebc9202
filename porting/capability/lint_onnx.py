"""What a table says, held against ONNX's own operator schemas in all their versions."""

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import onnx

from porting.capability.facts import TYPE_ATTRIBUTES
from porting.capability.limits import Signature
from porting.capability.lint_conditions import literal, syntax
from porting.capability.versions import Versions
from porting.model.dtypes import NAME_OF, NUMBER_OF
from porting.suggest import closest, did_you_mean

_PADDING = ("NOTSET", "SAME_LOWER", "SAME_UPPER", "VALID")
_LOSS = ("mean", "none", "sum")
_RECURRENT = ("bidirectional", "forward", "reverse")
_ACTIVATIONS = (
    *("Affine", "Elu", "HardSigmoid", "LeakyRelu", "Relu", "ScaledTanh", "Sigmoid", "Softplus"),
    *("Softsign", "Tanh", "ThresholdedRelu"),
)
WORDS: Mapping[str, tuple[str, ...]] = {
    "*.auto_pad": _PADDING,
    "BitShift.direction": ("LEFT", "RIGHT"),
    "Cast.round_mode": ("down", "nearest", "up"),
    "CastLike.round_mode": ("down", "nearest", "up"),
    "DepthToSpace.mode": ("CRD", "DCR"),
    "GRU.activations": _ACTIVATIONS,
    "GRU.direction": _RECURRENT,
    "Gelu.approximate": ("none", "tanh"),
    "GridSample.mode": ("bicubic", "bilinear", "cubic", "linear", "nearest"),
    "GridSample.padding_mode": ("border", "reflection", "zeros"),
    "LSTM.activations": _ACTIVATIONS,
    "LSTM.direction": _RECURRENT,
    "NegativeLogLikelihoodLoss.reduction": _LOSS,
    "Pad.mode": ("constant", "edge", "reflect", "wrap"),
    "RNN.activations": _ACTIVATIONS,
    "RNN.direction": _RECURRENT,
    "Resize.coordinate_transformation_mode": (
        *("align_corners", "asymmetric", "half_pixel", "half_pixel_symmetric"),
        *("pytorch_half_pixel", "tf_crop_and_resize", "tf_half_pixel_for_nn"),
    ),
    "Resize.keep_aspect_ratio_policy": ("not_larger", "not_smaller", "stretch"),
    "Resize.mode": ("cubic", "linear", "nearest"),
    "Resize.nearest_mode": ("ceil", "floor", "round_prefer_ceil", "round_prefer_floor"),
    "RoiAlign.coordinate_transformation_mode": ("half_pixel", "output_half_pixel"),
    "RoiAlign.mode": ("avg", "max"),
    "ScatterElements.reduction": ("add", "max", "min", "mul", "none"),
    "ScatterND.reduction": ("add", "max", "min", "mul", "none"),
    "SoftmaxCrossEntropyLoss.reduction": _LOSS,
    "StringNormalizer.case_change_action": ("LOWER", "NONE", "UPPER"),
    "TensorScatter.mode": ("circular", "linear"),
    "TfIdfVectorizer.mode": ("IDF", "TF", "TFIDF"),
    "Upsample.mode": ("bilinear", "linear", "nearest"),
}
"""Attributes that hold one of a few words, with those of every version; ONNX has them in prose."""

KINDS = ("map", "optional", "sequence", "sparse_tensor", "tensor")


@cache
def operator_names() -> frozenset[str]:
    """ONNX's operators in its default domain, those of the past included."""
    history = onnx.defs.get_all_schemas_with_history()
    return frozenset(s.name for s in history if not s.domain)


def meant(name: str, known: Collection[str]) -> str:
    """`; did you mean ...?`, or nothing where no known name is close."""
    guess = did_you_mean(name, known, 1, 0.75)
    return f"; {guess}" if guess else ""


def resembles(name: str) -> str:
    """The operator of ONNX that a name which ONNX does not have is easily taken for."""
    if name in operator_names() or "::" in name:
        return ""
    return next(iter(closest(name, operator_names(), 1, 0.9)), "")


def possible_versions(signature: Signature, match: str, opsets: Collection[int]) -> frozenset[int]:
    """What an operator's `opset` may match: opsets of models, or versions of the operator.

    Args:
        signature: The operator's, with at least one version.
        match: The table's rule, `model` or `since`.
        opsets: Operator set versions that models may have.
    """
    in_force: dict[int, int] = {}
    for opset in opsets:
        versions = [v for v in signature.versions if v.since <= opset]
        if versions and not versions[-1].deprecated:
            in_force[opset] = versions[-1].since
    return frozenset(in_force if match == "model" else in_force.values())


def opsets_in(versions: Versions) -> frozenset[int]:
    """The operator set versions in a range, as far as ONNX has or may soon have published them."""
    published = onnx.defs.onnx_opset_version()
    newest = min(max(published, versions.lowest or 1, versions.highest or 1), 2 * published)
    return frozenset(n for n in range(1, newest + 1) if n in versions)


@dataclass(frozen=True)
class Expectations:
    """What constants an expression may compare things with.

    Attributes:
        key: The operator; empty for every node or the model.
        signature: Its names.
        precisions: Those of the table.
        operators: Those that the table lists.
    """

    key: str
    signature: Signature
    precisions: Collection[str]
    operators: Collection[str]

    def wrong(self, text: str) -> Iterator[str]:
        """What is compared with something that it can never be."""
        tree = syntax(text)
        loops = {
            g.target.id: g.iter
            for g in ast.walk(tree)
            if isinstance(g, ast.comprehension) and isinstance(g.target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare):
                for thing, values in _comparisons(node):
                    yield from self._wrong(thing, values, loops)

    def _wrong(
        self, thing: ast.expr, values: tuple[Any, ...], loops: Mapping[str, ast.expr]
    ) -> Iterator[str]:
        if isinstance(thing, ast.Subscript):  # one item of several
            thing = thing.value
        if isinstance(thing, ast.Attribute):
            for value in values:
                yield from self._property(thing.attr, value)
            return
        if isinstance(thing, ast.Name):
            source = loops.get(thing.id, thing)
            if isinstance(source, ast.Name):
                for value in values:
                    yield from self._named(source.id, value)

    def _property(self, name: str, value: Any) -> Iterator[str]:
        if name == "dtype":
            yield from _not_among(value, NUMBER_OF, "an element type")
        elif name == "kind":
            yield from _not_among(value, KINDS, "a kind of value")
        elif name in {"producer", "consumers"}:
            yield from self._operator(value)

    def _operator(self, value: Any) -> Iterator[str]:
        known = {*operator_names(), *self.operators}
        if isinstance(value, str) and "::" not in value and value not in known:
            yield f"'{value}' is not an operator{meant(value, known)}"

    def _named(self, name: str, value: Any) -> Iterator[str]:
        if name == "op_type":
            yield from self._operator(value)
        elif name == "precision" and self.precisions and value != "":
            yield from _not_among(value, self.precisions, "a precision of the table")
        elif name in self.signature.attributes - self.signature.operands:
            for each in value if isinstance(value, tuple) else (value,):
                yield from self._attribute(name, each)

    def _attribute(self, name: str, value: Any) -> Iterator[str]:
        words = WORDS.get(f"{self.key}.{name}") or WORDS.get(f"*.{name}")
        if name in TYPE_ATTRIBUTES:
            if isinstance(value, int) and value in NAME_OF:
                yield f"{name} is the name of an element type here: {NAME_OF[value]}, not {value}"
            elif value not in (None, "undefined", 0):
                yield from _not_among(value, NUMBER_OF, "an element type")
        elif words and value is not None:
            yield from _not_among(value, words, f"a value of {name}")
        elif value is not None:
            texts = _holds_text(self.signature, name)
            if texts is not None and texts != isinstance(value, str):
                yield f"{name} is never {value!r}: it holds {'text' if texts else 'numbers'}"


def _not_among(value: Any, known: Collection[str], what: str) -> Iterator[str]:
    if value is not None and value not in known:
        yield f"{value!r} is not {what}{meant(str(value), known)}"


def _holds_text(signature: Signature, attribute: str) -> bool | None:
    """Whether an attribute holds strings; None where versions differ or it holds neither."""
    kinds = {
        str(v.schema.attributes[attribute].type).rsplit(".", 1)[-1]
        for v in signature.versions
        if attribute in v.schema.attributes
    }
    if kinds <= {"STRING", "STRINGS"}:
        return True
    return False if kinds <= {"FLOAT", "FLOATS", "INT", "INTS"} else None


def _comparisons(node: ast.Compare) -> Iterator[tuple[ast.expr, tuple[Any, ...]]]:
    """Each thing that is compared with constants, and with which."""
    sides = [node.left, *node.comparators]
    for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
        for thing, other in ((left, right), (right, left)):
            is_constant, value = literal(other)
            if is_constant and not literal(thing)[0]:
                many = isinstance(operator, ast.In | ast.NotIn) and other is right
                yield thing, value if many and isinstance(value, tuple) else (value,)


def admitted(signature: Signature, operand: str = "") -> frozenset[str]:
    """Element types that ONNX allows for an input or output; for all inputs if none is named."""
    found: set[str] = set()
    for version in signature.versions:
        parameters = [*version.schema.inputs, *(version.schema.outputs if operand else ())]
        for parameter in parameters:
            if operand in ("", parameter.name):
                found.update(map(_element, parameter.types))
    return frozenset(found)


def _element(type_text: str) -> str:
    """`float32` for `seq(tensor(float))`."""
    inner = type_text.rstrip(")").rpartition("(")[2]
    return {"float": "float32", "double": "float64"}.get(inner, inner)
