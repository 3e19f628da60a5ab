"""When do two servers' texts say the same? Servers of different versions spell one definition a little differently."""

import re
from collections.abc import Iterator, Set
from functools import lru_cache

from migrator.quote import identifier

_TOKEN = re.compile(
    r"""(?P<implied>\s+NO\ INDENT(?=\)))
    | (?P<space>\s+)
    | (?P<named>'(?:[^']|'')+'(?=::reg[a-z]+\b))
    | (?P<literal>[Ee]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | (?P<dollars>\$(?:[^\W\d]\w*)?\$).*?(?P=dollars))
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<word>[^\W\d][\w$]*)
    | [+\-*/<>=~!@\#%^&|`?:]+ | \d[\w.]* | .""",
    re.VERBOSE | re.DOTALL,
)
KEYWORDS_SINCE_15 = frozenset(
    """json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize
    json_table json_value merge_action system_user""".split()
)
"""Words that 18 quotes where they are names, and older servers from 15 on do not all."""
_RESERVED = "system_user"
_LATER = re.compile(rf"\b(?:{'|'.join(sorted(KEYWORDS_SINCE_15))})\b")
_NEEDLESS = re.compile(r'"[a-z_][a-z0-9_$]*"\Z')
_AS_WRITTEN, _AS_TAG = re.compile(r"\bLOCALE = '(?:[^']|'')*'"), re.compile(r"\blocale = '(?:[^']|'')*'")
"""A collation's ICU locale as somebody wrote it, and as servers from 16 on write it: only ICU knows that they are one."""
_ROUTINE = re.compile(r"CREATE OR REPLACE (FUNCTION|PROCEDURE)\b")
_BEFORE_A_SCHEMA = frozenset("JOIN ONLY TO INTO UPDATE TABLE COLLATE ::".split())
"""After these words a qualifier is a schema's, not a table's. After FROM it may be either: EXTRACT(year FROM t.at)."""


@lru_cache(16384)
def canonical(text: str) -> str:
    """`text` without needless quotes (newer servers quote more words) and with single spaces; literals as they stand.

    Without NO INDENT too, which from 16 on is written into every XMLSERIALIZE that has no INDENT.
    """
    return "".join(" " if kind == "space" else token for kind, token in _tokens(text)).strip()


def unquoted(identity: str) -> str:
    """An identity to look up by: which words need quotes is another matter on every version, and what we quote ourselves another still."""
    return canonical(identity) if '"' in identity else identity


def requoted(names: str) -> str:
    """Names, between words in capitals, with quotes where we need them: an older server leaves bare what is a keyword by now."""
    words = ((token, token.islower() and not token.startswith('"')) for _, token in _tokens(names))
    return "".join(identifier(token) if bare else token for token, bare in words)


def with_later_quotes(text: str) -> str:
    """What an older server spelled, with quotes around names that are keywords by now; keywords themselves are in capitals there.

    SYSTEM_USER is reserved. The others still name columns, and types: not a schema, nor a parameter of a routine.
    """
    return _with_later_quotes(text) if _LATER.search(text) else text


def type_with_later_quotes(name: str) -> str:
    """The same of a type's name."""
    return with_later_quotes(f"::{name}").removeprefix("::")


@lru_cache(4096)
def _with_later_quotes(text: str) -> str:
    matches = list(_TOKEN.finditer(text))
    tokens = [match for match in matches if match["space"] is None]
    quoted = set()
    for before, match, after in zip((None, *tokens), tokens, (*tokens[1:], None), strict=False):
        named = after is not None and (after.group() in (".", "=>") or after["word"] or after["quoted"])
        is_type = before is not None and before.group() == "::" and (after is None or after.group() != ".")
        if match["word"] in KEYWORDS_SINCE_15 and (match["word"] == _RESERVED or (named and not is_type)):
            quoted.add(match)
    return "".join(f'"{match.group()}"' if match in quoted else match.group() for match in matches)


@lru_cache(4096)
def says_the_same(older: str, newer: str) -> bool:
    """Whether two definitions differ in spelling at most.

    Servers before 16 write the columns of a view's only table with the table's name, later ones without it
    (get_query_def in ruleutils.c: 16 took the OLD and NEW entries out of a view's range table). A name that stands alone
    there can be no other table's, so that leaving out one and the same table's name changes nothing; any more does.

    A routine's parameter that is referred to by its number is printed by its name. Made from that, a column which is nothing
    else has the name too, and is printed with it: `SELECT a` comes back as `SELECT a AS a`.
    """
    if canonical(older) == canonical(newer):
        return True
    here, there = ([token for kind, token in _tokens(text) if kind != "space"] for text in (older, newer))
    if older.startswith("CREATE COLLATION ") and _AS_WRITTEN.search(older):
        return _AS_WRITTEN.sub("", canonical(older), count=1) == _AS_TAG.sub("", canonical(newer), count=1)
    if _ROUTINE.match(older) and list(_without_own_names(here)) == list(_without_own_names(there)):
        return True
    left_out: set[str] = set()
    columns: set[int] = set()
    at = 0
    for place, token in enumerate(there):
        if _is_left_out(here, at, there, place):
            left_out.add(here[at])
            columns.add(place)
            at += 2
        if here[at : at + 1] != [token]:
            return False
        at += 1
    return at == len(here) and len(left_out) == 1 and _is_table(left_out.pop(), there, columns)


def _tokens(text: str) -> Iterator[tuple[str | None, str]]:
    for match in _TOKEN.finditer(text):
        kind, token = match.lastgroup, match.group()
        if match["dollars"] is not None:
            kind = "literal"
        if kind == "named":  # of what is constant: regclassout quotes as any spelling does
            token = f"'{canonical(token[1:-1])}'"
        if kind != "implied":
            yield kind, token[1:-1] if kind == "quoted" and _NEEDLESS.match(token) else token


def _without_own_names(tokens: list[str]) -> Iterator[str]:
    """The tokens without `AS a` after `a`."""
    at = 0
    while at < len(tokens):
        yield tokens[at]
        at += 3 if tokens[at + 1 : at + 3] == ["AS", tokens[at]] else 1


def _is_left_out(here: list[str], at: int, there: list[str], place: int) -> bool:
    """`here` has a column with its table's name where `there` has the column alone."""
    if here[at + 1 : at + 2] != ["."] or there[place + 1 : place + 2] == ["."]:
        return False
    before, after = (here[at - 1].upper() if at else ""), here[at + 3 : at + 4]
    return here[at + 2 : at + 3] == [there[place]] and before not in _BEFORE_A_SCHEMA and after not in (["("], ["."])


def _is_table(name: str, text: list[str], columns: Set[int]) -> bool:
    """Whether it stands somewhere as a whole, as a table or its alias does: a schema stands only before a dot.

    What stands in the places of the `columns` from which it was left out may be the table of that schema.
    """
    whole = (at for at, token in enumerate(text) if token == name and text[at + 1 : at + 2] != ["."])
    return any(at not in columns for at in whole)
