"""What a table makes of a node: five verdicts, each with its reason and what would decide it."""

import numpy as np
import onnx
import pytest
from capability.helpers import (
    first,
    floats,
    info,
    ints,
    judged,
    model_of,
    node_model,
    ones,
    result,
    table,
    verdict,
)
from onnx import helper

from porting.capability.explain import explain
from porting.results import VERDICTS, worst


def relu(**more):
    return node_model("Relu", {"X": (1, 3, 8, 8)}, **more)


FIVE = """
Relu: {}
Sin: {verdict: fallback, why: it runs on the host}
Cos: {verdict: unknown, why: the sources disagree}
Tan: {verdict: deviates, why: it computes degrees, help: rewrite it}
Erf: {verdict: unsupported, why: there is no such unit}
"""


@pytest.mark.parametrize(
    ("op_type", "wanted"),
    [
        ("Relu", "supported"),
        ("Sin", "fallback"),
        ("Cos", "unknown"),
        ("Tan", "deviates"),
        ("Erf", "unsupported"),
        ("Exp", "unsupported"),
    ],
)
def test_five_verdicts(op_type, wanted):
    five = table(FIVE)
    found = result(node_model(op_type, {"x": (2, 3)}), five)
    assert found.verdict == wanted
    assert bool(found.findings) == (wanted != "supported")
    assert [f.code for f in found.findings] == {
        "Relu": [],
        "Exp": ["operator-absent"],
    }.get(op_type, [f"operator-{wanted}"])


def test_a_verdict_of_its_own_has_the_tables_reason_source_and_help():
    found = first(node_model("Tan", {"x": (2,)}), table(FIVE))
    assert found.message == "it computes degrees"
    assert found.help == "rewrite it"
    assert found.source == "Operator list (acme.example/ops)"


@pytest.mark.parametrize(
    ("absent", "text"),
    [
        ("unsupported", "AcmeC does not take Sin"),
        ("fallback", "Sin is not listed for the accelerator and runs on the host CPU"),
        ("unknown", "nothing is known about Sin on AcmeC"),
    ],
)
def test_what_is_not_listed_is_what_the_table_says_it_is(absent, text):
    found = first(node_model("Sin", {"x": (2,)}), table("Relu: {}", absent=absent))
    assert (found.verdict, found.code, found.message) == (absent, "operator-absent", text)


def test_findings_come_worst_first_and_the_worst_is_the_verdict():
    many = table("""
Relu:
  verdict: fallback
  why: on the host
  require:
    - {that: H > 100, else: deviates, why: small images are wrong}
    - {that: W > 100, else: unsupported, why: small images stop it}
    - {that: C == 3, else: unsupported, why: three channels}
  advise: [{say: use another}]
""")
    found = result(relu(), many)
    ranks = [VERDICTS.index(f.verdict) for f in found.findings]
    assert ranks == sorted(ranks, reverse=True)
    assert [f.verdict for f in found.findings] == [
        "unsupported",
        "deviates",
        "fallback",
        "supported",
    ]
    assert found.verdict == "unsupported" == worst([f.verdict for f in found.findings])


def test_defaults_are_filled_in_before_a_limit_is_tested():
    strict = table("Gemm: {attributes: {alpha: {not_in: [1.0]}, transB: [1]}}")
    gemm = node_model("Gemm", {"a": (2, 3), "b": (3, 2)})
    messages = [f.message for f in result(gemm, strict).findings]
    assert any("alpha=1" in m for m in messages)
    assert any("transB=0" in m for m in messages)


@pytest.mark.parametrize(
    ("model", "name", "shown"),
    [
        (node_model("MaxPool", {"x": (1, 1, 8, 8)}, kernel_shape=[2, 2]), "strides", (1, 1)),
        (node_model("MaxPool", {"x": (1, 1, 8)}, kernel_shape=[2]), "pads", (0, 0)),
        (node_model("Transpose", {"x": (1, 2, 3)}), "perm", (2, 1, 0)),
        (node_model("Conv", {"x": (1, 1, 8, 8), "w": ones(1, 1, 3, 5)}), "kernel_shape", (3, 5)),
        (
            node_model("ConvTranspose", {"x": (1, 1, 8, 8), "w": ones(1, 1, 3, 5)}),
            "output_padding",
            (0, 0),
        ),
    ],
)
def test_defaults_that_onnx_states_in_prose_are_filled_in(model, name, shown):
    op_type = model.graph.node[0].op_type
    refusing = table(f"{op_type}: {{require: [{{that: {name} is None, why: shown}}]}}")
    assert f"{name}={shown}" in first(model, refusing).message


