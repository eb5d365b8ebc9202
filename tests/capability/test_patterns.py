"""Facts about several nodes at once: found wherever they stand, and nowhere else."""

import numpy as np
import pytest
from capability.helpers import floats, ints, judged, model_of, ones, table
from onnx import helper

from porting.errors import TableError

F32 = np.float32

GELU = {
    "name": "gelu-order",
    "match": """
        d = Div(x, root)
        e = Erf(d)
        s = Add(e, one)
        h = Mul(s, half)
        y = Mul(x, h)
    """,
    "when": "one.value == 1 and half.value == 0.5",
    "verdict": "fallback",
    "why": "a GELU is fused only if the half comes last",
    "want": "Mul(Mul(x, s), half)",
    "source": "code",
}

LISTED = ("Div", "Erf", "Add", "Mul", "Relu", "Where", "Softmax", "IsNaN", "ReduceMean")
OPS = "\n".join(f"{op}: {{}}" for op in LISTED)


def lines(text: str):
    """Nodes written as `y = Add(a, b)`, one a line, called by their first output."""
    nodes = []
    for line in filter(None, (part.strip() for part in text.strip().splitlines())):
        left, right = line.split(" = ")
        op_type, arguments = right.rstrip(")").split("(")
        inputs = [a.strip() for a in arguments.split(",")]
        outputs = [o.strip() for o in left.split(",")]
        nodes.append(helper.make_node(op_type, inputs, outputs, name=outputs[0]))
    return nodes


CONSTANTS = {"root": F32(1.4142135), "one": F32(1), "half": F32(0.5), "two": F32(2)}


def gelu(text=GELU["match"], outputs=("y",), **inputs):
    given = {"x": (2, 3), **CONSTANTS, **inputs}
    return model_of(lines(text), given, list(outputs))


def verdicts(model, pattern, ops=OPS, **more):
    checked = judged(model, table(ops, patterns=[pattern], **more))
    return {n.name: n.verdict for n in checked.nodes}


def test_a_pattern_is_found_and_its_last_node_gets_the_finding():
    checked = judged(gelu(), table(OPS, patterns=[GELU]))
    assert [n.name for n in checked.nodes if n.verdict != "supported"] == ["y"]
    (finding,) = checked.nodes[-1].findings
    assert (finding.verdict, finding.code) == ("fallback", "pattern")
    assert finding.message.startswith("a GELU is fused only if the half comes last")
    assert finding.help == "write it as Mul(Mul(x, s), half)"
    assert "Importer" in str(finding.to_dict()["source"])


@pytest.mark.parametrize(
    "change",
    [
        ("s = Add(e, one)", "s = Add(one, e)"),
        ("h = Mul(s, half)", "h = Mul(half, s)"),
        ("y = Mul(x, h)", "y = Mul(h, x)"),
    ],
)
def test_operands_of_commutative_operators_may_stand_either_way(change):
    assert verdicts(gelu(GELU["match"].replace(*change)), GELU)["y"] == "fallback"


@pytest.mark.parametrize(
    "change",
    [
        ("d = Div(x, root)", "d = Div(root, x)"),
        ("d = Div(x, root)", "d = Mul(x, root)"),
        ("y = Mul(x, h)", "y = Mul(z, h)"),
        ("h = Mul(s, half)", "h = Mul(s, two)"),
        ("s = Add(e, one)", "s = Add(e, two)"),
        ("e = Erf(d)", "e = Relu(d)"),
    ],
)
def test_what_differs_in_a_node_a_name_or_a_constant_is_not_the_pattern(change):
    model = gelu(GELU["match"].replace(*change), z=(2, 3))
    assert set(verdicts(model, GELU).values()) == {"supported"}


def test_the_spelling_that_the_target_wants_is_not_the_one_it_refuses():
    wanted = (
        GELU["match"]
        .replace("h = Mul(s, half)", "h = Mul(x, s)")
        .replace("y = Mul(x, h)", "y = Mul(h, half)")
    )
    assert set(verdicts(gelu(wanted), GELU).values()) == {"supported"}


