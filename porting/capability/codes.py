"""The kinds of finding, as `port explain CODE` tells them."""

CODES: dict[str, str] = {
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
"""Code to meaning."""
