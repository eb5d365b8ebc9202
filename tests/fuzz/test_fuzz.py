"""The targets of the fuzzer, for some seconds: what is on file, and damage to it."""

import pytest
from fuzz.targets import TARGETS, mutations
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PIECES = [
    b"\x00",
    b"\xff" * 9,
    b"\x80" * 11,
    b"\n",
    b"*a",
    b"&a ",
    b"[" * 60,
    b"(" * 60,
    b"'",
    b": ",
]


@st.composite
def damaged(draw: st.DrawFn, name: str) -> bytes:
    """A seed with bytes changed, cut out, doubled, put in or taken from another seed."""
    seeds = mutations(name)
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        other = draw(st.sampled_from(seeds))
        at = draw(st.integers(0, len(other)))
        put = draw(
            st.one_of(
                st.binary(max_size=4),
                st.sampled_from([*PIECES, bytes(data[start:end]) * 2, other[at : at + 40]]),
            )
        )
        data[start:end] = put
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_input_is_taken_or_refused_as_documented(name, tmp_path):
    @settings(max_examples=250, suppress_health_check=list(HealthCheck))
    @given(damaged(name))
    def run(data: bytes) -> None:
        TARGETS[name](data, tmp_path)

    run()


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_taken_or_refused_as_documented(name, tmp_path):
    for seed in mutations(name)[::5]:
        TARGETS[name](seed, tmp_path)
