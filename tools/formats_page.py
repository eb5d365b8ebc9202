"""The page on report formats, with what each makes of one small model."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from textwrap import fill

import onnx

from porting.checking import check
from porting.gate.evaluate import evaluate
from porting.gate.outcome import Report
from porting.report.formats import FORMATS, SUFFIXES, View, renderer

TARGET = "ascend-310p"
MODEL = """<ir_version: 8, opset_import: ["": 17]>
head (float[1,16] features, float[16,10] weights) => (float[1,10] scores) {
    scaled = Gemm<alpha = 0.5>(features, weights)
    scores = Relu(scaled)
}"""

HEAD = f"""# Report formats

One result, many forms. `--format` may repeat, and each may name its file:

    port check model.onnx --target {TARGET} --format text --format sarif=out.sarif

Only one goes to standard output. `-o FILE` (`check`, `diff`, `verify`) and `--report FILE`
(`convert`) choose the format by the end of the file's name. A report is the same, byte for byte, in
two runs on the same files: it has no times and no paths but those that were given. Names from
models are escaped in each as it needs; control characters, marks that change the direction of
writing and halves of surrogate pairs are written as escapes.

| format | file | for |
| --- | --- | --- |
"""

WORDS = {
    "text": (
        "people at a terminal, and logs",
        """Colours and the terminal's width on a terminal; elsewhere 100 columns and none.
`NO_COLOR` takes the colours off, `FORCE_COLOR` puts them into a pipe; a file never has any.""",
    ),
    "json": (
        "programs",
        """[The fields](json.md); `port schema` writes their JSON Schema. Supported nodes are listed
        with `--all` only.""",
    ),
    "markdown": (
        "comments on pull requests",
        """The verdict first, then a table of models and targets, what fails, and the rest folded.
        At most 60,000 characters, since GitHub takes 65,536; it says what it left out.
        Characters of no width keep sites from reading names as mentions or links.""",
    ),
    "html": (
        "reading in a browser",
        """One file that needs no network: summary, findings, rewrites, the proof, and the graph
        with the verdicts. [What it has, and its keys](html.md).""",
    ),
    "sarif": (
        "code scanning",
        """SARIF 2.1.0. The rules are the kinds of finding (`port explain CODE`); each result has
        the node as its logical location and a fingerprint that stays while node and finding do.
        What fails the gate is an `error`; what is waived is suppressed with its reason; with a
        baseline `baselineState` says what is new. Rewrites that exist for the operator stand in
        `properties`: SARIF's `fixes` replace text, and a model is none. One of the results:""",
    ),
    "junit": (
        "GitLab, Jenkins and other sites that show tests",
        """A suite for each model and target, a case for each operator type of the model, one for
        the model as a whole and, of a conversion, one for the proof. A case fails where a finding
        fails the gate, and is skipped where all are known or waived.""",
    ),
    "github": (
        "annotations in a GitHub workflow",
        """To standard output in a step of a workflow: errors for what fails, warnings for what
        cannot be decided, notices for the rest. GitHub shows ten of each in a step; the last line
        counts the others. Where `GITHUB_STEP_SUMMARY` is set, the Markdown report is appended to
        the summary of the step.""",
    ),
    "gitlab": (
        "the code quality widget of a GitLab merge request",
        """A list of findings that are neither known nor waived. Name it as the artifact is named:
        `--format gitlab=gl-code-quality-report.json`.""",
    ),
}
"""What each format is for, and what there is to know about it."""
TOO_LONG = frozenset({"html"})
"""Formats without an example."""
LANGUAGES = {
    "json": "json",
    "markdown": "markdown",
    "sarif": "json",
    "junit": "xml",
    "gitlab": "json",
}


def formats_page() -> str:
    """The page."""
    ends = {form: f"`*{end}`" for end, form in SUFFIXES.items()}
    rows = [f"| [{f}](#{f}) | {ends.get(f, '')} | {WORDS[f][0]} |" for f in FORMATS]
    lines = [HEAD + "\n".join(rows), "", "The examples are of this model:", ""]
    lines += [f"    {line}" for line in MODEL.splitlines()]
    made = examples()
    for form in FORMATS:
        lines += ["", f"## {form}", "", fill(" ".join(WORDS[form][1].split()), 100)]
        if form in made:
            lines += ["", *_fenced(made[form], LANGUAGES.get(form, ""))]
    return "\n".join(lines) + "\n"


def examples() -> dict[str, str]:
    """What each format makes of the model."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        onnx.save_model(onnx.parser.parse_model(MODEL), "model.onnx")
        report = Report((evaluate(check(Path("model.onnx"), TARGET)),))
    made = {form: renderer(form)(report, View()) for form in FORMATS if form not in TOO_LONG}
    result = json.loads(made["sarif"])["runs"][0]["results"][0]
    return made | {"sarif": json.dumps(result, indent=2, ensure_ascii=False)}


def _fenced(text: str, language: str) -> Iterator[str]:
    yield f"~~~{language}"
    yield from (line.rstrip() for line in text.rstrip().splitlines())
    yield "~~~"