def test_a_pattern_is_found_as_often_as_it_occurs():
    twice = (
        GELU["match"]
        + """
        d2 = Div(y, root)
        e2 = Erf(d2)
        s2 = Add(e2, one)
        h2 = Mul(s2, half)
        y2 = Mul(h2, y)
    """
    )
    found = verdicts(gelu(twice, outputs=["y2"]), GELU)
    assert [n for n, v in found.items() if v == "fallback"] == ["y", "y2"]


def test_conditions_of_a_pattern_are_three_valued():
    unknown = gelu()
    del unknown.graph.initializer[2]
    assert unknown.graph.initializer[2].name == "two"
    unknown.graph.input.append(helper.make_tensor_value_info("half", 1, []))
    assert verdicts(unknown, GELU)["y"] == "unknown"


MASK = {
    "name": "causal-mask",
    "match": "m = Where(keep, scores, low)\np = Softmax(m)",
    "require": [
        {
            "when": "low.is_const",
            "that": "all(v > -1e5 for v in low)",
            "else": "deviates",
            "why": "a mask below -1e5 overflows",
            "help": "use -1e4",
        }
    ],
}


@pytest.mark.parametrize(
    ("low", "verdict"), [(-3.4e38, "deviates"), (-np.inf, "deviates"), (-1e4, "supported")]
)
def test_a_mask_constant_that_is_silently_wrong(low, verdict):
    nodes = lines("m = Where(keep, scores, low)\np = Softmax(m)")
    inputs = {"keep": (2, 3), "scores": (2, 3), "low": F32(low)}
    model = model_of(nodes, inputs, ["p"], dtypes={"keep": "bool"})
    checked = judged(model, table(OPS, patterns=[MASK]))
    assert checked.nodes[-1].verdict == verdict
    if verdict == "deviates":
        assert "overflows (low constant float32[])" in checked.nodes[-1].findings[0].message
        assert checked.nodes[-1].findings[0].help == "use -1e4"


GUARD = {
    "name": "isnan-guard",
    "match": "p = Softmax(x)\nn = IsNaN(p)\ny = Where(n, zero, p)",
    "when": "zero.value == 0",
    "verdict": "unsupported",
    "why": "a guard against NaN behind Softmax is not taken",
}


def test_one_value_may_be_used_several_times_in_a_pattern():
    guarded = lines("p = Softmax(x)\nn = IsNaN(p)\ny = Where(n, zero, p)")
    other = lines("p = Softmax(x)\nq = Softmax(z)\nn = IsNaN(q)\ny = Where(n, zero, p)")
    inputs = {"x": (2, 3), "z": (2, 3), "zero": F32(0)}
    assert verdicts(model_of(guarded, inputs, ["y"]), GUARD)["y"] == "unsupported"
    assert verdicts(model_of(other, inputs, ["y"]), GUARD)["y"] == "supported"


def test_the_inputs_of_a_node_are_matched_one_for_one():
    axes_input = {
        "name": "layernorm",
        "match": "m = ReduceMean(x, axes)\nd = Sub(x, m)",
        "verdict": "unsupported",
        "why": "the matcher of LayerNorm knows axes as an attribute only",
    }
    ops = OPS + "\nSub: {}"
    new = lines("m = ReduceMean(x, axes)\nd = Sub(x, m)")
    old = lines("m = ReduceMean(x)\nd = Sub(x, m)")
    inputs = {"x": (2, 3), "axes": ints(-1)}
    assert verdicts(model_of(new, inputs, ["d"], opset=18), axes_input, ops)["d"] == "unsupported"
    assert verdicts(model_of(old, inputs, ["d"], opset=18), axes_input, ops)["d"] == "supported"


def test_attributes_that_a_pattern_writes_must_be_the_nodes_defaults_included():
    turned = {
        "name": "two-turns",
        "match": "a = Transpose <perm = [1, 0]> (x)\nb = Softmax <axis = -1> (a)",
        "verdict": "fallback",
        "why": "turned",
    }

    def model(perm, **attributes):
        nodes = [
            helper.make_node("Transpose", ["x"], ["a"], perm=perm),
            helper.make_node("Softmax", ["a"], ["b"], name="b", **attributes),
        ]
        return model_of(nodes, {"x": (2, 3)}, ["b"])

    ops = "Transpose: {}\nSoftmax: {}"
    assert verdicts(model([1, 0]), turned, ops)["b"] == "fallback"
    assert verdicts(model([1, 0], axis=-1), turned, ops)["b"] == "fallback"
    assert verdicts(model([1, 0], axis=0), turned, ops)["b"] == "supported"
    assert verdicts(model([0, 1]), turned, ops)["b"] == "supported"


