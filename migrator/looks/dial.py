"""Can the destination reach the source? It is the destination that dials: tried before anything is made, and rolled back."""

from collections.abc import Iterable
from time import monotonic

import psycopg

from migrator import hidden
from migrator.config import MappingSpec
from migrator.connection import SILENCE_SECONDS, Session, connect, password_of, session_of
from migrator.conninfo import replication_conninfo
from migrator.errors import MigratorError, UnreachableError
from migrator.names import application_name
from migrator.redaction import know_secret

AT_A_LOOK = 20
"""Databases tried at one look: each costs both servers a connection."""

PATIENCE_SECONDS = 1.0
"""A failure that took longer is a black hole: the other databases would wait as long, for the same answer, and are told alike."""

_HOLE = "source_conninfo"

# With connect = true PostgreSQL dials, authenticates and asks for the publication; with its absence it is content.
_TRIAL = (
    "CREATE SUBSCRIPTION {name} CONNECTION {{source_conninfo}} PUBLICATION {name}"
    " WITH (slot_name = NONE, create_slot = false, enabled = false, copy_data = false)"
)

# The trial's warning (no such publication) would stand in the destination's log with its context: the whole statement,
# password and all. Without the right to keep it out nothing is tried.
_QUIET = """
SELECT set_config('log_min_messages', 'panic', false) AS quiet WHERE has_parameter_privilege('log_min_messages', 'SET')
"""

_NO_RIGHT = "42501"
"""insufficient_privilege: the findings about rights tell it better."""


class _NotQuietError(MigratorError):
    """Our role on the destination may not keep the trial out of its log."""


def dial(spec: MappingSpec, source_version: int, databases: Iterable[str]) -> dict[str, str] | None:
    """Source database -> why the destination cannot reach it; those it can reach are not in it. None: it was not tried.

    Leaves nothing behind, on either side.
    """
    try:
        return _failures(spec, source_version, databases)
    except _NotQuietError:
        return None


def _failures(spec: MappingSpec, source_version: int, databases: Iterable[str]) -> dict[str, str]:
    failed: dict[str, str] = {}
    asked = list(databases)
    for number, database in enumerate(asked[:AT_A_LOOK], 1):
        begun = monotonic()
        reason = _dial(spec, source_version, database)
        if reason:
            failed[database] = reason
            if monotonic() - begun > PATIENCE_SECONDS:
                return failed | {other: _as_of(other, database, reason) for other in asked[number:]}
    return failed


def _as_of(other: str, database: str, reason: str) -> str:
    return reason.replace(f'database "{database}"', f'database "{other}"')


def _dial(spec: MappingSpec, source_version: int, database: str) -> str | None:
    name = application_name(spec.name, "dial")
    try:
        with session_of(spec.source, database, name) as source:
            password, role = password_of(source), source.role
        if password:
            know_secret(password)
        conninfo = replication_conninfo(spec.source, database, source_version, name, password, role)
        # libpq's connect_timeout does not count for a server that dials another one.
        settings = {"statement_timeout": f"{spec.source.connect_timeout_seconds}s", hidden.setting(_HOLE): conninfo}
        patience = spec.source.connect_timeout_seconds + SILENCE_SECONDS
        with connect(spec.destination, None, name, settings, patience) as session:
            return _trial(session, spec.source.connect_timeout_seconds)
    except UnreachableError:
        return None  # one of the two is away from us: that is told where both are read


def _trial(session: Session, seconds: int) -> str | None:
    if session.execute(_QUIET).fetchone() is None:
        raise _NotQuietError("The right to set log_min_messages is missing.")
    sql = _TRIAL.format(name=f"migrator_dial_{session.info.backend_pid}")
    try:
        with session.transaction(force_rollback=True):
            session.execute(hidden.block(sql, (_HOLE,)).encode())
    except psycopg.Error as error:
        if error.sqlstate == _NO_RIGHT:
            return None
        if isinstance(error, psycopg.errors.QueryCanceled):
            return f"no answer within {seconds} s"
        return " ".join((error.diag.message_primary or str(error)).split())
    return None
