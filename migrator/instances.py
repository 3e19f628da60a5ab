"""Reads one server: all of an Instance that is not per database. One question per noun, each from catalog/."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import psycopg
from psycopg.adapt import Loader
from psycopg.rows import DictRow, dict_row, kwargs_row

from migrator import catalog
from migrator.model import (
    Database,
    Instance,
    Lsn,
    Membership,
    Role,
    RoleSetting,
    Slot,
    Transaction,
    User,
    Walsender,
)

Noun = TypeVar("Noun")


class _LsnLoader(Loader):
    """pg_lsn as our Lsn."""

    def load(self, data: bytes | bytearray | memoryview) -> Lsn:
        return Lsn.parse(bytes(data).decode())


@dataclass(frozen=True)
class _Basics:
    in_recovery: bool
    wal_lsn: Lsn
    timeline: int | None
    control_readable: bool
    passwords_readable: bool
    icu: bool


@dataclass(frozen=True)
class _Control:
    system_identifier: str
    timeline: int


@dataclass(frozen=True)
class _Sessions:
    database: str
    ours: bool
    sessions: int


def _frozen(kind: Callable[..., Noun], **columns: object) -> Noun:
    """A row as a value that can be hashed: arrays become tuples."""
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in columns.items()})


class _Reader:
    """One connection, asked in the words of its server's version."""

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        self.connection = connection
        self.version = connection.info.server_version

    def rows(
        self, noun: str, kind: Callable[..., Noun], parameters: Mapping[str, object] | None = None
    ) -> tuple[Noun, ...]:
        """Each row of catalog/`noun`.sql as a `kind`, whose fields its columns are named after."""
        with self.connection.cursor(row_factory=kwargs_row(partial(_frozen, kind))) as cursor:
            cursor.adapters.register_loader("pg_lsn", _LsnLoader)
            return tuple(cursor.execute(catalog.sql(noun, self.version).encode(), parameters))

    def row(self, noun: str, kind: Callable[..., Noun]) -> Noun:
        """The one row of a noun that has exactly one."""
        (row,) = self.rows(noun, kind)
        return row

    def names(self, noun: str) -> tuple[str, ...]:
        """A noun whose only column is `name`."""
        return self.rows(noun, lambda name: str(name))

    def pairs(self, noun: str) -> dict[str, str]:
        """A noun of the columns `name` and `value`."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(catalog.sql(noun, self.version).encode())
            return {row["name"]: row["value"] for row in cursor}


def read_transactions(connection: psycopg.Connection[DictRow], older_than: float = 60.0) -> tuple[Transaction, ...]:
    """Open and prepared transactions older than that many seconds, oldest first; not our own."""
    return _Reader(connection).rows("transactions", Transaction, {"older_than": older_than})


def _roles(reader: _Reader, passwords_readable: bool) -> tuple[Role, ...]:
    return reader.rows("roles_with_password" if passwords_readable else "roles", Role)


def _control(reader: _Reader, basics: _Basics) -> _Control:
    control = reader.row("control", _Control) if basics.control_readable else _Control("", 0)
    return control if basics.timeline is None else _Control(control.system_identifier, basics.timeline)


def _clients(sessions: tuple[_Sessions, ...]) -> dict[str, int]:
    return {entry.database: entry.sessions for entry in sessions if not entry.ours}


def read_instance(connection: psycopg.Connection[DictRow]) -> Instance:
    """The server behind `connection`, as its role may see it. Needs no right but that of connecting."""
    reader = _Reader(connection)
    basics = reader.row("instance", _Basics)
    control = _control(reader, basics)
    sessions = reader.rows("sessions", _Sessions)
    senders = reader.rows("walsenders", Walsender)
    subscription_names = reader.names("subscription_names")
    return Instance(
        version=reader.version,
        system_identifier=control.system_identifier,
        timeline=control.timeline,
        in_recovery=basics.in_recovery,
        wal_lsn=basics.wal_lsn,
        user=reader.row("user", _user),
        settings=reader.pairs("settings"),
        databases=reader.rows("databases", Database),
        roles=_roles(reader, basics.passwords_readable),
        memberships=reader.rows("memberships", Membership),
        role_settings=reader.rows("role_settings", RoleSetting),
        tablespaces=reader.names("tablespaces"),
        available_extensions=reader.pairs("available_extensions"),
        slots=reader.rows("slots", Slot),
        transactions=read_transactions(connection),
        connections=sum(entry.sessions for entry in sessions),
        walsenders=len(senders),
        subscriptions=len(subscription_names),
        clients=_clients(sessions),
        senders=senders,
        subscription_names=subscription_names,
        icu=basics.icu,
    )


def _user(member_of: tuple[str, ...], **columns: object) -> User:
    return _frozen(User, member_of=frozenset(member_of), **columns)
