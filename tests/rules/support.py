"""What the tests of the rules share: odd arrays, and the proof of a rewrite at several opsets."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from legalize.toy import model
from onnx import ModelProto
from rules.harness import SPECIAL, assert_equivalent, graph_of, rewrite, single, the_rule

from porting.legalize.normalise import normalise
from porting.legalize.rule import DeclinedError
from porting.model.write import write_model

Case = tuple[ModelProto, dict[str, np.ndarray]]
"""A model and its inputs."""

few = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
FINITE = SPECIAL[np.isfinite(SPECIAL)]
MODEST = np.array([-0.0, 0.0, 1e-40, 88.8, -88.8, 300.0])
"""Odd values whose squares are numbers."""
MICROSOFT = "com.microsoft"
CLOSE: dict[str, Any] = {"rel": 1e-4, "absolute": 1e-5, "reference": False}
"""For onnxruntime's own operators, which onnx.reference does not know."""


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    """Normally distributed ones, always the same for a shape and a seed."""
    random = np.random.default_rng(sum(shape) + seed)
    return random.standard_normal(shape).astype(np.float32)


def contrib(op_type: str, inputs: Sequence[Any], outputs: int = 1, **attributes: Any) -> Case:
    """A model of one of onnxruntime's own operators, and its inputs."""
    return single(op_type, inputs, opset=17, outputs=outputs, domain=MICROSOFT, **attributes)


@st.composite
def arrays(
    draw: st.DrawFn,
    shape: st.SearchStrategy[Sequence[int]] | Sequence[int],
    odd: np.ndarray = SPECIAL,
    dtype: str = "float32",
) -> np.ndarray:
    """Normally distributed numbers with some odd ones among them."""
    dims = tuple(shape if isinstance(shape, (tuple, list)) else draw(shape))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = random.standard_normal(dims) * draw(st.sampled_from([1.0, 10.0]))
    if odd.size:
        values = np.where(random.random(dims) < 0.2, random.choice(odd, dims), values)
    with np.errstate(over="ignore"):
        return values.astype(dtype)


def shapes(least: int = 0, most: int = 4, size: int = 4, smallest: int = 1) -> Any:
    """Shapes of a rank between `least` and `most`."""
    return st.lists(st.integers(smallest, size), min_size=least, max_size=most).map(tuple)


def fed(body: str, opset: int = 17, **feed: Any) -> Case:
    """A model in ONNX's text form with its inputs."""
    return model(body, opset), {k: np.asarray(v) for k, v in feed.items()}


def plain(made: ModelProto) -> ModelProto:
    """The model as normalising leaves it."""
    graph = graph_of(made)
    normalise(graph)
    return write_model(graph, made, graph.context.opsets)


def prove(
    function: Callable[..., Any],
    case: tuple[ModelProto, Mapping[str, np.ndarray]],
    *,
    op_type: str | None = None,
    targets: Sequence[int | None] = (None,),
    **tolerances: Any,
) -> list[str]:
    """The rewrite gives the same at each opset.

    Returns:
        The operators of the last result.
    """
    model, feed = case
    result = model
    for target in targets:
        result = rewrite(model, the_rule(function, op_type), target)
        with np.errstate(all="ignore"):
            assert_equivalent(model, result, feed, **tolerances)
    return [node.op_type for node in result.graph.node]


def declines(
    function: Callable[..., Any],
    case: tuple[ModelProto, Mapping[str, np.ndarray]],
    reason: str,
    *,
    op_type: str | None = None,
    opset: int | None = None,
) -> None:
    """The rule does not apply, for this reason (a regular expression)."""
    with pytest.raises(DeclinedError, match=reason):
        rewrite(case[0], the_rule(function, op_type), opset)
