"""Every finding has a case: a test that makes its cause on real servers, does what the remedy says, and sees it gone."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.unit.test_troubleshooting import codes

TESTS = Path(__file__).parents[1]

WITHOUT = {
    "circular_dependency": "no objects are known that need one another and can neither be made provisionally nor are refused by PostgreSQL",
    "collation_version_differs": "stays for as long as the machines differ: nothing is to be done about it, but to know it",
    "copied_at_cutover": "stays for as long as the choice holds; test_without_identity rehearses and carries as it says",
    "insert_only": "stays for as long as the choice holds; test_insert_only sees it before and after",
    "locale_missing": "both servers of a test share their machine's locales; test_preflight asks that machine for one it has not",
    "role_password_common": "stays: no catalog tells that a password was changed",
    "source_minor_loses_rows": "takes a minor release of before May 2025; seen by hand on 16.8 and 17.4",
    "source_too_old": "takes a PostgreSQL 14, which these tests have none of",
    "walsender_timeout": "takes a destination of before February 2026; seen by hand on 17.4 and 18.1",
}
"""Code -> why no test can make it, or see it go."""


def _named(node: ast.expr) -> Iterator[str]:
    """The literals among a decorator's arguments, where it says what a test is a case of."""
    match node:
        case ast.Call(func=ast.Name(id="case"), args=args) | ast.Call(func=ast.Attribute(attr="finding"), args=args):
            yield from (each.value for each in args if isinstance(each, ast.Constant) and isinstance(each.value, str))


def cases() -> set[str]:
    """The codes with a case: `@case(...)`, `@pytest.mark.finding(...)`, and the keys of a table named CASES."""
    found: set[str] = set()
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                found.update(code for each in node.decorator_list for code in _named(each))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "CASES":
                keys = node.value.keys if isinstance(node.value, ast.Dict) else []
                found.update(
                    each.value for each in keys if isinstance(each, ast.Constant) and isinstance(each.value, str)
                )
    return found


def test_every_code_has_a_case_or_a_reason_for_none() -> None:
    assert sorted(codes() - cases() - WITHOUT.keys()) == []


def test_no_case_is_of_what_is_never_said() -> None:
    assert sorted((cases() | WITHOUT.keys()) - codes()) == []


def test_no_reason_is_given_where_there_is_a_case() -> None:
    assert sorted(cases() & WITHOUT.keys()) == []
