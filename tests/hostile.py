"""Names and texts that break what is quoted carelessly: for SQL, psql, Python's and the browser's formats, our own holes."""

from collections.abc import Iterator

from migrator.quote import identifier, literal

NAMES = (
    '"; DROP TABLE public.victim; --',
    "'; DROP TABLE public.victim; --",
    "%s %(name)s %% %I",
    "back\\slash\\",
    "\\'; DROP TABLE public.victim; --",
    "line\nDROP TABLE public.victim;\n--",
    "\r\n\t",
    "$$ $tag$ $1 $migrator$",
    "{source_conninfo}",
    "{password:x} {} {0}",
    "<script>alert(1)</script><b>&amp;",
    "[/red] [bold",
    "two  blanks",
    "two blanks",
    'x"y"z',
    "x.y.z",
    "select",
    "Upper",
    "größe 名 😀",
    "n" * 63,
    " NOT VALID",
    "; \\connect other",
    "-- /* remark",
    "CREATE INDEX y",
    "\u2028\u202eabc\x7f\x1b[31m",
)
"""No two of them are the same name, though careless ways of comparing make some so."""

SETTINGS = {
    "standard_conforming_strings": "off",
    "quote_all_identifiers": "on",
    "search_path": "evil, pg_catalog",
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Tokyo",
    "bytea_output": "escape",
    "extra_float_digits": "-10",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "xmloption": "document",
    "client_encoding": "LATIN1",
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "serializable",
    "default_tablespace": "pg_default",
    "default_table_access_method": "evil_heap",
    "row_security": "on",
    "check_function_bodies": "on",
    "statement_timeout": "1ms",
    "escape_string_warning": "on",
}
"""What a role or database may set for every session, and what changes the meaning of SQL or of answers by it."""

EVIL = """
CREATE SCHEMA evil;
CREATE FUNCTION evil.format_type(oid, integer) RETURNS text LANGUAGE sql AS 'SELECT ''evil''::text';
CREATE FUNCTION evil.quote_ident(text) RETURNS text LANGUAGE sql AS 'SELECT ''evil''::text';
CREATE FUNCTION evil.count(anyelement) RETURNS bigint LANGUAGE sql AS 'SELECT 666::bigint';
CREATE FUNCTION evil.same(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.same);
CREATE VIEW evil.pg_class AS SELECT 1 AS one;
CREATE ACCESS METHOD evil_heap TYPE TABLE HANDLER heap_tableam_handler;
"""
"""What stands first in the search path."""

FRAME = """
CREATE TABLE public.victim (id integer PRIMARY KEY);
CREATE SCHEMA kinds;
CREATE TABLE kinds.spelled (
    bytes bytea DEFAULT '\\xdeadbeef5c27', number double precision DEFAULT 0.1 + 1e-9, small real DEFAULT 3.4028235e38,
    day date DEFAULT '2026-02-01', at timestamptz DEFAULT '2026-02-01 03:04:05+00', span interval DEFAULT '1 year -2 days',
    names text[] DEFAULT '{NULL,"a\\\\b"}', "upper" text DEFAULT E'a\\\\b''c', plain text DEFAULT 'NULL',
    CONSTRAINT never CHECK (plain = NULL OR day > '2026-02-01' OR span < '-1 year' OR bytes <> '\\x00')
);
CREATE FUNCTION kinds.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
"""


