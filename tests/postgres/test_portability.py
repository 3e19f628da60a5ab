"""What cannot come along, or not as it stands, is told by object, reason and remedy before anything is made."""

import re
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files

import psycopg
import pytest

from migrator.comparison.discrepancy import Discrepancy
from migrator.comparison.schemas import discrepancies
from migrator.connection import session_of
from migrator.looks.instances import read_instance
from migrator.machines.cluster import Cluster
from migrator.phases import portability
from tests.postgres.schema_trial import Trial, load

Shared = Callable[[int], Cluster]
Databases = Callable[..., str]


def test_what_only_older_servers_know_is_told_with_what_mends_it(shared: Shared, database: Databases) -> None:
    each = Trial(shared(15), database(shared(15)), shared(18), database(shared(18)))
    load(each.source, each.database, "everything/source.sql", "everything/source_before_17.sql")
    told = {finding.code: finding for finding in each.portability()}
    assert told.keys() == {"partition_identity", "nullable_below_not_null", "not_replicated"}
    below = [finding.message for finding in each.portability() if finding.code == "nullable_below_not_null"]
    assert [message.partition(" is nullable")[0] for message in below] == [
        "Column id of app.lax",
        "Column id of app.own_lax",
    ]
    assert "Column id of partition app.counted_1" in told["partition_identity"].message
    assert [told[code].blocking for code in sorted(told)] == [False, True, True]
    assert "app.loose" in told["not_replicated"].message
    each.source.execute(
        "ALTER TABLE app.lax ALTER COLUMN id SET NOT NULL; ALTER TABLE app.own_lax ALTER COLUMN id SET NOT NULL;"
        "ALTER TABLE app.counted_1 ALTER COLUMN id DROP IDENTITY",
        each.database,
    )
    assert [finding.code for finding in each.portability()] == ["not_replicated"]


def test_rows_of_unlogged_tables_are_nobodys_to_refuse(shared: Shared, database: Databases) -> None:
    each = Trial(shared(15), database(shared(15)), shared(18), database(shared(18)))
    each.source.execute(
        "CREATE UNLOGGED TABLE loose (id integer); CREATE TABLE firm (id integer PRIMARY KEY)", each.database
    )
    each.run()
    assert each.look().database.source_schema.leaves() == ("public.firm",)  # type: ignore[union-attr]
    each.filled = frozenset({"public.loose", "public.firm"})
    assert [(finding.code, finding.relation) for finding in each.pre_data().findings] == [
        ("destination_not_empty", "public.firm")
    ]
    each.source.execute("ALTER TABLE loose SET LOGGED", each.database)
    (drift, *_) = each.pre_data().findings
    assert (drift.code, drift.remedy) == ("schema_drift", "On the destination: ALTER TABLE public.loose SET LOGGED")


GONE = """
CREATE SCHEMA app;
CREATE TABLE app.steps (id integer PRIMARY KEY, spent interval[] DEFAULT interval_accum(ARRAY['1 s', '2 s']::interval[], '3 s'),
    CHECK (interval_accum(spent, '1 s') IS NOT NULL));
CREATE INDEX steps_spent ON app.steps (interval_accum(spent, '1 s'));
CREATE AGGREGATE app.spent(interval) (SFUNC = interval_accum, STYPE = interval[], INITCOND = '{0 second,0 second}');
CREATE VIEW app.writes AS SELECT checkpoints_req, buffers_clean FROM pg_stat_bgwriter;
CREATE MATERIALIZED VIEW app.wal AS SELECT wal_write FROM pg_stat_wal;
CREATE VIEW app.locales AS SELECT d.* FROM pg_database d;
CREATE VIEW app.names AS SELECT datname FROM pg_database;
CREATE FUNCTION app.zones() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM pg_timezone_abbrevs(); END;
CREATE FUNCTION app.hurried() RETURNS integer LANGUAGE sql SET force_parallel_mode = on SET work_mem = '8MB' AS 'SELECT 1';
"""


