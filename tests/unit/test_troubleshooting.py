"""Every finding can be looked up: docs/troubleshooting.md has a section for each code, and none for what is never said."""

import ast
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parents[2]
SIDES = ["source", "destination"]


def _literals(node: ast.expr) -> Iterator[str]:
    """What a code can be: a literal, either branch of a choice, or an f-string whose hole is a side."""
    match node:
        case ast.Constant(value=str(value)):
            yield value
        case ast.IfExp():
            yield from _literals(node.body)
            yield from _literals(node.orelse)
        case ast.JoinedStr():
            parts = [[str(part.value)] if isinstance(part, ast.Constant) else SIDES for part in node.values]
            yield from ("".join(chosen) for chosen in product(*parts))


def _makers(tree: ast.AST) -> dict[str, int]:
    """Finding itself, and this module's functions that take a `code`: name -> its position among the arguments."""
    makers = {"Finding": 0}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in node.args.args]
            if "code" in names:
                makers[node.name] = names.index("code")
    return makers


def _codes_of(tree: ast.AST) -> Iterator[str]:
    makers = _makers(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        for keyword in node.keywords:
            if keyword.arg == "code":
                yield from _literals(keyword.value)
        position = makers.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if position is not None and len(node.args) > position:
            yield from _literals(node.args[position])


def codes() -> set[str]:
    """Every code a Finding in migrator/ can have."""
    return {
        code
        for path in sorted((ROOT / "migrator").rglob("*.py"))
        for code in _codes_of(ast.parse(path.read_text(encoding="utf-8")))
    }


def sections() -> list[str]:
    """The codes that stand as headings in the document."""
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    return re.findall(r"^### `([a-z0-9_]+)`$", text, re.MULTILINE)


def test_the_scan_finds_them() -> None:
    assert {"wal_level", "source_unreachable", "slots_short", "replica_identity_missing", "setting_unknown"} <= codes()


def test_every_code_has_its_section() -> None:
    assert sorted(codes() - set(sections())) == []


def test_no_section_is_left_over() -> None:
    assert sorted(set(sections()) - codes()) == []


def test_each_once() -> None:
    assert len(sections()) == len(set(sections()))
