import os
import signal
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path

import pytest

from porting.errors import ModelError, PortError
from porting.gate.pool import ordered


def slow_square(number):
    time.sleep(0.05 * (3 - number))
    return number * number


def fails(number):
    if number:
        raise ModelError(f"model-{number}", "broken", "mend it")
    return number


def dies(number):
    os._exit(9)


@pytest.mark.parametrize("jobs", [1, 2])
def test_answers_come_in_order(jobs):
    assert list(ordered(slow_square, [0, 1, 2, 3], jobs)) == [0, 1, 4, 9]
    assert active_children() == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_first_error_in_order_is_raised_whole(jobs):
    answers = ordered(fails, [0, 1, 2], jobs)
    assert next(answers) == 0
    with pytest.raises(ModelError) as error:
        next(answers)
    assert (error.value.code, error.value.help) == ("model-1", "mend it")
    assert active_children() == []


def test_a_process_that_is_killed_is_an_error_not_a_hang():
    with pytest.raises(PortError) as error:
        list(ordered(dies, [0, 1], 2))
    assert error.value.code == "process-died"


def test_no_more_is_computed_for_one_who_stops_listening():
    others = set(active_children())
    answers = ordered(time.sleep, [0, 60, 60], 2)
    next(answers)
    begun = time.monotonic()
    answers.close()
    assert time.monotonic() - begun < 30
    assert set(active_children()) <= others


SCRIPT = """
import signal, sys, time
from contextlib import closing
from multiprocessing import active_children
from porting.gate.pool import ordered
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it in the background
    try:
        with closing(ordered(time.sleep, [0, 300, 300], 2)) as answers:
            next(answers)
            print(*(child.pid for child in active_children()), flush=True)
            next(answers)
    except KeyboardInterrupt:
        sys.exit(2)
"""


def alive(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    try:  # one that nobody has waited for counts as gone
        with Path(f"/proc/{process_id}/stat").open() as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_however_it_ends(tmp_path, how):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    started = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    children = [int(word) for word in started.stdout.readline().split()]
    assert len(children) == 2
    started.send_signal(how)
    _, err = started.communicate(timeout=60)
    if how == signal.SIGINT:
        assert started.returncode == 2
        assert "Traceback" not in err
    deadline = time.monotonic() + 30
    while any(alive(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(child) for child in children)
