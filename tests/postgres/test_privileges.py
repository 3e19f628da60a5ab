"""Owners and privileges on real servers: pg_dump as the oracle, fences that stay where they are."""

import subprocess
from collections.abc import Callable

import pytest

from migrator.machines.cluster import Cluster
from migrator.machines.provision import postgres_bin
from migrator.phases import claims, databases, privileges, roles
from migrator.steps import Step
from tests.postgres.acls import Right, rights
from tests.postgres.rights import Migration, codes

Clusters = Callable[..., Cluster]

SLOW = pytest.mark.slow

ROLES = """
CREATE ROLE owner; CREATE ROLE app LOGIN; CREATE ROLE reader LOGIN; CREATE ROLE "We""ird {role}" LOGIN;
"""

OBJECTS = """
CREATE SCHEMA app;
CREATE SCHEMA "Odd {Schema}";
CREATE TYPE app.mood AS ENUM ('sad', 'ok');
CREATE TYPE app.point2 AS (x int, y int);
CREATE DOMAIN app.positive AS int CHECK (value > 0);
CREATE TYPE app.span AS RANGE (subtype = int);
CREATE TABLE app.customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, secret text);
CREATE TABLE app.notes (id serial PRIMARY KEY, "Odd {Column}" text);
CREATE TABLE app.events (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE app.events_2025 PARTITION OF app.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE "Odd {Schema}"."Odd ""Table" (id int);
CREATE TABLE app.closed (id int);
CREATE TABLE app.ours (id int);
CREATE TABLE app.everything (id int);
CREATE SEQUENCE app.numbers;
CREATE VIEW app.names AS SELECT name FROM app.customers;
CREATE FUNCTION app.greet(text, "Odd {Schema}"."Odd ""Table") RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE PROCEDURE app.work() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE app.total(int) (SFUNC = int4pl, STYPE = int);
CREATE MATERIALIZED VIEW app.stored AS SELECT 1 AS one;
CREATE COLLATION app.bytes FROM "C";
CREATE CONVERSION app.convert FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE FUNCTION app.near(app.mood, app.mood) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR app.~~~ (LEFTARG = app.mood, RIGHTARG = app.mood, FUNCTION = app.near);
CREATE OPERATOR FAMILY app.family USING btree;
CREATE OPERATOR CLASS app.class FOR TYPE int USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(int);
CREATE TEXT SEARCH DICTIONARY app.stops (TEMPLATE = pg_catalog.simple);
CREATE TEXT SEARCH CONFIGURATION app.words (COPY = pg_catalog.simple);
CREATE STATISTICS app.together ON id, name FROM app.customers;
CREATE PUBLICATION theirs FOR TABLE app.customers;
CREATE FOREIGN DATA WRAPPER wrapper;
CREATE SERVER far FOREIGN DATA WRAPPER wrapper;
CREATE SCHEMA json_array;
CREATE SCHEMA "system_user";
CREATE TABLE app.json_table (id int PRIMARY KEY, "system_user" int);
CREATE TABLE "system_user".normal (id int, json_value int, "system_user" int, "user" int);
CREATE TYPE app.json_scalar AS ENUM ('one');
CREATE FUNCTION app.json_exists(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION json_array.of_row(app.json_table) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE VIEW json_array.json_query AS SELECT 1 AS json_value;
CREATE COLLATION app.json_serialize FROM "C";
"""

