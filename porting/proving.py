"""The evidence for a conversion, and the rewrite to blame where the models differ.

Evidence is: both models run and compared, each kind of rewrite run by itself, and the outputs that
are identical by their computation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from onnx import ModelProto

from porting.conversion import Rewrite
from porting.legalize.exhibits import Exhibits
from porting.prepare import Prepared
from porting.proof.given import given_of
from porting.proof.judge import Verification
from porting.proof.local import LocalProof, prove_locally
from porting.proof.locate import Location, Verify, locate
from porting.proof.structure import unchanged_outputs
from porting.proof.styles import styles_for
from porting.proof.verify import Tolerance, narrowest_float, verify_files
from porting.trial import InputSpec, trial_files


@dataclass(frozen=True)
class Culprit:
    """A rewrite that is to blame for a difference.

    Attributes:
        rule: Name of the rule.
        node: The node to which it was applied.
        reason: What differs.
    """

    rule: str
    node: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"rule": self.rule, "node": self.node, "reason": self.reason}


@dataclass(frozen=True)
class Evidence:
    """What speaks for a conversion, or against it.

    Attributes:
        verification: Of the whole model.
        local: Of each kind of rewrite by itself.
        identical: Outputs that are the same by their computation.
        location: Where the models begin to differ, if they do and the place was found.
        culprit: The rewrite to blame, if one is.
    """

    verification: Verification
    local: LocalProof
    identical: tuple[str, ...] = ()
    location: Location | None = None
    culprit: Culprit | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: that of the verification, with more fields."""
        place = self.location
        return self.verification.fields() | {
            "local": self.local.to_dict(),
            "identical": list(self.identical),
            "first_difference": None
            if place is None
            else {
                "value": place.value,
                "node": place.node,
                "op_type": place.op_type,
                "reason": place.reason,
            },
            "culprit": self.culprit.to_dict() if self.culprit is not None else None,
        }


def gather(
    proto: ModelProto,
    prepared: Prepared,
    rewrites: Sequence[Rewrite],
    exhibits: Exhibits,
    spec: InputSpec,
) -> Evidence:
    """Runs what can be run.

    Args:
        proto: The converted model; its weights may still lie in the loaded file.
        prepared: The loaded model.
        rewrites: Everything that was done to it.
        exhibits: Each kind of it by itself.
        spec: On what both are run.
    """
    classes = {r.exactness for r in rewrites} or {"exact"}
    dtype = narrowest_float(proto)
    tolerance = Tolerance.for_classes(classes, dtype)
    given = replace(given_of(spec.inputs), styles=styles_for(classes, dtype))
    verify = partial(
        verify_files, dims=spec.dims, shapes=spec.shapes, inputs=given, tolerance=tolerance
    )
    local = prove_locally(exhibits)
    identical = unchanged_outputs(prepared.loaded.proto, proto, rewrites)
    with trial_files(proto, prepared) as (original, trial):
        whole = verify(original, trial)
        evidence = Evidence(_completed(whole, local, identical, proto), local, identical)
        if evidence.verification.status != "failed":
            return evidence
        return _blamed(evidence, rewrites, original, trial, verify)


def _completed(
    whole: Verification, local: LocalProof, identical: Sequence[str], proto: ModelProto
) -> Verification:
    """The result of the whole, with what is known where the whole could not be run."""
    sure = [d for d in local.differing if not d.by_context]
    if sure and whole.status != "failed":
        first = sure[0]
        reason = f"{first.rules[0]} on {first.node} differs when it is run by itself: "
        return replace(whole, status="failed", reason=reason + first.reason)
    if whole.status != "skipped":
        return whole
    if len(identical) == len(proto.graph.output):
        reason = f"every output is identical by its computation; not run: {whole.reason}"
        return replace(whole, status="passed", reason=reason)
    if local.proved:
        counted = f"{local.proved} rewrites of {local.kinds} kinds proved one by one"
        return replace(whole, reason=f"{counted}; the whole model was not run: {whole.reason}")
    return whole


def _blamed(
    evidence: Evidence,
    rewrites: Sequence[Rewrite],
    original: Path,
    trial: Path,
    verify: Verify,
) -> Evidence:
    """The evidence with the rewrite to blame: one that differs by itself, else the first one."""
    differing = sorted(evidence.local.differing, key=lambda d: d.by_context)
    suspects = [Culprit(d.rules[0], d.node, d.reason) for d in differing]
    if differing and not differing[0].by_context:
        return replace(evidence, culprit=suspects[0])
    place = None
    if evidence.verification.outputs:  # else the converted model does not run at all
        place = locate(original, trial, verify)
    if place is not None:
        reason = f"'{place.value}': {place.reason}"
        rules = [r.rule for r in rewrites if r.node == place.node]
        suspects = [*(Culprit(rule, place.node, reason) for rule in rules), *suspects]
    return replace(evidence, location=place, culprit=next(iter(suspects), None))
