"""What port writes as JSON has the form that it publishes, and nothing besides."""

import copy
import json

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from legalize.toy import model, write_table
from report.support import reports

from porting.cli.app import run
from porting.report.schemas import FORMS, reports_schema, schema_of

SWISH = "g (float[n,4] x) => (float[n,4] y) { y = HardSwish(x) }"
MASKED = """g (float[2,4] x) => (float[2,4] y)
<float big = {-100000}> { s = Add(x, big) y = Softmax(s) }"""
WRONG = "g (float[n,4] x) => (float[n,4] y) { y = Relu(x) }"
CELUS = [
    (
        f"celu{n}",
        f"g (float[2] x) => (float[2] y) <float[2] w = {{1, {n}}}> "
        f"{{ a = Celu<alpha = {n}.0>(x) y = Add(a, w) }}",
    )
    for n in (1, 2)
]


def closed(part):
    """The schema with no field allowed that it does not name."""
    if isinstance(part, list):
        return [closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    found = {key: closed(value) for key, value in part.items()}
    if part.get("type") == "object" and "properties" in part:
        found.setdefault("additionalProperties", False)
    return found


CLOSED = Draft202012Validator(closed(reports_schema()))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Reports of real runs, of every kind."""
    folder = tmp_path_factory.mktemp("schemas")
    for name, body in (("a", SWISH), ("mask", MASKED), ("wrong", WRONG), *CELUS):
        onnx.save_model(model(body), folder / f"{name}.onnx")
    table = str(write_table(folder, "Mul: {}\nAdd: {}\nClip: {}\nHardSigmoid: {}\nRelu: {}"))
    a, mask, wrong, out = (str(folder / n) for n in ("a.onnx", "mask.onnx", "wrong.onnx", "o.onnx"))
    plain = ["--op-map", table, "--no-cache", "--no-config"]
    convert = ["convert", a, "--op-map", table, "-o", out, "--dim", "n=2"]
    masked = ["convert", mask, "--op-map", table, "-o", out, "--partial"]
    commands = {
        "check": ["check", a, *plain],
        "check all": ["check", wrong, *plain, "--all"],
        "check gated": ["check", a, *plain, "--strict"],
        "report": ["check", a, wrong, *plain],
        "convert": [*convert, "--kit", str(folder / "kit")],
        "convert half": [*convert, "--float16"],
        "convert unproved": [*convert, "--no-verify"],
        "convert partial": [*masked, "--as", "float16"],
        "convert nothing": ["convert", mask, "--op-map", table, "-o", out],
        "verify": ["verify", a, out, "--dim", "n=2"],
        "verify other": ["verify", a, wrong, "--dim", "n=2", "--as", "bfloat16"],
        "opset": ["opset", wrong, "--to", "13", "-o", out],
        "opset blocked": ["opset", a, "--to", "7", "-o", out],
        "diff": ["diff", a, mask, "--op-map", table],
        "diff same": ["diff", a, a],
        "diff changed": ["diff", str(folder / "celu1.onnx"), str(folder / "celu2.onnx")],
    }
    found = {}
    for name, command in commands.items():
        texts = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("click.echo", lambda text, to=texts, **_: to.append(text))
            assert run([*command, "--format", "json"]) in {0, 1}, name
        found[name] = json.loads("".join(texts))
    return found


def test_the_schema_is_one_and_has_no_definition_in_vain():
    for schema in (reports_schema(), *map(schema_of, FORMS)):
        Draft202012Validator.check_schema(schema)
    used = {name for form in FORMS for name in schema_of(form)["$defs"]}
    assert used == reports_schema()["$defs"].keys()


def test_real_reports_have_the_form(written):
    for name, report in written.items():
        errors = [e.message for e in CLOSED.iter_errors(report)]
        assert errors == [], name
        form = name.partition(" ")[0]
        assert report["schema"] == FORMS[form]
        assert Draft202012Validator(schema_of(form)).is_valid(report)
        others = [f for f in FORMS if f != form]
        assert not any(Draft202012Validator(schema_of(f)).is_valid(report) for f in others)


def test_the_runs_reach_what_is_optional(written):
    assert written["check gated"]["gate"]["findings"]
    assert len(written["report"]["results"]) == 2
    assert written["diff"]["verdicts"]["appeared"]
    assert written["diff changed"]["nodes"]["changed"]
    assert written["diff changed"]["parameters"]["changed"]
    assert written["convert"]["kit"]["path"]
    assert written["convert"]["verification"]["local"]["proved"]
    assert written["convert half"]["halving"]["dtype"] == "float16"
    assert "runs" not in written["convert unproved"]["verification"]
    assert written["convert partial"]["simulation"]["events"]
    assert written["convert nothing"]["output"] is None
    assert written["convert nothing"]["declined"]
    assert written["verify other"]["status"] == "failed"
    assert written["verify other"]["simulation"]["outputs"]


@settings(max_examples=60)
@given(reports())
def test_any_report_has_the_form(report):
    CLOSED.validate(report.to_dict(every_node=True))


@settings(max_examples=80)
@given(data=st.data())
def test_a_report_that_lacks_a_field_or_has_another_kind_of_value_has_not(written, data):
    report = copy.deepcopy(written[data.draw(st.sampled_from(sorted(written)))])
    places = [p for p in _places(report) if not _is_optional(p)]
    *path, last = data.draw(st.sampled_from(places))
    place = report
    for step in path:
        place = place[step]
    change = data.draw(st.sampled_from(["gone", "kind", "more"]))
    if change == "gone":
        del place[last]
    elif change == "kind":
        place[last] = {"no": ["such", "kind"]}
    else:
        place["no such field"] = 1
    assert not CLOSED.is_valid(report)


def _places(value, path=()):
    """Where a field of an object is, maps from names to numbers aside."""
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _places(each, (*path, number))
    elif isinstance(value, dict) and path[-1:] != ("opsets",):
        for name, each in value.items():
            yield (*path, name)
            yield from _places(each, (*path, name))


OPTIONAL = {"gate", "notes", "simulation", "offers"}
EVIDENCE = {"status", "reason", "outputs"}


def _is_optional(path):
    if path[-2:-1] == ("counts",) and "simulation" in path:
        return True
    if "operators" in path[:-2] and path[-2] in {"old", "new"}:
        return True
    if path[-2:-1] == ("verification",):
        return path[-1] not in EVIDENCE
    return path[-1] in OPTIONAL


def test_the_command_writes_a_schema_or_says_which_there_are(tmp_path, capsys):
    assert run(["schema", "check"]) == 0
    assert json.loads(capsys.readouterr().out) == schema_of("check")
    assert run(["schema", "-o", str(tmp_path / "all.json")]) == 0
    assert json.loads((tmp_path / "all.json").read_text()) == reports_schema()
    assert run(["schema", "chek"]) == 2
    assert "one of check, convert" in capsys.readouterr().err
