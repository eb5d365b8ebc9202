import numpy as np
import onnx
import pytest
from legalize.toy import model

from porting.errors import ModelError
from porting.finishing import write
from porting.prepare import prepare


def prepared(tmp_path):
    proto = model("g (float[600] x, float[600] w) => (float[600] y) { y = Add(x, w) }")
    weight = onnx.numpy_helper.from_array(np.ones(600, np.float32), "w")
    del proto.graph.input[1]
    proto.graph.initializer.append(weight)
    onnx.save(proto, tmp_path / "model.onnx")
    return prepare(tmp_path / "model.onnx", None, None)


def test_a_model_whose_weights_lie_in_another_file_is_checked_without_them(tmp_path):
    source = prepared(tmp_path)
    output = write(source.loaded.proto, source, tmp_path / "out.onnx")
    onnx.checker.check_model(output.path, full_check=True)


def test_a_model_that_onnx_forbids_is_not_written(tmp_path):
    source = prepared(tmp_path)
    proto = source.loaded.proto
    proto.graph.node.add().CopyFrom(proto.graph.node[0])  # y is defined twice
    with pytest.raises(ModelError, match="does not allow the model"):
        write(proto, source, tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()
