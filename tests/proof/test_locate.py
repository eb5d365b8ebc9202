"""The first value at which two models differ."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from legalize.toy import model
from onnx import numpy_helper

from porting.proof.judge import Verification
from porting.proof.locate import Location, locate
from porting.proof.tolerance import Tolerance
from porting.proof.verify import verify_files

HEAD = "g (float[2,3] x) => (float[2,3] y)"


def chain(length: int, wrong: int = -1, factor: float = 1.5) -> onnx.ModelProto:
    """A chain of additions; number `wrong` adds something else."""
    steps = [f"v{i + 1} = Add(v{i}, {'c' if i == wrong else 'b'})" for i in range(length)]
    body = f"v0 = Relu(x) {' '.join(steps)} y = Neg(v{length})"
    proto = model(f"{HEAD} {{ {body} }}")
    for name, value in (("b", 1.0), ("c", factor)):
        proto.graph.initializer.append(numpy_helper.from_array(np.float32([value]), name))
    return onnx.shape_inference.infer_shapes(proto)


def found(folder: Path, before: onnx.ModelProto, after: onnx.ModelProto) -> Location | None:
    a, b = folder / "a.onnx", folder / "b.onnx"
    onnx.save(before, a)
    onnx.save(onnx.shape_inference.infer_shapes(after), b)

    def verify(a: Path, b: Path) -> Verification:
        return verify_files(a, b, tolerance=Tolerance.for_classes({"exact"}))

    return locate(a, b, verify)


@pytest.mark.parametrize("wrong", [0, 7, 40])
def test_the_first_difference_in_a_chain_is_found(tmp_path, wrong):
    location = found(tmp_path, chain(41), chain(41, wrong))
    assert location is not None
    assert (location.value, location.op_type) == (f"v{wrong + 1}", "Add")
    assert "elements differ" in location.reason


def test_a_difference_on_one_of_several_ways_is_traced_to_its_beginning(tmp_path):
    before = model(f"{HEAD} {{ a = Relu(x) b = Abs(x) c = Exp(b) d = Neg(a) y = Add(c, d) }}")
    after = model(f"{HEAD} {{ a = Relu(x) d = Neg(a) b = Relu(x) c = Exp(b) y = Add(c, d) }}")
    location = found(tmp_path, before, after)
    assert location is not None
    assert (location.value, location.node) == ("b", "b")


def test_a_rewritten_node_is_found_by_the_name_of_its_result(tmp_path):
    before = model(f"{HEAD} {{ a = Relu(x) [act] b = Celu(a) y = Neg(b) }}")
    after = model(f"{HEAD} {{ a = Relu(x) t = Neg(a) b = Exp(t) y = Neg(b) }}")
    location = found(tmp_path, before, after)
    assert location is not None
    assert (location.value, location.node, location.op_type) == ("b", "act", "Celu")


def test_no_place_is_named_where_nothing_differs(tmp_path):
    assert found(tmp_path, chain(5), chain(5)) is None
