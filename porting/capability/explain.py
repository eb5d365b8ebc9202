"""What a table says of an operator, in sentences made from the very conditions that decide."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from porting.capability.limits import Limit
from porting.capability.operations import ExpressionError
from porting.capability.table import CapabilityTable, Operator
from porting.capability.unknown import Unknown
from porting.results import VERDICTS, Verdict

CONSEQUENCES: dict[Verdict, str] = {
    "supported": "runs on the accelerator",
    "fallback": "runs on the host CPU",
    "unknown": "cannot be decided",
    "deviates": "computes something else",
    "unsupported": "is rejected",
}

FOLDED = "is computed while building where its result is constant"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One fact.

    Attributes:
        text: The fact, in words.
        verdict: What a node gets where the condition does not hold; None for a remark.
        condition: The expression that decides; empty for none.
        guard: The expression that says to which nodes it applies; empty for all.
        sources: Where the table has it from.
    """

    text: str
    verdict: Verdict | None = None
    condition: str = ""
    guard: str = ""
    sources: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "text": self.text,
            "verdict": self.verdict,
            "condition": self.condition,
            "guard": self.guard,
            "source": "; ".join(self.sources),
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that a table says of one operator."""

    target: str
    operator: str
    verdict: Verdict
    sentences: tuple[Sentence, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "target": self.target,
            "operator": self.operator,
            "verdict": self.verdict,
            "facts": [s.to_dict() for s in self.sentences],
        }


def explain(table: CapabilityTable, key: str) -> Explanation:
    """What `table` says of an operator such as `Conv` or `com.microsoft::Gelu`.

    The verdict is the best that a node of it can have.
    """
    operator = table.operator(key)
    data = table.data
    if operator is None:
        text = f"{data.toolchain.name} does not list it; an operator that is not listed "
        cited = table.cite(data.source)
        sentence = Sentence(text + CONSEQUENCES[data.absent], data.absent, sources=cited)
        return Explanation(data.target, key, data.absent, (sentence,))
    sentences = (*_base(table, operator), *_limits(table, operator), *_rest(table, operator))
    return Explanation(data.target, key, operator.entry.verdict, sentences)


def _base(table: CapabilityTable, operator: Operator) -> Iterator[Sentence]:
    entry = operator.entry
    cited = table.cite(operator.source)
    why = entry.why if entry.verdict != "supported" else ""  # of a table that this one extends
    text = CONSEQUENCES[entry.verdict] + (f": {why}" if why else "")
    yield Sentence(text, entry.verdict, sources=cited)
    if operator.opset is not None:
        subject = "the model's opset" if table.data.opset.match == "model" else "its version"
        text = f"{subject} is {operator.opset}"
        yield Sentence(text, operator.otherwise.of("opset"), sources=cited)
    if entry.folds or (entry.folds is None and table.data.folds):
        yield Sentence(FOLDED, sources=cited)


def _limits(table: CapabilityTable, operator: Operator) -> Iterator[Sentence]:
    general = (limit for limit in table.node_limits if _concerns(limit, operator))
    limits = (*operator.limits, *general)
    ordered = sorted(limits, key=lambda limit: -VERDICTS.index(limit.verdict))
    for limit in ordered:
        yield _sentence(table, limit, "")
    host = (limit for limit in table.host_limits if _concerns(limit, operator))
    for limit in (*operator.cpu_limits, *host):
        yield _sentence(table, limit, "on the host CPU: ")


def _concerns(limit: Limit, operator: Operator) -> bool:
    """Whether a limit on every node may count for nodes of this operator."""

    def only_the_operator(name: str) -> Any:
        known = name == "op_type"
        return operator.key.rpartition("::")[2] if known else Unknown.of(name)

    try:
        guarded = limit.when is not None and limit.when.holds(only_the_operator) is False
        return not guarded and limit.that.holds(only_the_operator) is not True
    except ExpressionError:
        return True


def _sentence(table: CapabilityTable, limit: Limit, prefix: str) -> Sentence:
    stage = " (at run time)" if limit.stage == "run" and limit.verdict == "unsupported" else ""
    guard = limit.when.text if limit.when is not None else ""
    text = f"{prefix}{limit.why}{stage}"
    return Sentence(text, limit.verdict, limit.that.text, guard, table.cite(limit.source))


def _rest(table: CapabilityTable, operator: Operator) -> Iterator[Sentence]:
    for advice in operator.advice:
        guard = "" if advice.when.text == "True" else advice.when.text
        yield Sentence(advice.say, guard=guard, sources=table.cite(advice.source))
    if operator.entry.note:
        yield Sentence(operator.entry.note, sources=table.cite(operator.source))


def known_operators(tables: Sequence[CapabilityTable]) -> set[str]:
    """Names that `explain` may be asked about: ONNX's own and those of the tables."""
    import onnx

    names = {s.name for s in onnx.defs.get_all_schemas() if not s.domain}
    return names | {key for table in tables for key in table.data.ops}
