import os

from hypothesis import settings

# A timed test fails on a busy machine, and a random one on an unlucky day: the gate has neither.
settings.register_profile("default", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("default")
