"""Odd rows through the pipe: every built-in type with its extremes, odd tables, odd encodings, in binary and as text."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest

from migrator.copying.copy_part import agreed
from migrator.copying.errors import CopyError, RewrittenError, UnlikeError
from migrator.copying.wire import Wire
from migrator.machines.cluster import Cluster
from tests.postgres.copying import Pair, create_database, make_pair

VALUES = {
    "smallint": ["-32768", "32767"],
    "integer": ["-2147483648", "2147483647"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "real": ["NaN", "Infinity", "-Infinity", "1e-45", "3.4028235e38", "-0"],
    "double precision": ["NaN", "-Infinity", "5e-324", "1.7976931348623157e308", "0.1", "-0"],
    "numeric": ["NaN", "Infinity", "-Infinity", "1e-16383", "9" * 500 + "." + "1" * 300, "0.00"],
    "numeric(20,5)": ["-999999999999999.99999", "0"],
    "money": ["-92233720368547758.08", "92233720368547758.07"],
    "boolean": ["t", "f"],
    '"char"': ["a", ""],
    "char(5)": ["a", "ab  c"],
    "varchar(9)": ["", "née\\t\\n\\\\"],
    "name": ["x" * 63],
    "text": ["", "\\N", "\t\r\n\v\b\f\\.", "\u4e2d\U0001f600", "NULL"],
    "bytea": ["", "\\x00ff5c0a", "\\x" + "00" * 3000],
    "date": ["infinity", "-infinity", "4713-01-01 BC", "5874897-12-31"],
    "time": ["00:00", "24:00", "23:59:59.999999"],
    "timetz": ["00:00+15:59", "24:00-15:59"],
    "timestamp": ["infinity", "-infinity", "4713-01-01 00:00 BC", "294276-12-31 23:59:59.999999"],
    "timestamptz": ["infinity", "-infinity", "4713-01-02 00:00+00 BC", "294276-12-31 23:59:59.999999+00"],
    "interval": ["-178000000 years", "178000000 years", "1 mon -1 day 00:00:00.000001"],
    "interval second(2)": ["1.234"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "inet": ["0.0.0.0/0", "::1", "ffff::/16", "10.1.2.3/8"],
    "cidr": ["10.0.0.0/8", "::/0"],
    "macaddr": ["08:00:2b:01:02:03"],
    "macaddr8": ["ff:ff:ff:ff:ff:ff:ff:ff"],
    "bit(3)": ["101"],
    "varbit": ["", "1" * 70],
    "json": ['{"a": 1, "a":   [null]}'],
    "jsonb": ['{"a": 1e400, "b": ["\\u00e9", null, true, {}]}', "[]", "1"],
    "jsonpath": ['$."a"[*] ? (@ > 1)'],
    "xml": ['<?xml version="1.0"?><a b="1">é</a>', "<a/>text"],
    "tsvector": ["", "'a':1A,2 'b c':16383B"],
    "tsquery": ["", "'a' & !('b':* <-> 'c':AB)"],
    "point": ["(NaN,Infinity)", "(0.1,-0)"],
    "line": ["{1,-1,0}"],
    "lseg": ["[(0,0),(1,1)]"],
    "box": ["(1,1),(0,0)"],
    "path": ["[(0,0),(1,1)]", "((0,0),(1,1))"],
    "polygon": ["((0,0),(1,1),(1,0))"],
    "circle": ["<(0,0),1>"],
    "int4range": ["empty", "(,)", "[1,5)"],
    "numrange": ["[NaN,]", "(0.1,0.2]"],
    "tstzrange": ["[-infinity,infinity]"],
    "datemultirange": ["{}", "{[2020-01-01,2020-02-01),[infinity,infinity]}"],
    "oid": ["0", "4294967295"],
    "xid": ["4294967295"],
    "xid8": ["18446744073709551615"],
    "cid": ["1"],
    "tid": ["(4294967295,65535)"],
    "pg_lsn": ["FFFFFFFF/FFFFFFFF"],
    "pg_snapshot": ["10:20:10,14,15"],
    "int2vector": ["1 2 3"],
    "oidvector": ["1 2"],
    "text[]": ["{}", '{NULL,"NULL","",a}', "[0:1][-1:0]={{a,b},{c,d}}"],
    "int4[]": ["[-5:-4]={1,NULL}"],
    "timestamptz[]": ["{infinity}"],
    "refcursor": ["c"],
}
AS_TEXT = ("xml", "tsquery")
"""Their binary form is not what it should be: a declaration more, an empty one refused."""
OIDS = {
    "regclass": ["pg_catalog.pg_class", "public.pointed_at"],
    "regclass[]": ["{public.pointed_at,NULL}"],
    "regproc": ["pg_catalog.now"],
    "regprocedure": ["pg_catalog.abs(integer)"],
    "regtype": ["integer", "public.pointed_at"],
    "regrole": ["postgres"],
    "regnamespace": ["pg_catalog"],
    "regoperator": ["pg_catalog.+(integer,integer)"],
    "regcollation": ['pg_catalog."C"'],
    "regconfig": ["pg_catalog.simple"],
    "regdictionary": ["pg_catalog.simple"],
    "aclitem": ["postgres=r/postgres"],
}


@pytest.fixture
def pair(
    request: pytest.FixtureRequest, shared: Callable[[int], Cluster], database: Callable[..., str]
) -> Iterator[Pair]:
    old, new = shared(getattr(request, "param", 15)), shared(18)
    with ExitStack() as stack:
        yield make_pair(stack, old, new, (database(old), database(new)))


def fill(pair: Pair, table: str, values: dict[str, list[str]]) -> None:
    """A column of each type; a row for the n-th value of each, and one of NULLs."""
    types = {kind: each for kind, each in values.items() if has_type(pair, kind)}
    columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(types))
    pair.on_both(f"CREATE TABLE {table} ({columns})")
    with pair.old.connect(pair.database) as connection:
        for number in range(max(map(len, types.values())) + 1):
            row = [each[number] if number < len(each) else None for each in types.values()]
            holes = ", ".join(f"%s::text::{kind}" for kind in types)
            connection.execute(f"INSERT INTO {table} VALUES ({holes})".encode(), row)


def has_type(pair: Pair, kind: str) -> bool:
    """xml needs libxml, which not every build has."""
    if kind != "xml":
        return True
    try:
        pair.on_source("SELECT '<a/>'::xml")
        pair.on_destination("SELECT '<a/>'::xml")
    except psycopg.errors.FeatureNotSupported:
        return False
    return True


def assert_copied(pair: Pair, relation: str, part_bytes: int = 1 << 28) -> int:
    """Equal count and checksum on both sides; the bytes it took."""
    pair.hold_snapshot()
    copied = pair.copy(pair.jobs(relation, part_bytes))
    source, destination = pair.checksums(relation)
    assert source == destination
    return sum(each.bytes for each in copied if each)


def binary(pair: Pair, relation: str) -> bool:
    """Whether the relation travels so."""
    source, destination = pair.sessions()
    return agreed(Wire(source, lambda: False), Wire(destination, lambda: False), relation).binary


@pytest.mark.parametrize("pair", [15, 16, 17], indirect=True)
def test_every_built_in_type_with_its_extremes(pair: Pair) -> None:
    """In binary; and as text, since one column's type must travel so."""
    pair.on_both("CREATE TABLE public.pointed_at (a int)")
    fill(pair, "public.b", {kind: each for kind, each in VALUES.items() if kind not in AS_TEXT})
    fill(pair, "public.t", VALUES)
    fill(pair, "public.o", {**VALUES, **OIDS})
    assert binary(pair, "public.b") and not binary(pair, "public.t") and not binary(pair, "public.o")
    assert_copied(pair, "public.b")
    assert_copied(pair, "public.o")
    assert_copied(pair, "public.t")


