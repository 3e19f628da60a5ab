"""Reads one database's schema: all statements of schema/ in one go, as one snapshot sees them."""

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

from psycopg import Cursor
from psycopg.rows import tuple_row

from migrator import schema
from migrator.catalog import sql
from migrator.connection import Session
from migrator.schema import Schema
from migrator.schema.privilege import known_digests
from migrator.schema.readers import READERS
from migrator.schema.row import Answer

Questions = Sequence[tuple[str, str]]
"""The readers' names and statements, in the order they are asked."""


def read_schema(
    session: Session,
    version: int,
    oids: list[int] | None = None,
    without: Iterable[int] = (),
    *,
    small: bool = False,
) -> Schema:
    """One database's schema, all of it or what belongs to some relations; `without` those tables (oids).

    `small`: it is known to be answered in no time, so that everything may be asked in one go.
    Raises psycopg.errors.LockNotAvailable where a definition stands behind somebody's ACCESS EXCLUSIVE lock.
    """
    parameters = {"relations": oids, "without": list(without), "known": known_digests()}
    asked = [(reader.name, reader.sql(version)) for reader in READERS if oids is None or reader.narrow]
    # At once where it is little, for what is waited for then is the line; else each statement has its own time to answer.
    read = _read_at_once if small or oids is not None else _read_one_by_one
    with _one_collection_less():
        return read(session, asked, parameters)


def _read_at_once(session: Session, asked: Questions, parameters: Mapping[str, object]) -> Schema:
    with one_snapshot(session, session.pipeline()):
        cursors = [(name, session.cursor(row_factory=tuple_row).execute(text, parameters)) for name, text in asked]
        return schema.build({name: _answer(cursor) for name, cursor in cursors})


def _read_one_by_one(session: Session, asked: Questions, parameters: Mapping[str, object]) -> Schema:
    """Each answer becomes part of the Schema while the server works at the next one."""
    answers = {name: Future[Answer]() for name, _ in asked}
    with ThreadPoolExecutor(1) as builder:
        built = builder.submit(schema.build, _Awaited(answers))
        try:
            with one_snapshot(session):
                for name, text in asked:
                    answers[name].set_result(_answer(session.cursor(row_factory=tuple_row).execute(text, parameters)))
                    del answers[name]
        except BaseException as error:
            for answer in answers.values():
                answer.set_exception(error)
            raise
        return built.result()


class _Awaited(Mapping[str, Answer]):
    """Answers that are still coming: to take one is to wait for it. Nothing is kept of it here: all together are as large as
    the Schema that they become.
    """

    def __init__(self, answers: Mapping[str, Future[Answer]]) -> None:
        self._answers = dict(answers)

    def __getitem__(self, name: str) -> Answer:
        return self._answers.pop(name).result()

    def __iter__(self) -> Iterator[str]:
        return iter(self._answers)

    def __len__(self) -> int:
        return len(self._answers)


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


_LOCKED = """
SELECT DISTINCT relation::int8 AS oid FROM pg_locks
WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock' AND pid <> pg_backend_pid()
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_BY = " AND pid IN (SELECT pid FROM pg_stat_activity WHERE application_name LIKE %s)"


def locked_relations(session: Session, by: str | None = None) -> tuple[int, ...]:
    """The oids of this database's relations whose ACCESS EXCLUSIVE lock somebody holds or waits for: to read them is to wait.

    `by`: of sessions of this application name, a LIKE pattern; None: whoever it is, which costs no look at pg_stat_activity.
    """
    rows = session.execute(_LOCKED) if by is None else session.execute(_LOCKED + _BY, (by,))
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
