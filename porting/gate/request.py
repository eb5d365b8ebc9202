"""What one run is asked for, on the command line or from Python."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Request(NamedTuple):
    """A run of the gate; what is left out is taken from the configuration.

    Attributes:
        models: Files and patterns of files.
        targets: Targets and groups of them; see `select.targets`.
        op_map: A table of the user's own instead of a target.
        shapes: Shapes of inputs by name.
        dims: Sizes of symbolic dimensions by name.
        precision: Compute type.
        options: Choices that tables name.
        fail_on: The best verdict that fails the gate.
        strict: What cannot be decided fails it.
        max_fallback: Share or number of nodes that may run on the host.
        baseline: File of findings that are known.
        update_baseline: Findings are written there instead of failing.
        config: The configuration's file; looked for if None.
        use_config: Whether a configuration counts at all.
        use_cache: Whether answers are stored and taken from the store.
        jobs: How many processes; 0 is one for each processor.
        digest: Whether results have the SHA-256 of the model's file: to take it, all weights in it
            are read. With the cache it is known anyway.
    """

    models: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    op_map: Path | None = None
    shapes: Mapping[str, tuple[int, ...]] = {}
    dims: Mapping[str, int] = {}
    precision: str = ""
    options: Mapping[str, str] = {}
    fail_on: str = ""
    strict: bool = False
    max_fallback: str = ""
    baseline: Path | None = None
    update_baseline: bool = False
    config: Path | None = None
    use_config: bool = True
    use_cache: bool = True
    jobs: int = 1
    digest: bool = True