def test_an_oid_that_names_something_names_it_there(pair: Pair) -> None:
    """In binary a regclass would arrive as whatever table has that oid there."""
    pair.on_destination("CREATE TABLE public.first (a int)")
    pair.on_both("CREATE TABLE public.pointed_at (a int); CREATE DOMAIN public.d AS regclass[]")
    pair.on_both("CREATE TYPE public.c AS (a int, r public.d); CREATE TABLE public.t (x public.c[])")
    pair.on_source("INSERT INTO public.t VALUES (ARRAY[(1, ARRAY['public.pointed_at'::regclass])::public.c])")
    assert not binary(pair, "public.t")
    assert_copied(pair, "public.t")
    assert pair.on_destination("SELECT ((x[1]).r)[1]::regclass::text FROM public.t") == [("pointed_at",)]


TYPES = """
CREATE TYPE public.mood AS ENUM ('sad', 'so la', 'été');
CREATE TYPE public.pairs AS (a int, b text, m public.mood);
CREATE DOMAIN public.many AS public.pairs[] CHECK (cardinality(VALUE) < 9);
CREATE TYPE public.span AS RANGE (subtype = float8, multirange_type_name = spans);
CREATE TYPE public.deep AS (many public.many, span public.spans);
"""


def test_types_made_of_types(pair: Pair) -> None:
    """Oids of user types differ on the two servers, also inside arrays and composites."""
    pair.on_destination("CREATE TYPE public.shifts_oids AS ENUM ('x')")
    pair.on_both(TYPES + "CREATE TABLE public.t (m public.mood[], d public.deep, t public.many, r public.span)")
    pair.on_source(
        """INSERT INTO public.t VALUES ('{sad,été,NULL}', ROW(ARRAY[(1, 'x', 'sad'), NULL]::public.pairs[], '{[1,2),[5,]}'),
        ARRAY[(NULL, '', NULL)]::public.pairs[], 'empty'), (NULL, NULL, NULL, NULL)"""
    )
    assert binary(pair, "public.t")
    assert_copied(pair, "public.t")