def test_what_is_gone_is_told_with_who_uses_it(shared: Shared, database: Databases) -> None:
    each = Trial(shared(15), database(shared(15)), shared(18), database(shared(18)))
    each.source.execute(GONE, each.database)
    each.source.execute("CREATE EXTENSION pg_buffercache; CREATE EXTENSION pg_stat_statements", each.database)
    found = {}
    for finding in each.portability():
        assert (finding.code, finding.blocking) == ("built_in_missing", True)
        named = re.fullmatch(r"The destination has no (.*), which PostgreSQL (\d+) .* used by: (.*)\.", finding.message)
        assert named is not None, finding.message
        found[named[1]] = (named[2], named[3])
    assert found == {
        "function interval_accum(interval[],interval)": (
            "17",
            "constraint steps_spent_check on table app.steps, default value for column spent of table app.steps, "
            "function app.spent(interval), index app.steps_spent",
        ),
        "function pg_timezone_abbrevs()": ("18", "function app.zones()"),
        "column pg_catalog.pg_database.daticulocale": ("17", "view app.locales"),
        "column pg_catalog.pg_stat_bgwriter.checkpoints_req": ("17", "view app.writes"),
        "column pg_catalog.pg_stat_wal.wal_write": ("18", "materialized view app.wal"),
        "setting force_parallel_mode": ("18", "function app.hurried()"),
    }


NAMELESS = """
CREATE SCHEMA app;
CREATE FUNCTION app.mixed(integer, b integer) RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT $1 + b; END;
CREATE FUNCTION app.returned(a text, text) RETURNS text LANGUAGE sql RETURN a || $2;
CREATE FUNCTION app.rows(integer) RETURNS TABLE (x integer) LANGUAGE sql BEGIN ATOMIC SELECT $1; END;
CREATE PROCEDURE app."Odd ""one"(integer, b integer) LANGUAGE sql BEGIN ATOMIC SELECT (SELECT b + $1); END;
"""
PRINTABLE = """
CREATE FUNCTION app.unused(integer, b integer) RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT b; END;
CREATE FUNCTION app.none_named(integer, integer) RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT $1 - $2; END;
CREATE FUNCTION app.as_text(integer, b integer) RETURNS integer LANGUAGE sql AS 'SELECT $1 - b';
CREATE FUNCTION app.quoting(integer, b integer) RETURNS text LANGUAGE sql
    BEGIN ATOMIC SELECT '"" {PARAM :paramkind 0 :paramid 1 ' || b AS "{PARAM :paramkind 0 :paramid 1 "; END;
"""
NAMED = """
CREATE OR REPLACE FUNCTION app.mixed(first integer, b integer) RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT $1 + b; END;
CREATE OR REPLACE FUNCTION app.returned(a text, b text) RETURNS text LANGUAGE sql RETURN a || $2;
CREATE OR REPLACE FUNCTION app.rows(a integer) RETURNS TABLE (x integer) LANGUAGE sql BEGIN ATOMIC SELECT $1; END;
"""