def test_a_kernel_whose_weights_have_no_shape_is_unknown():
    limited = table("Conv: {attributes: {kernel_shape: 1..3}}")
    model = node_model("Conv", {"x": (1, 1, 8, 8), "w": (1, 1, "k", "k")})
    assert verdict(model, limited) == "unknown"
    assert verdict(model, limited, dims={"k": 3}) == "supported"
    assert verdict(model, limited, dims={"k": 5}) == "unsupported"


def test_an_unknown_dimension_is_unknown_and_the_finding_says_what_would_decide_it():
    limited = table("Relu: {require: [{that: H * W <= 64, why: Tiles are at most 64}]}")
    model = node_model("Relu", {"X": (1, 3, "height", None)})
    found = first(model, limited)
    assert (found.verdict, found.code) == ("unknown", "undecided")
    assert "not decided: Tiles are at most 64" in found.message
    assert "dimension 2 of the first input ('height')" in found.message
    assert "dimension 3 of the first input" in found.message
    assert "--dim height=SIZE" in found.help
    assert "--shape" in found.help
    assert verdict(model, limited, shapes={"X": (1, 3, 8, 8)}) == "supported"
    assert verdict(model, limited, shapes={"X": (1, 3, 8, 9)}) == "unsupported"


def test_a_dimension_that_no_input_names_is_not_offered_to_be_given():
    limited = table("NonZero: {}\nNeg: {require: [{that: 'X.shape[1] < 9', why: at most eight}]}")
    nodes = [
        helper.make_node("NonZero", ["x"], ["z"]),
        helper.make_node("Neg", ["z"], ["y"], name="node"),
    ]
    found = first(model_of(nodes, {"x": ("n", 3)}, ["y"]), limited)
    assert found.verdict == "unknown"
    assert "--dim" not in found.help


def test_a_guard_that_is_unknown_makes_unknown_what_it_guards_unless_the_rest_holds():
    guarded = table("""
Relu:
  require:
    - {when: N > 1, that: C == 3, else: deviates, why: batches have three channels}
""")
    assert verdict(node_model("Relu", {"X": ("n", 3, 8, 8)}), guarded) == "supported"
    assert verdict(node_model("Relu", {"X": ("n", 4, 8, 8)}), guarded) == "unknown"
    assert verdict(node_model("Relu", {"X": (1, 4, 8, 8)}), guarded) == "supported"
    assert verdict(node_model("Relu", {"X": (2, 4, 8, 8)}), guarded) == "deviates"


def test_the_value_of_an_input_that_is_computed_is_unknown():
    limited = table("TopK: {require: [{that: K.value <= 10, why: K is at most 10}]}")
    model = node_model("TopK", {"x": (20,), "k": (1,)}, 2, dtypes={"k": "int64"})
    found = first(model, limited)
    assert found.verdict == "unknown"
    assert "the contents of K, which is computed at run time" in found.message
    assert found.help == ""


def test_an_element_type_that_is_not_known_is_unknown():
    limited = table("Relu: {dtypes: [float32]}", absent="unknown")
    nodes = [
        helper.make_node("Custom", ["x"], ["h"], domain="my.ops"),
        helper.make_node("Relu", ["h"], ["y"], name="node"),
    ]
    found = first(model_of(nodes, {"x": (2,)}, ["y"]), limited)
    assert found.verdict == "unknown"
    assert "the element type of X" in found.message


def test_a_rank_other_than_four_leaves_nchw_unknown():
    limited = table("Relu: {require: [{that: H < 9, why: at most eight}]}")
    assert verdict(node_model("Relu", {"X": (1, 3, 8)}), limited) == "unknown"


def test_a_condition_that_cannot_be_applied_is_unknown_and_shown():
    broken = table("Relu: {require: [{that: X.shape < 3, why: x}]}")
    found = first(relu(), broken)
    assert (found.verdict, found.code) == ("unknown", "condition-error")
    assert "'X.shape < 3' cannot be applied" in found.message