def test_attributes_dropped_or_in_another_order(pair: Pair) -> None:
    """Columns by name. An attribute's type that differs inside a composite sends the relation by text."""
    pair.on_source("CREATE TABLE public.t (gone int, a int, b text, gone2 text, c date)")
    pair.on_source(
        "ALTER TABLE public.t DROP gone; ALTER TABLE public.t DROP gone2; ALTER TABLE public.t ADD d int DEFAULT 7"
    )
    pair.on_destination("CREATE TABLE public.t (c date, d int, b text, a int, more text DEFAULT 'there')")
    pair.on_source("INSERT INTO public.t VALUES (1, 'x', '2026-01-01')")
    pair.hold_snapshot()
    pair.copy(pair.jobs("public.t"))
    columns = "SELECT a, b, c::text, d FROM public.t"
    assert pair.on_source(columns) == pair.on_destination(columns)
    assert pair.on_destination("SELECT more FROM public.t") == [("there",)]


def test_a_wider_type_there(pair: Pair) -> None:
    pair.on_source("CREATE TABLE public.t (a int, b varchar(5)); INSERT INTO public.t VALUES (7, 'x'), (NULL, '')")
    pair.on_destination("CREATE TABLE public.t (a bigint, b text)")
    assert not binary(pair, "public.t")
    assert_copied(pair, "public.t")


def test_generated_columns_are_computed_there(pair: Pair) -> None:
    pair.on_both(
        "CREATE TABLE public.t (a int, twice int GENERATED ALWAYS AS (a * 2) STORED, id int GENERATED ALWAYS AS IDENTITY);"
        "CREATE TABLE public.only (twice int GENERATED ALWAYS AS (3) STORED)"
    )
    pair.on_source("INSERT INTO public.t (a) VALUES (1), (NULL); INSERT INTO public.only DEFAULT VALUES")
    assert_copied(pair, "public.t")
    assert_copied(pair, "public.only")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("a int, b int", "a int", "column b: not on the destination"),
        ("a int, g int GENERATED ALWAYS AS (1) STORED", "a int, g int", "column g: generated on the source"),
        ("a int, g int", "a int, g int GENERATED ALWAYS AS (1) STORED", "column g: generated on the destination"),
    ],
)
def test_tables_that_are_not_alike_are_refused(pair: Pair, old: str, new: str, said: str) -> None:
    pair.on_source(f"CREATE TABLE public.t ({old})")
    pair.on_destination(f"CREATE TABLE public.t ({new})")
    pair.hold_snapshot()
    with pytest.raises(UnlikeError, match=said):
        pair.copy(pair.jobs("public.t"))


