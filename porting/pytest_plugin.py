"""The pytest plugin: `assert_portable`, a fixture that fails with the report.

pytest imports this module at every start, so that nothing else of port may be imported here.
"""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from onnx import ModelProto

    from porting.results import CheckResult


class AssertPortable(Protocol):
    """The type of the fixture `assert_portable`, for annotations."""

    def __call__(
        self,
        model: "str | PathLike[str] | ModelProto",
        target: str = "",
        *,
        shapes: Mapping[str, Sequence[int]] | None = None,
        dims: Mapping[str, int] | None = None,
        op_map: str | PathLike[str] | None = None,
        precision: str = "",
        options: Mapping[str, str] | None = None,
    ) -> "CheckResult":
        """Fails the test unless a model passes on a target; see `porting.check`."""


@pytest.fixture
def assert_portable() -> AssertPortable:
    """`assert_portable("model.onnx", "ascend-310p")` fails with the text report.

    It takes what `porting.check` takes and returns what that returns.
    """
    return _assert_portable


def _assert_portable(
    model: "str | PathLike[str] | ModelProto",
    target: str = "",
    *,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
    op_map: str | PathLike[str] | None = None,
    precision: str = "",
    options: Mapping[str, str] | None = None,
) -> "CheckResult":
    from pathlib import Path

    from porting.checking import check

    result = check(
        model,
        target,
        shapes=shapes,
        dims=dims,
        op_map=Path(op_map) if op_map is not None else None,
        precision=precision,
        options=options,
    )
    if not result.passed:
        from porting.gate.evaluate import evaluate
        from porting.gate.outcome import Report
        from porting.report.formats import View
        from porting.report.text import render

        pytest.fail(render(Report((evaluate(result),)), View()), pytrace=False)
    return result
