"""Every model that nobody should send, made on the spot: the same bytes each time."""

from . import bombs, files, graphs
from .case import Case

MODELS: tuple[Case, ...] = (
    *files.broken(),
    *files.truncated(),
    *files.elsewhere(),
    *graphs.order(),
    *graphs.versions(),
    *graphs.names(),
    *graphs.tensors(),
    *graphs.nesting(),
    *bombs.bombs(),
    *bombs.large(),
)
