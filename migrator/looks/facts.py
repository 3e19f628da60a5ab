"""Reads what preflight asks beyond the instances and the schemas."""

from collections.abc import Sequence

import psycopg
from psycopg.rows import DictRow

from migrator.catalog import sql
from migrator.contents import ConfigurationTable, Counted, DatabaseFacts, LargeObjects, RelationTrouble, Trouble
from migrator.looks.counters import read_counted
from migrator.looks.reading import Reader
from migrator.model import Instance, RoleUse
from migrator.quote import qualified


def read_facts(
    connection: psycopg.Connection[DictRow], relations: Sequence[int] | None = None, *, final: bool = False
) -> DatabaseFacts:
    """The facts of the database behind `connection`; `relations` (oids) narrows the look, None is all.

    `final`: a barrier stands, and writes are to be noticed that no position tells of.
    """
    reader = Reader(connection)
    parameters = {"relations": None if relations is None else list(relations)}
    return DatabaseFacts(
        extensions=reader.pairs("extensions"),
        troubles=reader.rows("relation_troubles", _trouble, parameters),
        configuration=() if relations is not None else reader.rows("configuration_tables", ConfigurationTable),
        large_objects=LargeObjects() if relations is not None else reader.row("large_objects", LargeObjects),
        uncounting=reader.names("uncounting"),
        counted=read_counted(connection) if final else Counted(),
    )


def has_user_objects(connection: psycopg.Connection[DictRow]) -> bool:
    """Whether somebody keeps anything in this database: objects, or rows in the tables of extensions."""
    row = connection.execute(sql("user_objects", 0)).fetchone()
    if row is not None and row["present"]:
        return True
    tables = Reader(connection).rows("configuration_tables", ConfigurationTable)
    return any(_has_rows(connection, each) for each in tables if each.filled)


def _has_rows(connection: psycopg.Connection[DictRow], table: ConfigurationTable) -> bool:
    """Whether there is one that the extension did not come with; also where nobody lets us know."""
    query = f"SELECT FROM ONLY {qualified(table.namespace, table.name)} {table.condition} LIMIT 1"
    try:
        return connection.execute(query.encode()).fetchone() is not None
    except (psycopg.ProgrammingError, psycopg.errors.LockNotAvailable):  # no right to read it, for one
        return True


def _trouble(nspname: str, relname: str, reason: str, detail: str, generated: str, changes: int) -> RelationTrouble:
    return RelationTrouble(qualified(nspname, relname), Trouble(reason), detail, changes, generated)


def read_role_uses(connection: psycopg.Connection[DictRow]) -> tuple[RoleUse, ...]:
    """Which roles are needed in which databases. As long as pg_shdepend: not for every look."""
    return Reader(connection).rows("role_uses", RoleUse)


def read_missing_locales(
    connection: psycopg.Connection[DictRow], source: Instance, destination: Instance
) -> frozenset[str]:
    """The libc locales of source databases that the destination's machine does not know.

    Asked by setting lc_time, whose check is setlocale(): pg_collation only knows what initdb found.
    """
    known = {name for database in destination.databases for name in (database.collate, database.ctype)}
    wanted = {name for database in source.databases for name in (database.collate, database.ctype)} - known
    return frozenset(name for name in wanted if not _has_locale(connection, name))


def _has_locale(connection: psycopg.Connection[DictRow], name: str) -> bool:
    try:
        connection.execute("SELECT set_config('lc_time', %s, true)", (name,))
    except psycopg.errors.InvalidParameterValue:
        return False
    return True
