"""How far the outputs of two models may be apart, by what was done to the second."""

from collections.abc import Iterable
from dataclasses import dataclass

FLOOR = 1e-3
"""Share of an output's scale under which a reference value counts as "about zero"."""

_LIMITS: dict[str, dict[str, tuple[float, float]]] = {
    # class group -> narrowest float type -> (rel, scale)
    "exact": {"float32": (1e-5, 1e-5), "float16": (1e-3, 1e-3), "bfloat16": (8e-3, 8e-3)},
    "reordered": {"float32": (1e-3, 1e-5), "float16": (1e-2, 5e-3), "bfloat16": (4e-2, 2e-2)},
    "approximate": {"float32": (1e-2, 1e-2), "float16": (2e-2, 1e-2), "bfloat16": (5e-2, 5e-2)},
}
_GROUP_OF = {
    "exact": "exact",
    "narrowing": "exact",
    "reordered": "reordered",
    "conditional": "reordered",
    "approximate": "approximate",
}
_GROUPS = ("exact", "reordered", "approximate")


@dataclass(frozen=True)
class Tolerance:
    """How far element `b` may be from the original's element `a`.

    Allowed is `|a - b| <= abs + scale * S + rel * max(|a|, floor)`, where `S` is the output's
    scale (see `scale_of`; of a lone element, at least the median over the runs) and `floor` is
    `FLOOR * S`. Integers, booleans and strings must be equal whatever the tolerance.

    Attributes:
        rel: Share of the element's own magnitude.
        abs: In the output's own units.
        scale: Share of the output's scale; what rounding noise on a sum that cancels to about
            zero is proportional to.
    """

    rel: float
    abs: float = 0.0
    scale: float = 0.0

    @classmethod
    def for_classes(cls, classes: Iterable[str], dtype: str = "float32") -> "Tolerance":
        """The tolerance that the exactness classes of the applied rules allow.

        | classes              | float32, float64 (rel, scale) | float16    | bfloat16   |
        |----------------------|-------------------------------|------------|------------|
        | none, exact, narrowing | 1e-5, 1e-5                  | 1e-3, 1e-3 | 8e-3, 8e-3 |
        | reordered, conditional | 1e-3, 1e-5                  | 1e-2, 5e-3 | 4e-2, 2e-2 |
        | approximate            | 1e-2, 1e-2                  | 2e-2, 1e-2 | 5e-2, 5e-2 |

        The loosest class wins. "exact" is not zero: the same float operations may still go
        through another kernel, which costs a few units in the last place (6e-8 in float32,
        5e-4 in float16, 4e-3 in bfloat16), and deep networks make more of these. "reordered" is
        the accepted relative error of 1e-3, about a thousand times above what another order of
        summation costs in float32 and far below what a wrong operand, pad or attribute does.

        Args:
            classes: Names of exactness classes, in any number.
            dtype: Narrowest float type that the model computes in; types other than float16
                and bfloat16 count as float32.

        Raises:
            ValueError: A class is not one of the five.
        """
        groups = {"exact"}
        for name in classes:
            if name not in _GROUP_OF:
                raise ValueError(f"unknown exactness class {name!r}")
            groups.add(_GROUP_OF[name])
        by_type = _LIMITS[max(groups, key=_GROUPS.index)]
        rel, scale = by_type.get(dtype, by_type["float32"])
        return cls(rel=rel, abs=0.0, scale=scale)

    def widened(self, other: "Tolerance") -> "Tolerance":
        """What either of the two allows."""
        return Tolerance(
            max(self.rel, other.rel), max(self.abs, other.abs), max(self.scale, other.scale)
        )
