"""The rules, by family of operators."""

from functools import cache

from porting.legalize.rule import Registry, collect


@cache
def registry() -> Registry:
    """Every rule, the cheaper result first where an operator has several."""
    from porting.rules import (
        activations,
        convolution,
        einsum,
        elementwise,
        gelu,
        grouped_normalization,
        linear,
        normalization,
        pooling,
        reductions,
        resampling,
        selection,
        shaping,
        softmax,
        windows,
    )

    return collect(
        (
            activations,
            gelu,
            elementwise,
            softmax,
            normalization,
            grouped_normalization,
            reductions,
            einsum,
            linear,
            shaping,
            selection,
            windows,
            convolution,
            pooling,
            resampling,
        )
    )
