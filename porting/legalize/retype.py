"""One node in another element type: what the rules of `porting.rules.types_*` are made of.

A chip that has an operator, but not for the element type at hand, runs it in another type between
two casts:

    x: int64 ── Cast(int32) ── Add: int32 ── Cast(int64) ── y: int64

The rules are families over many operators, one for what an operator does with its elements and the
type in which it is done: `held-in-float32/Concat`. A family never asks what the target has; several
are registered for one operator, and the driver takes the one that the table takes. What may be
done in which type follows from three questions:

* Does the wider type hold every value? Then moving, comparing and picking elements is exact, and
  nothing has to be proven: bool as 0 and 1, bytes, halves in float32.
* Does the narrower type hold the values that there are? `porting.legalize.ranges` proves it from
  constants, dimensions and indices. Without a proof a rule declines; the `conditional` families
  are for users who know their numbers.
* Is the operation the same there? Sums and products of integers need the result's range too;
  floats round elsewhere, which is `reordered`, or `approximate` where digits are lost.

Between two legalized neighbours stand casts there and back; `porting.legalize.casts` removes those
that are nothing. Inputs and outputs of the graph keep their types: casts stay at the border.
"""

from collections.abc import Sequence

from porting.legalize.ops import Ops
from porting.legalize.ranges import fits
from porting.legalize.rule import decline, known_dtype
from porting.model.dtypes import NAME_OF, numpy_dtype
from porting.model.graph import Node
from porting.model.schema import OpInfo


def recast(op: Ops, name: str, to: str) -> str:
    """A value in another type: a small constant is computed, a cast of `to` is undone."""
    value = op.value(name)
    if value.dtype == to:
        return name
    array = value.value() if value.is_const else None
    if array is not None:
        return op.const(array.astype(numpy_dtype(to)), to)
    before = op.trial.producer(name)
    if before is not None and before.op_type == "Cast" and _undoes(op, before, to):
        return before.inputs[0]
    return op.cast(name, to)


def _undoes(op: Ops, cast: Node, to: str) -> bool:
    """Whether a Cast's input has type `to` and loses nothing in the Cast."""
    source = op.value(cast.inputs[0])
    return source.dtype == to and fits(op.trial, source.name, op.value(cast.outputs[0]).dtype or "")


def operands(node: Node, dtype: str, keys: Sequence[int]) -> list[int]:
    """Positions of the inputs of type `dtype` that share a type variable with one of `keys`.

    Args:
        node: A node of a known operator.
        dtype: Element type.
        keys: Positions of inputs; empty for every variable that ONNX leaves open.
    """
    wanted = {_variable(node.info, k) for k in keys}
    found = []
    for index, value in enumerate(node.input_values()):
        variable = _variable(node.info, index)
        is_open = variable in wanted if wanted else not variable.startswith("tensor(")
        if value is not None and value.dtype == dtype and is_open:
            found.append(index)
    return found


def in_type(op: Ops, node: Node, to: str, keys: Sequence[int] = (0,)) -> list[str]:
    """The node with its operands of one type cast to another, and its results cast back.

    Args:
        op: Builds the nodes.
        node: What is done in another type.
        to: That type.
        keys: Inputs whose type variables are changed, where they have the first one's type;
            empty for every operand of the type that input 0 has.
    """
    dtype = known_dtype(node.input(keys[0] if keys else 0), "the input")
    positions = operands(node, dtype, keys)
    given: list[str | None] = [name or None for name in node.inputs]
    for index in positions:
        given[index] = recast(op, node.inputs[index], to)
    changed = {_variable(node.info, i) for i in positions}
    results = op.copy(node, given)
    return [
        op.cast(r, dtype) if _output_variable(node.info, i) in changed else r
        for i, r in enumerate(results)
    ]


def _variable(info: OpInfo | None, index: int) -> str:
    formals = info.schema.inputs if info is not None else ()
    return formals[min(index, len(formals) - 1)].type_str if formals else ""


def _output_variable(info: OpInfo | None, index: int) -> str:
    formals = info.schema.outputs if info is not None else ()
    return formals[min(index, len(formals) - 1)].type_str if formals else ""


def proven(node: Node, to: str, keys: Sequence[int], *, result: bool = False) -> None:
    """Declines unless every operand, and the result if asked for, is proven to fit into `to`."""
    dtype = known_dtype(node.input(keys[0]), "the input")
    names = [node.inputs[i] for i in operands(node, dtype, keys)]
    for name in [*names, *(node.outputs[:1] if result else ())]:
        if not fits(node.graph, name, to):
            decline(f"'{name}' is {dtype} and not proven to fit into {to}")


def cast_target(node: Node) -> str:
    """The element type that a Cast makes; declines where it is not known."""
    to = node.attribute("to")
    name = NAME_OF.get(to) if isinstance(to, int) else None
    if name is None:
        decline("it does not say to what")
    return name
