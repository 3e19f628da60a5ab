"""The fingerprint of a schema: every kind of DDL moves it, and what an application does all day does not."""

from collections.abc import Callable

import pytest

from migrator.catalog import sql
from migrator.connection import session_of
from migrator.machines.cluster import Cluster

BASE = """
CREATE ROLE fp_reader;
CREATE SCHEMA app;
CREATE TABLE app.t (id int PRIMARY KEY, name text, amount int);
CREATE TABLE app.parent (k int) PARTITION BY LIST (k);
CREATE TABLE app.child (k int);
CREATE TYPE app.mood AS ENUM ('good');
CREATE DOMAIN app.word AS text;
CREATE SEQUENCE app.counter;
CREATE FUNCTION app.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION app.tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION app.ef() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE VIEW app.v AS SELECT id FROM app.t;
CREATE OPERATOR FAMILY app.family USING btree;
CREATE FOREIGN DATA WRAPPER fp_wrapper;
CREATE SERVER fp_server FOREIGN DATA WRAPPER fp_wrapper;
CREATE TEXT SEARCH CONFIGURATION app.config (COPY = simple);
"""

MOVING = """
CREATE TABLE app.another (id int)
ALTER TABLE app.t ADD COLUMN extra int
ALTER TABLE app.t RENAME COLUMN extra TO more
ALTER TABLE app.t DROP COLUMN more
ALTER TABLE app.t ALTER COLUMN name SET DEFAULT 'x'
ALTER TABLE app.t ALTER COLUMN name SET NOT NULL
ALTER TABLE app.t ALTER COLUMN name SET STATISTICS 50
ALTER TABLE app.t SET (fillfactor = 70)
ALTER TABLE app.t REPLICA IDENTITY FULL
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY
ALTER TABLE app.child OWNER TO fp_reader
ALTER TABLE app.t RENAME TO renamed
ALTER TABLE app.renamed RENAME TO t
ALTER TABLE app.t ADD CONSTRAINT positive CHECK (amount > 0)
ALTER TABLE app.child OWNER TO postgres
ALTER TABLE app.parent ATTACH PARTITION app.child FOR VALUES IN (1)
CREATE INDEX one ON app.t (amount)
DROP INDEX app.one
GRANT SELECT ON app.t TO fp_reader
GRANT SELECT (name) ON app.t TO fp_reader
GRANT USAGE ON SCHEMA app TO fp_reader
REVOKE EXECUTE ON FUNCTION pg_sleep FROM PUBLIC
REVOKE SELECT ON pg_roles FROM PUBLIC
GRANT SELECT (rolpassword) ON pg_authid TO fp_reader
REVOKE USAGE ON TYPE money FROM PUBLIC
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO fp_reader
CREATE POLICY all_of_it ON app.t
CREATE TRIGGER tr BEFORE INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION app.tf()
CREATE RULE r AS ON INSERT TO app.v DO INSTEAD NOTHING
CREATE EVENT TRIGGER fp_event ON ddl_command_end EXECUTE FUNCTION app.ef()
ALTER TYPE app.mood ADD VALUE 'bad'
ALTER DOMAIN app.word ADD CONSTRAINT filled CHECK (VALUE <> '')
CREATE TYPE app.span AS RANGE (subtype = int)
CREATE TYPE app.pair AS (a int, b int)
ALTER SEQUENCE app.counter INCREMENT BY 2
ALTER SEQUENCE app.counter OWNED BY app.t.id
CREATE OR REPLACE FUNCTION app.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2'
CREATE AGGREGATE app.total (int) (SFUNC = int4pl, STYPE = int)
CREATE CAST (app.pair AS text) WITH INOUT
CREATE OPERATOR app.### (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl)
CREATE OPERATOR CLASS app.class FOR TYPE int USING btree FAMILY app.family AS OPERATOR 1 <, FUNCTION 1 btint4cmp(int, int)
ALTER OPERATOR FAMILY app.family USING btree ADD OPERATOR 1 < (int8, int8)
CREATE COLLATION app.german (provider = libc, locale = 'C')
CREATE CONVERSION app.conv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8
CREATE TEXT SEARCH DICTIONARY app.dict (TEMPLATE = simple)
ALTER TEXT SEARCH CONFIGURATION app.config DROP MAPPING FOR word
CREATE TEXT SEARCH PARSER app.parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)
CREATE TEXT SEARCH TEMPLATE app.template (LEXIZE = dsimple_lexize)
CREATE LANGUAGE fp_language HANDLER plpgsql_call_handler
DROP LANGUAGE fp_language
CREATE TRANSFORM FOR int LANGUAGE plpgsql (FROM SQL WITH FUNCTION varchar_support(internal))
CREATE ACCESS METHOD fp_heap TYPE TABLE HANDLER heap_tableam_handler
ALTER FOREIGN DATA WRAPPER fp_wrapper OPTIONS (ADD a 'b')
ALTER SERVER fp_server OPTIONS (ADD a 'b')
CREATE USER MAPPING FOR fp_reader SERVER fp_server
CREATE FOREIGN TABLE app.far (id int) SERVER fp_server
CREATE STATISTICS app.together ON name, amount FROM app.t
CREATE PUBLICATION somebody
COMMENT ON COLUMN app.t.name IS 'what it is called'
CREATE MATERIALIZED VIEW app.m AS SELECT 1 AS one
SELECT lo_create(0)
GRANT SET ON PARAMETER log_min_duration_statement TO fp_reader
CREATE SUBSCRIPTION fp_other CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE)
ALTER EXTENSION plpgsql ADD FUNCTION app.f(int)
DROP TABLE app.another
""".strip().splitlines()

QUIET = """
INSERT INTO app.t SELECT g, 'name', g FROM generate_series(1, 1000) g
ANALYZE
VACUUM
TRUNCATE app.t
CREATE TEMPORARY TABLE passing (id serial PRIMARY KEY, name text DEFAULT 'x', CHECK (id > 0))
SELECT nextval('app.counter')
CREATE PUBLICATION migrator_ours_0123456789ab_g1
""".strip().splitlines()


@pytest.mark.parametrize("version", [15, 18])
def test_every_ddl_moves_it_and_daily_work_does_not(
    version: int, cluster: Callable[..., Cluster], database: Callable[..., str]
) -> None:
    server = cluster(version)
    name = database(server)
    server.execute(BASE, name)
    with session_of(server.spec("s"), name, "fingerprint") as session, server.connect(name) as application:
        query = sql("fingerprint", session.info.server_version)

        def fingerprint() -> str:
            row = session.execute(query).fetchone()
            assert row is not None
            return str(row["fingerprint"])

        for statement in QUIET:
            before = fingerprint()
            application.execute(statement.encode())
            assert fingerprint() == before, statement
        for statement in MOVING:
            before = fingerprint()
            application.execute(statement.encode())
            assert fingerprint() != before, statement
        application.execute("DROP SUBSCRIPTION fp_other")


def test_a_plain_role_can_ask_for_it(shared: Callable[[int], Cluster], database: Callable[..., str]) -> None:
    server = shared(16)
    name = database(server)
    server.execute("CREATE ROLE fp_plain LOGIN")
    try:
        with session_of(server.spec("s", username="fp_plain"), name, "fingerprint") as session:
            assert session.execute(sql("fingerprint", session.info.server_version)).fetchone()
    finally:
        server.execute("DROP ROLE fp_plain")
