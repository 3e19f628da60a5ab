"""Reads one database's schema: all statements of schema/ in one go, as one snapshot sees them."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace

from psycopg import Cursor
from psycopg.rows import tuple_row

from migrator import schema
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
    with _one_collection_less(), session.transaction(), at_once:
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        asked = [
            (reader.name, session.cursor(row_factory=tuple_row).execute(reader.sql(version), parameters))
            for reader in READERS
            if oids is None or reader.narrow
        ]
        return schema.build({name: _answer(cursor) for name, cursor in asked})


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