def test_advice_that_cannot_be_applied_is_not_given():
    advising = table("Relu: {advise: [{when: X.shape < 3, say: x}, {when: H > 99, say: y}]}")
    assert result(relu(), advising).findings == ()


def test_the_message_shows_the_nodes_own_values():
    limited = table("""
Gemm:
  require:
    - that: alpha == 2 and C is not None and A.shape == B.shape and len(inputs) == 9
      why: Acme's Gemm is odd
""")
    model = node_model("Gemm", {"a": (2, "n"), "b": ones(3, 2)}, alpha=0.5, dtypes={"a": "float32"})
    message = first(model, limited).message
    assert message.startswith("Acme's Gemm is odd (")
    assert "A float32[2,n]" in message
    assert "B constant float32[3,2]" in message
    assert "C absent" in message
    assert "alpha=0.5" in message


def test_values_that_are_long_unknown_or_many_are_shown_shortly():
    limited = table("Concat: {require: [{that: len(inputs) > 99, why: x}]}")
    many = node_model("Concat", {f"x{i}": (2,) for i in range(6)}, axis=0)
    assert len(first(many, limited).message) < 400
    long = table("Reshape: {require: [{that: 'shape.values == [1]', why: x}]}")
    wide = node_model("Reshape", {"x": (1,) * 40, "shape": ints(*[1] * 40)})
    assert "constant int64[40]" in first(wide, long).message


def test_limits_on_every_node_come_after_the_operators_own():
    general = table(
        "Relu: {}\nSin: {verdict: fallback, why: on the host}",
        require=[
            {
                "that": "all(x.rank <= 4 for x in inputs)",
                "else": "unsupported",
                "why": "tensors have at most four dimensions",
            }
        ],
    )
    assert verdict(relu(), general) == "supported"
    five = node_model("Relu", {"X": (1, 1, 1, 1, 1)})
    assert verdict(five, general) == "unsupported"
    assert verdict(node_model("Sin", {"x": (1,) * 5}), general) == "unsupported"


def test_what_the_model_as_a_whole_breaks_is_a_finding_of_the_model():
    whole = table(
        "Relu: {}",
        model=[
            {"that": "opset >= 13", "else": "deviates", "why": "old opsets are misread"},
            {"that": "precision == 'int8'", "else": "fallback", "why": "floats run on the host"},
            {"that": "len(outputs) == 1 and nothing is None", "why": "one output"},
            {"that": "'x' in option('allow')", "else": "fallback", "why": "x is not allowed"},
        ],
        precisions=["float32", "int8"],
        options={"allow": "what is allowed"},
    )
    findings = judged(relu(opset=11), whole).findings
    assert [f.verdict for f in findings] == ["deviates", "fallback", "fallback"]
    better = judged(relu(opset=17), whole, precision="int8", options={"allow": "x, y"})
    assert better.findings == ()


def test_an_operator_that_onnx_does_not_define_at_the_opset_is_unsupported_though_listed():
    listed = table("Gelu: {}\nRelu: {}")
    assert verdict(node_model("Gelu", {"x": (2,)}, opset=20), listed) == "supported"
    found = first(node_model("Gelu", {"x": (2,)}, opset=17), listed)
    assert (found.verdict, found.code) == ("unsupported", "operator-undefined")
    assert "no operator Gelu at opset 17" in found.message
    unlisted = first(node_model("Gelu", {"x": (2,)}, opset=17), table("Relu: {}"))
    assert unlisted.code == "operator-undefined"
    nowhere = first(node_model("Frobnicate", {"x": (2,)}), table("Relu: {}", absent="fallback"))
    assert nowhere.code == "operator-undefined"


def test_an_operator_that_only_the_toolchain_has_is_what_the_table_says():
    own = table("Mish2: {attributes: {beta: [1]}, dtypes: {}}")
    assert verdict(node_model("Mish2", {"x": (2,)}, beta=1), own) == "supported"
    assert verdict(node_model("Mish2", {"x": (2,)}, beta=2), own) == "unsupported"


