"""Two servers' spellings of one definition agree; anything that means another thing does not."""

import pytest

from migrator.schema.spelling import canonical, says_the_same, with_later_quotes

VIEW_15 = """CREATE VIEW app.seen AS  SELECT plain.id,
    plain.plain AS "No te",
    ( SELECT count(*) FROM app.other WHERE (other.id = plain.id)) AS n
   FROM app.plain
  WHERE (plain.note <> 'plain.id  "x"'::text)"""
VIEW_16 = """CREATE VIEW app.seen AS  SELECT id,
    plain AS "No te",
    ( SELECT count(*) FROM app.other WHERE (other.id = plain.id)) AS n
   FROM app.plain
  WHERE (note <> 'plain.id  "x"'::text)"""


def test_servers_that_quote_other_words_agree() -> None:
    assert canonical('CHECK (("json_table" > 0))') == canonical("CHECK ((json_table  > 0))")
    assert canonical('"Mixed" > 0') != canonical("mixed > 0")


def test_a_constant_that_names_something_may_be_quoted_otherwise() -> None:
    here, there = "nextval('app.\"json\"'::regclass)", "nextval('app.json'::regclass)"
    assert canonical(here) == canonical(there)
    assert canonical(here.replace("regclass", "text")) != canonical(there.replace("regclass", "text"))
    assert canonical("nextval('\"A  b\"'::regclass)") != canonical("nextval('\"A b\"'::regclass)")


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("CHECK ((system_user <> 'system_user'::text))", "CHECK ((\"system_user\" <> 'system_user'::text))"),
        ('CHECK (("system_user" <> SYSTEM_USER))', None),
        ("CREATE FUNCTION app.f(json json) RETURNS json", 'CREATE FUNCTION app.f("json" json) RETURNS json'),
        (
            "RETURNS json\n LANGUAGE sql\nAS $f$ SELECT system_user $f$",
            'RETURNS "json"\n LANGUAGE sql\nAS $f$ SELECT system_user $f$',
        ),
        ("SELECT '{}'::json AS a, x::json.kind", "SELECT '{}'::json AS a, x::\"json\".kind"),
        ("app.f(json => a.json)", 'app.f("json" => a.json)'),
        ("(json_value = json)", None),
        ("app.json_value(json, json[])", None),
    ],
)
def test_names_that_became_keywords_are_quoted(older: str, newer: str | None) -> None:
    assert with_later_quotes(older) == (newer or older)
    assert with_later_quotes(newer or older) == (newer or older)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("'a  b'", "'a b'"),
        ("'\"x\"'", "'x'"),
        ('$f$ BEGIN  RETURN "x"; $f$', '$f$ BEGIN RETURN "x"; $f$'),
        (r"E'it\'s  \\'", r"E'it\'s \\'"),
        ('"a  b"', '"a b"'),
    ],
)
def test_what_stands_in_literals_and_names_is_not_spelling(here: str, there: str) -> None:
    assert canonical(here) != canonical(there)


def test_a_view_of_one_table_may_leave_out_its_name() -> None:
    assert says_the_same(VIEW_15, VIEW_16)
    assert says_the_same("SELECT n_1.n FROM numbers n_1 WHERE (n_1.n < 5)", "SELECT n FROM numbers n_1 WHERE (n < 5)")


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("SELECT EXTRACT(year FROM t.at) AS y FROM app.t", "SELECT EXTRACT(year FROM at) AS y FROM app.t"),
        (
            "SELECT t.id FROM app.t WHERE (t.a IS DISTINCT FROM t.b)",
            "SELECT id FROM app.t WHERE (a IS DISTINCT FROM b)",
        ),
        ("SELECT TRIM(BOTH FROM t.a) AS s FROM app.t", "SELECT TRIM(BOTH FROM a) AS s FROM app.t"),
    ],
)
def test_the_word_from_may_stand_in_an_expression(here: str, there: str) -> None:
    assert says_the_same(here, there)


def test_xml_without_indentation_says_so_from_16_on() -> None:
    older, newer = "XMLSERIALIZE(CONTENT t.x AS text)", "XMLSERIALIZE(CONTENT t.x AS text NO INDENT)"
    assert canonical(older) == canonical(newer)
    assert canonical(newer) != canonical(newer.replace("NO INDENT", "INDENT"))
    assert says_the_same(f"SELECT {older} FROM app.t", f"SELECT {newer.replace('t.x', 'x')} FROM app.t")


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (VIEW_15, VIEW_16.replace("SELECT id", "SELECT other")),
        ("SELECT id FROM app.app", "SELECT id FROM app"),
        (VIEW_15, VIEW_16.replace("plain.id  ", "plain.id ")),
        (VIEW_15, VIEW_16.replace("id = plain.id", "id = other.id")),
        ("SELECT a.id, b.x FROM t a JOIN t b ON true", "SELECT id, x FROM t a JOIN t b ON true"),
        ("SELECT app.f(id) FROM app.plain", "SELECT f(id) FROM app.plain"),
        ("SELECT f.f(id) FROM app.f", "SELECT f(id) FROM app.f"),
        ("SELECT id FROM app.pg_class", "SELECT id FROM pg_class"),
        ("SELECT plain.id FROM app.plain", "SELECT id FROM app.other"),
        ("SELECT id::plain.text FROM app.plain", "SELECT id::text FROM app.plain"),
        ("RETURNS app.text", "RETURNS text"),
        ("SELECT plain.id FROM app.plain", "SELECT id FROM app.plain WHERE true"),
    ],
)
def test_any_other_difference_is_one(here: str, there: str) -> None:
    assert not says_the_same(here, there)


COLLATION = "CREATE COLLATION public.c (provider = icu, {})"


def test_an_icu_locale_that_is_no_language_tag_is_another_from_16_on() -> None:
    written = COLLATION.format("LOCALE = '@colStrength=secondary'")
    assert says_the_same(written, COLLATION.format("locale = 'und-u-ks-level2'"))
    assert not says_the_same(written, COLLATION.format("LOCALE = 'de'")), "both are as they were written"
    assert not says_the_same(written, COLLATION.format("deterministic = false, locale = 'und-u-ks-level2'"))
    assert not says_the_same(COLLATION.format("locale = 'de'"), COLLATION.format("locale = 'de-AT'"))


ROUTINE = "CREATE OR REPLACE FUNCTION f(a integer) RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT {}; END"


def test_a_routines_column_may_be_named_as_the_parameter_that_it_is() -> None:
    assert says_the_same(ROUTINE.format("a"), ROUTINE.format("a AS a"))
    assert says_the_same(ROUTINE.format('"Odd", b.a'), ROUTINE.format('"Odd" AS "Odd", b.a AS a'))
    for column in ("a AS b", "b", "'a' AS a", "a AS a AS a", "a AS a + 1"):
        assert not says_the_same(ROUTINE.format("a"), ROUTINE.format(column)), column
    assert not says_the_same("CREATE VIEW v AS SELECT a", "CREATE VIEW v AS SELECT a AS a"), (
        "a view's columns are its own"
    )