RIGHTS = """
ALTER SCHEMA app OWNER TO owner;
ALTER SCHEMA "Odd {Schema}" OWNER TO "We""ird {role}";
GRANT USAGE ON SCHEMA app TO app WITH GRANT OPTION;
GRANT ALL ON SCHEMA "Odd {Schema}" TO PUBLIC;
GRANT CREATE ON SCHEMA public TO PUBLIC;
ALTER TYPE app.mood OWNER TO owner;
REVOKE USAGE ON TYPE app.mood FROM PUBLIC;
GRANT USAGE ON TYPE app.mood TO app;
ALTER TYPE app.point2 OWNER TO app;
ALTER TYPE app.span OWNER TO app;
ALTER DOMAIN app.positive OWNER TO owner;
GRANT USAGE ON DOMAIN app.positive TO app WITH GRANT OPTION;
ALTER TABLE app.customers OWNER TO owner;
GRANT SELECT, INSERT, UPDATE ON app.customers TO app;
GRANT SELECT ON app.customers TO reader WITH GRANT OPTION;
GRANT SELECT (id, name), UPDATE (name) ON app.customers TO "We""ird {role}";
GRANT REFERENCES (id) ON app.customers TO app WITH GRANT OPTION;
GRANT USAGE ON SEQUENCE app.customers_id_seq TO app;
ALTER TABLE app.notes OWNER TO app;
GRANT SELECT ("Odd {Column}") ON app.notes TO PUBLIC;
GRANT ALL ON SEQUENCE app.notes_id_seq TO "We""ird {role}";
ALTER TABLE app.events OWNER TO owner;
ALTER TABLE app.events_2025 OWNER TO app;
GRANT TRUNCATE ON app.events_2025 TO reader;
ALTER TABLE "Odd {Schema}"."Odd ""Table" OWNER TO "We""ird {role}";
ALTER TABLE app.closed OWNER TO owner;
REVOKE ALL ON app.closed FROM owner;
GRANT SELECT ON app.ours TO reader;
ALTER TABLE app.everything OWNER TO owner;
GRANT ALL ON app.everything TO app;
GRANT ALL ON app.everything TO reader WITH GRANT OPTION;
ALTER SEQUENCE app.numbers OWNER TO app;
GRANT USAGE, SELECT ON SEQUENCE app.numbers TO reader;
ALTER VIEW app.names OWNER TO reader;
GRANT SELECT ON app.names TO PUBLIC;
ALTER FUNCTION app.greet OWNER TO owner;
REVOKE EXECUTE ON FUNCTION app.greet FROM PUBLIC;
ALTER PROCEDURE app.work() OWNER TO app;
GRANT EXECUTE ON PROCEDURE app.work() TO reader;
ALTER AGGREGATE app.total(int) OWNER TO app;
REVOKE ALL ON FUNCTION app.total(int) FROM PUBLIC;
ALTER MATERIALIZED VIEW app.stored OWNER TO app;
GRANT SELECT ON app.stored TO reader;
ALTER COLLATION app.bytes OWNER TO owner;
ALTER CONVERSION app.convert OWNER TO owner;
ALTER OPERATOR app.~~~ (app.mood, app.mood) OWNER TO owner;
ALTER OPERATOR FAMILY app.family USING btree OWNER TO owner;
ALTER OPERATOR CLASS app.class USING hash OWNER TO owner;
ALTER TEXT SEARCH DICTIONARY app.stops OWNER TO app;
ALTER TEXT SEARCH CONFIGURATION app.words OWNER TO "We""ird {role}";
ALTER STATISTICS app.together OWNER TO owner;
ALTER PUBLICATION theirs OWNER TO "We""ird {role}";
GRANT USAGE ON FOREIGN DATA WRAPPER wrapper TO owner WITH GRANT OPTION;
ALTER SERVER far OWNER TO owner;
GRANT USAGE ON FOREIGN SERVER far TO app;
REVOKE USAGE ON LANGUAGE sql FROM PUBLIC;
GRANT USAGE ON LANGUAGE sql TO owner, app;
ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT SELECT ON TABLES TO reader;
ALTER DEFAULT PRIVILEGES FOR ROLE owner REVOKE EXECUTE ON ROUTINES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA app GRANT ALL ON TABLES TO app;
ALTER DEFAULT PRIVILEGES FOR ROLE "We""ird {role}" IN SCHEMA app GRANT USAGE ON SEQUENCES TO reader WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE app REVOKE ALL ON TYPES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT USAGE ON SCHEMAS TO reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA "system_user" GRANT SELECT ON TABLES TO reader;
ALTER SCHEMA json_array OWNER TO owner;
GRANT USAGE ON SCHEMA "system_user" TO reader;
ALTER TABLE app.json_table OWNER TO app;
GRANT SELECT ON app.json_table TO reader;
GRANT SELECT (json_value, "system_user", "user") ON "system_user".normal TO reader;
GRANT UPDATE ("system_user") ON app.json_table TO reader;
ALTER TYPE app.json_scalar OWNER TO app;
REVOKE USAGE ON TYPE app.json_scalar FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION app.json_exists(text) FROM PUBLIC;
ALTER FUNCTION json_array.of_row(app.json_table) OWNER TO app;
REVOKE EXECUTE ON FUNCTION json_array.of_row(app.json_table) FROM PUBLIC;
GRANT SELECT (json_value) ON json_array.json_query TO app;
ALTER COLLATION app.json_serialize OWNER TO owner;
"""


