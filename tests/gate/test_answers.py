import json
from dataclasses import replace

from gate.support import result
from hypothesis import given
from hypothesis import strategies as st

from porting.gate.answers import Answer, DataFile, Extent, dumped, loaded
from porting.results import VERDICTS, Finding, InputInfo, NodeResult

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
FINDING = st.builds(
    Finding, st.sampled_from(VERDICTS), TEXT, TEXT, st.lists(TEXT, max_size=2).map(tuple), TEXT
)
NODE = st.builds(
    NodeResult,
    *(TEXT, TEXT, TEXT, st.integers(1, 30), st.sampled_from(VERDICTS), TEXT),
    st.lists(FINDING, max_size=2).map(tuple),
    *(st.lists(TEXT, max_size=2).map(tuple) for _ in range(2)),
)
DIM = st.none() | st.integers(0, 2**62) | TEXT
INPUT = st.builds(
    InputInfo, TEXT, st.none() | TEXT, st.none() | st.lists(DIM, max_size=3).map(tuple)
)


@st.composite
def answers(draw):
    made = result(draw(st.lists(NODE, max_size=3)))
    model = replace(
        made.model,
        opsets=draw(st.dictionaries(TEXT, st.integers(1, 30), max_size=3)),
        parameters=draw(st.integers(0, 2**62)),
        inputs=tuple(draw(st.lists(INPUT, max_size=2))),
    )
    extents = st.builds(Extent, st.integers(0, 9), st.integers(0, 9), TEXT)
    files = st.builds(DataFile, TEXT, st.integers(0, 9), st.lists(extents, max_size=2).map(tuple))
    findings = tuple(draw(st.lists(FINDING, max_size=2)))
    whole = replace(made, model=model, findings=findings)
    return Answer("key", whole, tuple(draw(st.lists(files, max_size=2))))


@given(answers())
def test_an_answer_reads_back_as_it_was(answer):
    model, target = answer.result.model.path, answer.result.target.op_map
    again = loaded(dumped(answer), "key", model, target)
    assert again == answer
    assert list(again.result.model.opsets.items()) == list(answer.result.model.opsets.items())
    assert again.result.to_dict(every_node=True) == answer.result.to_dict(every_node=True)


def test_paths_are_those_of_the_question():
    answer = Answer("key", result([]))
    assert b"m.onnx" not in dumped(answer)
    again = loaded(dumped(answer), "key", "other.onnx", "own.yaml")
    assert again is not None
    assert (again.result.model.path, again.result.target.op_map) == ("other.onnx", "own.yaml")


def sealed(text):
    """The text with a true digest, as somebody would write it who knows the form."""
    import hashlib

    return json.dumps({"sha256": hashlib.sha256(text).hexdigest()}).encode() + b"\n" + text


@given(st.data())
def test_a_broken_entry_is_no_answer(data):
    good = dumped(Answer("key", result([])))
    at = data.draw(st.integers(0, len(good) - 1))
    assert loaded(good[:at], "key", "", "") is None
    flipped = bytes([good[at] ^ data.draw(st.integers(1, 255))])
    assert loaded(good[:at] + flipped + good[at + 1 :], "key", "", "") is None


@given(st.binary(max_size=30))
def test_any_bytes_are_read_without_harm(junk):
    assert loaded(junk, "key", "", "") is None
    assert loaded(sealed(junk), "key", "", "") is None


def test_a_well_sealed_entry_of_another_form_or_question_is_no_answer():
    good = json.loads(dumped(Answer("key", result([]))).partition(b"\n")[2])
    assert loaded(sealed(json.dumps(good).encode()), "key", "", "") is not None
    assert loaded(sealed(json.dumps(good).encode()), "other", "", "") is None
    for change in ({"nodes": [1]}, {"more": 1}, {"findings": None}):
        bad = good | {"result": good["result"] | change}
        assert loaded(sealed(json.dumps(bad).encode()), "key", "", "") is None
    deep = b"[" * 100_000
    assert loaded(sealed(deep), "key", "", "") is None