def test_nodes_with_several_outputs_and_other_domains():
    pattern = {
        "name": "own",
        "match": 'v, i = TopK(x, k)\ny = my.ops.Take(v, i, "", w)',
        "verdict": "deviates",
        "why": "wrong",
    }
    top = helper.make_node("TopK", ["x", "k"], ["v", "i"])
    inputs = {"x": (5,), "k": ints(2), "w": ones(2)}

    def take(*given, more=()):
        node = helper.make_node("Take", list(given), ["y"], name="y", domain="my.ops")
        return model_of([top, *more, node], inputs, ["y"])

    ops = "TopK: {}\nmy.ops::Take: {}\nNeg: {}"
    assert verdicts(take("v", "i", "", "w"), pattern, ops)["y"] == "deviates"
    assert verdicts(take("i", "v", "", "w"), pattern, ops)["y"] == "supported"
    assert verdicts(take("v", "i", "w", "w"), pattern, ops)["y"] == "supported"
    assert verdicts(take("v", "i", "", "w", "", ""), pattern, ops)["y"] == "deviates"
    assert verdicts(take("v", "", "", "w"), pattern, ops)["y"] == "supported"


FUSED = {
    "name": "gelu",
    "match": """
        d = Div(x, root)
        e = Erf(d)
        s = Add(e, one)
        h = Mul(x, s)
        y = Mul(h, half)
    """,
    "when": "one == 1 and half == 0.5",
    "fuses": True,
    "source": "code",
}
WITHOUT_ERF = "Div: {}\nAdd: {}\nMul: {}\nRelu: {}"


def test_nodes_that_run_as_one_are_not_judged_by_themselves():
    assert set(verdicts(gelu(FUSED["match"]), FUSED, WITHOUT_ERF).values()) == {"supported"}
    other = verdicts(gelu(), FUSED, WITHOUT_ERF)
    assert other["e"] == "unsupported", "the other order is not fused"


def test_a_pattern_that_does_not_fuse_excuses_no_node():
    plain = FUSED | {"fuses": False, "verdict": "fallback", "why": "it is slow"}
    assert verdicts(gelu(FUSED["match"]), plain, WITHOUT_ERF)["e"] == "unsupported"


def test_nodes_are_judged_by_themselves_where_what_fuses_them_is_not_met():
    limited = FUSED | {
        "require": [{"that": "x.rank == 4", "else": "fallback", "why": "only images are fused"}]
    }
    flat = verdicts(gelu(FUSED["match"]), limited, WITHOUT_ERF)
    assert flat["e"] == "unsupported"
    assert flat["y"] == "fallback"
    image = verdicts(gelu(FUSED["match"], x=(1, 1, 2, 2)), limited, WITHOUT_ERF)
    assert set(image.values()) == {"supported"}
    lonely = model_of(lines("y = Erf(x)"), {"x": (2,)}, ["y"])
    assert verdicts(lonely, FUSED, WITHOUT_ERF)["y"] == "unsupported"


def test_precision_and_options_may_be_asked_for():
    pattern = GELU | {
        "when": "precision == 'int8' and opset >= 13 and 'gelu' in option('keep')",
    }
    head = {"precisions": ["float16", "int8"], "options": {"keep": "what is kept"}}
    capabilities = table(OPS, patterns=[pattern], **head)
    kept = {"options": {"keep": "gelu"}}
    assert judged(gelu(), capabilities, precision="int8", **kept).counts["fallback"] == 1
    assert judged(gelu(), capabilities, precision="int8").counts["fallback"] == 0
    assert judged(gelu(), capabilities, **kept).counts["fallback"] == 0


