from dataclasses import replace

from gate.support import finding, node, result
from hypothesis import given
from hypothesis import strategies as st

from porting.gate.fingerprint import fingerprints, kind_of, model_name

NODES = st.lists(st.tuples(st.text(max_size=2), st.text(max_size=2)), max_size=8)


@given(NODES)
def test_every_finding_has_a_name_of_its_own(drawn):
    nodes = [node(name, finding(), finding(code="dtype"), scope=scope) for name, scope in drawn]
    first, again = (fingerprints(result(nodes)) for _ in range(2))
    assert first == again
    assert len({n.fingerprint for n in first}) == len({n.place for n in first}) == 2 * len(nodes)
    assert len({n.kind for n in first}) == (2 if nodes else 0)


def test_models_differ_in_the_fingerprint_alone():
    (one,) = fingerprints(result([node("a", finding())], "a.onnx"))
    (other,) = fingerprints(result([node("a", finding())], "b.onnx"))
    assert (one.kind, one.place) == (other.kind, other.place)
    assert one.fingerprint != other.fingerprint


def test_a_kind_forgets_names_and_sizes_but_not_operator_verdict_and_reason():
    base, at = finding(), node("a", finding())
    whole = result([at])
    kind = kind_of(whole, base, at)
    assert kind == kind_of(whole, replace(base, message="it is not taken (k=5)"), node("b"))
    others = [
        kind_of(result([at], target="other"), base, at),
        kind_of(whole, replace(base, verdict="deviates"), at),
        kind_of(whole, replace(base, code="dtype"), at),
        kind_of(whole, replace(base, reason="another"), at),
        kind_of(whole, base, node("a", op="Sin")),
        kind_of(whole, base, None),
    ]
    assert len({kind, *others}) == 7


def test_advice_is_no_finding():
    assert fingerprints(result([node("a", finding("supported", "advice"))])) == []


def test_a_model_has_the_same_name_on_every_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert model_name(str(tmp_path / "a" / "m.onnx")) == model_name("./a/m.onnx") == "a/m.onnx"
    assert model_name("") == ""
    assert model_name("../m.onnx") == "../m.onnx"
