"""What a user asks of a verification, held against the original, as cases to run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import onnx

from porting.errors import UsageError
from porting.proof.bounds import refusal
from porting.proof.domains import Facts
from porting.proof.effort import FEWEST, seeds_for
from porting.proof.exchange import Array, Case
from porting.proof.given import DataSet, Given
from porting.proof.inputs import generate
from porting.proof.shapes import (
    SIZES,
    bind,
    declared_dims,
    declared_type,
    graph_inputs,
    input_shapes,
    is_free,
)

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Values:
    """A data set whose values have the model's names and types."""

    name: str = ""
    inputs: Mapping[str, Array] = field(default_factory=dict)
    outputs: Mapping[str, Array] = field(default_factory=dict)


@dataclass
class Request:
    """What the user asked for.

    Attributes:
        dims: Sizes of symbolic dimensions.
        shapes: Shapes of inputs.
        given: Ranges and seeds.
        data: A set of values for each run; one without any where the user gave none.
        notes: What of the data was not used.
    """

    dims: dict[str, int]
    shapes: dict[str, Shape]
    given: Given
    data: tuple[Values, ...]
    notes: list[str]
    _refusals: dict[tuple[tuple[str, Shape], ...], str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        model: onnx.ModelProto,
        dims: Mapping[str, int],
        shapes: Mapping[str, Sequence[int]],
        given: Given,
    ) -> "Request":
        """The request, held against the model.

        Raises:
            UsageError: A name, rank, type or range does not fit the model.
        """
        if given.seeds is not None and not given.seeds:
            raise UsageError("no-seeds", "no seeds: nothing would run")
        inputs = graph_inputs(model)
        outputs = {value.name: value for value in model.graph.output}
        data = [
            Values(each.name, _named(each, each.inputs, inputs, "input"),
                   _named(each, each.outputs, outputs, "output"))
            for each in given.sets
        ]  # fmt: skip
        notes = [
            f"{values.name}: its outputs were not used, since it lacks inputs"
            for values in data
            if values.outputs and not set(values.inputs) >= set(inputs)
        ]
        data = [v if set(v.inputs) >= set(inputs) else replace(v, outputs={}) for v in data]
        for name, shape in shapes.items():
            _check_shape(name, shape, inputs)
        for values in data:
            for name, value in values.inputs.items():
                _check_shape(name, np.shape(value), inputs)
        for name, ends in given.ranges.items():
            _check_range(name, ends, inputs)
        fixed = {name: tuple(shape) for name, shape in shapes.items()}
        return cls(dict(dims), fixed, given, tuple(data) or (Values(),), notes)

    @property
    def fixed(self) -> set[str]:
        """Inputs whose shapes the user says."""
        return set(self.shapes).union(*(values.inputs for values in self.data))

    def warnings(self, model: onnx.ModelProto) -> list[str]:
        """What of the request comes to nothing."""
        named: set[str] = set()
        for value in graph_inputs(model).values():
            named |= {d for d in declared_dims(value) or () if isinstance(d, str)}
        return self.notes + [
            f"no input has a dimension named {name}; its size {size} was not used"
            for name, size in self.dims.items()
            if not any(name in text for text in named)
        ]

    def pin(self, a: onnx.ModelProto, b: onnx.ModelProto) -> None:
        """Where `b` declares a size that `a` leaves free, `a` is run at that size."""
        inputs_b = graph_inputs(b)
        for name, value in graph_inputs(a).items():
            dims_a = declared_dims(value)
            dims_b = declared_dims(inputs_b[name]) if name in inputs_b else None
            if dims_a is None or dims_b is None or name in self.fixed:
                continue
            for i, (dim, static) in enumerate(zip(dims_a, dims_b, strict=True)):
                if not isinstance(static, int) or isinstance(dim, int):
                    continue
                if dim is not None and dim.isidentifier():
                    self.dims.setdefault(dim, static)
                else:
                    value.type.tensor_type.shape.dim[i].dim_value = static

    def cases(self, model: onnx.ModelProto) -> list[Case]:
        """What to try: a group for each data set and size, a case for each seed.

        Raises:
            ValueError: An input cannot be generated; the message says why.
        """
        cases = []
        for number, values in enumerate(self.data):
            group = number * len(SIZES)
            found = self._of_one(model, values)
            cases += [replace(case, group=group + case.group, data=number) for case in found]
        return cases

    def _of_one(self, model: onnx.ModelProto, values: Values) -> list[Case]:
        shapes = self.shapes | {name: np.shape(v) for name, v in values.inputs.items()}
        bound = bind(model, self.dims, shapes)
        if set(values.inputs) >= set(graph_inputs(model)):
            self._require_bounded(model, bound, shapes)
            return [Case(dict(values.inputs))]
        sizes = SIZES if is_free(model, bound, shapes) else SIZES[:1]
        cases, refused, styles = [], "", self.given.styles
        for number, size in enumerate(sizes):
            chosen, names = input_shapes(model, bound=bound, shapes=shapes, size=size)
            facts = Facts(model, chosen, names)
            refused = refusal(model, facts)
            if refused:
                continue
            for position, seed in enumerate(self.given.seeds or seeds_for(model, chosen)):
                drawn = generate(
                    model, chosen, seed, names,
                    ranges=self.given.ranges, skip=values.inputs.keys(),
                    facts=facts, style=styles[seed % len(styles)],
                )  # fmt: skip
                spare = self.given.seeds is None and position >= FEWEST
                cases.append(Case({**drawn, **values.inputs}, number, spare=spare))
        if not cases:
            raise ValueError(refused)
        return cases

    def _require_bounded(
        self, model: onnx.ModelProto, bound: Mapping[str, int], shapes: Mapping[str, Shape]
    ) -> None:
        """Looks at each combination of shapes once, however many data sets have it."""
        key = tuple(sorted(shapes.items()))
        if key not in self._refusals:
            self._refusals[key] = refusal(model, Facts(model, shapes, bound))
        if self._refusals[key]:
            raise ValueError(self._refusals[key])


