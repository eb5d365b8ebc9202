import onnx
import pytest
from legalize.toy import model

from porting.prepare import prepare
from porting.trial import trial_files

TEXT = "g (float[2] x) => (float[2] y) { y = Relu(x) }"


def test_a_loaded_file_is_run_where_it_lies_and_the_trial_goes_with_the_context(tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(model(TEXT), path)
    changed = model(TEXT.replace("Relu", "Neg"))
    with trial_files(changed, prepare(path, None, None)) as (original, trial):
        assert original == path
        assert onnx.load(trial).graph.node[0].op_type == "Neg"
    assert path.exists()
    assert not trial.exists()


def test_a_model_in_memory_is_written_down_and_goes_too_even_after_an_error():
    def fails():
        with trial_files(model(TEXT), prepare(model(TEXT), None, None)) as files:
            seen.extend(files)
            assert onnx.load(files[0]) == model(TEXT)
            raise RuntimeError

    seen = []
    with pytest.raises(RuntimeError):
        fails()
    assert [path.exists() for path in seen] == [False, False]
