"""How often it is cheap to run a model, told from its structure and not from a clock.

So that two runs of the same verification say the same.
"""

import math
from collections.abc import Mapping

import onnx

from porting.proof.shapes import graphs

FEWEST, MOST = 3, 12
"""Seeds for a size."""
_BUDGET = 5e8
"""Steps for all seeds of a size; about a tenth of a second of multiplications."""
_NODE = 2e4
"""Steps that it costs to call a kernel."""


def seeds_for(model: onnx.ModelProto, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """Seeds to draw inputs with: more where running the model costs little.

    Args:
        model: Structure of the graph; weights may be absent.
        shapes: Input name to shape, sizes in elements.
    """
    return tuple(range(max(FEWEST, min(MOST, int(_BUDGET / _steps(model, shapes))))))


def _steps(model: onnx.ModelProto, shapes: Mapping[str, tuple[int, ...]]) -> float:
    """At most what a run takes, as a rule: each weight meets each element of the largest input."""
    nodes = weights = 0
    for graph in graphs(model.graph):
        nodes += len(graph.node)
        weights += sum(math.prod(tensor.dims) for tensor in graph.initializer)
    largest = max((math.prod(shape) for shape in shapes.values()), default=1)
    return float(nodes * _NODE + (weights + nodes) * max(largest, 1)) or 1.0
