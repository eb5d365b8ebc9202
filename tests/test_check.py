"""`porting.check` from a model and a table to verdicts on every node, and its JSON."""

import json
from pathlib import Path

import onnx
import pytest
from capability.helpers import (
    floats,
    info,
    ints,
    model_of,
    node_model,
    ones,
    write_table,
)
from onnx import TensorProto, helper

import porting
from porting.errors import ModelError, TableError, UsageError
from porting.results import VERDICTS

OPS = """
Relu: {}
Conv: {attributes: {group: [1]}}
Add: {}
If: {verdict: fallback, why: the host decides}
Loop: {verdict: fallback, why: the host counts}
Scan: {verdict: fallback, why: the host scans}
Neg: {rank: {X: 1}}
Tan: {verdict: deviates, why: degrees}
Cos: {verdict: unknown, why: nobody says}
Identity: {}
"""


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    return write_table(
        tmp_path / "acme.yaml",
        OPS,
        precisions=["int8", "float16"],
        options={"force": "operators to force"},
    )


def chain(*ops: str) -> onnx.ModelProto:
    names = ["x", *[f"v{i}" for i in range(1, len(ops))], "y"]
    nodes = [
        helper.make_node(op, [names[i]], [names[i + 1]], name=f"{op}_{i}")
        for i, op in enumerate(ops)
    ]
    return model_of(nodes, {"x": (2,)}, ["y"])


def test_every_node_has_a_verdict_in_the_models_order(acme):
    checked = porting.check(chain("Relu", "Cos", "Tan", "Sin"), op_map=acme)
    assert [(n.name, n.verdict) for n in checked.nodes] == [
        ("Relu_0", "supported"),
        ("Cos_1", "unknown"),
        ("Tan_2", "deviates"),
        ("Sin_3", "unsupported"),
    ]
    assert checked.counts == {
        "supported": 1,
        "fallback": 0,
        "unknown": 1,
        "deviates": 1,
        "unsupported": 1,
    }


@pytest.mark.parametrize(
    ("ops", "passed", "legal"),
    [
        (["Relu"], True, True),
        (["Relu", "Cos"], True, False),
        (["Relu", "Tan"], False, False),
        (["Sin"], False, False),
    ],
)
def test_the_gate_lets_unknown_pass_but_calls_it_not_legal(acme, ops, passed, legal):
    checked = porting.check(chain(*ops), op_map=acme)
    assert (checked.passed, checked.legal) == (passed, legal)
    assert checked.to_dict()["verdict"] == ("pass" if passed else "fail")


def test_a_fallback_passes_and_is_legal(acme):
    checked = porting.check(branching(), op_map=acme)
    assert checked.counts["fallback"] == 1
    assert checked.passed
    assert checked.legal


def test_the_json_is_the_designs(acme, tmp_path):
    path = tmp_path / "m.onnx"
    onnx.save(chain("Relu", "Tan"), path)
    shown = porting.check(path, op_map=acme).to_dict()
    assert json.loads(json.dumps(shown)) == shown
    assert shown["schema"] == "port.check/1"
    assert {"schema", "model", "target", "verdict", "counts", "nodes"} <= shown.keys()
    assert {"path", "sha256", "ir_version", "opsets", "nodes", "parameters"} <= (
        shown["model"].keys()
    )
    assert shown["model"]["path"] == str(path)
    assert len(shown["model"]["sha256"]) == 64
    assert shown["model"]["opsets"] == {"ai.onnx": 17}
    assert shown["model"]["nodes"] == 2
    assert shown["model"]["ir_version"] == 8
    assert {"id", "name", "toolchain", "evidence"} <= shown["target"].keys()
    assert shown["target"]["toolchain"] == "AcmeC 2.0"
    assert shown["verdict"] == "fail"
    assert list(shown["counts"]) == list(VERDICTS)
    (node,) = shown["nodes"]
    assert {"name", "op_type", "domain", "opset", "verdict", "scope", "findings"} <= node.keys()
    assert (node["name"], node["op_type"], node["domain"]) == ("Tan_1", "Tan", "ai.onnx")
    assert (node["opset"], node["verdict"], node["scope"]) == (17, "deviates", "")
    (finding,) = node["findings"]
    assert {"verdict", "code", "message", "source", "help"} <= finding.keys()
    assert finding["verdict"] == "deviates"
    assert finding["message"] == "degrees"


