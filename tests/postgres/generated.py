"""Schemas that nobody thought of: strategies that draw the statements of a schema, with every property a table can have."""

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from migrator.quote import identifier, literal
from tests import hostile

CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])


def _short(name: str) -> str:
    """As much of it as PostgreSQL keeps."""
    return name.encode()[:63].decode(errors="ignore")


names = st.one_of(st.sampled_from(hostile.NAMES), st.text(CHARACTERS, min_size=1, max_size=63).map(_short)).filter(
    lambda name: not name.startswith("pg_") and name not in ("migrator", "information_schema", "public")
)
texts = st.one_of(st.sampled_from(hostile.NAMES), st.text(CHARACTERS, max_size=80))
small = st.integers(0, 6)

NUMBERS = ("smallint", "integer", "bigint")
TEXTS = ("text", "varchar({n})", "char({n})", "varchar", "{s}.word", "{s}.mood")
OTHERS = (
    "numeric", "numeric({p},{n})", "numeric({n},-{m})", "numeric({n},{p})", "real", "double precision", "boolean", "bytea", "date",
    "timestamp({m})", "timestamptz({m})", "time({m})", "timetz", "interval", "interval({m})", "interval day to second({m})",
    "interval year to month", "bit({n})", "bit varying({n})", "jsonb", "json", "uuid", "inet", "cidr", "macaddr", "point", "int4range",
    "tsmultirange", "text[]", "numeric({p},{n})[]", "integer[][]", "varchar({n})[]", "tsvector", "\"char\"", "name", "oid", "regclass",
    "xid8", "money", "{s}.pair", "{s}.mood[]", "{s}.word[]", "{s}.span",
)  # fmt: skip
DEFAULTS = {
    "boolean": "true", "bytea": "'\\xdead'", "date": "CURRENT_DATE", "jsonb": "'{\"a\": [1, null]}'", "uuid": "gen_random_uuid()",
    "inet": "'10.0.0.1/8'", "point": "'(1,2)'",
    "int4range": "int4range(1, 5)", "text[]": "ARRAY['a', NULL, '{}']", "double precision": "1e300",
    "interval": "'1 year -2 days'", "timestamptz(3)": "now()", "real": "'NaN'", "regclass": "'pg_catalog.pg_class'", "money": "12.34",
}  # fmt: skip
COLLATIONS = ("", ' COLLATE "C"', ' COLLATE "POSIX"', " COLLATE ucs_basic")


def _type(draw: DrawFn, schema: str, patterns: tuple[str, ...]) -> str:
    pattern = draw(st.sampled_from(patterns))
    n = draw(st.integers(1, 12))
    return pattern.format(n=n, p=n + 3, m=n % 7, s=schema)


@st.composite
def sequence_options(draw: DrawFn, kind: str) -> str:
    """Options that a sequence of this type may have together."""
    top = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}[kind] - 1
    low, high = sorted((draw(st.integers(-top, top - 1)), draw(st.integers(-top, top - 1))))
    high = high + 1 if low == high else high
    step = draw(st.integers(1, 9)) * (1 if draw(st.booleans()) else -1)
    start = draw(st.integers(low, high))
    cycle = "CYCLE" if draw(st.booleans()) else "NO CYCLE"
    return f"INCREMENT {step} MINVALUE {low} MAXVALUE {high} START {start} CACHE {draw(st.integers(1, 50))} {cycle}"


@st.composite
def types(draw: DrawFn, schema: str) -> list[str]:
    """The types that the columns of a schema are of."""
    labels = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    attributes = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    default, forbidden, check = draw(texts), draw(texts), draw(names)
    null = " NOT NULL" if draw(st.booleans()) else ""
    pair = ", ".join(f"{identifier(each)} {_type(draw, schema, (*NUMBERS, *TEXTS[:4]))}" for each in attributes)
    return [
        f"CREATE TYPE {schema}.mood AS ENUM ({', '.join(literal(each) for each in labels)})",
        f"CREATE TYPE {schema}.pair AS ({pair})",
        f"CREATE DOMAIN {schema}.word AS varchar(100){draw(st.sampled_from(COLLATIONS))} DEFAULT {literal(default[:90])}{null}"
        f" CONSTRAINT {identifier(check)} CHECK (VALUE <> {literal(forbidden)})",
        f"CREATE TYPE {schema}.span AS RANGE (subtype = float8, subtype_diff = float8mi)",
        f"COMMENT ON TYPE {schema}.mood IS {literal(draw(texts))}",
    ]


