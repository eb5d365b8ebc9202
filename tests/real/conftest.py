from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def model_cache(request) -> Path:
    """A folder that survives between test runs."""
    return Path(request.config.cache.mkdir("real-models"))
