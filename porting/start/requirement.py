"""What pip has to install elsewhere to get this port."""

import json
from importlib.metadata import PackageNotFoundError, distribution

from porting import __version__

DISTRIBUTION = "onnx-port"


def requirement() -> str:
    """The commit of the repository that port was installed from, else its version."""
    try:
        origin = distribution(DISTRIBUTION).read_text("direct_url.json")
    except PackageNotFoundError:
        origin = None
    return from_origin(origin) or f"{DISTRIBUTION}=={__version__}"


def from_origin(origin: str | None) -> str:
    """What a `direct_url.json` stands for; empty if other machines cannot get it from there."""
    try:
        data = json.loads(origin or "{}")
        vcs, url = data["vcs_info"], data["url"]
        return f"{DISTRIBUTION} @ {vcs['vcs']}+{url}@{vcs['commit_id']}"
    except (ValueError, KeyError, TypeError):
        return ""
