"""Whether two models are different functions, found without what verification is made of.

Copies of both in float64 are run by onnx.reference on many inputs, of magnitudes from a thousandth
to a hundred, with ties, zeros, integers and rows of unequal magnitude among them. What it says is
the largest difference, relative to the largest element of the same output in the same run:

- `EQUAL`: below 1e-9 in every run, so nothing but another order of float64 operations: the
  change changed nothing (operands of equal value, an attribute at its default);
- `SMALL`: below the accepted error in every run, which is 1e-3, and 2e-2 where a rule that is
  an approximation by its own account was applied;
- `WRONG`: above that in some run, or NaN or infinite where the other one is not.

Models that onnx.reference cannot run, and those of inputs that it takes long for, are run by
onnxruntime as they are, where 1e-5, some hundred float32 roundings, takes the place of 1e-9.
"""

from collections.abc import Callable, Mapping

import numpy as np
import onnxruntime
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

EQUAL, SMALL, WRONG = "equal", "small", "wrong"
ACCEPTED, APPROXIMATE = 1e-3, 2e-2
FIRST_SEED = 7_000
"""Far from the seeds of verification."""

Feed = Mapping[str, np.ndarray]
Run = Callable[[Feed], list[np.ndarray]]


def draw(example: Feed, seed: int) -> dict[str, np.ndarray]:
    """Inputs of the shapes and types of an example; the seed chooses the style, too."""
    random = np.random.default_rng(FIRST_SEED + seed)
    return {name: _like(array, random, seed % len(_STYLES)) for name, array in example.items()}


def _rows(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Each row has a magnitude of its own."""
    heights = 10.0 ** random.uniform(-4, 1, (*shape[:-1], 1) if shape else ())
    return random.standard_normal(shape) * heights


_STYLES: tuple[Callable[[np.random.Generator, tuple[int, ...]], np.ndarray], ...] = (
    lambda random, shape: random.standard_normal(shape),
    lambda random, shape: random.standard_normal(shape) * 1e-3,
    lambda random, shape: random.standard_normal(shape) * 10,
    lambda random, shape: random.standard_normal(shape) * 100,
    lambda random, shape: random.random(shape),
    lambda random, shape: random.integers(-3, 4, shape).astype(np.float64),
    lambda random, shape: random.standard_normal(shape) * (random.random(shape) < 0.5),
    _rows,
)


def _like(array: np.ndarray, random: np.random.Generator, style: int) -> np.ndarray:
    if array.dtype.kind == "b":
        return random.random(array.shape) < 0.5
    if array.dtype.kind == "f":
        return np.asarray(_STYLES[style](random, array.shape)).astype(array.dtype)
    low, high = int(array.min(initial=0)), int(array.max(initial=0))
    return np.asarray(random.integers(low, high + 1, array.shape)).astype(array.dtype)


class Judge:
    """Compares changed models with a correct one.

    Args:
        correct: The model.
        example: Inputs that suit it; integers are drawn between its lowest and highest.
        runs: How many inputs are tried.
        accepted: The accepted error.
        wide: Whether float64 copies are run; otherwise the models as they are, which is faster.
    """

    def __init__(
        self, correct: ModelProto, example: Feed, runs: int, accepted: float, wide: bool = True
    ) -> None:
        self._wide, self._accepted = wide, accepted
        self._feeds, self._outputs = [], []
        for feed in (dict(example), *(draw(example, seed) for seed in range(runs))):
            outputs = self._run(correct, feed)
            if outputs is not None and (self._feeds or self._same_again(correct, feed, outputs)):
                self._feeds.append(feed)
                self._outputs.append(outputs)
        if wide and not self._feeds:
            self.__init__(correct, example, runs, accepted, wide=False)  # type: ignore[misc]

    @property
    def usable(self) -> bool:
        """Whether the correct model ran at all."""
        return bool(self._feeds)

    def judge(self, mutant: ModelProto) -> tuple[str, float]:
        """What the changed model is, and the largest difference."""
        run, largest = self._runner(mutant), 0.0
        for feed, outputs in zip(self._feeds, self._outputs, strict=True):
            found = _tried(run, feed)
            if found is None:
                return WRONG, np.inf
            for a, b in zip(outputs, found, strict=True):
                largest = max(largest, _apart(a, b))
            if largest > self._accepted:
                return WRONG, largest
        noise = 1e-9 if self._wide else 1e-5
        return (EQUAL if largest < noise else SMALL), largest

    def _run(self, model: ModelProto, feed: Feed) -> list[np.ndarray] | None:
        if not hasattr(self, "_own"):
            self._own = self._runner(model)
        return _tried(self._own, feed)

    def _same_again(self, model: ModelProto, feed: Feed, outputs: list[np.ndarray]) -> bool:
        """Not so for what draws random numbers, of which nothing can be said."""
        again = self._run(model, feed) or []
        return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
                   for a, b in zip(outputs, again, strict=True))  # fmt: skip

    def _runner(self, model: ModelProto) -> Run | None:
        try:
            return _by_reference(model) if self._wide else by_onnxruntime(model)
        except Exception:  # noqa: BLE001 - whatever a runtime raises, it does not run
            return None


def _tried(run: Run | None, feed: Feed) -> list[np.ndarray] | None:
    try:
        return None if run is None else run(feed)
    except Exception:  # noqa: BLE001 - likewise
        return None


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference, relative to the largest finite element of the first."""
    if a.shape != b.shape or a.dtype.kind != b.dtype.kind:
        return np.inf
    if a.dtype.kind not in "iufb":
        return 0.0 if np.array_equal(a, b) else np.inf
    x, y = a.astype(np.float64), b.astype(np.float64)
    finite = np.isfinite(x) & np.isfinite(y)
    if not ((np.isnan(x) & np.isnan(y)) | (x == y) | finite).all():
        return np.inf
    if a.dtype.kind != "f":
        return 0.0 if np.array_equal(x, y) else np.inf
    with np.errstate(all="ignore"):
        difference = np.abs(x - y)[finite].max(initial=0.0)
        scale = np.abs(x[finite]).max(initial=0.0)
    return float(difference / scale) if scale else float(difference and np.inf)


def by_onnxruntime(model: ModelProto) -> Run:
    """Runs the model as it is, without optimizations."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    wanted = {i.name for i in session.get_inputs()}
    return lambda feed: [
        np.asarray(a) for a in session.run(None, {k: v for k, v in feed.items() if k in wanted})
    ]


def _by_reference(model: ModelProto) -> Run:
    """Runs a copy in which every float32 is a float64."""
    session = ReferenceEvaluator(widened(model))

    def run(feed: Feed) -> list[np.ndarray]:
        doubles = {k: v.astype(np.float64) if v.dtype == np.float32 else v for k, v in feed.items()}
        with np.errstate(all="ignore"):
            return [np.asarray(a) for a in session.run(None, doubles)]

    return run


def widened(model: ModelProto) -> ModelProto:
    """A copy with float64 in the place of float32; not held to operators' declared types."""
    copy = ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    for tensor in graph.initializer:
        _widen(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == attribute.TENSOR:
                _widen(attribute.t)
            elif attribute.name in ("to", "dtype") and attribute.i == TensorProto.FLOAT:
                attribute.CopyFrom(helper.make_attribute(attribute.name, TensorProto.DOUBLE))
    return copy


def _widen(tensor: TensorProto) -> None:
    if tensor.data_type == TensorProto.FLOAT:
        array = numpy_helper.to_array(tensor).astype(np.float64)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
