"""Attention and RotaryEmbedding in terms of operators that are older: their rules, as adapters."""

from collections.abc import Sequence

from porting.legalize.ops import Ops
from porting.legalize.rule import rule
from porting.model.graph import Node
from porting.rules.attention import VERSIONS, attention
from porting.rules.rotary import rotated


@rule("Attention", exactness="reordered", versions=VERSIONS)
def opset_attention(op: Ops, node: Node) -> Sequence[str]:
    """As the rule `attention-to-matmul`.

    Source: ONNX Attention-25.
    """
    return attention(op, node)


@rule("RotaryEmbedding", exactness="reordered", versions=(23,))
def opset_rotary_embedding(op: Ops, node: Node) -> str:
    """As the rule `rotary-embedding-to-mul`.

    Source: ONNX RotaryEmbedding-23.
    """
    return rotated(op, node)
