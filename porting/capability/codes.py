"""The kinds of finding, and of problem in a table, as `port explain CODE` tells them."""

FINDINGS: dict[str, str] = {
    "advice": (
        "Something worth knowing that changes no verdict, such as a slow form of an operator."
    ),
    "attribute": "An attribute has a value that the toolchain does not take, or ignores.",
    "compute": "The accelerator has no arithmetic of the chosen precision for the operator.",
    "condition": "A condition of the table about shapes, attributes or surroundings is broken.",
    "condition-error": "A condition of the table cannot be applied to this node.",
    "dtype": "An input has an element type that is not listed for the operator.",
    "input": "An input must be constant, computed, given or left out, and is not.",
    "model-opset": "The model imports an operator set version outside the toolchain's range.",
    "node-invalid": (
        "ONNX's own checker refuses the node: an attribute or a number of inputs is not what the "
        "operator has at the model's opset. No source says what a toolchain makes of it."
    ),
    "operator-absent": "The table does not list the operator; its `absent` says what that means.",
    "operator-deviates": "The toolchain takes the operator and computes something else.",
    "operator-fallback": "The operator never runs on the accelerator, but on the host CPU.",
    "operator-undefined": "ONNX itself has no such operator at the model's opset.",
    "operator-unknown": "Sources about the operator are missing or contradict each other.",
    "operator-unsupported": "The source says that the toolchain does not take the operator.",
    "opset": "The toolchain takes the operator at other operator set versions only.",
    "output": "An optional output is used that the toolchain does not have.",
    "pattern": "The node ends a pattern of nodes that the toolchain treats as one.",
    "rank": "An input has a number of dimensions that is not taken.",
    "undecided": (
        "A condition depends on something that is not known before the model runs: a dimension "
        "that is open, a shape, the contents of a computed input. Give it with --shape or --dim."
    ),
}
"""Kinds of finding about a model."""

LINT: dict[str, str] = {
    "lint-constant": (
        "A condition, or a part of one, that holds always or never at the opsets of the table and "
        "of those that extend it: it decides nothing, or hides what stands behind it."
    ),
    "lint-dtype": (
        "A name that is no element type of ONNX; as a warning, an element type that ONNX does not "
        "allow for this input in any version, so that no model has it there."
    ),
    "lint-form": (
        "The table does not have the form of one: a field that does not exist or is missing, a "
        "value of another kind, an expression that cannot be read, a name that the operator does "
        "not have in any version, or operators that do not stand at the end."
    ),
    "lint-opset": (
        "An operator's `opset` can match no model: ONNX has other versions of it, or the range of "
        "the table has none. With `match: since` the numbers are versions of the operator."
    ),
    "lint-operator": (
        "An operator that the table does not have; as a warning, a name that ONNX does not know "
        "and that looks like one which it does. A `note` says that it is the toolchain's own."
    ),
    "lint-shadowed": "A limit that changes nothing, because another one decides before it.",
    "lint-source": "A fact cites no source, or one that is not listed; or a source is never cited.",
    "lint-value": (
        "Something is compared with a constant that it never equals: a word that ONNX does not "
        "have for the attribute, a number for text, an unknown element type or operator."
    ),
    "lint-why": "A reason is missing, or ends in a full stop: reports join reasons to sentences.",
    "lint-yaml": "Something that YAML, or another reader of it, takes for something else.",
}
"""Kinds of problem that `port op-map lint` reports."""

GATE: dict[str, str] = {
    "gate-limit": "A limit that was set for the whole model, such as --max-fallback, is broken.",
    "proof-failed": "The converted model was run and does not compute what the original does.",
}
"""What fails the gate besides findings."""

CODES: dict[str, str] = FINDINGS | LINT | GATE
"""Code to meaning."""
