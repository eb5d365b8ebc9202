from porting.report.evidence import evidence_lines


def lines(**verification):
    return [f"{label}: {text}" for label, text in evidence_lines(verification)]


def test_a_comparison_alone_has_nothing_more_to_say():
    assert lines(status="passed", outputs=[]) == []


def test_outputs_that_are_identical_are_named_a_few_at_most():
    (line,) = lines(identical=[f"o{i}" for i in range(7)])
    assert line.endswith("o0, o1, o2, o3, o4 and 2 more")


def test_rewrites_that_were_run_by_themselves_are_counted():
    (line,) = lines(local={"proved": 12, "kinds": 3, "differing": [], "unproved": []})
    assert line == "locally: 12 rewrites of 3 kinds agree when run by themselves"


def test_what_could_not_be_run_by_itself_is_told_a_few_at_most():
    unproved = [{"node": f"n{i}", "reason": "it has a body"} for i in range(5)]
    found = lines(local={"proved": 0, "kinds": 0, "differing": [], "unproved": unproved})
    assert found[0] == ": not run by itself: the rewrite of n0: it has a body"
    assert found[-1] == ": and 2 more"


def test_the_first_difference_and_what_was_rolled_back_are_named():
    place = {"value": "v", "node": "act", "op_type": "Celu", "reason": "3 of 6 elements differ"}
    rolled = [{"rule": "celu-wrongly", "node": "act", "reason": "3 of 6 elements differ"}]
    first, second = lines(first_difference=place, rolled_back=rolled)
    assert first == ("first: difference at value 'v', computed by Celu act: 3 of 6 elements differ")
    assert second == "rolled back: celu-wrongly on act: 3 of 6 elements differ"
