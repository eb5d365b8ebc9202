import pytest
from gate.support import finding, node, result
from hypothesis import given
from hypothesis import strategies as st

from porting.errors import UsageError
from porting.gate.evaluate import Policy, evaluate
from porting.gate.thresholds import failing, max_fallback
from porting.results import FAILING, VERDICTS


def test_by_default_what_deviates_or_is_unsupported_fails():
    assert failing() == FAILING
    assert Policy(failing("deviates")).is_default


@given(st.sampled_from(VERDICTS[1:]), st.booleans())
def test_a_verdict_fails_with_all_that_are_worse(verdict, strict):
    found = failing(verdict, strict)
    assert verdict in found
    worst_first = VERDICTS[::-1]
    assert found == set(worst_first[: len(found)])
    assert not strict or "unknown" in found
    assert "supported" not in found


@pytest.mark.parametrize("text", ["supported", "bad", "Deviates"])
def test_another_word_is_refused(text):
    with pytest.raises(UsageError, match="no verdict to fail on"):
        failing(text)


@given(st.integers(0, 40), st.integers(1, 40), st.integers(0, 100))
def test_a_share_of_nodes_may_run_on_the_host(host, others, percent):
    nodes = [node(f"h{i}", finding("fallback")) for i in range(host)]
    nodes += [node(f"s{i}") for i in range(others)]
    entry = evaluate(result(nodes), Policy(max_fallback=max_fallback(f"{percent}%")))
    assert entry.passed == (host * 100 <= percent * (host + others))
    assert bool(entry.broken) == (not entry.passed)


@given(st.integers(0, 5), st.integers(0, 5))
def test_a_number_of_nodes_may_run_on_the_host(host, allowed):
    nodes = [node(f"h{i}", finding("fallback")) for i in range(host)]
    entry = evaluate(result(nodes), Policy(max_fallback=max_fallback(str(allowed))))
    assert entry.passed == (host <= allowed)
    if not entry.passed:
        assert entry.broken == (f"{host} of {host} nodes run on the host, {allowed} may",)
        assert entry.to_dict()["gate"]["broken"] == list(entry.broken)


@pytest.mark.parametrize("text", ["", "-1", "101%", "ten", "1e3", "5 nodes", "%", "1.5"])
def test_another_form_is_refused(text):
    with pytest.raises(UsageError, match="no number of nodes"):
        max_fallback(text)