def _named(
    data: DataSet,
    values: Mapping[str | int, Array],
    declared: Mapping[str, onnx.ValueInfoProto],
    what: str,
) -> dict[str, Array]:
    """By the model's names: what is named otherwise counts by its position."""
    names, result = list(declared), {}
    known = ", ".join(names) or "none"
    for position, (key, value) in enumerate(values.items()):
        name = key if isinstance(key, str) else names[key] if key < len(names) else None
        if name not in declared and data.ordered:
            name = names[position] if position < len(names) else None
        if name is None or name not in declared:
            label = f"named {key}" if isinstance(key, str) else f"number {key}"
            raise UsageError(f"unknown-{what}", f"no {what} is {label}", f"{what}s: {known}")
        result[name] = _as_declared(name, value, declared[name], what)
    return result


def _as_declared(name: str, value: Array, declared: onnx.ValueInfoProto, what: str) -> Array:
    """Floats become the declared float, integers the declared integer if that holds them."""
    array = np.asarray(value)
    wanted = declared_type(declared) or array.dtype
    if array.dtype == wanted or wanted.kind == "O" or what == "output":
        return array
    if _floats(wanted) and (_floats(array.dtype) or array.dtype.kind in "iu"):
        with np.errstate(all="ignore"):
            return array.astype(wanted)
    if wanted.kind in "iub" and array.dtype.kind in "iub":
        cast = array.astype(wanted)
        if np.array_equal(cast, array):
            return cast
    text = f"input {name} is {wanted.name}, the value given is {array.dtype.name}"
    raise UsageError("input-type", text)


def _floats(dtype: "np.dtype[np.generic]") -> bool:
    return dtype.kind == "f" or dtype.name.startswith(("bfloat", "float"))


def _check_shape(
    name: str, shape: Sequence[int], declared: Mapping[str, onnx.ValueInfoProto]
) -> None:
    if name not in declared:
        known = ", ".join(declared) or "none"
        raise UsageError("unknown-input", f"no input is named {name}", f"inputs: {known}")
    dims = declared_dims(declared[name])
    if dims is not None and len(dims) != len(shape):
        raise UsageError("input-rank", f"input {name} has rank {len(dims)}, not {len(shape)}")


def _check_range(
    name: str, ends: tuple[float, float], declared: Mapping[str, onnx.ValueInfoProto]
) -> None:
    if name not in declared:
        known = ", ".join(declared) or "none"
        raise UsageError("unknown-input", f"no input is named {name}", f"inputs: {known}")
    dtype = declared_type(declared[name]) or np.dtype("O")
    low, high = ends
    shown = f"{low:g}:{high:g}"
    if dtype.kind in "OSUbc":
        raise UsageError("input-range", f"input {name} is {dtype.name} and has no range")
    if not low <= high or not np.isfinite([low, high]).all():
        raise UsageError("input-range", f"{shown} is no range for {name}", "write LOW:HIGH")
    with np.errstate(all="ignore"):
        held = np.array([low, high]).astype(dtype).astype(np.float64)
    if not np.isfinite(held).all() or (not _floats(dtype) and list(held) != [low, high]):
        raise UsageError("input-range", f"input {name} is {dtype.name}, which has no {shown}")