def test_the_json_lists_supported_nodes_on_demand(acme):
    checked = porting.check(chain("Relu", "Tan"), op_map=acme)
    assert [n["name"] for n in checked.to_dict()["nodes"]] == ["Tan_1"]
    assert [n["name"] for n in checked.to_dict(every_node=True)["nodes"]] == ["Relu_0", "Tan_1"]


def test_parameters_are_counted_without_nodes_being_named(acme):
    model = node_model("Conv", {"x": (1, 3, 8, 8), "w": ones(4, 3, 3, 3), "b": floats(1, 2, 3, 4)})
    checked = porting.check(model, op_map=acme)
    assert checked.model.parameters == 4 * 3 * 9 + 4
    assert checked.model.path == ""


def branching() -> onnx.ModelProto:
    """If around branches that read `x` from outside."""

    def branch(name: str, op: str) -> onnx.GraphProto:
        node = helper.make_node(op, ["x"], [f"{name}_y"], name=f"{name}_node")
        return helper.make_graph([node], name, [], [info(f"{name}_y", None)])

    node = helper.make_node(
        "If",
        ["c"],
        ["y"],
        name="choice",
        then_branch=branch("then", "Relu"),
        else_branch=branch("else", "Neg"),
    )
    node.attribute.sort(key=lambda a: a.name, reverse=True)
    return model_of([node], {"c": (), "x": (2,)}, ["y"], dtypes={"c": "bool"})


def test_bodies_of_if_are_judged_with_their_path(acme):
    checked = porting.check(branching(), op_map=acme)
    assert [(n.name, n.scope, n.verdict) for n in checked.nodes] == [
        ("choice", "", "fallback"),
        ("then_node", "choice.then_branch", "supported"),
        ("else_node", "choice.else_branch", "supported"),
    ]
    assert checked.model.nodes == 3


def test_bodies_see_the_shapes_that_are_given_outside(acme):
    model = branching()
    model.graph.input[1].type.tensor_type.shape.dim.add().dim_value = 3
    checked = porting.check(model, op_map=acme)
    assert checked.nodes[2].verdict == "unsupported", "rank 2 where Neg takes rank 1"


def looping(body_op: str = "Neg") -> onnx.ModelProto:
    body = helper.make_graph(
        [
            helper.make_node(body_op, ["s"], ["s2"], name="inner"),
            helper.make_node("Identity", ["go"], ["go2"], name="again"),
        ],
        "body",
        [info("i", (), "int64"), info("go", (), "bool"), info("s", (2,))],
        [info("go2", (), "bool"), info("s2", (2,))],
    )
    node = helper.make_node("Loop", ["n", "", "x"], ["y"], name="loop", body=body)
    return model_of([node], {"n": ints(3).reshape(()), "x": (2,)}, ["y"])


def scanning() -> onnx.ModelProto:
    body = helper.make_graph(
        [
            helper.make_node("Add", ["s", "row"], ["s2"], name="inner"),
            helper.make_node("Identity", ["s2"], ["out"], name="emit"),
        ],
        "body",
        [info("s", None), info("row", None)],
        [info("s2", None), info("out", None)],
    )
    node = helper.make_node(
        "Scan", ["s0", "rows"], ["last", "all"], name="scan", body=body, num_scan_inputs=1
    )
    return model_of([node], {"s0": (4,), "rows": (5, 4)}, ["last", "all"])


@pytest.mark.parametrize(("model", "scope"), [(looping(), "loop.body"), (scanning(), "scan.body")])
def test_bodies_of_loop_and_scan_are_judged_with_their_path(acme, model, scope):
    checked = porting.check(model, op_map=acme)
    assert [n.scope for n in checked.nodes] == ["", scope, scope]
    assert checked.passed