@st.composite
def column(draw: DrawFn, schema: str, name: str) -> tuple[str, str, list[str]]:
    """A column's type, its declaration, and the settings that ALTER COLUMN gives it."""
    group = draw(st.sampled_from((NUMBERS, TEXTS, OTHERS, OTHERS)))
    kind = _type(draw, schema, group)
    words, settings = [f"{identifier(name)} {kind}"], []
    if group is TEXTS and "mood" not in kind:
        words.append(draw(st.sampled_from(COLLATIONS)))
        if draw(st.booleans()):
            words.append(f"DEFAULT {literal(draw(texts))}")
    elif group is NUMBERS and draw(st.booleans()):
        how = draw(st.sampled_from(("ALWAYS", "BY DEFAULT")))
        words.append(f"GENERATED {how} AS IDENTITY ({draw(sequence_options(kind))})")
    elif kind in DEFAULTS and draw(st.booleans()):
        words.append(f"DEFAULT {DEFAULTS[kind]}")
    if draw(st.booleans()) and "IDENTITY" not in words[-1]:
        words.append("NOT NULL")
    if kind in ("text", "bytea", "jsonb", "text[]"):
        settings.append(f"SET STORAGE {draw(st.sampled_from(('PLAIN', 'EXTERNAL', 'MAIN', 'EXTENDED')))}")
        settings += ["SET COMPRESSION pglz"] if draw(st.booleans()) else []
    settings += [f"SET STATISTICS {draw(st.integers(0, 10000))}"] if draw(st.booleans()) else []
    settings += [f"SET (n_distinct = {draw(st.sampled_from((-0.5, -1, 3, 100)))})"] if draw(st.booleans()) else []
    return kind, " ".join(words), settings


OPTIONS = ("", " WITH (fillfactor = 40)", " WITH (autovacuum_enabled = false, toast.autovacuum_enabled = off, fillfactor = 99)",
           " WITH (autovacuum_vacuum_scale_factor = 0.015, parallel_workers = 3, toast_tuple_target = 256)")  # fmt: skip


@st.composite
def table(draw: DrawFn, schema: str, name: str) -> list[str]:
    """A table with a key, its columns, constraints, indexes and comments."""
    columns = draw(st.lists(names.filter(lambda each: each not in ("id", "key", "says")), max_size=5, unique=True))
    q = f"{schema}.{identifier(name)}"
    lines: list[str] = []
    later: list[str] = []
    kinds: dict[str, str] = {}
    for each in columns:
        kinds[each], line, settings = draw(column(schema, each))
        lines.append(line)
        later += [f"ALTER TABLE {q} ALTER {identifier(each)} {setting}" for setting in settings]
    said = literal(draw(texts))
    lines += ["id bigint PRIMARY KEY", "key text", f"says text GENERATED ALWAYS AS (key || {said}) STORED"]
    lines += [f"CONSTRAINT {identifier(draw(names))} CHECK (key <> {said}){draw(st.sampled_from(('', ' NO INHERIT')))}"]
    lines += [
        f"UNIQUE {draw(st.sampled_from(('', 'NULLS NOT DISTINCT ')))}(key, id) {draw(st.sampled_from(DEFERRALS))}"
    ]
    indexes = [draw(index(q, each, kinds[each])) for each in columns if draw(st.booleans())]
    comments = [f"COLUMN {q}.{identifier(each)}" for each in columns if draw(st.booleans())]
    made = f"CREATE TABLE {q} ({', '.join(lines)}){draw(st.sampled_from(OPTIONS))}"
    told = [f"COMMENT ON {each} IS {literal(draw(texts))}" for each in (f"TABLE {q}", *comments)]
    return [made, *later, *(str(each) for each in indexes if each), *told]


DEFERRALS = ("", "DEFERRABLE", "DEFERRABLE INITIALLY DEFERRED", "INCLUDE (says)")


@st.composite
def index(draw: DrawFn, table: str, column: str, kind: str) -> str:
    """An index that a column of this type can have; "" for none."""
    c = identifier(column)
    where = f" WHERE key <> {literal(draw(texts))}" if draw(st.booleans()) else ""
    if kind in ("jsonb", "text[]", "tsvector"):
        return f"CREATE INDEX ON {table} USING gin ({c}){where}"
    if kind == "int4range":
        return f"CREATE INDEX ON {table} USING gist ({c}) WITH (fillfactor = 70){where}"
    if kind in NUMBERS or kind == "date":
        how = draw(
            st.sampled_from(
                ("brin ({}) WITH (pages_per_range = 7)", "hash ({})", "btree (({} ), key DESC NULLS LAST) INCLUDE (id)")
            )
        )
        return f"CREATE INDEX ON {table} USING {str(how).format(c)}{where}"
    if kind.startswith(("text", "varchar")) and "[" not in kind:
        how = draw(
            st.sampled_from(("({} text_pattern_ops)", "(lower({}), id ASC NULLS FIRST)", '({} COLLATE "C" DESC)'))
        )
        return f"CREATE UNIQUE INDEX ON {table} {str(how).format(c)} WITH (deduplicate_items = off){where}"
    return ""


@st.composite
def schema(draw: DrawFn) -> list[str]:
    """A schema called generated: types, sequences, and up to three tables."""
    tables = draw(st.lists(names.filter(lambda name: name not in TAKEN), min_size=1, max_size=3, unique=True))
    made: list[str] = ["CREATE SCHEMA generated", *draw(types("generated"))]
    kind = draw(st.sampled_from(NUMBERS))
    made.append(f"CREATE SEQUENCE generated.counter AS {kind} {draw(sequence_options(kind))}")
    for each in tables:
        made += draw(table("generated", each))
    return [*made, f"ALTER SEQUENCE generated.counter OWNED BY generated.{identifier(tables[0])}.key"]


TAKEN = frozenset({"mood", "pair", "word", "span", "counter"})
