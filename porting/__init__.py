"""Check, convert and verify ONNX models for AI chips other than Nvidia's.

import porting

result = porting.check("model.onnx", "ascend-310p", shapes={"x": (1, 3, 224, 224)})
assert result.passed, result.counts
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from porting.checking import check
    from porting.conversion import ConvertResult
    from porting.converting import convert
    from porting.difference.outcome import DiffResult
    from porting.differing import diff
    from porting.opsets import convert_opset
    from porting.proof.judge import Verification as VerifyResult
    from porting.results import CheckResult
    from porting.simulating import simulate
    from porting.verifying import verify

__version__ = "0.1.0"
__all__ = [
    "CheckResult",
    "ConvertResult",
    "DiffResult",
    "VerifyResult",
    "check",
    "convert",
    "convert_opset",
    "diff",
    "simulate",
    "verify",
]

_HOMES = {
    "CheckResult": ("porting.results", "CheckResult"),
    "ConvertResult": ("porting.conversion", "ConvertResult"),
    "DiffResult": ("porting.difference.outcome", "DiffResult"),
    "VerifyResult": ("porting.proof.judge", "Verification"),
    "check": ("porting.checking", "check"),
    "convert": ("porting.converting", "convert"),
    "convert_opset": ("porting.opsets", "convert_opset"),
    "diff": ("porting.differing", "diff"),
    "simulate": ("porting.simulating", "simulate"),
    "verify": ("porting.verifying", "verify"),
}


def __getattr__(name: str) -> Any:
    """Imports the engine on first use, so that `port --help` need not."""
    from importlib import import_module

    if name in _HOMES:
        module, attribute = _HOMES[name]
        return getattr(import_module(module), attribute)
    raise AttributeError(f"module 'porting' has no attribute {name!r}")