CHAINS = """
CREATE ROLE first; CREATE ROLE "se""cond"; CREATE ROLE third; CREATE ROLE boss SUPERUSER;
CREATE SCHEMA hidden AUTHORIZATION owner;
CREATE TABLE hidden.t (id int, name text); ALTER TABLE hidden.t OWNER TO owner;
GRANT SELECT, INSERT ON hidden.t TO first WITH GRANT OPTION;
GRANT UPDATE (name) ON hidden.t TO first WITH GRANT OPTION;
GRANT USAGE ON TYPE app.mood TO first WITH GRANT OPTION;
GRANT USAGE ON SCHEMA app TO first WITH GRANT OPTION;
GRANT USAGE ON SEQUENCE app.numbers TO first WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION app.near TO first WITH GRANT OPTION;
GRANT USAGE ON FOREIGN SERVER far TO first WITH GRANT OPTION;
GRANT USAGE ON LANGUAGE sql TO first WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION pg_ls_dir(text) TO first WITH GRANT OPTION;
SET allow_system_table_mods TO on;
GRANT USAGE ON SCHEMA hidden TO first;
SET ROLE first;
GRANT SELECT ON hidden.t TO "se""cond" WITH GRANT OPTION;
GRANT INSERT ON hidden.t TO third;
GRANT UPDATE (name) ON hidden.t TO third;
GRANT USAGE ON TYPE app.mood TO third;
GRANT USAGE ON SCHEMA app TO third WITH GRANT OPTION;
GRANT USAGE ON SEQUENCE app.numbers TO third;
GRANT EXECUTE ON FUNCTION app.near TO third;
GRANT USAGE ON FOREIGN SERVER far TO third;
GRANT USAGE ON LANGUAGE sql TO third;
GRANT EXECUTE ON FUNCTION pg_ls_dir(text) TO third;
RESET ROLE;
GRANT USAGE ON SCHEMA hidden TO "se""cond";
SET ROLE "se""cond";
GRANT SELECT ON hidden.t TO third, PUBLIC;
RESET ROLE;
REVOKE USAGE ON SCHEMA hidden FROM first, "se""cond";
GRANT INSERT ON hidden.t TO third;
GRANT SELECT ON hidden.t TO boss WITH GRANT OPTION;
"""
"""Grantors that may no longer name what they gave rights on, rights from several hands."""

OF_OTHERS = """
GRANT EXECUTE ON FUNCTION pg_ls_dir(text) TO reader;
REVOKE EXECUTE ON FUNCTION pg_sleep(float8) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION lo_creat(int) FROM PUBLIC;
GRANT SELECT ON pg_authid TO reader;
GRANT SELECT (rolname, rolpassword) ON pg_authid TO app;
REVOKE SELECT ON pg_roles FROM PUBLIC;
REVOKE SELECT ON information_schema.tables FROM PUBLIC;
REVOKE SELECT (subname) ON pg_subscription FROM PUBLIC;
GRANT SELECT (subconninfo) ON pg_subscription TO reader;
REVOKE USAGE ON SCHEMA information_schema FROM PUBLIC;
REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC;
GRANT USAGE ON LANGUAGE plpgsql TO app;
REVOKE USAGE ON TYPE money FROM PUBLIC;
"""
"""Changed rights on what initdb and an extension (plpgsql) have made."""