def test_a_column_added_after_the_snapshot(pair: Pair) -> None:
    """The snapshot's rows have it too, with its default of then, which may be gone by the time the destination gets the column."""
    pair.on_both("CREATE TABLE public.t (a int, b int)")
    pair.on_source("INSERT INTO public.t VALUES (1, 2)")
    pair.hold_snapshot()
    jobs = pair.jobs("public.t")
    pair.on_source("ALTER TABLE public.t ADD c int DEFAULT 3; ALTER TABLE public.t ALTER c DROP DEFAULT")
    pair.on_destination("ALTER TABLE public.t ADD c int")
    with pytest.raises(RewrittenError, match="columns have changed"):
        pair.copy(jobs)
    assert pair.on_destination("SELECT * FROM public.t") == []


def test_a_thousand_six_hundred_columns_and_none(pair: Pair) -> None:
    columns = ", ".join(f"c{number} int" for number in range(1600))
    pair.on_both(f"CREATE TABLE public.wide ({columns}); CREATE TABLE public.none ()")
    pair.on_source("INSERT INTO public.wide (c0, c1599) VALUES (1, 2), (NULL, NULL)")
    pair.on_source("INSERT INTO public.none SELECT FROM generate_series(1, 5000)")
    assert_copied(pair, "public.wide")
    assert_copied(pair, "public.none", 8192)


def test_odd_names(pair: Pair) -> None:
    table = 'CREATE SCHEMA "S ""x"; CREATE TABLE "S ""x"."t.\'é;--{0}%s" ("a b" int, "select" text, "é""" text)'
    pair.on_both(table)
    relation = '"S ""x"."t.\'é;--{0}%s"'
    pair.on_source(f"INSERT INTO {relation} SELECT g, 'x', 'é' FROM generate_series(1, 3000) g")
    pair.hold_snapshot()
    pair.copy(pair.jobs(relation, 16384))
    sql = f"SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM {relation} t"
    assert pair.on_source(sql) == pair.on_destination(sql)


def test_nothing_and_next_to_nothing(pair: Pair) -> None:
    """No page, many pages without a row, rows only at both ends."""
    pair.on_both("CREATE TABLE public.empty (a text); CREATE TABLE public.hollow (a int, b text)")
    pair.on_source("INSERT INTO public.hollow SELECT g, repeat('x', 1000) FROM generate_series(1, 20000) g")
    pair.on_source("DELETE FROM public.hollow WHERE a BETWEEN 2 AND 19999")
    pair.on_source("VACUUM public.hollow")
    assert_copied(pair, "public.empty")
    assert_copied(pair, "public.hollow", 1 << 21)


def test_toasted_values_and_parents(pair: Pair) -> None:
    """Of a parent only its own rows; children and leaves by themselves."""
    pair.on_both(
        "CREATE TABLE public.p (a int, b text); CREATE TABLE public.c () INHERITS (public.p);"
        "CREATE TABLE public.r (a int, b text) PARTITION BY RANGE (a);"
        "CREATE TABLE public.leaf PARTITION OF public.r FOR VALUES FROM (0) TO (9)"
    )
    big = "(SELECT string_agg(md5(g::text), '') FROM generate_series(1, 20000) g)"
    pair.on_source(f"INSERT INTO public.p VALUES (1, {big}); INSERT INTO public.c VALUES (2, {big})")
    pair.on_source(f"INSERT INTO public.r VALUES (3, {big})")
    for relation in ("public.p", "public.c", "public.leaf"):
        assert_copied(pair, relation, 65536)


def test_settings_of_the_databases_change_nothing(pair: Pair) -> None:
    """Timeouts would end the copy, and values would be read otherwise than they were written."""
    kept = {
        kind: VALUES[kind]
        for kind in ("double precision", "date", "timestamptz", "interval", "bytea", "text[]", "money")
    }
    fill(pair, "public.t", {**kept, "regclass": OIDS["regclass"][:1]})
    pair.hold_snapshot()
    jobs = pair.jobs("public.t")
    for cluster, name in ((pair.old, pair.database), (pair.new, pair.target)):
        for setting in (
            "statement_timeout = 1", "idle_in_transaction_session_timeout = 1", "DateStyle = 'SQL, DMY'",
            "IntervalStyle = 'sql_standard'", "TimeZone = 'Asia/Kolkata'", "extra_float_digits = -15",
            "bytea_output = 'escape'", "search_path = 'public'", "array_nulls = off", "enable_tidscan = off",
            "client_encoding = 'LATIN1'", "default_transaction_read_only = on",
            "default_transaction_isolation = 'serializable'",
        ):  # fmt: skip
            cluster.execute(f"ALTER DATABASE {name} SET {setting}")
    pair.copy(jobs)
    for cluster, name in ((pair.old, pair.database), (pair.new, pair.target)):
        cluster.execute(f"ALTER DATABASE {name} RESET ALL")
    source, destination = pair.checksums("public.t")
    assert source == destination


