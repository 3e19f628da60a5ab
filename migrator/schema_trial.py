"""Runs a database's schema on the destination, in a database made for that and dropped afterwards, and notes what it does not take.

The database is called as `names.trial_name` says, may be entered by nobody else, and is connected to nothing: foreign servers are
only defined, no user mapping and no subscription is made, event triggers are made disabled.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import TypeVar

import psycopg

from migrator.connection import Session, connect
from migrator.errors import MigratorError
from migrator.looks.schema_reading import read_schema
from migrator.names import application_name
from migrator.phases import databases, trial, trial_rights
from migrator.phases.trial_pieces import Broken, Piece, pieces
from migrator.phases.view import View
from migrator.quote import identifier, literal
from migrator.records import Refusal, SchemaTrial, TrialFailure
from migrator.schema.built_in import COLLATION
from migrator.schema.definition import Definition
from migrator.schema.extension import Extension
from migrator.schema.order import CircleError
from migrator.server_errors import sentence
from migrator.together import statements_at_once

T = TypeVar("T")

_INSUFFICIENT_PRIVILEGE, _RAISED = "42501", "P0001"

_OF_THE_SERVER = ("08", "53", "55P03", "57", "58030")
"""Errors that say nothing of the schema: connection, resources, locks, shutdown, disk."""

_UNREAD_BODY = re.compile(r"^ LANGUAGE (sql|plpgsql)\b.*^AS \$", re.MULTILINE | re.DOTALL)
"""A body that stands as text, in a language whose validator reads it and runs nothing of it."""

_COMMENT = "A trial of pg-migrator: dropped when it is over."


def try_schema(view: View) -> SchemaTrial:
    """Try all of the view's database, and leave nothing behind.

    Raises MigratorError where the trial itself could not be made or not be ended: that says nothing of the schema.
    """
    begun, source = monotonic(), view.database.source_schema
    assert source is not None
    run = _Run(view)
    try:
        wanted = pieces(source, view.destination.major)
    except CircleError as error:
        run.failures.append(TrialFailure(Refusal.FAILED, "the whole", error.message))
        wanted = ()
    try:
        if wanted:
            run.make(wanted)
    except psycopg.Error as error:
        raise MigratorError(f"The trial of the schema of {view.database.name} broke off: {sentence(error)}") from None
    return SchemaTrial(
        database=view.database.name,
        digest=trial.digest(view, view.database),
        tried_at=view.now,
        seconds=round(monotonic() - begun, 3),
        failures=tuple(dict.fromkeys(run.failures)),
        untried=tuple(run.untried),
    )


class _Run:
    """One trial under way."""

    def __init__(self, view: View) -> None:
        assert view.database.source_schema is not None
        self._view = view
        self._source = view.database.source_schema
        self._name = trial.name_of(view)
        self._broken = Broken(self._source)
        self.failures: list[TrialFailure] = []
        self.untried: list[str] = []

    def make(self, wanted: Sequence[Piece]) -> None:
        try:
            with self._database() as session:
                self._prepare(session)
                there = read_schema(session, session.info.server_version)
                wanted = [piece for piece in wanted if there.find(piece.item.identity) is None]
                for batch in _batches(
                    wanted, statements_at_once(self._view.destination), lambda piece: piece.statements
                ):
                    self._batch(session, batch)
                self._bodies(session, wanted)
                self._rights(session)
        except _NoDatabaseError as error:
            refusal = Refusal.RIGHT if error.sqlstate == _INSUFFICIENT_PRIVILEGE else Refusal.FAILED
            self.failures.append(TrialFailure(refusal, f"database {self._view.database.target}", error.message))

    @contextmanager
    def _database(self) -> Iterator[Session]:
        """The database of the trial, entered; a leftover of one that died goes first."""
        self._maintain(trial.drop_sql(self._name))
        name = identifier(self._name)
        try:
            self._maintain(databases.create_trial(self._view, self._name))
        except psycopg.Error as error:
            if _is_of_the_server(error):
                raise
            raise _NoDatabaseError(error) from None
        try:
            self._maintain(
                f"REVOKE ALL ON DATABASE {name} FROM PUBLIC; COMMENT ON DATABASE {name} IS {literal(_COMMENT)};"
                f" ALTER DATABASE {name} ALLOW_CONNECTIONS true"
            )
            with self._session(self._name) as session:
                yield session
        finally:
            self._maintain(trial.drop_sql(self._name))

    @contextmanager
    def _session(self, database: str | None) -> Iterator[Session]:
        """What is made is dropped in a moment: no commit need reach the disk."""
        name, own = application_name(self._view.spec.name, "trial"), {"synchronous_commit": "off"}
        session = connect(self._view.spec.destination, database, name, own)
        try:
            yield session
        finally:
            session.close()

    def _maintain(self, sql: str) -> None:
        with self._session(None) as session:
            session.execute(sql.encode())

    def _prepare(self, session: Session) -> None:
        """Extensions' event triggers stay silent; what the machine has of collations since initdb is there."""
        if self._view.destination.user.superuser:
            session.execute("SET session_replication_role = replica")
            if any(each.kind == COLLATION for each in self._source.built_ins):
                session.execute("SELECT pg_import_system_collations('pg_catalog')")
        available = self._view.destination.available_extensions
        for each in self._source.extensions:
            if each.name not in available:  # preflight tells
                self._broken.add(each)

    def _batch(self, session: Session, batch: list[Piece]) -> None:
        """At once, which takes one round trip; where anything fails, one by one."""
        ready = [piece for piece in batch if not self._broken.follows(piece.item)]
        if len(ready) == len(batch) and _passes(session, [sql for piece in batch for sql in piece.statements]):
            return
        for piece in batch:
            if self._broken.follows(piece.item):
                self._leave(piece)
                continue
            try:
                _execute(session, piece.statements)
            except psycopg.Error as error:
                self._note(piece, error)

    def _note(self, piece: Piece, error: psycopg.Error) -> None:
        """What only fails because of another's failure is no failure of its own."""
        if _is_of_the_server(error):
            raise error
        if self._broken.explains(error.sqlstate, error.diag.message_primary or ""):
            self._leave(piece)
            return
        self._broken.add(piece.item)
        if isinstance(piece.item, Extension) and error.sqlstate == _RAISED:
            # Its own script objects: pg_cron's, for one, to every database but that of its setting.
            self.untried.append(piece.item.identity)
            return
        refusal = Refusal.RIGHT if error.sqlstate == _INSUFFICIENT_PRIVILEGE else Refusal.FAILED
        self.failures.append(TrialFailure(refusal, piece.item.identity, sentence(error), piece.relation))

    def _leave(self, piece: Piece) -> None:
        self._broken.add(piece.item)
        if not isinstance(piece.item, Extension) or piece.item.name in self._view.destination.available_extensions:
            self.untried.append(piece.item.identity)

    def _bodies(self, session: Session, wanted: Sequence[Piece]) -> None:
        """Now that all is there: what CREATE lets pass, as pg_restore does, a function's first call would not."""
        found = [
            (piece, again)
            for piece in wanted
            if isinstance(piece.item, Definition) and not self._broken.follows(piece.item)
            if (again := piece.item.replace()) and _UNREAD_BODY.search(again[0])
        ]
        session.execute("SET check_function_bodies = on")
        for batch in _batches(found, statements_at_once(self._view.destination), lambda each: each[1]):
            if _passes(session, [sql for _, again in batch for sql in again]):
                continue
            for piece, again in batch:
                try:
                    _execute(session, again)
                except psycopg.Error as error:
                    if _is_of_the_server(error):
                        raise
                    self.failures.append(TrialFailure(Refusal.BODY, piece.item.identity, sentence(error)))
        session.execute("SET check_function_bodies = off")

    def _rights(self, session: Session) -> None:
        """Each batch under roles of its own making, all of which is rolled back: they are made for good later."""
        made = read_schema(session, session.info.server_version)
        roles = trial_rights.role_statements(self._view)
        gifts = list(trial_rights.gifts(self._view, self._name, made))
        for batch in _batches(gifts, statements_at_once(self._view.destination), lambda gift: gift[1]):
            with session.transaction(force_rollback=True):
                for sql in () if _passes(session, roles) else roles:
                    _passes(session, [sql])  # what the destination makes of roles is asked by their own phase
                if _passes(session, [sql for _, statements in batch for sql in statements]):
                    continue
                for each, statements in batch:
                    self._give(session, each.target.label, statements)

    def _give(self, session: Session, label: str, statements: Sequence[str]) -> None:
        try:
            with session.transaction():
                _execute(session, statements)
        except psycopg.Error as error:
            if _is_of_the_server(error):
                raise
            refusal = Refusal.RIGHT if error.sqlstate == _INSUFFICIENT_PRIVILEGE else Refusal.FAILED
            self.failures.append(TrialFailure(refusal, f"owner and privileges of {label}", sentence(error)))


class _NoDatabaseError(Exception):
    """The destination does not make such a database."""

    def __init__(self, error: psycopg.Error) -> None:
        super().__init__()
        self.sqlstate, self.message = error.sqlstate, sentence(error)


def _is_of_the_server(error: psycopg.Error) -> bool:
    return error.sqlstate is None or error.sqlstate.startswith(_OF_THE_SERVER)


def _execute(session: Session, statements: Sequence[str]) -> None:
    """In one message, and so in one transaction where none is open."""
    session.execute(";\n".join(statements).encode())


def _passes(session: Session, statements: Sequence[str]) -> bool:
    """Whether these went through, all of them; else none has. Within a transaction too, which then goes on."""
    if not statements:
        return True
    try:
        with session.transaction():
            _execute(session, statements)
    except psycopg.Error as error:
        if _is_of_the_server(error):
            raise
        return False
    return True


def _batches(found: Iterable[T], at_once: int, statements: Callable[[T], Sequence[str]]) -> Iterator[list[T]]:
    """Of about so many statements, cut between objects."""
    batch: list[T] = []
    count = 0
    for each in found:
        batch.append(each)
        count += len(statements(each))
        if count >= at_once:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch
