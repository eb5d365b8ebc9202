from hypothesis import settings

# A timed test fails on a busy machine, and a random one on an unlucky day: the gate has neither.
# `pytest --hypothesis-profile explore` draws anew at every run.
settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("default")
