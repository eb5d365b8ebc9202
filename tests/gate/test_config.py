import pytest

from porting.errors import UsageError
from porting.gate.config import find, load

GOOD = """
models = ["models/**/*.onnx"]
targets = "rk3588"
fail-on = "unsupported"
max-fallback = 12
baseline = "ci/known.json"

[model."models/det/*.onnx"]
targets = ["ascend-310p", "rk3588"]
shape = {image = [1, 3, 32, 32]}
dim.batch = 1
strict = true
max-fallback = "10%"

[[waiver]]
reason = "the camera never does that"
until = 2026-12-31
op = "GridSample"
target = ["rk3588", "huawei/*"]
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def problem(text, repository):
    (repository / "port.toml").write_text(text)
    with pytest.raises(UsageError) as error:
        find()
    assert error.value.code == "config-invalid"
    return f"{error.value.message} | {error.value.help}"


def test_every_setting_is_read(repository):
    (repository / "port.toml").write_text(GOOD)
    found = find()
    assert found is not None
    general, special = found.settings.of("models/det/a.onnx")
    assert (general.targets, general.fail_on, general.max_fallback) == (
        ["rk3588"],
        "unsupported",
        "12",
    )
    assert special.shape == {"image": [1, 3, 32, 32]}
    assert (special.dim, special.strict, special.max_fallback) == ({"batch": 1}, True, "10%")
    assert len(found.settings.of("models/other.onnx")) == 1
    assert found.settings.waiver[0].target == ["rk3588", "huawei/*"]


def test_the_nearest_one_counts_up_to_the_root_of_the_repository(repository, monkeypatch):
    assert find() is None
    (repository / "port.toml").write_text('models = ["a.onnx"]')
    monkeypatch.chdir(repository / "sub" / "deep")
    found = find()
    assert found is not None
    assert str(found.file) == "../../port.toml"
    (repository / "sub" / "pyproject.toml").write_text('[tool.port]\nmodels = ["b.onnx"]')
    found = find()
    assert found is not None
    assert found.settings.models == ["b.onnx"]
    (repository / "sub" / ".git").touch()  # a file in a worktree or submodule
    (repository / "sub" / "pyproject.toml").unlink()
    assert find() is None


def test_port_toml_is_taken_before_pyproject_and_others_tools_are_passed_over(repository):
    (repository / "pyproject.toml").write_text("[tool.other]\nx = 1")
    assert find() is None
    (repository / "pyproject.toml").write_text('[tool.port]\ntargets = "a"')
    (repository / "port.toml").write_text('targets = "b"')
    found = find()
    assert found is not None
    assert found.settings.targets == ["b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("targts = 1", "port.toml:1: targts: there is no such setting | did you mean targets?"),
        ("\n[model.x]\nshap = {}", "port.toml:3: model.x.shap: there is no such setting"),
        ("[[waiver]]\nop = 'Tan'", "waiver 1, reason: it is missing | a waiver says why"),
        ("[[waiver]]\nreason = ' '\nop = 'Tan'", "waiver 1, reason: it is empty"),
        ("[[waiver]]\nreason = 'r'", "waiver 1: it waives everything"),
        ("[[waiver]]\nreason = 'r'\nop = '*'\ntarget = 'all'", "waiver 1: it waives everything"),
        (
            "[[waiver]]\nreason = 'r'\nop = 'T'\nuntil = 'soon'",
            "port.toml:4: waiver 1, until: it is not a date",
        ),
        (
            "[[waiver]]\nreason = 'r'\nop = 'T'\nuntil = '2030-12-31'",
            "it is not a date | without quotes: until = 2030-12-31",
        ),
        (
            "[[waiver]]\nreason = 'r'\nop = 'T'\n[[waiver]]\nreason = 'r'\nfail-on = 'fallback'",
            "waiver 2, fail-on: there is no such setting | it belongs above the first [section]",
        ),
        ("[shape]\nx = [1]\n[model.'m']\nmodels = 'm'", "it belongs above the first [section]"),
        ("fail-on = 'supported'", "port.toml:1: fail-on: 'supported' is no verdict to fail on"),
        ("fail_on = 'unknown'", "did you mean fail-on?"),
        ("max-fallback = '200%'", "'200%' is no number of nodes"),
        ("max-fallback = true", "max-fallback: "),
        ("strict = 'yes'", "strict: "),
        ("[model.x]\nshape = {a = [0]}", "model.x.shape.a.0: "),
        ("[model.x]\nshape = {a = ['1']}", "model.x.shape.a.0: "),
        ("[model.x]\nmodels = 'a'", "model.x.models: there is no such setting"),
        ("x = [", "port.toml: "),
        ("x = " + "[" * 10_000, "port.toml: "),
    ],
)
def test_what_is_wrong_is_said_with_its_place(repository, text, said):
    assert said in problem(text, repository)


def test_a_file_that_was_named(repository):
    with pytest.raises(UsageError, match="there is no configuration"):
        load(repository / "none.toml")
    (repository / "pyproject.toml").write_text("[tool.other]")
    with pytest.raises(UsageError, match=r"has no \[tool.port\]"):
        load(repository / "pyproject.toml")
    (repository / "own.toml").write_text('targets = "a"')
    assert load(repository / "own.toml").settings.targets == ["a"]


def test_names_of_models_are_those_from_the_file_s_folder(repository, monkeypatch):
    (repository / "port.toml").write_text("")
    monkeypatch.chdir(repository / "sub")
    found = find()
    assert found is not None
    assert found.name_of(repository / "models" / "a.onnx") == "models/a.onnx"
