"""SQL identifiers and literals, quoted as PostgreSQL's quote_ident() and quote_literal() do."""

import re
from functools import lru_cache

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*\Z")

# Words that pg_dump's quote_ident() quotes: every keyword that is not UNRESERVED in PostgreSQL 18
# (SELECT word FROM pg_get_keywords() WHERE catcode <> 'U').
_KEYWORDS = frozenset(
    """all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case
    cast char character check coalesce collate collation column concurrently constraint create cross current_catalog
    current_date current_role current_schema current_time current_timestamp current_user dec decimal default
    deferrable desc distinct do else end except exists extract false fetch float for foreign freeze from full grant
    greatest group grouping having ilike in initially inner inout int integer intersect interval into is isnull join
    json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize
    json_table json_value lateral leading least left like limit localtime localtimestamp merge_action national natural
    nchar none normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay placing
    position precision primary real references returning right row select session_user setof similar smallint some
    substring symmetric system_user table tablesample then time timestamp to trailing treat trim true union unique
    user using values varchar variadic verbose when where window with xmlattributes xmlconcat xmlelement xmlexists
    xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable""".split()
)


@lru_cache(65536)
def identifier(name: str) -> str:
    """`name` as an SQL identifier, in double quotes only where PostgreSQL needs them.

    Raises ValueError for a name no server can hold: empty, or with a NUL.
    """
    if not name or "\0" in name:
        raise ValueError(f"not an SQL identifier: {name!r}")
    if _PLAIN.match(name) and name not in _KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def qualified(schema: str, name: str) -> str:
    """`schema.name`, both quoted where needed. `::regclass` on the server reads it back; it is our key for a relation."""
    return f"{identifier(schema)}.{identifier(name)}"


def literal(value: str) -> str:
    """`value` as a string literal that means the same whatever standard_conforming_strings says."""
    if "\0" in value:
        raise ValueError("PostgreSQL text cannot hold a NUL")
    quoted = value.replace("'", "''")
    if "\\" in quoted:
        return " E'" + quoted.replace("\\", "\\\\") + "'"
    return f"'{quoted}'"


def comment(text: str, indent: int = 1) -> str:
    """`text` as an SQL comment: every line of it, for a name may hold a line break, and what follows it would be run."""
    return "\n".join(f"--{' ' * indent}{line}" for line in text.splitlines())


def dollar_quoted(body: str) -> str:
    """`body` in a dollar quote that no name in it can end: a role or a table may be called $migrator$."""
    tag = "$migrator$"
    while tag in body:
        tag = f"{tag[:-1]}_$"
    return f"{tag}{body}{tag}"
