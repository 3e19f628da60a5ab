"""Reads one server: all of an Instance that is not per database. One question per noun, each from catalog/."""

from collections import Counter
from dataclasses import dataclass

import psycopg
from psycopg.rows import DictRow

from migrator.looks.reading import Reader, frozen
from migrator.model import (
    Database,
    HeldSubscription,
    Instance,
    Lsn,
    Membership,
    Role,
    RoleSetting,
    SharedLabel,
    Slot,
    Transaction,
    User,
    Walsender,
)

OLDEST_READABLE = 15_00_00
"""Older servers lack columns that we read; of them only the version is told, which preflight then refuses."""

OLD_SECONDS = 60.0


@dataclass(frozen=True)
class _Basics:
    in_recovery: bool
    wal_lsn: Lsn
    timeline: int | None
    control_readable: bool
    passwords_readable: bool
    settings_of_all: tuple[str, ...]
    icu: bool
    wal_bytes_per_second: float | None


@dataclass(frozen=True)
class _Control:
    system_identifier: str
    timeline: int


@dataclass(frozen=True)
class _Sessions:
    database: str
    ours: bool
    of_our_login: bool
    sessions: int


def read_transactions(
    connection: psycopg.Connection[DictRow], older_than: float = OLD_SECONDS
) -> tuple[Transaction, ...]:
    """Open and prepared transactions older than that many seconds, oldest first; not our own."""
    return Reader(connection).rows("transactions", Transaction, {"older_than": older_than})


def read_system_identifier(connection: psycopg.Connection[DictRow]) -> str:
    """Which server this is. Raises InsufficientPrivilege where we may not ask, which preflight tells beforehand."""
    row = connection.execute("SELECT system_identifier::text AS identifier FROM pg_control_system()").fetchone()
    return str(row["identifier"]) if row else ""


def read_instance(connection: psycopg.Connection[DictRow], older_than: float = OLD_SECONDS) -> Instance:
    """The server, as the role may see it that may but connect. `older_than`: open transactions are told from this age (s) on."""
    reader = Reader(connection)
    if reader.version < OLDEST_READABLE:
        return _unread(reader.version)
    basics = reader.row("instance", _Basics)
    control, held = _control(reader, basics), reader.rows("held_subscriptions", HeldSubscription)
    sessions, senders = reader.rows("sessions", _Sessions), reader.rows("walsenders", Walsender)
    return Instance(
        version=reader.version,
        system_identifier=control.system_identifier,
        timeline=control.timeline,
        in_recovery=basics.in_recovery,
        wal_lsn=basics.wal_lsn,
        user=reader.row("user", _user),
        settings=reader.pairs("settings"),
        databases=reader.rows("databases", Database),
        roles=reader.rows("roles_with_password" if basics.passwords_readable else "roles", Role),
        memberships=reader.rows("memberships", Membership),
        role_settings=reader.rows("role_settings", RoleSetting),
        tablespaces=reader.pairs("tablespaces"),
        available_extensions=reader.pairs("available_extensions"),
        slots=reader.rows("slots", Slot),
        transactions=read_transactions(connection, older_than),
        connections=sum(entry.sessions for entry in sessions),
        walsenders=len(senders),
        subscriptions=len(held),
        clients=_clients(sessions),
        clients_of_login=sum(entry.sessions for entry in sessions if entry.of_our_login and not entry.ours),
        senders=senders,
        held=held,
        icu=basics.icu,
        collations=frozenset(reader.names("collations")),
        wal_bytes_per_second=basics.wal_bytes_per_second,
        labels=reader.rows("shared_labels", SharedLabel),
        parameter_acls=reader.pairs("parameter_acls"),
        settings_of_all=basics.settings_of_all,
        has_password=bool(connection.pgconn.password),
    )


def _clients(sessions: tuple[_Sessions, ...]) -> dict[str, int]:
    others = Counter[str]()
    for entry in sessions:
        others[entry.database] += 0 if entry.ours else entry.sessions
    return {database: number for database, number in others.items() if number}


def _control(reader: Reader, basics: _Basics) -> _Control:
    control = reader.row("control", _Control) if basics.control_readable else _Control("", 0)
    return control if basics.timeline is None else _Control(control.system_identifier, basics.timeline)


def _user(member_of: tuple[str, ...], can_set: tuple[str, ...], **columns: object) -> User:
    return frozen(User, member_of=frozenset(member_of), can_set=frozenset(can_set), **columns)


def _unread(version: int) -> Instance:
    return Instance(
        version=version,
        system_identifier="",
        timeline=0,
        in_recovery=False,
        wal_lsn=Lsn(0),
        user=User("", False, False, False, False, False),
        settings={},
        databases=(),
        roles=(),
        memberships=(),
        role_settings=(),
        tablespaces={},
        available_extensions={},
        slots=(),
        transactions=(),
        connections=0,
        walsenders=0,
        subscriptions=0,
    )
