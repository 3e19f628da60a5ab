"""Sessions on either side: the handshake's retries, patience, who they are, advisory locks, muted statements."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.rows import DictRow, dict_row
from tenacity import (
    Retrying,
    retry_if_exception,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random,
)

from migrator.acting_role import NONE, own_role
from migrator.config import InstanceSpec, Secret
from migrator.conninfo import session_conninfo
from migrator.crowd import one_at_a_time, stay_within_limit
from migrator.errors import SessionLimitError, UnreachableError

T = TypeVar("T")

SILENCE_SECONDS = 20.0
"""How long a look waits for one answer. A dead host is noticed by TCP in this time; a server that is frozen is not: TCP still lives."""

ROOM_SECONDS = 2.0
"""How long a new session waits for others of ours to end, where the server has as many as it may have."""


class Session(psycopg.Connection[DictRow]):
    """A connection that can give up on a server which says nothing."""

    patience_seconds: float | None = None
    """Seconds that one statement may take, by our own clock; None: as long as it needs."""

    role: str = NONE
    """What its startup packet told the server to let it be."""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """As psycopg's own. Raises OperationalError when patience is over, with the connection closed."""
        begun = time.monotonic()
        try:
            return super().wait(gen, interval, timeout if timeout is not None else self.patience_seconds)
        except psycopg.OperationalError:
            if self.patience_seconds is None or time.monotonic() < begun + self.patience_seconds:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer within {self.patience_seconds:g} s") from None


# The context of an error would show what a DO block executes; superuser or GRANT SET ON PARAMETER.
_MUTE = """
SELECT set_config('log_error_verbosity', 'terse', false) WHERE has_parameter_privilege('log_error_verbosity', 'SET')
"""


def _is_transient(error: BaseException) -> bool:
    """Worth a second try at once: the server is starting up, or the network blinked; no refused password, no long silence."""
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return False
    return isinstance(error, psycopg.OperationalError) and error.sqlstate in (None, "57P03")


def connect(
    instance: InstanceSpec,
    database: str | None,
    application_name: str,
    settings: Mapping[str, str] | None = None,
    patience_seconds: float | None = None,
    room_seconds: float = ROOM_SECONDS,
) -> Session:
    """An autocommit session as the configured user; `database` None is the maintenance database.

    `settings` are told to the server in the startup packet, which it writes to no log. `patience_seconds`: how long a statement may
    take; None for those that may take hours.

    Raises UnreachableError with the server's own reason, and SessionLimitError where for `room_seconds` the server has had as
    many sessions of ours as it may have.
    """
    for attempt in Retrying(
        retry=retry_if_exception_type(SessionLimitError),
        stop=stop_after_delay(room_seconds),
        wait=wait_random(0.1, 0.3),
        reraise=True,
    ):
        with attempt, one_at_a_time(instance):
            session = _settled(_as_ourselves(instance, database, application_name, settings), instance)
            session.patience_seconds = patience_seconds
            return session
    raise AssertionError("tenacity reraises")


def connect_for_replication(
    instance: InstanceSpec, database: str, application_name: str, settings: Mapping[str, str], role: str
) -> Session:
    """A walsender of one database, for commands of the replication protocol; raises as `connect` does.

    It counts against max_wal_senders, not against the sessions we may have. `role`: that of our other sessions there.
    """
    return _dialled(instance, database, application_name, settings, role, {"replication": "database"})


def _as_ourselves(
    instance: InstanceSpec, database: str | None, application_name: str, settings: Mapping[str, str] | None
) -> Session:
    """Dialled once more where our user is told to be another role: only so does RESET ROLE lead back to that."""
    session = _dialled(instance, database, application_name, settings, NONE)
    try:
        role = own_role(session)
    except BaseException:
        session.close()
        raise
    if role == NONE:
        return session
    session.close()
    return _dialled(instance, database, application_name, settings, role)


def _dialled(
    instance: InstanceSpec,
    database: str | None,
    application_name: str,
    settings: Mapping[str, str] | None,
    role: str,
    further: Mapping[str, str] | None = None,
) -> Session:
    dbname = database or instance.maintenance_database
    conninfo = session_conninfo(instance, dbname, application_name, role, settings or {}, further or {})
    try:
        for attempt in Retrying(
            retry=retry_if_exception(_is_transient),
            stop=stop_after_attempt(2),
            wait=wait_random(0.1, 0.4),
            reraise=True,
        ):
            with attempt:
                session = Session.connect(conninfo, autocommit=True, row_factory=dict_row, prepare_threshold=None)
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        raise UnreachableError(
            f"{instance.name} ({instance.server}:{instance.port}, database {dbname}): {reason}"
        ) from None
    session.role = role
    return session


def _settled(session: Session, instance: InstanceSpec) -> Session:
    """The session with all its settings, where the server has room for it; else it is closed again."""
    try:
        later = "; ".join(_settings_of_later_versions(session.info.server_version))
        if later:
            session.execute(later)
        stay_within_limit(session, instance)
    except BaseException:
        session.close()
        raise
    return session


def _settings_of_later_versions(version: int) -> Iterator[str]:
    """Those that an older server would refuse in the startup packet."""
    if version >= 160000:
        # What we must be a member of, we note and give back: nobody's setting shall make us one besides.
        yield "SET createrole_self_grant = ''"
    if version >= 170000:
        yield "SET transaction_timeout = 0"


def password_of(session: Session) -> Secret | None:
    """The password this session's server was, or could have been, given: the configuration's, a passfile's, the environment's."""
    password = session.pgconn.password
    return Secret(password.decode()) if password else None


def mute(session: Session) -> None:
    """Keep the context of this session's errors out of the server's log, where our rights allow it."""
    session.execute(_MUTE)


def try_lock(session: Session, key: int) -> bool:
    """Take a session advisory lock, or say at once that somebody else has it. It ends with the session at the latest."""
    return key in try_locks(session, [key])


def try_locks(session: Session, keys: Iterable[int]) -> frozenset[int]:
    """Those of the session advisory locks that were to be had at once."""
    query = "SELECT key, pg_try_advisory_lock(key) AS locked FROM unnest(%s::bigint[]) AS key"
    return frozenset(row["key"] for row in session.execute(query, (list(keys),)) if row["locked"])


@contextmanager
def session_of(instance: InstanceSpec, database: str | None, application_name: str) -> Iterator[Session]:
    """`connect`, closed at the end whatever happens; for short statements, each of which may take SILENCE_SECONDS."""
    session = connect(instance, database, application_name, patience_seconds=SILENCE_SECONDS)
    try:
        yield session
    finally:
        session.close()
