"""Who may do what in a database: as PostgreSQL's own has_*_privilege say it, and as it turns out when everybody tries.

MAINTAIN is left out, which sources before 17 do not know; pg_* roles too, and multirange types, whose rights are their range's.
"""

from collections.abc import Iterator
from pathlib import Path

import psycopg

from migrator.machines.cluster import Cluster
from migrator.quote import identifier, literal

CASE = Path(__file__).parents[1] / "cases" / "rights"

_CHANGED = "'pg_authid', 'pg_roles'"
_ROUTINES = "'pg_ls_dir(text)', 'pg_sleep(double precision)', 'lo_creat(integer)'"
_RELATION = f"(o.oid >= 16384 OR o.relname IN ({_CHANGED})) AND relnamespace::regnamespace::text NOT IN ('migrator', 'pg_toast')"

_CLASSES = {
    "table": (
        "SELECT oid::regclass::text AS name, oid AS id FROM pg_class o WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND "
        + _RELATION,
        "has_table_privilege",
        ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"),
    ),
    "sequence": (
        "SELECT oid::regclass::text AS name, oid AS id FROM pg_class o WHERE relkind = 'S' AND " + _RELATION,
        "has_sequence_privilege",
        ("USAGE", "SELECT", "UPDATE"),
    ),
    "schema": (
        "SELECT nspname AS name, oid AS id FROM pg_namespace WHERE nspname NOT IN ('migrator', 'pg_toast') AND nspname !~ 'temp'",
        "has_schema_privilege",
        ("USAGE", "CREATE"),
    ),
    "function": (
        "SELECT oid::regprocedure::text AS name, oid AS id FROM pg_proc WHERE pronamespace::regnamespace::text <> 'migrator'"
        f" AND (oid >= 16384 OR oid::regprocedure::text IN ({_ROUTINES}))",
        "has_function_privilege",
        ("EXECUTE",),
    ),
    "type": (
        "SELECT oid::regtype::text AS name, oid AS id FROM pg_type WHERE (oid >= 16384 OR typname IN ('money', 'int4'))"
        " AND typtype <> 'm' AND typcategory <> 'A' AND typnamespace::regnamespace::text NOT IN ('migrator', 'pg_toast')",
        "has_type_privilege",
        ("USAGE",),
    ),
    "database": (
        "SELECT datname AS name, oid AS id FROM pg_database WHERE datname = current_database()",
        "has_database_privilege",
        ("CREATE", "CONNECT", "TEMPORARY"),
    ),
    "language": ("SELECT lanname AS name, oid AS id FROM pg_language", "has_language_privilege", ("USAGE",)),
    "foreign data wrapper": (
        "SELECT fdwname AS name, oid AS id FROM pg_foreign_data_wrapper",
        "has_foreign_data_wrapper_privilege",
        ("USAGE",),
    ),
    "server": ("SELECT srvname AS name, oid AS id FROM pg_foreign_server", "has_server_privilege", ("USAGE",)),
    "tablespace": ("SELECT spcname AS name, oid AS id FROM pg_tablespace", "has_tablespace_privilege", ("CREATE",)),
    "parameter": (
        "SELECT name, name AS id FROM unnest(ARRAY['log_min_duration_statement', 'log_statement', 'log_duration']) name",
        "has_parameter_privilege",
        ("SET", "ALTER SYSTEM"),
    ),
}

Entry = tuple[object, ...]
"""Role, object, privilege, grantable."""

_ROLES = r"SELECT rolname AS role FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'mover'"
"""`mover` is the migration's own user where it has one."""

_QUERY = """
SELECT role, name, privilege, {function}(role, id, privilege || ' WITH GRANT OPTION')
FROM ({roles} UNION ALL SELECT 'public') r, ({objects}) o, unnest(ARRAY[{privileges}]) privilege
WHERE {function}(role, id, privilege)
"""

_COLUMNS = f"""
SELECT role, o.oid::regclass || '.' || quote_ident(attname), privilege,
       has_column_privilege(role, o.oid, attnum, privilege || ' WITH GRANT OPTION')
FROM ({_ROLES} UNION ALL SELECT 'public') r, pg_class o JOIN pg_attribute a ON attrelid = o.oid,
     unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) privilege
WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND attnum > 0 AND NOT attisdropped AND {_RELATION}
  AND has_column_privilege(role, o.oid, attnum, privilege)
"""

_MEMBERS = f"""
SELECT r.role, o.role, privilege, pg_has_role(r.role, o.role, privilege || ' WITH ADMIN OPTION')
FROM ({_ROLES}) r, (SELECT rolname AS role FROM pg_roles WHERE rolname <> 'mover') o, unnest(ARRAY['MEMBER', 'USAGE']) privilege
WHERE pg_has_role(r.role, o.role, privilege) AND o.role IN (SELECT role FROM ({_ROLES}) own UNION VALUES ('pg_read_all_data'))
"""


