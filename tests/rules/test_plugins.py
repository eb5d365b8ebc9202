"""Rules of other packages, found through their entry points."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from porting.errors import UsageError
from porting.rules import own, registry

RULE = '''
from porting.legalize.rule import rule

@rule("Relu", exactness="exact")
def {name}(op, node):
    """Relu as Max with 0.

    Source: ONNX Relu-14.
    """
    return op.Max(node.inputs[0], op.const(0.0, like=node.inputs[0]))
'''


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Lays a package with one module of rules on the path, as pip would."""

    def lay(code: str, value: str = "others_rules") -> None:
        (tmp_path / "others_rules.py").write_text(code)
        info = tmp_path / "others-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[porting.rules]\nothers = {value}\n")
        registry.cache_clear()

    monkeypatch.syspath_prepend(tmp_path)
    yield lay
    sys.modules.pop("others_rules", None)
    registry.cache_clear()


def test_rules_of_another_package_come_after_our_own(install) -> None:
    install(RULE.format(name="relu_of_others"))
    names = [r.name for r in registry()]
    assert "relu-of-others" in names
    assert "relu-of-others" not in [r.name for r in own()]
    assert [r.name for r in registry().for_operator("Relu")][-1] == "relu-of-others"


@pytest.mark.parametrize(
    ("code", "value", "reason"),
    [
        (RULE.format(name="relu_of_others") + "raise OSError('no')", "others_rules", "no"),
        (RULE.format(name="gelu_to_erf"), "others_rules", "two rules are named gelu-to-erf"),
        ("x = 1", "others_rules:x", "is not a module"),
        ("", "nothing_here", "nothing_here"),
    ],
)
def test_rules_that_cannot_be_loaded_name_their_package(install, code, value, reason) -> None:
    install(code, value)
    with pytest.raises(UsageError, match=reason) as error:
        registry()
    assert "package others" in str(error.value)