def dumped(cluster: Cluster) -> list[str]:
    """The owners and privileges that the newest pg_dump sees in database shop."""
    command = [str(postgres_bin(18) / "pg_dump"), "--schema-only", "-d", cluster.dsn("shop"), "-N", "migrator"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    wanted = (line for line in text.splitlines() if " OWNER TO " in line or "GRANT " in line or "REVOKE " in line)
    return [_normal(line) for line in wanted if not line.startswith("GRANT MAINTAIN ")]


def _normal(line: str) -> str:
    """Whoever loses all that 15 knows, keeps MAINTAIN on 18: pg_dump says it so, and a dump restored on 18 does it.

    Without quotes: what a server spells (a routine's name) has them where that version needs them.
    """
    return line.replace('"', "").replace(
        "REVOKE SELECT,INSERT,REFERENCES,DELETE,TRIGGER,TRUNCATE,UPDATE ON", "REVOKE ALL ON"
    )


def differences(moving: Migration) -> list[str]:
    """What stands in one side's dump only."""
    return sorted(set(dumped(moving.source)) ^ set(dumped(moving.destination)))


def different_rights(moving: Migration) -> set[Right]:
    """What one side's catalogs have only. A source before 17 does not know MAINTAIN."""
    source = moving.source.execute("SHOW server_version_num")[0][0]
    maintain = int(str(source)) >= 170000
    return rights(moving.source, "shop", maintain=maintain) ^ rights(moving.destination, "shop", maintain=maintain)


def prepared(cluster: Clusters, version: int) -> Migration:
    """A mapping whose roles and database are there, and its objects as pre_data makes them; rights on the source only."""
    made = Migration(cluster(version), cluster(18), ("shop",))
    made.begin()
    made.source.execute(ROLES)
    made.source.execute("CREATE DATABASE shop")
    made.converge(roles.examine)
    made.converge(claims.examine)
    made.converge(databases.examine)
    for side in (made.source, made.destination):
        side.execute(OBJECTS, "shop")
    return made


@pytest.fixture
def moving(cluster: Clusters) -> Migration:
    """From 15, where the differences are largest."""
    return prepared(cluster, 15)


def examine(moving: Migration) -> Step:
    return moving.examine(privileges.examine, "shop")


@pytest.mark.parametrize("version", [15, pytest.param(16, marks=SLOW), pytest.param(17, marks=SLOW), 18])
def test_owners_and_privileges_are_carried(cluster: Clusters, version: int) -> None:
    moving = prepared(cluster, version)
    moving.source.execute(RIGHTS, "shop")
    moving.source.execute(CHAINS, "shop")
    moving.source.execute(OF_OTHERS, "shop")
    moving.destination.execute("CREATE SCHEMA hidden; CREATE TABLE hidden.t (id int, name text)", "shop")
    moving.converge(roles.examine)
    assert {row[3] for row in different_rights(moving)} == {"", "given", "taken"}
    step = moving.converge(privileges.examine, "shop")
    assert (step.quiet, step.findings) == (True, ())
    assert different_rights(moving) == set()
    assert differences(moving) == []
    given = {row for row in rights(moving.destination, "shop") if row[1] == "hidden.t" and row[5] == "third"}
    assert {(row[4], row[6]) for row in given} >= {('se"cond', "SELECT"), ("first", "INSERT"), ("owner", "INSERT")}
    maintain = "SELECT has_table_privilege('app', 'app.everything', 'MAINTAIN')"
    assert moving.destination.execute(maintain, "shop") == [(version >= 17,)]


def test_stopped_between_transactions_it_goes_on(moving: Migration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileges, "BATCH", 15)
    moving.source.execute(RIGHTS, "shop")
    for _ in range(60):
        step = examine(moving)
        if not step.actions:
            break
        moving.apply(step.actions[:1])
        assert examine(moving).findings == ()
    assert differences(moving) == []
    assert (step.quiet, step.findings) == (True, ())


def test_nothing_is_given_where_nobody_was_given_anything(moving: Migration) -> None:
    assert [action.summary for action in examine(moving).actions] == ["note what is settled of the privileges in shop"]
    moving.converge(privileges.examine, "shop")
    assert moving.destination.execute("SELECT relacl FROM pg_class WHERE oid = 'app.notes'::regclass", "shop") == [
        (None,)
    ]


def test_a_fence_on_the_source_stays_there_also_where_all_is_at_its_default(moving: Migration) -> None:
    moving.converge(privileges.examine, "shop")
    moving.source.execute(
        "REVOKE INSERT, UPDATE ON app.ours FROM postgres; REVOKE EXECUTE ON FUNCTION app.near FROM PUBLIC;"
        "REVOKE USAGE ON TYPE app.mood FROM PUBLIC; REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC;"
        "REVOKE ALL ON SCHEMA public FROM PUBLIC; REVOKE EXECUTE ON FUNCTION pg_sleep FROM PUBLIC",
        "shop",
    )
    step = examine(moving)
    assert (step.quiet, step.actions, codes(step)) == (True, (), ["privilege_drift"])
    moving.destination.execute(step.findings[0].remedy.partition(": ")[2], "shop")
    assert examine(moving).findings == ()
    assert different_rights(moving) == set()


def test_what_is_made_anew_under_its_name_gets_its_rights(moving: Migration) -> None:
    moving.converge(privileges.examine, "shop")
    for side in (moving.source, moving.destination):
        side.execute("DROP TABLE app.ours; CREATE TABLE app.ours (id int)", "shop")
    moving.source.execute("GRANT SELECT ON app.ours TO app", "shop")
    assert (moving.converge(privileges.examine, "shop").findings, different_rights(moving)) == ((), set())


@pytest.mark.finding("privilege_object_missing")
def test_rights_on_what_the_destinations_version_lacks_are_named(moving: Migration) -> None:
    gone = "SELECT oid::regprocedure::text FROM pg_proc WHERE oid < 16384 AND proacl IS NULL"
    there = {row[0] for row in moving.destination.execute(gone, "shop")}
    lost = sorted(row[0] for row in moving.source.execute(gone, "shop") if row[0] not in there)
    for name in lost[:3]:
        moving.source.execute(f"REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC", "shop")
    step = moving.converge(privileges.examine, "shop")
    assert (step.quiet, codes(step)) == (True, ["privilege_object_missing"])
    assert all(f"routine {name}" in step.findings[0].message for name in lost[:3])
    for name in lost[:3]:
        moving.source.execute(f"GRANT EXECUTE ON FUNCTION {name} TO PUBLIC", "shop")
    assert examine(moving).findings == ()


def test_what_cannot_be_given_keeps_nothing_else_back(moving: Migration) -> None:
    moving.source.execute(RIGHTS, "shop")
    moving.destination.execute(REFUSE, "shop")
    for _ in range(3):
        moving.try_all(privileges.examine, "shop")
    step = examine(moving)
    assert [action.summary for action in step.actions] == ["give owner and privileges to table app.customers of shop"]
    different = {str(row[1]) for row in different_rights(moving) if "refuse" not in str(row[1])}
    assert "app.customers" in different
    assert all(name.startswith("app.customers") for name in different)
    moving.destination.execute("DROP EVENT TRIGGER refuse; DROP FUNCTION public.refuse", "shop")
    moving.converge(privileges.examine, "shop")
    assert different_rights(moving) == set()


REFUSE = """
CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'app.customers') THEN
        RAISE 'not this one';
    END IF;
END $$;
CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION public.refuse();
"""


@pytest.mark.finding("privilege_drift")
def test_a_fence_on_the_source_stays_there(moving: Migration) -> None:
    moving.source.execute(RIGHTS, "shop")
    moving.converge(privileges.examine, "shop")
    moving.source.execute(
        "REVOKE INSERT, UPDATE ON app.customers FROM app; REVOKE ALL ON app.notes FROM app; REVOKE USAGE ON SCHEMA app FROM app;"
        'REVOKE ALL ON SCHEMA public FROM PUBLIC; REVOKE SELECT (name) ON app.customers FROM "We""ird {role}"',
        "shop",
    )
    step = examine(moving)
    assert (step.quiet, step.actions, codes(step)) == (True, (), ["privilege_drift"])
    mending = step.findings[0].remedy.partition(": ")[2]
    assert "REVOKE INSERT, UPDATE ON TABLE app.customers FROM app;" in mending
    moving.destination.execute(mending, "shop")
    assert examine(moving).findings == ()
    assert differences(moving) == []


def test_what_is_made_later_gets_its_rights(moving: Migration) -> None:
    moving.source.execute(RIGHTS, "shop")
    moving.converge(privileges.examine, "shop")
    later = "CREATE TABLE app.later (id serial); ALTER TABLE app.notes ADD added text;"
    moving.source.execute(later, "shop")
    moving.destination.execute(later, "shop")
    moving.source.execute(
        "ALTER TABLE app.later OWNER TO owner; GRANT SELECT ON app.later TO app; GRANT SELECT ON app.later_id_seq TO app;"
        "GRANT UPDATE (added) ON app.notes TO reader",
        "shop",
    )
    step = moving.converge(privileges.examine, "shop")
    assert (step.quiet, step.findings) == (True, ())
    assert differences(moving) == []


@pytest.mark.finding("grantee_missing")
def test_roles_that_the_destination_lacks_are_named(moving: Migration) -> None:
    moving.source.execute(
        "CREATE ROLE late; ALTER TABLE app.customers OWNER TO late; GRANT SELECT ON app.customers TO late, app", "shop"
    )
    moving.source.execute("ALTER DEFAULT PRIVILEGES FOR ROLE late GRANT SELECT ON TABLES TO app", "shop")
    step = moving.converge(privileges.examine, "shop")
    assert (step.quiet, codes(step)) == (True, ["grantee_missing"])
    assert "no role late" in step.findings[0].message
    assert moving.destination.execute("SELECT has_table_privilege('app', 'app.customers', 'SELECT')", "shop") == [
        (True,)
    ]
    moving.converge(roles.examine)
    step = moving.converge(privileges.examine, "shop")
    assert (step.quiet, step.findings) == (True, ())
    assert differences(moving) == []


@pytest.mark.parametrize("version", [15, pytest.param(18, marks=SLOW)])
def test_changed_rights_on_an_extensions_members_are_carried(cluster: Clusters, version: int) -> None:
    moving = prepared(cluster, version)
    extension = available(moving, "hstore", "pgcrypto", "pg_stat_statements", "earthdistance")
    for side in (moving.source, moving.destination):
        side.execute(f"CREATE EXTENSION {extension} SCHEMA app", "shop")
    first, second = (
        row[0]
        for row in moving.source.execute(
            "SELECT objid::regprocedure FROM pg_depend WHERE classid = 'pg_proc'::regclass AND deptype = 'e'"
            f" AND refobjid = (SELECT oid FROM pg_extension WHERE extname = '{extension}') ORDER BY objid LIMIT 2",
            "shop",
        )
    )
    moving.converge(privileges.examine, "shop")
    assert different_rights(moving) == set()
    moving.source.execute(f"REVOKE ALL ON FUNCTION {first} FROM PUBLIC", "shop")
    assert (examine(moving).actions, codes(examine(moving))) == ((), ["privilege_drift"])
    moving.destination.execute("DELETE FROM migrator.given WHERE object LIKE 'extension %'", "shop")
    moving.source.execute(f"GRANT EXECUTE ON FUNCTION {second} TO app WITH GRANT OPTION", "shop")
    assert moving.converge(privileges.examine, "shop").findings == ()
    assert different_rights(moving) == set()


def available(moving: Migration, *extensions: str) -> str:
    """The first of these that both servers have."""
    for name in extensions:
        asked = f"SELECT 1 FROM pg_available_extensions WHERE name = '{name}'"
        if moving.source.execute(asked) and moving.destination.execute(asked):
            return name
    pytest.skip(f"these PostgreSQLs have no extension in common: {extensions}")
