"""Carries out one action: statement by statement, holes filled last, sessions kept for the length of a task."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import groupby
from types import TracebackType

import psycopg
from psycopg.pq import TransactionStatus

from migrator import hidden
from migrator.config import InstanceSpec, MappingSpec, Secret
from migrator.connection import Session, connect, mute, password_of
from migrator.conninfo import replication_conninfo
from migrator.errors import MigratorError
from migrator.names import application_name
from migrator.redaction import know_secret
from migrator.server_errors import sentence
from migrator.steps import Action, Side, Statement

_SECRET_OPTION = re.compile("(?i)pass|secret|token|key|credential")
"""Options of user mappings whose values are masked in our logs; `user` is none, and its value may be an everyday word."""

_VERIFIERS_READABLE = (
    "SELECT 1 WHERE has_column_privilege('pg_authid', 'rolname', 'SELECT')"
    " AND has_column_privilege('pg_authid', 'rolpassword', 'SELECT')"
)
"""The same question as in catalog/instance.sql: what we read of roles, and what of their passwords, is to agree."""

FIRST_PATIENCE_SECONDS = 30.0
LONGEST_PATIENCE_SECONDS = 3600.0


class ApplyError(MigratorError):
    """An action that failed: the server's own sentence with its SQLSTATE, never the statement (it may hold a secret)."""


def patience_seconds(failures: int) -> float:
    """How long a patient statement may wait for locks after so many failures: half a minute, doubling, an hour at most.

    CREATE INDEX CONCURRENTLY waits, at its end too, for every transaction that is older than itself and may use the table; each of
    these waits ends at lock_timeout, and the work done is lost. So it must be able to outwait a report of some length, and yet
    give its worker to others first.
    """
    return float(min(LONGEST_PATIENCE_SECONDS, FIRST_PATIENCE_SECONDS * 2 ** min(failures, 16)))