def matrix(cluster: Cluster, database: str) -> dict[str, set[Entry]]:
    """Per class of object, what every role and PUBLIC may do: what of (role, object, privilege, grantable) is true."""
    found = {"column": set(cluster.execute(_COLUMNS, database)), "role": set(cluster.execute(_MEMBERS, database))}
    for name, (objects, function, privileges) in _CLASSES.items():
        words = ", ".join(map(literal, privileges))
        query = _QUERY.format(function=function, roles=_ROLES, objects=objects, privileges=words)
        found[name] = set(cluster.execute(query, database))
    return found


ACTS = (
    *(
        form.format(table)
        for table in (
            "vault.account",
            "vault.ledger",
            "vault.closed",
            "vault.events",
            "vault.events_2025",
            "vault.names",
            "vault.own_names",
            "vault.stored",
            '"Odd {Schema}"."Odd ""Table"',
            "vault.later",
        )
        for form in ("SELECT count(*) FROM {}", "TABLE {}", "DELETE FROM {}", "TRUNCATE {}")
    ),
    "SELECT id, holder FROM vault.account ORDER BY id",
    "SELECT id FROM vault.account WHERE secret = 's'",
    "INSERT INTO vault.account (id) VALUES (100)",
    "INSERT INTO vault.account (id) VALUES (101)",
    "INSERT INTO vault.account VALUES (100, 'app', 's')",
    "UPDATE vault.account SET holder = 'x' WHERE id = 2",
    "UPDATE vault.account SET secret = 'x' WHERE id = 2",
    "INSERT INTO vault.ledger VALUES (100, CURRENT_USER)",
    "INSERT INTO vault.ledger VALUES (100, 'owner')",
    "INSERT INTO vault.ledger VALUES (1000, 'app')",
    "UPDATE vault.ledger SET holder = 'owner'",
    "INSERT INTO vault.events VALUES (2, '2025-06-01')",
    "INSERT INTO vault.events_2025 VALUES (2, '2025-06-01')",
    "INSERT INTO vault.closed VALUES (1)",
    'SELECT "Odd {Column}" FROM "Odd {Schema}"."Odd ""Table"',
    'UPDATE "Odd {Schema}"."Odd ""Table" SET "Odd {Column}" = \'y\'',
    "SELECT rolname FROM pg_authid WHERE rolname = 'app'",
    "SELECT rolpassword FROM pg_authid WHERE rolname = 'app'",
    "SELECT rolsuper FROM pg_authid WHERE rolname = 'app'",
    "SELECT rolname FROM pg_roles WHERE rolname = 'app'",
    "SELECT nextval('vault.numbers')",
    "SELECT is_called FROM vault.numbers",
    "SELECT setval('vault.numbers', 5)",
    "SELECT vault.total()",
    "SELECT vault.mine()",
    "CALL vault.work()",
    "SELECT vault.summed(1)",
    "SELECT 'ok'::vault.mood",
    "CREATE TEMPORARY TABLE t (m vault.mood)",
    "CREATE TEMPORARY TABLE t (m vault.positive)",
    "CREATE TEMPORARY TABLE t (m vault.pair)",
    "CREATE TEMPORARY TABLE t (m vault.span)",
    "CREATE TABLE vault.fresh (id integer)",
    "CREATE TABLE vault.fresh (id bigint REFERENCES vault.account)",
    "CREATE TABLE public.fresh (id integer)",
    "CREATE SCHEMA fresh",
    "CREATE FUNCTION public.fresh() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "DO 'BEGIN END'",
    "SELECT pg_sleep(0)",
    "SELECT count(*) > 0 FROM pg_ls_dir('.')",
    "SET log_min_duration_statement = 5",
    "SET log_statement = 'none'",
    "SET ROLE owner",
    "SET ROLE team",
    "SET ROLE app",
    "GRANT SELECT ON vault.account TO auditor",
    "GRANT team TO stranger",
    "ALTER TABLE vault.account ADD extra integer",
    "DROP TABLE vault.ledger",
    "REFRESH MATERIALIZED VIEW vault.stored",
)
"""What everybody tries, each undone."""

LATER = """
SET ROLE owner;
CREATE TABLE vault.later (id serial, note text);
CREATE FUNCTION vault.newer() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE TYPE vault.newest AS ENUM ('a');
RESET ROLE;
"""
"""Made on both sides after the migration: default privileges say whose it is to use."""

