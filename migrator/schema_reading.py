"""Reads one database's schema: all statements of schema/ in one go, as one snapshot sees them."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

from psycopg import Cursor
from psycopg.rows import tuple_row

from migrator import schema
from migrator.catalog import sql
from migrator.connection import Session
from migrator.schema import Schema
from migrator.schema.readers import READERS
from migrator.schema.row import Answer


def read_schema(session: Session, version: int, oids: list[int] | None = None, without: Iterable[int] = ()) -> Schema:
    """One database's schema, all of it or what belongs to some relations; `without` those tables (oids).

    Raises psycopg.errors.LockNotAvailable where a definition stands behind somebody's ACCESS EXCLUSIVE lock.
    """
    parameters = {"relations": oids, "without": list(without)}
    # At once where it is little; of a whole database each statement has its own time to answer.
    at_once = session.pipeline() if oids is not None else nullcontext()
    with _one_collection_less(), one_snapshot(session, at_once):
        asked = [
            (reader.name, session.cursor(row_factory=tuple_row).execute(reader.sql(version), parameters))
            for reader in READERS
            if oids is None or reader.narrow
        ]
        return schema.build({name: _answer(cursor) for name, cursor in asked})


@contextmanager
def one_snapshot(session: Session, at_once: AbstractContextManager[object] | None = None) -> Iterator[None]:
    """What is read within sees the same moment; also within another."""
    with session.transaction(), at_once or nullcontext():
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def read_fingerprint(session: Session, version: int) -> str:
    """Moves whenever the schema does."""
    row = session.execute(sql("fingerprint", version)).fetchone()
    return str(row["fingerprint"]) if row else ""


def relation_oids(session: Session) -> frozenset[int]:
    """Tables, views and materialized views of this database: what a reader may leave out while it is locked."""
    query = "SELECT oid::int8 FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'p', 'f', 'v', 'm')"
    with session.cursor(row_factory=tuple_row) as cursor:
        return frozenset(oid for (oid,) in cursor.execute(query))


def _answer(cursor: Cursor[tuple[object, ...]]) -> Answer:
    rows = cursor.fetchall()  # within a pipeline nothing is known of the columns before
    return Answer(tuple(column.name for column in cursor.description or ()), rows)


@contextmanager
def _one_collection_less() -> Iterator[None]:
    """Hundreds of thousands of new objects, none of them garbage: looking for some would take as long as making them."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def locked_relations(session: Session) -> tuple[int, ...]:
    """The oids of this database's relations whose ACCESS EXCLUSIVE lock somebody holds or waits for: to read them is to wait."""
    rows = session.execute(
        "SELECT DISTINCT relation::int8 AS oid FROM pg_locks"
        " WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock' AND pid <> pg_backend_pid()"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return tuple(row["oid"] for row in rows)


def completed(fresh: Schema, before: Schema, oids: Iterable[int]) -> Schema:
    """`fresh`, which was read without the tables `oids`, with what was known of these before."""
    missing = set(oids)
    tables = tuple(table for table in before.tables if table.oid in missing)
    names = {table.qualified for table in tables}
    read = {each.key for each in fresh.definitions}
    unread = tuple(
        each for each in before.definitions if each.key not in read
    )  # dropped, or spelled from a locked table
    on = {each.identity for each in unread}
    return replace(
        fresh,
        tables=(*fresh.tables, *tables),
        indexes=(*fresh.indexes, *(index for index in before.indexes if index.relation in names)),
        constraints=(*fresh.constraints, *(each for each in before.constraints if each.relation in names)),
        definitions=(*fresh.definitions, *unread),
        comments=(*fresh.comments, *(comment for comment in before.comments if comment.needs in on)),
    )