def objects(name: str, said: str | None = None) -> Iterator[str]:
    """Statements that give this name, and a text (the name again), to an object of every kind that takes one."""
    said = name if said is None else said
    n, text = identifier(name), literal(said)
    label, other = (literal(said.encode()[:60].decode(errors="ignore") + end) for end in ("", ".2"))
    tag = f"${'q' * (1 + said.count('$'))}$"
    yield f"CREATE SCHEMA {n}"
    yield (
        f'CREATE TABLE {n}.{n} ({n} integer GENERATED ALWAYS AS IDENTITY, txt text DEFAULT {text} COLLATE "C",'
        f" same text GENERATED ALWAYS AS (txt || {text}) STORED, CONSTRAINT {n} CHECK (txt <> {text} OR {n} > 0),"
        f" PRIMARY KEY ({n}))"
    )
    yield f"CREATE TABLE {n}.parts (key text, n integer REFERENCES {n}.{n}) PARTITION BY LIST (key)"
    yield f"CREATE TABLE {n}.part PARTITION OF {n}.parts FOR VALUES IN ({text})"
    yield f"CREATE INDEX ON {n}.parts (key) WHERE key <> {text}"
    yield f"CREATE SCHEMA {identifier(kinds(name))}"
    k = identifier(kinds(name))
    yield f"CREATE TABLE {k}.plain (id integer, txt text); CREATE INDEX {n} ON {k}.plain (id) WHERE txt <> {text}"
    yield f"CREATE TYPE {k}.enum AS ENUM ({label}, {other}); CREATE TYPE {k}.composite AS ({n} text, b integer)"
    yield f"CREATE DOMAIN {n}.domain AS text DEFAULT {text} CONSTRAINT {n} CHECK (VALUE <> {text})"
    yield f'CREATE SEQUENCE {n}.sequence; CREATE COLLATION {n}.{n} FROM "C"'
    yield f"CREATE FUNCTION {n}.{n}({n} text) RETURNS text LANGUAGE sql AS {literal(f'SELECT {text} || $1')}"
    yield f"CREATE FUNCTION {n}.body() RETURNS void LANGUAGE plpgsql AS {tag}/* {said.replace('/*', '')} */ BEGIN END{tag}"
    yield f"CREATE FUNCTION {n}.atomic(a text DEFAULT {text}) RETURNS text BEGIN ATOMIC SELECT {text} || a; END"
    yield f"CREATE VIEW {n}.view AS SELECT {n}, {text} AS {literal_column(name)} FROM {n}.{n} WHERE txt <> {text}"
    yield f"CREATE MATERIALIZED VIEW {k}.matview AS SELECT {text}::text AS {n}"
    yield f"CREATE TRIGGER {n} BEFORE INSERT ON {n}.{n} FOR EACH ROW EXECUTE FUNCTION kinds.fire({text})"
    yield f"CREATE POLICY {n} ON {n}.{n} USING (txt = {text})"
    yield f"CREATE RULE {n} AS ON DELETE TO {n}.{n} WHERE old.txt = {text} DO INSTEAD NOTHING"
    yield f"CREATE STATISTICS {n}.{n} ON {n}, txt FROM {n}.{n}; CREATE PUBLICATION {n} FOR TABLE {n}.{n} WHERE (txt <> {text})"
    option = identifier(name.replace("=", "") or "option")  # PostgreSQL refuses it in an option's name
    yield f"CREATE FOREIGN DATA WRAPPER {n} OPTIONS ({option} {text}); CREATE SERVER {n} FOREIGN DATA WRAPPER {n}"
    yield f'CREATE TEXT SEARCH CONFIGURATION {n}.{n} (PARSER = pg_catalog."default")'
    on = f"SCHEMA {n}|TABLE {n}.{n}|COLUMN {n}.{n}.{n}|CONSTRAINT {n} ON {n}.{n}|INDEX {k}.{n}|VIEW {n}.view|TRIGGER {n} ON {n}.{n}"
    on += f"|FUNCTION {n}.{n}(text)|TYPE {k}.composite|DOMAIN {n}.domain|PUBLICATION {n}|POLICY {n} ON {n}.{n}|SEQUENCE {n}.sequence"
    for each in on.split("|"):
        yield f"COMMENT ON {each} IS {text}"


def kinds(name: str) -> str:
    """A second schema's name, where the first would clash with the table's own type."""
    return f"{name[:40].encode()[:60].decode(errors='ignore')} k"


def literal_column(name: str) -> str:
    return identifier(name[:30] + " 2")