def test_types_of_an_extension(pair: Pair) -> None:
    """In binary where both servers have the same version of it, else as text."""
    versions = "SELECT max(version) FROM pg_available_extension_versions WHERE name = 'citext'"
    if not all(found := (pair.on_source(versions)[0][0], pair.on_destination(versions)[0][0])):
        pytest.skip("one of the two has no citext")
    pair.on_source("CREATE EXTENSION citext VERSION '1.6'")
    pair.on_destination(f"CREATE EXTENSION citext VERSION '{found[1]}'")
    pair.on_both("CREATE TABLE public.t (a public.citext, b public.citext[])")
    pair.on_source("INSERT INTO public.t VALUES ('Ä', '{a,B}')")
    assert binary(pair, "public.t") == (found[1] == "1.6")
    assert_copied(pair, "public.t")


ENCODINGS = [
    ("LATIN1", "LATIN1"),
    ("LATIN1", "UTF8"),
    ("SQL_ASCII", "SQL_ASCII"),
    ("UTF8", "LATIN1"),
    ("UTF8", "SQL_ASCII"),
]


def in_encodings(stack: ExitStack, old: Cluster, new: Cluster, encodings: tuple[str, str]) -> Pair:
    names = (f"old_{id(stack)}", f"new_{id(stack)}")
    for cluster, name, encoding in zip((old, new), names, encodings, strict=True):
        create_database(cluster, name, encoding)
        stack.callback(cluster.execute, f"DROP DATABASE {name} WITH (FORCE)")
    return make_pair(stack, old, new, names)


@pytest.mark.parametrize("encodings", ENCODINGS, ids="-".join)
def test_encodings(shared: Callable[[int], Cluster], encodings: tuple[str, str]) -> None:
    """Every byte of LATIN1, converted where the two databases differ, untouched where they do not."""
    old, new = shared(15), shared(18)
    with ExitStack() as stack:
        pair = in_encodings(stack, old, new, encodings)
        pair.on_both("CREATE TABLE public.t (a int, b text)")
        make = {"LATIN1": "chr(g)", "UTF8": "chr(g)", "SQL_ASCII": "convert_from(set_byte('x', 0, g), 'SQL_ASCII')"}
        pair.on_source(
            f"INSERT INTO public.t SELECT g, {make[encodings[0]]} FROM generate_series(1, 255) g WHERE g NOT BETWEEN 128 AND 159"
        )
        pair.hold_snapshot()
        pair.copy(pair.jobs("public.t"))
        meant = encodings[0] if encodings[1] == "SQL_ASCII" else encodings[1]
        told = "SELECT a, convert_to(b, current_setting('server_encoding')) FROM public.t ORDER BY a"
        got, had = pair.on_destination(told), pair.on_source(told)
        decode = {"LATIN1": "latin1", "UTF8": "utf8", "SQL_ASCII": "latin1"}
        assert [(a, bytes(b).decode(decode[meant])) for a, b in got] == [
            (a, bytes(b).decode(decode[encodings[0]])) for a, b in had
        ]
        assert len(got) == 223


@pytest.mark.parametrize(
    ("encodings", "value"),
    [(("SQL_ASCII", "UTF8"), "convert_from('\\xe9', 'SQL_ASCII')"), (("UTF8", "LATIN1"), "chr(8364)")],
)
def test_text_that_does_not_fit_is_said(
    shared: Callable[[int], Cluster], encodings: tuple[str, str], value: str
) -> None:
    old, new = shared(15), shared(18)
    with ExitStack() as stack:
        pair = in_encodings(stack, old, new, encodings)
        pair.on_both("CREATE TABLE public.t (a int, b text)")
        pair.on_source(f"INSERT INTO public.t SELECT 1, {value}")
        pair.hold_snapshot()
        with pytest.raises(CopyError, match="encoding"):
            pair.copy(pair.jobs("public.t"))
        assert pair.on_destination("SELECT count(*) FROM public.t") == [(0,)]
