"""Records what Python opens, in a process and in those that it starts, where a test asks for it.

Python imports this file by its name at the start of every process that has the folder in its path.
"""

import os
import sys


def record() -> None:
    """Writes the resolved path of every file that is opened from now on to a log."""
    target = os.environ.get("PORT_TEST_OPENED")
    if not target:
        return
    log = os.open(f"{target}.{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and isinstance(arguments[0], (str, bytes)):
            os.write(log, os.fsencode(os.path.realpath(arguments[0])) + b"\n")

    sys.addaudithook(hook)


record()
