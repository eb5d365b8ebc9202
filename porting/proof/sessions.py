"""How onnxruntime is used for proofs, and when it is not the model's fault that it fails."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

_SHARE = 0.75
"""Of the memory that is free when a process starts."""


class NoRunnerError(Exception):
    """The message says why no library can run the model.

    Attributes:
        beyond: The model is beyond the libraries, rather than wrong.
    """

    def __init__(self, reason: str, beyond: bool = False) -> None:
        super().__init__(reason)
        self.beyond = beyond


def confine() -> None:
    """Lets this process take no more memory than most of what is free; only where Linux tells."""
    with suppress(ImportError, OSError, ValueError, StopIteration):
        import resource

        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
        most, hard = int(_SHARE * free * 1024), resource.getrlimit(resource.RLIMIT_DATA)[1]
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def session_options(ort: Any) -> Any:
    """On the CPU, optimizations off, quiet."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = min(4, os.cpu_count() or 1)
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def is_unknown_to_onnxruntime(error: BaseException) -> bool:
    """Whether the model is beyond onnxruntime, rather than wrong."""
    signs = (
        "Unsupported model IR version",
        "Current official support for domain",
        "is not a registered function/op",
        "No Op registered for",
        "Could not find an implementation",
        "can't be converted to MLDataType",
        "Batchwise recurrent operations (layout == 1) are not supported",
    )
    return type(error).__name__ == "NotImplemented" or any(s in str(error) for s in signs)