@pytest.mark.finding("parameter_without_name")
@pytest.mark.parametrize("version", [15, 16, 17, 18])
def test_a_routine_that_postgresql_cannot_print_is_told(version: int, shared: Shared, database: Databases) -> None:
    """The oracle is each server itself: what it prints of such a routine, it cannot read; of any other it can."""
    each = Trial(shared(version), database(shared(version)), shared(18), database(shared(18)))
    each.source.execute(NAMELESS + PRINTABLE, each.database)
    printed = each.source.execute(
        "SELECT CASE prokind WHEN 'p' THEN 'procedure ' ELSE 'function ' END || oid::regprocedure, pg_get_functiondef(oid)"
        " FROM pg_proc WHERE pronamespace = 'app'::regnamespace",
        each.database,
    )
    broken = {name for name, definition in printed if not _readable(each, definition)}
    assert len(broken) == 4
    told = each.portability()
    assert {(finding.code, finding.blocking) for finding in told} == {("parameter_without_name", True)}
    assert {finding.message.partition(" in database")[0] for finding in told} == {
        f"The body of {name}" for name in broken
    }
    shown = [item for item in discrepancies(each.look(), cutover_to_come=False) if '""' in str(item.mend)]
    assert [item.identity for item in shown] == ["app.quoting(integer,integer)"], (
        "no statement that cannot run is offered"
    )

    each.source.execute(NAMED, each.database)
    each.source.execute('DROP PROCEDURE app."Odd ""one"', each.database)
    assert each.portability() == ()
    each.run()
    assert each.destination.execute("SELECT app.mixed(1, 2), app.returned('a', 'b')", each.target) == [(3, "ab")]
    assert discrepancies_of(each) == []


def discrepancies_of(each: Trial) -> list[Discrepancy]:
    return list(discrepancies(each.look(), cutover_to_come=False))


def _readable(each: Trial, definition: str) -> bool:
    try:
        each.source.execute(definition, each.database)
    except psycopg.errors.SyntaxError as error:
        assert "zero-length delimited identifier" in str(error)
        return False
    return True


def test_a_collation_of_the_machine_that_is_missing_is_told(shared: Shared, database: Databases) -> None:
    each = Trial(shared(15), database(shared(15)), shared(18), database(shared(18)))
    ((name,),) = each.source.execute(
        "SELECT min(collname) FROM pg_collation WHERE oid BETWEEN 12000 AND 16383 AND collencoding IN (-1, pg_char_to_encoding('UTF8'))"
    )
    each.source.execute(f'CREATE TABLE sorted (a text COLLATE "C", b text COLLATE "{name}", c text)', each.database)
    view = each.look()

    def told(*known: str) -> list[str]:
        there = replace(view.destination, collations=frozenset(known))
        seen = replace(view, observation=replace(view.observation, destination=there))
        return [finding.message for finding in portability.findings(seen) if finding.code == "collation_missing"]

    (message,) = told("C", "POSIX")
    assert f'collation "{name}"' in message and "column b of table public.sorted" in message
    assert told(name) == told() == []
    with session_of(shared(15).spec("trial"), None, "trial") as session:
        assert name in read_instance(session).collations


@pytest.mark.parametrize("version", [15, 16, 17])
def test_nothing_that_a_version_took_away_is_missing_in_the_list(version: int, shared: Shared) -> None:
    text = (files("migrator.schema") / "built_in.sql").read_text(encoding="utf-8")
    functions = {(int(oid), int(since)) for oid, since in re.findall(r"\((\d+), (\d+)\)", text)}
    columns = {
        (name, column, int(since)) for name, column, since in re.findall(r"\('([\w.]+)', '(\w+)', (\d+)\)", text)
    }
    here, there = shared(version), shared(version + 1)
    gone = set(here.execute(FUNCTIONS)) - set(there.execute(FUNCTIONS))
    builds = [server.execute("SHOW server_version") for server in (here, there)]
    assert {oid for oid, _ in gone} == {oid for oid, since in functions if since == version + 1}, (builds, gone)
    lost = set(here.execute(COLUMNS)) - set(there.execute(COLUMNS))
    assert lost == {(name, column) for name, column, since in columns if since == version + 1}


FUNCTIONS = r"SELECT oid::bigint, proname FROM pg_proc WHERE oid < 12000 AND proname NOT LIKE 'binary\_upgrade\_%'"
"""But those that only pg_upgrade may call: a minor release may bring one, and the other version's build be older than that."""
COLUMNS = """SELECT format('%I.%I', n.nspname, c.relname), a.attname::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.oid < 16384 AND c.relkind IN ('r', 'v') AND n.nspname <> 'pg_toast'"""
