"""A folder of small files that may vanish at any time: answers, tables and digests of files.

Nothing in it is trusted to be there, whole or ours; nothing that goes wrong with it stops a check.
"""

import contextlib
import hashlib
import json
import os
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path

from porting.errors import UsageError

VARIABLE = "PORT_CACHE"
"""Environment variable: a folder for the cache, or `off`."""

MAX_BYTES = 256 << 20
MAX_ENTRY = 32 << 20
_CHUNK = 1 << 20
_SETTLED_NS = 2_000_000_000
"""A file that changed less than this before it was read may change again at the same time."""


def folder() -> Path | None:
    """Where the cache is; None if it is switched off."""
    named = os.environ.get(VARIABLE, "")
    if named:
        return None if named == "off" else Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("onnx-port", appauthor=False)


@dataclass(slots=True)
class Cache:
    """Files by key.

    Attributes:
        folder: Where they are.
        limit: How many bytes they may take together.
    """

    folder: Path
    limit: int = MAX_BYTES
    _stored: bool = field(default=False, repr=False)

    def get(self, key: str) -> bytes | None:
        """The contents of an entry; None if there is none that can be read."""
        path = self._path(key)
        try:
            # neither a link nor a pipe is followed or waited for
            flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            handle = os.open(path, flags | getattr(os, "O_BINARY", 0))
            with os.fdopen(handle, "rb") as file:
                found = os.fstat(handle)
                if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_ENTRY:
                    return None
                data = file.read(MAX_ENTRY)
            os.utime(path)  # what is used last is dropped last
        except OSError:
            return None
        return data

    def put(self, key: str, data: bytes) -> None:
        """Stores an entry, if it is small enough and the folder can be written to."""
        from porting.model.save import write_atomically

        if len(data) > min(MAX_ENTRY, self.limit):
            return
        path = self._path(key)
        with contextlib.suppress(OSError, UsageError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            write_atomically(path, data)
            self._stored = True

    def trim(self) -> None:
        """Drops what was not used for longest, if something was stored and there is too much."""
        if not self._stored:
            return
        found = []
        for path in self.folder.glob("??/*.json"):
            with contextlib.suppress(OSError):
                status = path.lstat()
                found.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self.limit:
                return
            with contextlib.suppress(OSError):
                path.unlink()
                total -= size

    def known_sha256(self, path: Path) -> str | None:
        """Hex digest of a file that did not change since it was taken; None if it is not known."""
        try:
            stored = json.loads(self.get(key_of("file", str(path.absolute()))) or b"{}")
            same = stored.get("stamp") == stamp_of(path)
            digest = stored.get("sha256")
        except (OSError, ValueError, AttributeError, RecursionError):
            return None
        return digest if same and isinstance(digest, str) else None

    def sha256(self, path: Path) -> str:
        """Hex digest of a file, kept for the next time.

        Raises:
            OSError: It cannot be read.
        """
        known = self.known_sha256(path)
        if known is not None:
            return known
        begun, stamp = time.time_ns(), stamp_of(path)
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        found = digest.hexdigest()
        if stamp == stamp_of(path) and max(stamp[1:3]) < begun - _SETTLED_NS:
            text = json.dumps({"stamp": stamp, "sha256": found})
            self.put(key_of("file", str(path.absolute())), text.encode())
        return found

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}.json"


def sealed(text: bytes) -> bytes:
    """Two lines: the digest of the second, and the text, which has none but its own."""
    return json.dumps({"sha256": hashlib.sha256(text).hexdigest()}).encode() + b"\n" + text


def unsealed(data: bytes) -> bytes | None:
    """The text; None if the bytes are anything else, or not all of them."""
    text = data.partition(b"\n")[2]
    return text if data == sealed(text) else None


def key_of(*parts: str) -> str:
    """The key of what has these parts."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def stamp_of(path: Path) -> list[int]:
    """What changes when a regular file does.

    Raises:
        OSError: There is no such file.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{path} is not a regular file")
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev]