def test_bodies_in_bodies_have_the_whole_path(acme):
    inner = branching().graph.node[0]
    body = helper.make_graph(
        [inner, helper.make_node("Identity", ["go"], ["go2"])],
        "body",
        [info("i", (), "int64"), info("go", (), "bool")],
        [info("go2", (), "bool"), info("y", None)],
    )
    loop = helper.make_node("Loop", ["n", ""], ["ys"], name="loop", body=body)
    constants = {"n": ints(3).reshape(()), "c": (), "x": (2,)}
    model = model_of([loop], constants, ["ys"], dtypes={"c": "bool"})
    scopes = {n.name: n.scope for n in porting.check(model, op_map=acme).nodes}
    assert scopes["choice"] == "loop.body"
    assert scopes["then_node"] == "loop.body/choice.then_branch"


def test_functions_are_inlined_before_they_are_judged(acme):
    model = node_model("Twice", {"x": (2,)}, ["y"], domain="my.functions")
    function = helper.make_function(
        "my.functions",
        "Twice",
        ["a"],
        ["b"],
        [helper.make_node("Relu", ["a"], ["m"]), helper.make_node("Tan", ["m"], ["b"])],
        [helper.make_opsetid("", 17)],
    )
    model.functions.append(function)
    checked = porting.check(model, op_map=acme)
    assert [n.op_type for n in checked.nodes] == ["Relu", "Tan"]
    assert checked.counts["deviates"] == 1


def test_custom_domains_are_named_in_full(acme):
    checked = porting.check(node_model("Foo", {"x": (2,)}, domain="my.ops"), op_map=acme)
    (node,) = checked.nodes
    assert (node.key, node.domain, node.verdict) == ("my.ops::Foo", "my.ops", "unsupported")
    assert checked.model.opsets == {"ai.onnx": 17, "my.ops": 1}


def test_shapes_and_dims_decide_what_was_unknown(acme):
    model = model_of([helper.make_node("Neg", ["x"], ["y"], name="n")], {"x": ("n",)}, ["y"])
    assert porting.check(model, op_map=acme).passed
    no_rank = model_of([helper.make_node("Neg", ["x"], ["y"])], {"x": (2,)}, ["y"])
    no_rank.graph.input[0].type.tensor_type.ClearField("shape")
    assert porting.check(no_rank, op_map=acme).counts["unknown"] == 1
    shaped = porting.check(no_rank, op_map=acme, shapes={"x": (3,)})
    assert shaped.counts["supported"] == 1
    assert porting.check(no_rank, op_map=acme, shapes={"x": (3, 3)}).counts["unsupported"] == 1
    with pytest.raises(UsageError):
        porting.check(no_rank, op_map=acme, dims={"n": 3})


def test_precisions_and_options_that_the_table_does_not_know_are_refused(acme):
    model = chain("Relu")
    assert porting.check(model, op_map=acme, precision="float16").passed
    with pytest.raises(UsageError, match="no precision 'int4'") as caught:
        porting.check(model, op_map=acme, precision="int4")
    assert caught.value.code == "precision-unknown"
    assert "int8, float16" in caught.value.help
    assert porting.check(model, op_map=acme, options={"force": "Relu"}).passed
    with pytest.raises(UsageError, match="no option 'farce'") as caught:
        porting.check(model, op_map=acme, options={"farce": "Relu"})
    assert caught.value.code == "option-unknown"
    assert "force" in caught.value.help


def test_targets_models_and_tables_that_are_not_there_are_refused(acme, tmp_path):
    with pytest.raises(UsageError):
        porting.check(chain("Relu"), "no-such-chip-anywhere")
    with pytest.raises(TableError):
        porting.check(chain("Relu"), op_map=tmp_path / "none.yaml")
    with pytest.raises(ModelError):
        porting.check(tmp_path / "none.onnx", op_map=acme)


def test_the_model_in_memory_is_left_as_it_was(acme):
    model = branching()
    before = model.SerializeToString(deterministic=True)
    porting.check(model, op_map=acme, shapes={"x": (2,)})
    assert model.SerializeToString(deterministic=True) == before


def test_weights_in_a_file_that_is_missing_are_refused_by_name(acme, tmp_path):
    model = node_model("Conv", {"x": (1, 64, 8, 8), "w": ones(64, 64, 3, 3)})
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"weights\.bin") as caught:
        porting.check(path, op_map=acme)
    assert caught.value.code == "model-external-missing"
    (tmp_path / "weights.bin").write_bytes(bytes(64 * 64 * 9 * 4))
    assert porting.check(path, op_map=acme).nodes[0].verdict == "supported"