class Applier:
    """Applies actions of one mapping. A context manager: its sessions close at the end.

    Not `patient`: no statement waits long for a lock, since work for other relations waits behind it.
    """

    def __init__(self, spec: MappingSpec, task: str, source_version: int, *, patient: bool = True) -> None:
        self._spec = spec
        self._task = task
        self._source_version = source_version
        self._patient = patient
        self._patience = f"{patience_seconds(0):.0f}s"
        self._stack = ExitStack()
        self._sessions: dict[tuple[Side, str | None], Session] = {}

    def __enter__(self) -> "Applier":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def apply(self, action: Action, failures: int = 0) -> None:
        """Run the statements in order. Raises ApplyError at the first that fails; what ran before it stays.

        `failures`: how often it has failed since it last went well.
        """
        self._patience = f"{patience_seconds(failures):.0f}s"
        values: dict[str, object] = {}
        for statements in _transactions(action.statements):
            try:
                self._run(statements, values)
            except psycopg.Error as error:
                raise ApplyError(sentence(error)) from None

    def apply_together(self, database: str | None, sentences: Sequence[str]) -> None:
        """One transaction of a database of the destination, in one message. Raises ApplyError: then nothing of it has happened."""
        session = self.session(Side.DESTINATION, database)
        try:
            with session.transaction():
                session.execute(";\n".join(sentences).encode())
        except psycopg.Error as error:
            raise ApplyError(sentence(error)) from None

    def _run(self, statements: list[Statement], values: dict[str, object]) -> None:
        if any(statement.holes for statement in statements):
            with self._session_with_secrets(statements) as session:
                self._execute_all(session, statements, values)
        else:
            self._execute_all(self.session(statements[0].side, statements[0].database), statements, values)

    def _execute_all(self, session: Session, statements: list[Statement], values: dict[str, object]) -> None:
        if not statements[0].transactional:
            self._execute(session, statements[0], values)
            return
        with session.transaction():
            for plain, run in groupby(statements, self._is_plain):
                if plain:  # in one round trip: thousands of objects do not wait thousands of times for the network
                    session.execute(";\n".join(statement.sql for statement in run).encode())
                else:
                    for statement in run:
                        self._execute(session, statement, values)

    def _is_plain(self, statement: Statement) -> bool:
        """Nothing is filled into it, kept from it, or set for it alone."""
        return not (statement.holes or statement.uses or statement.keeps or statement.patient)

    def _execute(self, session: Session, statement: Statement, values: dict[str, object]) -> None:
        text = hidden.block(statement.sql, statement.holes) if statement.holes else statement.sql
        parameters = {name: values[name] for name in statement.uses} if statement.uses else None
        patient = statement.patient and self._patient
        if patient:
            session.execute("SELECT set_config('lock_timeout', %s, false)", (self._patience,))
        try:
            cursor = session.execute(text.encode(), parameters)
        finally:
            aborted = session.info.transaction_status is TransactionStatus.INERROR  # its end takes the setting back
            if patient and not session.closed and not aborted:
                session.execute("RESET lock_timeout")
        if statement.keeps:
            row = cursor.fetchone()
            if row is None:
                raise ApplyError("A row that this step relies on is not there any more.", "It is looked at again.")
            values.update({name: row[name] for name in statement.keeps})

    def session(self, side: Side, database: str | None) -> Session:
        """The session of one side's database, opened at first use."""
        key = (side, database)
        session = self._sessions.get(key)
        if session is None or session.closed:
            session = self._connect(side, database)
            self._stack.callback(session.close)
            self._sessions[key] = session
        return session

    def _connect(self, side: Side, database: str | None, settings: Mapping[str, str] | None = None) -> Session:
        timeout = int(self._spec.replication.lock_timeout_seconds * 1000)
        own = {"lock_timeout": str(timeout), **(settings or {})}
        return connect(self._instance(side), database, application_name(self._spec.name, self._task), own)

    @contextmanager
    def _session_with_secrets(self, statements: list[Statement]) -> Iterator[Session]:
        """A session of these statements' own: it knows their secrets, each under the name of its hole."""
        secrets = {
            hidden.setting(hole): self._secret(hole, statement) for statement in statements for hole in statement.holes
        }
        with closing(self._connect(statements[0].side, statements[0].database, secrets)) as session:
            mute(session)
            yield session

    def _instance(self, side: Side) -> InstanceSpec:
        return self._spec.source if side is Side.SOURCE else self._spec.destination

    def _secret(self, hole: str, statement: Statement) -> str:
        if hole == "source_conninfo":
            return self._conninfo(statement)
        kind, _, role = hole.partition(":")
        if kind == "password":
            return self._verifier(role)
        if kind == "user_mapping":
            return self._user_mapping(statement, *role.split(":", 1))
        raise ValueError(f"unknown hole {hole}")

    def _conninfo(self, statement: Statement) -> str:
        source_database = self._source_database(statement.database)
        ours = self.session(Side.SOURCE, source_database)
        password = password_of(ours)
        if password:
            know_secret(password)
        name = application_name(self._spec.name, "apply")
        return replication_conninfo(self._spec.source, source_database, self._source_version, name, password, ours.role)

    def _source_database(self, target: str | None) -> str:
        renamed = {destination: source for source, destination in self._spec.databases.rename.items()}
        name = target or self._spec.destination.maintenance_database
        return renamed.get(name, name)

    def _user_mapping(self, statement: Statement, oid: str, option: str) -> str:
        """The value of one option of a user mapping on the source; from now on no log of ours shows it, if it is a secret."""
        session = self.session(Side.SOURCE, self._source_database(statement.database))
        row = session.execute(
            "SELECT o.option_value AS value FROM pg_user_mappings m, pg_options_to_table(m.umoptions) o"
            " WHERE m.umid = %s::oid AND o.option_name = %s",
            (oid, option),
        ).fetchone()
        if row is None:
            raise ApplyError("A user mapping that this step relies on is not there any more.", "It is looked at again.")
        if _SECRET_OPTION.search(option):
            know_secret(Secret(row["value"]))
        return str(row["value"])

    def _verifier(self, role: str) -> str:
        """The role's own verifier where the source lets us read it, else the common password made into one."""
        source = self.session(Side.SOURCE, None)
        if source.execute(_VERIFIERS_READABLE).fetchone():
            row = source.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", (role,)).fetchone()
            if row and row["rolpassword"]:
                return str(row["rolpassword"])
        return self._from_common_password(role, self._spec.common_password)

    def _from_common_password(self, role: str, password: Secret | None) -> str:
        if password is None:
            raise ApplyError(
                f"The password hash of role {role} cannot be read on the source, and no common_password is configured.",
                "Set common_password for this mapping.",
            )
        connection = self.session(Side.DESTINATION, None).pgconn
        return connection.encrypt_password(password.reveal().encode(), role.encode(), b"scram-sha-256").decode()


def _transactions(statements: tuple[Statement, ...]) -> Iterator[list[Statement]]:
    """Consecutive transactional statements of one database together, every other statement by itself."""

    def key(numbered: tuple[int, Statement]) -> tuple[Side, str | None, int]:
        number, statement = numbered
        return statement.side, statement.database, -1 if statement.transactional else number

    for _, group in groupby(enumerate(statements), key):
        yield [statement for _, statement in group]
