"""Finding a table: by its id, by a part of it, from the user's own folders."""

from pathlib import Path

import pytest
from capability.helpers import write_table

from porting.capability import targets
from porting.capability.targets import VARIABLE, available, find, load_target
from porting.errors import TableError, UsageError

NAMES = {
    name: Path(f"{name}.yaml")
    for name in ("ascend-310b", "ascend-310p", "rockchip-rk3566", "rockchip-rk3588", "axera-ax650")
}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("ascend-310p", "ascend-310p"),
        ("ASCEND-310P", "ascend-310p"),
        ("rk3588", "rockchip-rk3588"),
        ("rk3588.yaml", "rockchip-rk3588"),
        ("axera", "axera-ax650"),
        ("310b", "ascend-310b"),
    ],
)
def test_a_target_is_found_by_any_part_that_is_unique(name, target):
    assert find(name, NAMES) == target


@pytest.mark.parametrize("name", ["ascend", "rk35", "310", "a"])
def test_a_part_that_several_have_is_refused_with_the_ones_it_may_be(name):
    with pytest.raises(UsageError) as caught:
        find(name, NAMES)
    assert caught.value.code == "target-ambiguous"
    assert "it may be: " in caught.value.help


def test_an_unknown_target_is_refused_with_a_guess():
    with pytest.raises(UsageError) as caught:
        find("rk3858", NAMES)
    assert caught.value.code == "target-unknown"
    assert "did you mean rockchip-rk3588" in caught.value.help
    with pytest.raises(UsageError) as caught:
        find("zzzzzz", NAMES)
    assert "targets: ascend-310b, " in caught.value.help
    with pytest.raises(UsageError, match="there is no target ''"):
        find("", NAMES)


def test_users_bring_folders_and_files_which_win_and_families_are_no_targets(
    tmp_path: Path, monkeypatch
):
    shipped = write_table(tmp_path / "acme-n1.yaml", "Relu: {}")
    monkeypatch.setattr(targets, "shipped", lambda: {"acme-n1": shipped, "_acme": shipped})
    folder = tmp_path / "mine" / "deep"
    folder.mkdir(parents=True)
    own = write_table(folder / "acme-n1.yaml", "Sin: {}")
    single = write_table(tmp_path / "solo.yaml", "Cos: {}", target="solo")
    monkeypatch.setenv(VARIABLE, f"{tmp_path / 'mine'}:{single}::")
    assert available() == {"acme-n1": own, "solo": single}
    assert set(load_target("n1").data.ops) == {"Sin"}
    monkeypatch.delenv(VARIABLE)
    assert set(load_target("n1").data.ops) == {"Relu"}


def test_a_place_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(TableError, match="there is no") as caught:
        available()
    assert caught.value.code == "table-not-found"


def test_a_users_own_table_is_held_to_the_form_in_full(tmp_path: Path, monkeypatch):
    broken = write_table(tmp_path / "acme-n9.yaml", "Conv: {attributes: {gruop: [1]}}")
    with pytest.raises(TableError, match="gruop"):
        load_target("", broken)
    monkeypatch.setenv(VARIABLE, str(broken))
    with pytest.raises(TableError, match="gruop"):
        load_target("acme-n9")


def test_a_table_file_that_is_not_there_is_an_error(tmp_path: Path):
    with pytest.raises(TableError, match="there is no such file") as caught:
        load_target("", tmp_path / "none.yaml")
    assert caught.value.code == "table-not-found"


def test_every_table_that_comes_with_the_package_is_well_formed():
    for name, path in targets.shipped().items():
        assert path.is_file()
        if not name.startswith("_"):
            load_target(name).validate()
            assert load_target(name).data.target == name


def test_an_alias_that_a_table_gives_itself_means_that_table() -> None:
    assert find("c920", available()) == "thead-hhb"