def test_a_condition_that_cannot_be_applied_never_finds_the_pattern_and_never_fails():
    broken = GELU | {"when": "x.shape < 3"}
    assert verdicts(gelu(), broken)["y"] == "supported"
    shown = {k: v for k, v in GELU.items() if k not in ("when", "verdict")}
    shown["require"] = [{"that": "x.shape < 3", "why": "x"}]
    assert verdicts(gelu(), shown)["y"] == "unknown"


def tree(depth: int, leaves: list[str]) -> str:
    """Additions of additions, over `leaves` in turn."""
    out, level = [], [leaves[i % len(leaves)] for i in range(2**depth)]
    for d in range(depth):
        names = [f"t{d}_{i}" for i in range(len(level) // 2)]
        out += [f"{n} = Add({level[2 * i]}, {level[2 * i + 1]})" for i, n in enumerate(names)]
        level = names
    return "\n".join(out)


def test_ways_to_read_one_place_multiply_and_are_bounded():
    pattern = {
        "name": "sums",
        "match": tree(4, [f"a{i}" for i in range(16)]),
        "when": "a0.rank == 9",
        "verdict": "fallback",
        "why": "many",
    }
    inputs = {f"x{i}": (2,) for i in range(16)}
    model = model_of(lines(tree(4, list(inputs))), inputs, ["t3_0"])
    assert set(verdicts(model, pattern).values()) == {"supported"}
    assert verdicts(model, pattern | {"when": "a0.rank == 1"})["t3_0"] == "fallback"
    dead_end = pattern | {"match": tree(4, ["a", *[f"a{i}" for i in range(14)], "a"])}
    assert set(verdicts(model, dead_end | {"when": ""}).values()) == {"supported"}


def test_patterns_stop_at_the_graph_in_which_their_nodes_stand_and_look_outside():
    body = helper.make_graph(
        lines("h = Mul(s, half)\ny2 = Mul(x, h)"),
        "b",
        [],
        [helper.make_tensor_value_info("y2", 1, None)],
    )
    outer = lines("d = Div(x, root)\ne = Erf(d)\ns = Add(e, one)")
    node = helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body)
    model = model_of(
        [*outer, node], {"x": (2, 3), "c": (), **CONSTANTS}, ["y"], dtypes={"c": "bool"}
    )
    found = judged(model, table(OPS + "\nIf: {}", patterns=[GELU]))
    assert [n.name for n in found.nodes if n.verdict == "fallback"] == ["y2", "y2"]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"match": "y = Erf(x)"}, "match: a pattern has 2 to 32 nodes"),
        ({"match": ""}, "match: a pattern has 2"),
        ({"match": "y = Erf(x"}, "match: not ONNX's text form: Expected character )"),
        ({"match": "d = Erf(x) }} { y = Erf(d)"}, "match: a pattern has no bodies"),
        ({"match": "d = Erf(x)\nf = Erf(x)\ny = Erf(d)"}, "match: f does not lead to the last"),
        ({"match": "d = Erff(x)\ny = Erf(d)"}, "match: ONNX has no operator Erff"),
        ({"when": "three.value == 1"}, "when: the pattern has no three"),
        ({"when": "1 +"}, "when: '1 +'"),
        ({"require": [{"that": "nothing == 1", "why": "x"}]}, "require.0: the pattern has no no"),
        ({"require": [{"that": "x.rank ==", "why": "x"}]}, "require.0.that: "),
        ({"why": ""}, "verdict: one of its own needs a why"),
        ({"verdict": "supported"}, "match: the pattern says nothing"),
        ({"source": "nowhere"}, "there is no source nowhere"),
        ({"colour": "red"}, "there is no such field"),
        ({"when": "option('x') == 1"}, "no option 'x'"),
    ],
)
def test_a_broken_pattern_is_refused_by_name_and_field(change, wanted):
    with pytest.raises(TableError) as caught:
        table(OPS, patterns=[GELU | change])
    assert wanted in caught.value.message
    assert caught.value.message.startswith("acme.yaml:")
    assert "\n" not in caught.value.message


def test_floats_of_one_element_compare_as_numbers():
    model = gelu(one=floats(1), half=floats(0.5))
    assert verdicts(model, GELU)["y"] == "fallback"
