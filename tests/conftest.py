import os

from hypothesis import settings

# No test takes an answer from the user's cache, nor leaves one there.
os.environ["PORT_CACHE"] = "off"

# A timed test fails on a busy machine, and a random one on an unlucky day: the gate has neither.
# `pytest --hypothesis-profile explore` draws anew at every run.
settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("default")
