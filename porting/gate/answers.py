"""Stored answers: a check's result as JSON, believed only if it is whole and of the right form."""

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from porting.cache import sealed, unsealed
from porting.results import CheckResult

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes of a data file that a check has read: from `start` to before `end`."""

    start: int
    end: int
    sha256: str


@dataclass(frozen=True, slots=True)
class DataFile:
    """What a check depended on in a data file.

    Attributes:
        location: Its path, as the model refers to it.
        end: How many bytes it has to have.
        read: What was read of it.
    """

    location: str
    end: int
    read: tuple[Extent, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A result, and what it rests on beside what its key says."""

    key: str
    result: CheckResult
    data: tuple[DataFile, ...] = ()


@cache
def _form() -> "TypeAdapter[Answer]":
    from pydantic import ConfigDict, TypeAdapter, with_config

    return TypeAdapter(with_config(ConfigDict(strict=True, extra="forbid"))(Answer))


def dumped(answer: Answer) -> bytes:
    """Two lines of JSON: the digest of the second, and the answer.

    Neither the model's path nor that of the user's own table is in it: they are not what the
    answer rests on, and may be others next time.

    Raises:
        ValueError: It cannot be written as JSON.
    """
    result = answer.result
    bare = replace(
        result, model=replace(result.model, path=""), target=replace(result.target, op_map="")
    )
    text = _form().dump_json(replace(answer, result=bare))
    return sealed(text)


def loaded(data: bytes, key: str, path: str, op_map: str) -> Answer | None:
    """The answer with that key; None if the bytes are anything else.

    Args:
        data: What `dumped` made, or somebody else.
        key: Of the question.
        path: Of the model, for the result.
        op_map: The user's own table, likewise.
    """
    text = unsealed(data)
    if text is None:
        return None
    try:
        answer = _form().validate_json(text)
    except ValueError:
        return None
    if answer.key != key:
        return None
    result = answer.result
    own = replace(
        result,
        model=replace(result.model, path=path),
        target=replace(result.target, op_map=op_map),
    )
    return replace(answer, result=own)