def test_other_domains_have_entries_of_their_own():
    both = table("""
com.microsoft::Gelu: {dtypes: [float32], require: [{that: len(outputs) == 1, why: one}]}
Relu: {}
""")
    ours = node_model("Gelu", {"x": (2,)}, domain="com.microsoft")
    assert result(ours, both).key == "com.microsoft::Gelu"
    assert verdict(ours, both) == "supported"
    half = node_model("Gelu", {"x": (2,)}, domain="com.microsoft", dtypes={"x": "float16"})
    assert verdict(half, both) == "unsupported"
    other = first(node_model("Relu", {"x": (2,)}, domain="com.acme"), both)
    assert (other.code, other.verdict) == ("operator-absent", "unsupported")
    assert "com.acme::Relu" in other.message


def test_an_opset_rule_on_every_node_concerns_onnxs_own_operators_only():
    old = table("Relu: {}\nmy.ops::Foo: {}", opset={"range": "7..11", "match": "model"})
    nodes = [
        helper.make_node("Foo", ["x"], ["h"], domain="my.ops"),
        helper.make_node("Relu", ["h"], ["y"]),
    ]
    checked = judged(model_of(nodes, {"x": (2,)}, ["y"], opset=17), old)
    assert [n.verdict for n in checked.nodes] == ["supported", "unsupported"]
    assert checked.nodes[1].findings[0].code == "opset"
    assert "at 7..11 only; the model has opset 17" in checked.nodes[1].findings[0].message
    assert [f.code for f in checked.findings] == ["model-opset"]


def test_a_model_of_other_domains_alone_has_no_opset_to_complain_of():
    own = table("my.ops::Foo: {}")
    model = node_model("Foo", {"x": (2,)}, domain="my.ops")
    del model.opset_import[0]
    assert judged(model, own).findings == ()


def test_the_verdict_of_a_kind_of_limit_can_be_set_for_the_table_and_for_an_operator():
    graded = table(
        """
Relu: {dtypes: [float16], rank: {X: 2}}
Sin: {dtypes: [float16], rank: {input: 2}, else: {default: fallback, rank: unknown}}
Cos: {opset: ..3, else: fallback}
""",
        **{"else": {"default": "unsupported", "dtypes": "deviates"}},
    )
    assert {f.code: f.verdict for f in result(relu(), graded).findings} == {
        "dtype": "deviates",
        "rank": "unsupported",
    }
    sin = result(node_model("Sin", {"x": (2,)}), graded)
    assert {f.code: f.verdict for f in sin.findings} == {"dtype": "fallback", "rank": "unknown"}
    assert verdict(node_model("Cos", {"x": (2,)}), graded) == "fallback"


def test_inputs_that_repeat_are_each_held_to_the_limit():
    each = table("Concat: {dtypes: {inputs: [float32]}, rank: {inputs: 2}}")
    good = {"a": (2, 2), "b": (2, 2)}
    assert verdict(node_model("Concat", good, axis=0), each) == "supported"
    wrong = node_model("Concat", good, axis=0, dtypes={"a": "int32", "b": "int32"})
    assert first(wrong, each).code == "dtype"
    flat = node_model("Concat", {"a": (2,), "b": (2,)}, axis=0)
    assert first(flat, each).code == "rank"


def test_attributes_that_hold_element_types_are_written_by_name():
    casts = table("Cast: {attributes: {to: {not_in: [bool, int64]}}}")
    as64 = node_model("Cast", {"x": (2,)}, to=onnx.TensorProto.INT64)
    assert "to=int64" in first(as64, casts).message
    odd = node_model("Cast", {"x": (2,)}, to=99)
    assert verdict(odd, casts) == "supported"


def test_the_contents_of_a_tensor_attribute_can_be_asked_for():
    fill = table(
        "ConstantOfShape: {require: [{that: 'value is None or value == [0]', why: zeros only}]}"
    )

    def filled(number):
        value = helper.make_tensor("v", onnx.TensorProto.FLOAT, [1], [number])
        return node_model("ConstantOfShape", {"s": (1,)}, dtypes={"s": "int64"}, value=value)

    assert verdict(filled(0.0), fill) == "supported"
    assert verdict(filled(1.0), fill) == "unsupported"
    big = helper.make_tensor("v", onnx.TensorProto.FLOAT, [70_000], np.zeros(70_000))
    wide = node_model("ConstantOfShape", {"s": (1,)}, dtypes={"s": "int64"}, value=big)
    assert verdict(wide, fill) == "unknown"


