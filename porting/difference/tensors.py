"""Which initializer of one model is which of another, and whether it holds the same."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from onnx import TensorProto

from porting.difference.contents import Contents
from porting.difference.fingerprint import digest_of
from porting.difference.match import Matching, Side, paired
from porting.difference.outcome import TensorRef
from porting.model.dtypes import NAME_OF


@dataclass(frozen=True, slots=True)
class Held:
    """An initializer, and where its contents lie if they were not read."""

    ref: TensorRef
    place: str = ""

    @property
    def contents(self) -> str | None:
        """What equal tensors have in common; None where that is not known."""
        return self.ref.sha256 or self.place or None


def tensors_of(side: Side) -> dict[str, Held]:
    """The initializers of one graph by name, dense and sparse."""
    contents, scope = side.contents, side.graph.path
    found = {name: _dense(t, contents, scope) for name, t in side.graph.initializers.items()}
    for sparse in side.sparse:
        parts = [contents.sha256(t) for t in (sparse.values, sparse.indices)]
        sha256 = digest_of(*(p or "" for p in parts)) if all(parts) else None
        dtype = NAME_OF.get(sparse.values.data_type)
        ref = TensorRef(sparse.values.name, dtype, tuple(sparse.dims), scope, sha256)
        found[ref.name] = Held(ref)
    return found


def _dense(tensor: TensorProto, contents: Contents, scope: str) -> Held:
    sha256 = contents.sha256(tensor)
    dtype = NAME_OF.get(tensor.data_type)
    ref = TensorRef(tensor.name, dtype, tuple(tensor.dims), scope, sha256)
    return Held(ref, contents.place(tensor) if sha256 is None else "")


def is_same(old: Held, new: Held) -> bool | None:
    """Whether two initializers are equal; None where their contents are not known."""
    if (old.ref.dtype, old.ref.shape) != (new.ref.dtype, new.ref.shape):
        return False
    if old.ref.sha256 and new.ref.sha256:
        return old.ref.sha256 == new.ref.sha256
    return True if old.place and old.place == new.place else None


def pair(found: Matching, old: Mapping[str, Held], new: Mapping[str, Held]) -> dict[str, str]:
    """Old name to new name of the initializers of two graphs.

    Those that are equal in name and contents come first, then those that matched nodes read in
    the same place, then equal contents, then equal names: exporters number names anew.
    """
    pairs = {n: n for n in old if n in new and is_same(old[n], new[n])}
    taken = set(pairs)
    for a, b in _by_use(found):
        if a in old and b in new and a not in pairs and b not in taken:
            pairs[a] = b
            taken.add(b)
    for key in (_contents, _name):
        rest = [n for n in old if n not in pairs], [n for n in new if n not in taken]
        keys = partial(key, old), partial(key, new)
        made = dict(paired(*rest, *keys, str))
        pairs.update(made)
        taken.update(made.values())
    return pairs


def _by_use(found: Matching) -> Iterator[tuple[str, str]]:
    """Names that stand in the same place of matched nodes, the most frequent pair first."""
    votes = Counter(
        (a, b)
        for first, second in found.nodes.items()
        for a, b in zip(first.inputs, second.inputs, strict=False)
    )
    yield from sorted(votes, key=lambda names: (-votes[names], *sorted(names)))


def _contents(held: Mapping[str, Held], name: str) -> Hashable | None:
    return held[name].contents


def _name(held: Mapping[str, Held], name: str) -> Hashable:
    return name
