"""The reference of rewrites and of findings, from the registry of rules and the table of codes."""

from collections.abc import Iterator

from markup import escaped, table_of

from porting.capability.codes import FINDINGS, LINT
from porting.legalize.policy import DEFAULT_CLASSES
from porting.rules import registry

RULES = """# Rewrites

What `port convert` can write in place of an operator that a chip does not take. `port rules show
RULE` gives the mathematics, the conditions and the source of one; `--allow` and `--deny` take these
names, and those of classes.
"""

CODES = """# Findings by code

Every finding has a code, which stays the same when its sentence is worded anew. Waivers choose by
it (`code = "opset"`), and so do SARIF's rules. `port explain CODE` prints these lines.
"""


def rules_page() -> str:
    """Every rewrite by operator."""
    rules = sorted(registry(), key=lambda r: (r.op_type.lower(), r.name))
    rows = [(escaped(r.op_type), f"`{r.name}`", r.exactness, escaped(r.summary)) for r in rules]
    always = ", ".join(sorted(DEFAULT_CLASSES))
    lines = [RULES, f"Applied without being asked for: {always}.", ""]
    lines += table_of(("operator", "rule", "class", "what it does"), rows)
    return "\n".join(lines).rstrip() + "\n"


def codes_page() -> str:
    """Every code with what it means."""
    lines = [CODES, *_codes("Of models", FINDINGS), *_codes("Of tables", LINT)]
    return "\n".join(lines).rstrip() + "\n"


def _codes(title: str, codes: dict[str, str]) -> Iterator[str]:
    rows = ((f"`{code}`", escaped(text)) for code, text in codes.items())
    yield from (f"## {title}", "", *table_of(("code", "means"), rows))