def test_default_keeps_an_attribute_at_what_onnx_would_take():
    keep = table("Gemm: {attributes: {alpha: default, beta: default}}")
    inputs = {"a": (2, 2), "b": (2, 2)}
    assert verdict(node_model("Gemm", inputs), keep) == "supported"
    assert verdict(node_model("Gemm", inputs, alpha=1.0), keep) == "supported"
    assert verdict(node_model("Gemm", inputs, alpha=2.0), keep) == "unsupported"


def test_an_input_that_must_be_given():
    present = table("Conv: {inputs: {B: present}}")
    inputs = {"x": (1, 1, 4, 4), "w": ones(2, 1, 1, 1)}
    assert verdict(node_model("Conv", inputs), present) == "unsupported"
    assert verdict(node_model("Conv", inputs | {"b": floats(1, 2)}), present) == "supported"


def test_what_was_an_attribute_in_an_older_version_reads_like_the_input_it_became():
    limited = table(
        "ReduceSum: {require: [{that: axes is None or len(axes.values) == 1, why: one axis}]}"
    )

    def old(*axes):
        return node_model("ReduceSum", {"x": (2, 2)}, opset=11, axes=list(axes))

    def new(*axes):
        return node_model("ReduceSum", {"x": (2, 2), "axes": ints(*axes)}, opset=13)

    assert [verdict(m, limited) for m in (old(0), new(0))] == ["supported", "supported"]
    assert [verdict(m, limited) for m in (old(0, 1), new(0, 1))] == ["unsupported"] * 2


@pytest.mark.parametrize("opset", [9, 14, 15])
@pytest.mark.parametrize("name", ["mean", "input_mean"])
def test_an_input_may_be_named_as_any_version_names_it(opset, name):
    limited = table(f"BatchNormalization: {{inputs: {{{name}: const}}}}")
    inputs = {"x": (1, 2, 3), "scale": ones(2), "b": ones(2), "m": ones(2), "v": ones(2)}
    fixed = node_model("BatchNormalization", inputs, opset=opset)
    computed = node_model("BatchNormalization", inputs | {"m": (2,)}, opset=opset)
    assert verdict(fixed, limited) == "supported"
    assert verdict(computed, limited) == "unsupported"


def test_sequences_and_what_has_no_shape_are_unknown_where_a_shape_is_asked_for():
    ranked = table("SequenceLength: {rank: {input_sequence: 1}}\nRelu: {}")
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, [2]))
    graph = helper.make_graph(
        [helper.make_node("SequenceLength", ["s"], ["y"], name="node")],
        "g",
        [helper.make_value_info("s", kind)],
        [info("y", (), "int64")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert verdict(model, ranked) == "unknown"


def test_limits_on_the_host_count_where_a_node_falls_back_and_show_when_the_host_does():
    mini = table(
        "Relu: {require: [{that: H < 9, else: fallback, why: tall}]}\n"
        "Sin: {verdict: fallback, why: on the host}",
        host=[{"that": "op_type in ['Sin']", "why": "there is no kernel for it"}],
        host_stage="load",
        **{"else": "fallback"},
    )
    assert verdict(relu(), mini) == "supported"
    assert verdict(node_model("Sin", {"x": (2,)}), mini) == "fallback"
    found = first(node_model("Relu", {"X": (1, 3, 9, 8)}), mini)
    assert found.verdict == "unsupported"
    assert found.message == (
        "on the host CPU: there is no kernel for it; it builds and fails when it is loaded"
    )
    texts = {key: [s.text for s in explain(mini, key).sentences] for key in ("Relu", "Sin")}
    assert "on the host CPU: there is no kernel for it" in texts["Relu"]
    assert "on the host CPU: there is no kernel for it" not in texts["Sin"]


def test_a_model_condition_that_leads_to_supported_is_a_remark():
    remark = {"when": "precision == 'int8'", "else": "supported", "why": "numbers follow the data"}
    noted = table("Relu: {}", precisions=["float16", "int8"], model=[remark])
    model = node_model("Relu", {"X": (1, 3)})
    (found,) = judged(model, noted, precision="int8").findings
    assert (found.verdict, found.code, found.message) == (
        "supported",
        "advice",
        "numbers follow the data",
    )
    assert judged(model, noted, precision="int8").passed
    assert judged(model, noted).findings == ()
