"""Tiny tables and tiny models: what every test of a capability table begins with."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from textwrap import indent
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from porting.capability import yaml_reader
from porting.capability.judge import Judge
from porting.capability.table import CapabilityTable, table_of
from porting.capability.targets import load_target
from porting.checking import judge_model
from porting.model.dtypes import NUMBER_OF
from porting.prepare import prepare
from porting.results import CheckResult, Finding, NodeResult

HEAD: Mapping[str, Any] = {
    "schema": 1,
    "target": "acme-n1",
    "name": "Acme N1",
    "vendor": "Acme",
    "class": "edge",
    "toolchain": {"name": "AcmeC", "version": "2.0"},
    "evidence": "vendor-doc",
    "absent": "unsupported",
    "opset": {"range": "7..23"},
    "source": "doc",
    "sources": {
        "doc": {"title": "Operator list", "where": "acme.example/ops", "kind": "vendor-doc"},
        "code": {"title": "Importer", "where": "importer.py", "kind": "vendor-source"},
    },
}


def table_text(ops: str, **fields: Any) -> str:
    """A whole table: `ops` in YAML as a table writes it, `fields` over the usual head.

    A field that is None is left out.
    """
    head = {k: v for k, v in {**HEAD, **fields}.items() if v is not None}
    text = yaml.safe_dump(head, sort_keys=False)
    return f"{text}ops:\n{indent(ops.strip(chr(10)), '  ')}\n"


def table(ops: str, **fields: Any) -> CapabilityTable:
    """The table, every entry compiled."""
    loaded = table_of(yaml_reader.parse(table_text(ops, **fields), "acme.yaml"))
    loaded.validate()
    return loaded


def write_table(path: Path, ops: str, **fields: Any) -> Path:
    path.write_text(table_text(ops, **fields), encoding="utf-8")
    return path


Given = Sequence[int | str | None] | np.ndarray | np.generic | None
"""An input: a shape, a constant, or None where the node leaves it out."""


def info(name: str, shape: Sequence[int | str | None] | None, dtype: str = "float32"):
    return helper.make_tensor_value_info(name, NUMBER_OF[dtype], shape)


def node_model(  # one node needs all of these
    op_type: str,
    inputs: Mapping[str, Given],
    outputs: int | Sequence[str] = 1,
    *,
    opset: int = 17,
    domain: str = "",
    dtypes: Mapping[str, str] | None = None,
    ir_version: int = 8,
    **attributes: Any,
) -> onnx.ModelProto:
    """A model of one node called `node`; its outputs are `y0`, `y1`, or the names given."""
    names = [f"y{i}" for i in range(outputs)] if isinstance(outputs, int) else list(outputs)
    node = helper.make_node(
        op_type,
        [n if v is not None else "" for n, v in inputs.items()],
        names,
        name="node",
        domain=domain,
        **attributes,
    )
    return model_of([node], inputs, names, opset=opset, dtypes=dtypes, ir_version=ir_version)


def model_of(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Given],
    outputs: Sequence[str],
    *,
    opset: int = 17,
    dtypes: Mapping[str, str] | None = None,
    ir_version: int = 8,
    imports: Mapping[str, int] | None = None,
) -> onnx.ModelProto:
    """A model of several nodes, constants among `inputs` being initializers."""
    given = {n: v for n, v in inputs.items() if v is not None}
    arrays = np.ndarray | np.generic
    constants = {n: np.asarray(v) for n, v in given.items() if isinstance(v, arrays)}
    dtypes = dtypes or {}
    graph = helper.make_graph(
        list(nodes),
        "g",
        [info(n, v, dtypes.get(n, "float32")) for n, v in given.items() if n not in constants],
        [onnx.ValueInfoProto(name=n) for n in outputs if n],
        [numpy_helper.from_array(v, n) for n, v in constants.items()],
    )
    domains = {n.domain for n in nodes if n.domain}
    versions = {"": opset, **dict.fromkeys(domains, 1), **(imports or {})}
    opsets = [helper.make_opsetid(d, v) for d, v in versions.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)


def judged(
    model: onnx.ModelProto,
    capabilities: CapabilityTable,
    *,
    precision: str = "",
    options: Mapping[str, str] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    dims: Mapping[str, int] | None = None,
) -> CheckResult:
    prepared = prepare(model, shapes, dims)
    judge = Judge(capabilities, precision, options or {})
    return judge_model(judge, prepared.graph, prepared.info())


@cache
def shipped(target: str) -> CapabilityTable:
    """A table of `op_maps`."""
    return load_target(target)


def check(model: onnx.ModelProto, target: str, **more: Any) -> CheckResult:
    """What a shipped table makes of a model; `more` as for `judged`."""
    return judged(model, shipped(target), **more)


def result(model: onnx.ModelProto, capabilities: CapabilityTable, **more: Any) -> NodeResult:
    """The verdict on the node called `node`, else on the first."""
    nodes = judged(model, capabilities, **more).nodes
    return next((n for n in nodes if n.name == "node"), nodes[0])


def verdict(model: onnx.ModelProto, capabilities: CapabilityTable, **more: Any) -> str:
    return result(model, capabilities, **more).verdict


def first(model: onnx.ModelProto, capabilities: CapabilityTable, **more: Any) -> Finding:
    """The worst finding on the node."""
    return result(model, capabilities, **more).findings[0]


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def floats(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, dtype=np.float32)


def tensor(values: Any, dtype: Any) -> TensorProto:
    return numpy_helper.from_array(np.array(values, dtype=dtype))
