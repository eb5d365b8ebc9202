"""The model that `port demo` ports: made by `tools/make_demo_model.py`, weights random."""

from importlib.resources import files
from pathlib import Path

NAME = "demo.onnx"


def model_path() -> Path:
    """Where the installed package keeps the demo model."""
    return Path(str(files("porting.demo"))) / NAME
