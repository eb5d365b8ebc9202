"""Check, convert and verify ONNX models for AI chips other than Nvidia's.

import porting

result = porting.check("model.onnx", "ascend-310p", shapes={"x": (1, 3, 224, 224)})
assert result.passed, result.counts
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from porting.checking import check
    from porting.converting import convert
    from porting.opsets import convert_opset
    from porting.simulating import simulate
    from porting.verifying import verify

__version__ = "0.1.0"
__all__ = ["check", "convert", "convert_opset", "simulate", "verify"]

_HOMES = {
    "check": "porting.checking",
    "convert": "porting.converting",
    "convert_opset": "porting.opsets",
    "simulate": "porting.simulating",
    "verify": "porting.verifying",
}


def __getattr__(name: str) -> Any:
    """Imports the engine on first use, so that `port --help` need not."""
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'porting' has no attribute {name!r}")
