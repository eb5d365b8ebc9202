import hashlib
import os
import time
from pathlib import Path

import pytest

from porting.cache import MAX_ENTRY, VARIABLE, Cache, folder

KEY = "ab" + "0" * 62


def aged(path, seconds=10):
    """The file as if it had been written a while ago; ctime cannot be set, so time passes."""
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("porting.cache._SETTLED_NS", 0)
    return Cache(tmp_path / "cache")


def test_an_entry_is_kept(cache):
    assert cache.get(KEY) is None
    cache.put(KEY, b"data")
    assert cache.get(KEY) == b"data"
    assert (cache.folder.stat().st_mode & 0o077) == 0


def test_links_pipes_folders_and_giants_are_not_read(cache, tmp_path):
    cache.put(KEY, b"data")
    path = next(cache.folder.glob("*/*.json"))
    path.unlink()
    (tmp_path / "secret").write_text("secret")
    path.symlink_to(tmp_path / "secret")
    assert cache.get(KEY) is None
    path.unlink()
    os.mkfifo(path)
    assert cache.get(KEY) is None
    path.unlink()
    path.mkdir()
    assert cache.get(KEY) is None
    path.rmdir()
    with path.open("wb") as file:
        file.truncate(MAX_ENTRY + 1)
    assert cache.get(KEY) is None


def test_a_folder_that_cannot_be_written_to_stops_nothing(tmp_path):
    (tmp_path / "file").touch()
    cache = Cache(tmp_path / "file" / "cache")
    cache.put(KEY, b"data")
    assert cache.get(KEY) is None
    cache.trim()


def test_what_was_not_used_for_longest_goes_first(cache):
    cache.limit = 250
    keys = [f"{n:02x}" + "0" * 62 for n in range(3)]
    for age, key in zip((30, 20, 10), keys, strict=True):
        cache.put(key, bytes(100))
        aged(cache.folder / key[:2] / f"{key[2:]}.json", age)
    cache.get(keys[0])
    cache.trim()
    assert [cache.get(key) is None for key in keys] == [False, True, False]


def test_what_is_too_large_is_not_kept(cache):
    cache.limit = 10
    cache.put(KEY, bytes(11))
    assert cache.get(KEY) is None


def test_a_file_is_digested_once(cache, tmp_path, monkeypatch):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"model")
    assert cache.known_sha256(path) is None
    digest = cache.sha256(path)
    assert digest == hashlib.sha256(b"model").hexdigest()
    assert cache.known_sha256(path) == digest
    monkeypatch.setattr(Path, "open", None)
    assert cache.sha256(path) == digest


@pytest.mark.parametrize("size", [5, 6])
def test_a_file_that_changed_is_digested_again(cache, tmp_path, size):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"model")
    cache.sha256(path)
    status = path.stat()
    path.write_bytes(b"other!"[:size])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # the time is put back
    assert cache.sha256(path) == hashlib.sha256(b"other!"[:size]).hexdigest()


def test_the_digest_of_a_file_that_has_just_changed_is_not_kept(tmp_path):
    cache = Cache(tmp_path / "cache")
    path = tmp_path / "m.onnx"
    path.write_bytes(b"model")
    cache.sha256(path)
    assert cache.known_sha256(path) is None


@pytest.mark.parametrize("junk", [b"", b"[]", b"{", b"1", b"[" * 100_000, b'{"sha256": 1}'])
def test_a_broken_note_of_a_digest_is_ignored(cache, tmp_path, junk):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"model")
    cache.sha256(path)
    next(cache.folder.glob("*/*.json")).write_bytes(junk)
    assert cache.known_sha256(path) is None
    assert cache.sha256(path) == hashlib.sha256(b"model").hexdigest()


def test_no_digest_of_what_is_no_file(cache, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "none", "."):
        assert cache.known_sha256(tmp_path / name) is None
        with pytest.raises(OSError):  # noqa: PT011
            cache.sha256(tmp_path / name)


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, "off")
    assert folder() is None
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert folder() == tmp_path
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    found = folder()
    assert found is not None
    assert found.name == "onnx-port" or found.parent.name == "onnx-port"
