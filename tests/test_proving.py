"""What the evidence for a conversion comes to."""

import pytest
from onnx import ModelProto

from porting.proof.judge import Verification
from porting.proof.local import Difference, LocalProof
from porting.proving import _completed


@pytest.mark.parametrize(("by_context", "status"), [(False, "failed"), (True, "passed")])
def test_a_rewrite_that_differs_by_itself_fails_a_model_that_passes(by_context, status):
    local = LocalProof(differing=(Difference("n", ("gelu-to-erf",), "off by 1", by_context),))
    result = _completed(Verification("passed", "agree"), local, (), ModelProto())
    assert result.status == status
    assert ("gelu-to-erf on n" in result.reason) is (status == "failed")
