"""The commands that are worth running after a check, ready to be pasted into a shell."""

from collections.abc import Sequence
from shlex import quote

from porting.gate.outcome import Entry


def next_steps(entry: Entry) -> list[str]:
    """What to do and the command that does it, most useful first."""
    result = entry.result
    path, target = result.model.path or "MODEL", result.target
    chosen = f"--op-map {quote(target.op_map)}" if target.op_map else f"--target {target.id}"
    command = f"{quote(path)} {chosen} {entry.given}".rstrip()
    open_inputs = [i for i in result.model.inputs if i.is_open]
    steps = []
    if result.counts["unknown"] and open_inputs:
        shapes = " ".join(f"--shape {quote(i.name)}={_hint(i.shape)}" for i in open_inputs)
        steps.append(f"give the shapes that are open: port check {command} {shapes}")
    if not result.passed or result.counts["unknown"]:
        out = quote(f"{path.removesuffix('.onnx')}.{target.id}.onnx")
        steps.append(f"rewrite what can be rewritten: port convert {command} -o {out}")
    return steps


def _hint(shape: Sequence[int | str | None] | None) -> str:
    if shape is None:
        return "SIZES"
    return ",".join(str(d) if isinstance(d, int) else "SIZE" for d in shape)
