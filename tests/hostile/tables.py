"""Capability tables that nobody should send."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HEAD = """schema: 1
target: hostile
name: Hostile
vendor: Nobody
class: edge
toolchain: {name: none, version: "1"}
evidence: measured
absent: unsupported
sources:
  s1: {title: Nothing, where: nowhere, date: 2026-01-01, kind: measured}
source: s1
opset: {range: 11..18}
"""


@dataclass(frozen=True)
class TableCase:
    """A table file.

    Attributes:
        name: Kebab-case, unique.
        make: Writes it into a folder and returns its path.
        code: Of the error where a model is held against it; the exit status if it is legal.
        lint: Likewise where it is linted: a table that has problems is a true verdict, 1.
        explained: Likewise where it is explained, if that differs from `code`.
    """

    name: str
    make: Callable[[Path], Path]
    code: str
    lint: str = "1"
    explained: str = ""


def _case(
    name: str, code: str, content: str | bytes, lint: str = "1", explained: str = ""
) -> TableCase:
    def make(folder: Path) -> Path:
        path = folder / "hostile.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return TableCase(name, make, code, lint, explained)


def _ops(*lines: str) -> str:
    return HEAD + "ops:\n" + "".join(f"  {line}\n" for line in lines)


def _require(expression: str) -> str:
    quoted = expression.replace("'", "''")
    return _ops("Relu:", "  require:", f"    - {{that: '{quoted}', else: unsupported, why: so}}")


def _laughs(width: int, levels: int) -> str:
    lines = [f"a0: &a0 [{', '.join(['x'] * width)}]"]
    for i in range(1, levels):
        lines.append(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]")
    return "\n".join(lines)


def _merged(levels: int) -> str:
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, levels)]
    return "\n".join(lines)


def _yaml() -> Iterator[TableCase]:
    """What is no YAML, or YAML that asks for much."""
    yield _case("empty", "table-yaml", "")
    yield _case("not-utf-8", "table-unreadable", b"\xff\xfe\x00", "table-unreadable")
    yield _case("utf-16", "table-unreadable", HEAD.encode("utf-16"), "table-unreadable")
    yield _case("control-characters", "table-yaml", "a: \x07\x1b[31m")
    yield _case("nul", "table-yaml", "a: \0")
    yield _case("binary", "table-unreadable", bytes(range(256)) * 9, "table-unreadable")
    yield _case("cut-short", "table-yaml", _ops("Relu: {require: [{that"))
    yield _case("a-list", "table-yaml", "- a\n- b\n")
    yield _case("two-documents", "table-yaml", "a: 1\n---\nb: 2\n")
    yield _case("duplicate-key", "table-yaml", _ops("Relu: {}", "Relu: {}"))
    yield _case("anchors-that-explode", "table-yaml", _laughs(10, 10))
    yield _case("anchors-that-explode-deeply", "table-yaml", _laughs(2, 60))
    yield _case("merge-keys-that-explode", "table-yaml", _merged(30))
    yield _case("an-anchor-that-holds-itself", "table-yaml", "a: &a [*a]\n")
    yield _case("a-mapping-that-holds-itself", "table-yaml", "&a {b: *a}\n")
    yield _case("nested-500-deep", "table-yaml", "a: " + "[" * 500 + "]" * 500)
    yield _case("nested-100000-deep", "table-yaml", "a: " + "[" * 100_000)
    yield _case("nested-mappings-100000-deep", "table-yaml", "a: " + "{b: " * 100_000)
    yield _case("indented-2000-deep", "table-yaml",
                "".join(" " * i + "a:\n" for i in range(2000)))  # fmt: skip
    yield _case("quotes-that-never-end", "table-yaml", "a: '" + "x" * 1_000_000)
    yield _case("tag-of-a-command", "table-yaml", "a: !!python/object/apply:os.system ['id']")
    yield _case("tag-of-a-module", "table-yaml", "a: !!python/module:os ''")
    yield _case("tag-of-ones-own", "table-yaml", "%TAG ! tag:x.org,2000:\n---\na: !b c")
    yield _case("tag-binary", "table-yaml", "a: !!binary aGVsbG8=")
    yield _case("a-number-of-1000000-digits", "table-yaml", "a: " + "9" * 1_000_000)
    yield _case("larger-than-4-mb", "table-too-large", "a: b\n# " + "x" * 4_100_000,
                "table-too-large")  # fmt: skip
    yield _case("100000-keys", "table-invalid", "".join(f"k{i}: v\n" for i in range(100_000)))
    yield _case("300000-items", "table-yaml", "a: [" + "b," * 300_000 + "]")
    yield _case("words-that-take-long", "table-yaml", "a: [" + "1_" * 100_000 + "x")
    yield _case("complex-keys", "table-yaml", "? [a, b]\n: c\n")


def _tables() -> Iterator[TableCase]:
    """YAML that is no table, or one that asks for much when a node is held against it."""
    yield _case("no-fields", "table-invalid", "a: b\n")
    yield _case("of-wrong-types", "table-invalid", "schema: [1]\ntarget: {a: b}\nops: 3\n")
    yield _case("ops-a-list", "table-invalid", HEAD + "ops: [Relu]\n")
    newer = HEAD.replace("schema: 1", "schema: 99")
    yield _case("schema-99", "table-invalid", newer + "ops: {}\n")
    endless = HEAD.replace("11..18", "1..99999999999")
    yield _case("opset-range-huge", "0", endless + "ops: {Relu: {}}\n", "0")
    yield _case("extends-itself", "table-extends", "extends: hostile\n" + HEAD + "ops: {}\n")
    yield _case("extends-outside", "table-extends", "extends: ../outside/secret\nops: {}\n")
    yield _case("extends-absolute", "table-extends", "extends: /etc/hostname\nops: {}\n")
    yield _case("extends-nul", "table-yaml", 'extends: "a\\0b"\nops: {}\n')
    yield _case("extends-a-number", "table-extends", "extends: 3\nops: {}\n")
    yield _case("extends-a-list", "table-extends", "extends: [ort-cpu]\nops: {}\n")
    for name, text in (("escapes", "\\e[31mx"), ("reversed-text", "\\u202ex")):
        yield _case(f"names-with-{name}", "table-yaml", HEAD.replace("Hostile", f'"{text}"'))
    forged = HEAD.replace("Hostile", '"x\\n::error::x"')
    yield _case("names-with-new-lines", "table-invalid", forged + "ops: {Relu: {}}\n")
    yield _case("expression-of-a-call", "table-invalid", _require("__import__('os').system('id')"))
    yield _case("expression-of-an-attribute", "table-invalid", _require("x.__class__.__mro__"))
    yield _case("expression-of-a-lambda", "table-invalid", _require("(lambda: 1)()"))
    yield _case("expression-of-a-power", "0", _require("9**9**9**9 > 1"), lint="0")
    yield _case("expression-100000-long", "table-invalid", _require("1+" * 50_000 + "1"))
    yield _case("expression-nested", "0", _require("(" * 90 + "1" + ")" * 90))
    yield _case(
        "expression-nested-1000-deep", "table-invalid", _require("(" * 1900 + "1" + ")" * 1900)
    )
    each = "in [" + ",".join(map(str, range(120))) + "]"
    loops = f"any(any(any(a + b + c == 999 for a {each}) for b {each}) for c {each})"
    yield _case("expression-of-loops", "0", _require(loops), "0")
    yield _case("expression-of-many-digits", "0", _require("1" * 3000 + " > 1"), lint="0")
    yield _case(
        "expression-of-products", "table-invalid", _require("*".join(["9" * 90] * 40) + " > 1")
    )
    yield _case("expression-of-strings", "0", _require("'a' * 99999999999 == X"), lint="0")
    yield _case("expression-of-formats", "table-invalid", _require("f'{x!r:>99999999999}' == X"))
    yield _case("expression-with-nul", "table-yaml", HEAD + 'ops: {Relu: {when: "a\\0b"}}\n')
    many = _ops(*(f"Op{i}: {{}}" for i in range(10_000)))
    yield _case("10000-operators", "1", many, "0", "0")


def _pipe(folder: Path) -> Path:
    import os

    os.mkfifo(folder / "hostile.yaml")
    return folder / "hostile.yaml"


def _folder(folder: Path) -> Path:
    (folder / "hostile.yaml").mkdir()
    return folder / "hostile.yaml"


def _cycle(folder: Path) -> Path:
    for a, b in (("one", "two"), ("two", "one")):
        (folder / f"{a}.yaml").write_text(f"extends: {b}\n{HEAD}ops: {{}}\n")
    return folder / "one.yaml"


def _link(folder: Path) -> Path:
    (folder / "hostile.yaml").symlink_to("hostile.yaml")
    return folder / "hostile.yaml"


TABLES: tuple[TableCase, ...] = (
    *_yaml(),
    *_tables(),
    TableCase(
        "missing", lambda folder: folder / "hostile.yaml", "table-not-found", "table-unreadable"
    ),
    TableCase("a-pipe", _pipe, "table-not-found", "table-unreadable"),
    TableCase("a-folder", _folder, "table-not-found", "table-unreadable"),
    TableCase("a-link-to-itself", _link, "table-not-found", "table-unreadable"),
    TableCase("extended-in-a-circle", _cycle, "table-extends"),
)
