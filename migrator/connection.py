"""Sessions on either side: conninfo, timeouts, keepalives, the handshake's retries, advisory locks, muted statements."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row
from tenacity import (
    Retrying,
    retry_if_exception,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random,
)

from migrator.config import InstanceSpec, Secret
from migrator.crowd import one_at_a_time, stay_within_limit
from migrator.errors import SessionLimitError, UnreachableError

T = TypeVar("T")

SILENCE_SECONDS = 20.0
"""How long a look waits for one answer. A dead host is noticed by TCP in this time; a server that is frozen is not: TCP still lives."""


class Session(psycopg.Connection[DictRow]):
    """A connection that can give up on a server which says nothing."""

    patience_seconds: float | None = None
    """Seconds that one statement may take, by our own clock; None: as long as it needs."""

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


# What a role or database may set for every session, and what a statement, a deparsed definition or an answer would mean
# something else by.
_MEANING = {
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "xmloption": "content",
    "bytea_output": "hex",
    "extra_float_digits": "3",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "default_tablespace": "",
    "default_table_access_method": "heap",
    "default_transaction_read_only": "off",  # an operator's fence against applications
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
}

# Set on the server too: only there do they end a session whose client has vanished while a statement runs.
# (Without them an advisory lock stayed for 11 s under a running statement, and for hours behind a black hole.)
_SESSION_OPTIONS = {
    "search_path": "",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "row_security": "off",
    "check_function_bodies": "off",
    "jit": "off",  # catalog queries over 10,000 tables: 0.4 s without, 2 to 5 s with
    "client_connection_check_interval": "5000",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20000",
    **_MEANING,
}

# What a walsender of ours must not inherit from the source's role or database settings.
_WALSENDER_OPTIONS = {
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "row_security": "off",
}

# Of a service's further parameters: those that hold for the destination's libpq too, of whatever version from 15 on.
_FOR_BOTH = frozenset(
    "channel_binding gssencmode krbsrvname ssl_max_protocol_version ssl_min_protocol_version sslsni".split()
)

_SPLITS, _ESCAPED = re.compile(r"([\s\\])"), r"\\\1"

_KEEPALIVES = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}

# The context of an error would show what a DO block executes; superuser or GRANT SET ON PARAMETER.
_MUTE = """
SELECT set_config('log_error_verbosity', 'terse', false) WHERE has_parameter_privilege('log_error_verbosity', 'SET')
"""


def _options(settings: Mapping[str, str]) -> str:
    """Settings as the startup packet carries them: separated by blanks, a blank in a value behind a backslash."""
    return " ".join(f"-c {name}={_SPLITS.sub(_ESCAPED, value)}" for name, value in settings.items())


def _endpoint(instance: InstanceSpec, database: str) -> dict[str, str]:
    parameters = {
        **instance.parameters,
        "host": instance.server,
        "port": str(instance.port),
        "user": instance.username,
        "password": instance.password.reveal() if instance.password else None,
        "dbname": database,
        "sslmode": instance.sslmode,
        "sslrootcert": instance.sslrootcert,
        "sslcert": instance.sslcert,
        "sslkey": instance.sslkey,
        "passfile": instance.passfile,
        "connect_timeout": str(instance.connect_timeout_seconds),
    }
    return {name: value for name, value in parameters.items() if value is not None}


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
    room_seconds: float = 2.0,
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
            session = _settled(_dialled(instance, database, application_name, settings), instance)
            session.patience_seconds = patience_seconds
            return session
    raise AssertionError("tenacity reraises")


def connect_for_replication(
    instance: InstanceSpec, database: str, application_name: str, settings: Mapping[str, str]
) -> Session:
    """A walsender of one database, for commands of the replication protocol; raises as `connect` does.

    It counts against max_wal_senders, not against the sessions we may have.
    """
    return _dialled(instance, database, application_name, settings, {"replication": "database"})


def _dialled(
    instance: InstanceSpec,
    database: str | None,
    application_name: str,
    settings: Mapping[str, str] | None,
    further: Mapping[str, str] | None = None,
) -> Session:
    dbname = database or instance.maintenance_database
    conninfo = make_conninfo(
        "",
        **_endpoint(instance, dbname),
        **_KEEPALIVES,
        **(further or {}),
        application_name=application_name,
        options=_options({**_SESSION_OPTIONS, **(settings or {})}),
    )
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
    return session


def _settled(session: Session, instance: InstanceSpec) -> Session:
    """The session with all its settings, where the server has room for it; else it is closed again."""
    try:
        for statement in _settings_of_later_versions(session.info.server_version):
            session.execute(statement)
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


def replication_conninfo(
    source: InstanceSpec, database: str, source_version: int, application_name: str, password: Secret | None
) -> str:
    """What the destination dials the source with; its files are the destination's. Holds the password.

    `password` is the one that our own session used, wherever libpq found it: `password_of`.
    """
    options = dict(_WALSENDER_OPTIONS)
    if source_version >= 170000:
        options["transaction_timeout"] = "0"
    parameters = {
        **{key: value for key, value in source.parameters.items() if key in _FOR_BOTH},
        "host": source.replication_server or source.server,
        "port": str(source.replication_port or source.port),
        "user": source.username,
        "password": password.reveal() if password else None,
        "dbname": database,
        "sslmode": source.replication_sslmode or source.sslmode,
        "sslrootcert": source.replication_sslrootcert or source.sslrootcert,
        "sslcert": source.replication_sslcert or source.sslcert,
        "sslkey": source.replication_sslkey or source.sslkey,
        "connect_timeout": str(source.connect_timeout_seconds),
    }
    given = {name: value for name, value in parameters.items() if value is not None}
    return make_conninfo("", **given, **_KEEPALIVES, application_name=application_name, options=_options(options))


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
