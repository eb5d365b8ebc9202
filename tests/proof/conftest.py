from collections.abc import Callable
from pathlib import Path

import onnx
import onnx.parser
import pytest

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes a graph given as ONNX text; returns the file."""
    count = 0

    def write(text: str, opset: int = 17, ir: int = 8) -> Path:
        nonlocal count
        count += 1
        header = f'<ir_version: {ir}, opset_import: ["": {opset}, "com.example": 1]>\n'
        path = tmp_path / f"m{count}.onnx"
        onnx.save(onnx.parser.parse_model(header + text), path)
        return path

    return write
