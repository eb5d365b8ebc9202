from pathlib import Path

import pytest
from gate.support import write_tables

from porting.capability.targets import VARIABLE, available
from porting.errors import UsageError
from porting.gate.select import models, targets


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name in ("b.onnx", "a.onnx", "det/x.onnx", "det/deep/y.onnx", "det/x.txt", ".h/z.onnx"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["*.onnx"], ["a.onnx", "b.onnx"]),
        (["**/*.onnx"], ["a.onnx", "b.onnx", "det/deep/y.onnx", "det/x.onnx"]),
        (["b.onnx", "*.onnx", "./a.onnx"], ["b.onnx", "a.onnx"]),
        (["det/**/*.onnx"], ["det/deep/y.onnx", "det/x.onnx"]),
        (["missing.onnx"], ["missing.onnx"]),
    ],
)
def test_patterns_become_files_in_order_and_once(tree, patterns, found):
    assert models(patterns) == [Path(p) for p in found]


def test_patterns_of_a_configuration_are_relative_to_it(tree, monkeypatch):
    monkeypatch.chdir(tree / "det")
    assert models(["*.onnx", "det/x.onnx"], Path("..")) == [
        Path("../a.onnx"),
        Path("../b.onnx"),
        Path("../det/x.onnx"),
    ]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tree):
    (tree / "m[1].onnx").touch()
    assert models(["m[1].onnx"]) == [Path("m[1].onnx")]


def test_a_link_to_a_folder_above_repeats_nothing(tree):
    (tree / "det" / "up").symlink_to(tree, target_is_directory=True)
    assert models(["**/*.onnx"]) == [
        Path(p) for p in ("a.onnx", "b.onnx", "det/deep/y.onnx", "det/x.onnx")
    ]


def test_of_a_file_and_a_link_to_it_the_file_stays(tree):
    (tree / "a-link").symlink_to(tree / "det", target_is_directory=True)
    (tree / "0.onnx").symlink_to(tree / "b.onnx")
    assert models(["**/*.onnx"]) == [
        Path(p) for p in ("a.onnx", "b.onnx", "det/deep/y.onnx", "det/x.onnx")
    ]
    assert models(["a-link/*.onnx"]) == [Path("a-link/x.onnx")]


@pytest.mark.parametrize("pattern", ["*.pb", "nowhere/**", "[x]"])
def test_a_pattern_of_no_file_is_an_error(tree, pattern):
    with pytest.raises(UsageError, match="no file matches"):
        models([pattern])


@pytest.fixture
def tables(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(write_tables(tmp_path)))


def test_groups_of_targets(tables):
    assert targets(["nobody/*"]) == ["nob-a", "nob-b"]
    assert targets(["nob-*"]) == ["nob-a", "nob-b"]
    assert targets(["oth-c", "nob-b", "nobody/*"]) == ["oth-c", "nob-b", "nob-a"]
    assert targets(["all"]) == list(available())
    assert targets([" rk3588 "]) == ["rockchip-rk3588"]


def test_a_group_is_a_folder_of_tables_or_else_a_vendor(tables):
    assert "ascend-310p" in targets(["huawei/*"])
    assert targets(["horizon/*"]) == targets(["horizon-robotics/*"])
    assert targets(["Huawei/ascend-310?"]) == ["ascend-310b", "ascend-310p"]


@pytest.mark.parametrize("name", ["none/*", "x*", "", "rk35", "nob"])
def test_a_name_of_no_target_is_an_error(tables, name):
    with pytest.raises(UsageError) as error:
        targets([name])
    assert error.value.code in {"target-unknown", "target-ambiguous"}
