"""What check and convert both begin with: the model read, its values inferred."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from onnx import ModelProto

from porting.model.build import build
from porting.model.graph import Graph
from porting.model.inline import inline_functions
from porting.model.load import LoadedModel, load
from porting.results import InputInfo, ModelInfo

ModelSource: TypeAlias = str | os.PathLike[str] | ModelProto
Shapes: TypeAlias = Mapping[str, Sequence[int]]
Dims: TypeAlias = Mapping[str, int]


@dataclass
class Prepared:
    """A model ready to be judged.

    Attributes:
        loaded: The file, weights unread.
        graph: The main graph with everything inferred.
    """

    loaded: LoadedModel
    graph: Graph

    def info(self) -> ModelInfo:
        """The model's part of a result."""
        return self.describe(str(self.loaded.path or ""), self.loaded.sha256)

    def describe(self, path: str, sha256: str) -> ModelInfo:
        """The same for a model that is, or will be, in another file."""
        return ModelInfo(
            path=path,
            sha256=sha256,
            ir_version=self.loaded.proto.ir_version,
            opsets=self.loaded.opsets,
            nodes=sum(1 for _ in self.graph.walk()),
            parameters=self.loaded.parameters,
            inputs=tuple(self._input(i.name) for i in self.graph.inputs),
        )

    def _input(self, name: str) -> InputInfo:
        value = self.graph.value(name)
        return InputInfo(name, value.dtype, value.shape)


def prepare(source: ModelSource, shapes: Shapes | None, dims: Dims | None) -> Prepared:
    """Loads a model and infers what can be known of it.

    Raises:
        ModelError: It cannot be read.
        UsageError: A shape or dimension does not fit it.
    """
    loaded = load(source)
    return Prepared(loaded, build(inline_functions(loaded), shapes, dims))