GRANTED = r"""
DO $do$
DECLARE
    object record; privilege text; role text; chance int;
BEGIN
    FOR object IN
        SELECT 'TABLE' AS kind, oid::regclass::text AS name, relkind IN ('r', 'p', 'v', 'm') AND NOT relispartition AS owned,
               ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'] AS privileges
        FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'p', 'v', 'm', 'f') AND relnamespace::regnamespace::text !~ '^pg_'
        UNION ALL SELECT 'SEQUENCE', oid::regclass::text, false, ARRAY['USAGE', 'SELECT', 'UPDATE']
        FROM pg_class WHERE oid >= 16384 AND relkind = 'S'
        UNION ALL SELECT 'SCHEMA', oid::regnamespace::text, true, ARRAY['USAGE', 'CREATE'] FROM pg_namespace WHERE oid >= 16384
        UNION ALL SELECT CASE prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, oid::regprocedure::text, true, ARRAY['EXECUTE']
        FROM pg_proc WHERE oid >= 16384 AND prokind <> 'a'
        UNION ALL SELECT CASE typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, oid::regtype::text, true, ARRAY['USAGE']
        FROM pg_type t WHERE oid >= 16384 AND typtype IN ('e', 'd', 'r')
        UNION ALL SELECT 'FOREIGN DATA WRAPPER', quote_ident(fdwname), false, ARRAY['USAGE'] FROM pg_foreign_data_wrapper
        UNION ALL SELECT 'SERVER', quote_ident(srvname), true, ARRAY['USAGE'] FROM pg_foreign_server
        UNION ALL SELECT 'FOREIGN SERVER', quote_ident(srvname), false, ARRAY['USAGE'] FROM pg_foreign_server
    LOOP
        chance := abs(hashtext(object.kind || object.name));
        IF object.owned AND chance % 3 = 0 THEN
            EXECUTE format('ALTER %s %s OWNER TO owner', object.kind, object.name);
        END IF;
        CONTINUE WHEN object.kind = 'SERVER';
        FOREACH privilege IN ARRAY object.privileges LOOP
            FOREACH role IN ARRAY ARRAY['owner', 'app', quote_ident('We"ird {role}'), 'PUBLIC'] LOOP
                chance := abs(hashtext(object.kind || object.name || privilege || role));
                IF chance % 3 = 0 THEN
                    EXECUTE format('GRANT %s ON %s %s TO %s', privilege, object.kind, object.name, role)
                        || CASE WHEN role <> 'PUBLIC' AND chance % 2 = 0 THEN ' WITH GRANT OPTION' ELSE '' END;
                ELSIF chance % 3 = 1 THEN
                    EXECUTE format('REVOKE %s ON %s %s FROM %s', privilege, object.kind, object.name, role);
                END IF;
            END LOOP;
        END LOOP;
    END LOOP;
    FOR object IN
        SELECT attrelid::regclass::text AS name, quote_ident(attname) AS attribute FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
        WHERE c.oid >= 16384 AND relkind IN ('r', 'p', 'v', 'm', 'f') AND attnum > 0 AND NOT attisdropped
          AND abs(hashtext(attrelid::regclass || attname)) % 3 = 0 AND relnamespace::regnamespace::text !~ '^pg_'
    LOOP
        EXECUTE format('GRANT SELECT (%1$s), UPDATE (%1$s) ON %2$s TO app', object.attribute, object.name);
    END LOOP;
END
$do$
"""
"""Owners and grants by chance, the same ones each time: of every object of a database, to roles and to PUBLIC."""

ROLES = ("owner", "app", "reader", "chief", "team", "auditor", "stranger", 'We"ird {role}')


def outcomes(cluster: Cluster, database: str) -> Iterator[tuple[str, str, object]]:
    """(role, statement, what came of it): its rows or their number, or the SQLSTATE that refused it."""
    with cluster.connect(database) as connection:
        for role in ROLES:
            for statement in ACTS:
                connection.execute(f"SET SESSION AUTHORIZATION {identifier(role)}".encode())
                yield role, statement, _tried(connection, statement)
                connection.execute("RESET SESSION AUTHORIZATION")


def _tried(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> object:
    try:
        with connection.transaction(force_rollback=True):
            cursor = connection.execute(statement.encode())
            return sorted(cursor.fetchall(), key=str) if cursor.description else cursor.rowcount
    except psycopg.Error as error:
        return error.sqlstate


def may_connect(cluster: Cluster, database: str) -> dict[str, bool]:
    """Who gets into the database of those who may log in."""
    found: dict[str, bool] = {}
    for role, login in cluster.execute(f"SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname = ANY({_array()})"):
        if login:
            try:
                cluster.connect(database, user=role).close()
                found[role] = True
            except psycopg.OperationalError as error:
                assert "permission denied for database" in str(error)
                found[role] = False
    return found


def _array() -> str:
    return f"ARRAY[{', '.join(map(literal, ROLES))}]"


def case(name: str) -> str:
    """The SQL of one file of the case."""
    return (CASE / f"{name}.sql").read_text(encoding="utf-8")
